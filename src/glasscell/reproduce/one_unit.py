"""The networks of task 2a of 1997: inputs reach the outputs, and one hidden unit may remember.

The unit of the LSTM is a cell with an input gate alone, g = sigmoid and h(s) = s, which hear
nothing but the input: 10,504 weights for 101 symbols. It is added once the error of the network
without it has stopped decreasing, the paper's first remedy against a cell that is abused as a bias.
The unit of RTRL and BPTT is a logistic one that hears itself: 10,404 weights. Section 5.2 of
Hochreiter and Schmidhuber (1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from glasscell.arrays import Array
from glasscell.engine.online import OnlineRun
from glasscell.reference.lstm_equations import sigmoid

STALLED = 0.9
"""The error has stopped decreasing where a window has more than this part of the one before."""
WINDOW = 100
CLOSER = -3.0
"""Added to the initial weights of the input gate where it must be rather shut at first."""


@dataclass(frozen=True, kw_only=True)
class OneUnit:
    """Such a network and how its weights begin: uniformly in ±0.2.

    Args:
        symbols: I = O.
        unit: The hidden unit: "cell" or "logistic".
        gate: Added to the initial weights of the input gate; as one input is 1, a bias.
    """

    symbols: int
    unit: Literal["cell", "logistic"] = "cell"
    gate: float = 0.0

    @property
    def weights(self) -> int:
        """How many weights there are."""
        n = self.symbols
        return n * n + (3 * n if self.unit == "cell" else 2 * n + 1)

    def begin(self, chance: np.random.Generator) -> OneUnitNetwork:
        """Make the network with initial weights from `chance`."""
        return OneUnitNetwork(self, chance)


class OneUnitNetwork:
    """Such a network while it learns; one sequence at a time, the whole gradient.

    Args:
        options: What it is.
        chance: Source of its initial weights.
    """

    def __init__(self, options: OneUnit, chance: np.random.Generator) -> None:
        n = options.symbols
        self.options = options
        self.direct = chance.uniform(-0.2, 0.2, (n, n))
        self.told = chance.uniform(-0.2, 0.2, n)
        self.own = chance.uniform(-0.2, 0.2, n)
        self.gate = chance.uniform(-0.2, 0.2, n) + options.gate
        self.loop = float(chance.uniform(-0.2, 0.2))
        self.present = options.unit == "logistic"
        self.errors: list[float] = []

    def run(
        self,
        x: Array,
        target: Array | None,
        ends: Array,
        *,
        rate: float = 0.0,
        per_step: bool = False,
    ) -> OnlineRun:
        """Run sequences of one symbol a step one after another, and learn from each at its end.

        Args:
            x: (N, I) of 0 and a 1.
            target: (N, O), NaN in rows where nothing is asked for.
            ends: (n,) the first step after each sequence.
            rate: Learning rate; 0: nothing is learnt.
            per_step: Not for these networks.
        """
        assert target is not None
        assert not per_step
        symbols = x.argmax(axis=1)
        found = np.zeros((len(ends), 3))
        start = 0
        for number, end in enumerate(ends):
            error = self._sequence(symbols[start:end], target[start:end], rate)
            size = np.abs(error)
            found[number] = size.max(initial=0.0), size.sum(), np.square(error).sum()
            if rate:
                self._grow(found[number, 2])
            start = int(end)
        largest, absolute, squared = found.T
        return OnlineRun(len(x), largest, absolute, squared, None, None)

    def _sequence(self, symbols: Array, target: Array, rate: float) -> Array:
        """Give the errors of a sequence, and learn from it."""
        asked = np.flatnonzero(~np.isnan(target[:, 0]))
        of_cell = _Cell(self, symbols) if self.options.unit == "cell" else None
        unit = of_cell.states if of_cell is not None else self._logistic(symbols)
        net = self.direct[symbols[asked]]
        if self.present:
            net = net + unit[asked, None] * self.told
        output = sigmoid(net)
        error = target[asked] - output
        if rate:
            delta = rate * error * output * (1 - output)
            if self.present:
                arriving = np.zeros(len(symbols))
                arriving[asked] = delta @ self.told
                self.told += unit[asked] @ delta
                if of_cell is not None:
                    of_cell.learn(arriving)
                else:
                    self._learn_logistic(symbols, unit, arriving)
            np.add.at(self.direct, symbols[asked], delta)
        return error

    def _logistic(self, symbols: Array) -> Array:
        """y(t) = sigmoid(w_x(t) + v y(t-1))."""
        heard, told = self.own[symbols], 0.0
        given = np.empty(len(symbols))
        for t in range(len(symbols)):
            told = given[t] = 1 / (1 + np.exp(-heard[t] - self.loop * told))
        return given

    def _learn_logistic(self, symbols: Array, given: Array, arriving: Array) -> None:
        """Go back through time."""
        slope, back = given * (1 - given), 0.0
        delta = np.empty(len(given))
        for t in range(len(given) - 1, -1, -1):
            back = delta[t] = slope[t] * (arriving[t] + self.loop * back)
        self.loop += float(delta[1:] @ given[:-1])
        np.add.at(self.own, symbols, delta)

    def _grow(self, error: float) -> None:
        """Add the cell once the error has stopped decreasing."""
        if self.present:
            return
        self.errors.append(error)
        if len(self.errors) % WINDOW == 0 and len(self.errors) > 4 * WINDOW:
            recent, before = (
                np.mean(some)
                for some in (self.errors[-WINDOW:], self.errors[-2 * WINDOW : -WINDOW])
            )
            self.present = bool(recent > STALLED * before)


class _Cell:
    """A cell over one sequence: s(t) = s(t-1) + y_in g."""

    def __init__(self, network: OneUnitNetwork, symbols: Array) -> None:
        self.network, self.symbols = network, symbols
        self.g, self.i = sigmoid(network.own[symbols]), sigmoid(network.gate[symbols])
        self.states = np.cumsum(self.i * self.g)

    def learn(self, arriving: Array) -> None:
        """An error reaches all that was ever added: the derivative of s(t) by s(t-1) is 1."""
        back = np.cumsum(arriving[::-1])[::-1]
        g, i, network = self.g, self.i, self.network
        np.add.at(network.own, self.symbols, back * i * g * (1 - g))
        np.add.at(network.gate, self.symbols, back * g * i * (1 - i))
