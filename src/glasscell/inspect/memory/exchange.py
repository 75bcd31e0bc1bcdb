"""Whether a layer still depends on what it read long ago: its run with another sequence's past.

A gradient tells what a small change of the past does. A latch undoes small changes, which is how it
holds: a network that remembers so has no gradient at the lag, and answers right all the same. So
here the past changes by as much as one sequence differs from the next, and the layer runs again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell import engine
from glasscell.arrays import Array
from glasscell.engine.packing import packed_of
from glasscell.inspect.gradients.belt import norm
from glasscell.traces.layer import other_states
from glasscell.traces.steps import Order

if TYPE_CHECKING:
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["Exchange", "exchange"]

Float64: TypeAlias = npt.NDArray[np.float64]
Int64: TypeAlias = npt.NDArray[np.int64]

ROWS = 32
"""Sequences of a batch that are tried: more only take more time."""

REPEATED = 1e-3
"""If a layer, run again on its own inputs, ends up further than this share from its recorded
states, something else took part (a mask between two calls of a cell, other weights), and there is
no answer."""

PLAIN = 0.5
"""An effect this large needs no second opinion."""

LIVELY = 1e-3
"""Units whose hidden state varies less than this share of the liveliest unit's are left out."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What another past, and another input, do to a layer.

    Attributes:
        lag: Steps from the last exchanged step to the one that was looked at; fewer than asked for
            where the pasts differ only from there on.
        held: By how much the hidden state changes at the end if all before the lag is another
            sequence's, over what two moments of the run differ by; of the unit that changes most,
            0 … 1. NaN where the two pasts left the same state, so that nothing could be exchanged.
        reads: By how much all hidden states change with another input, over their own size. 0: the
            layer ignores its input.
        moves: Size of a step's change of the hidden state within the lag over that of the state.
    """

    lag: int
    held: float
    reads: float
    moves: float


def exchange(layer: LayerTrace, weights: LayerWeights, lag: int, skip: int = 0) -> Exchange | None:
    """Run a layer again with another past before a lag, and with another input.

    ``held = max_u rms_b(h'_T - h_T) / (sqrt(2) std(h_u))``, where h' begins ``lag`` steps before T
    from the state of another run and reads its own inputs from there on.

    Args:
        layer: Of any layout, with `LayerTrace.x`.
        weights: The layer's.
        lag: Steps between the past and the end; at least 0.
        skip: Steps at the end that nothing reads; T is so much earlier. Default 0.

    Returns:
        `Exchange`, or None where there is nothing to compare: no `x`, an input that is 0
        everywhere, sequences shorter than the lag, values that are not finite, or a run that the
        layer's own input does not explain.

    Notes:
        The other run is that of the next sequence in the batch, and of the sequence's own inputs
        reflected about their mean over time (about 0 where they do not vary), which is all that one
        sequence alone can offer; the larger effect counts. Three to five runs of at most 32
        sequences. Only the layer's own state carries: what an output feeds back into the next input
        stays as it was.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> x = np.zeros((30, 2, 1)); x[0] = [[1.0], [-1.0]]
    >>> latch = LayerWeights(weight_ih=np.array([[3.0]]), weight_hh=np.array([[3.0]]))
    >>> run = engine.forward(engine.pack("RNN_TANH", latch), x)
    >>> layer = LayerTrace(*[None] * 5, hidden=run.output, mode="RNN_TANH", x=x)
    >>> exchange(layer, latch, lag=29).held
    1.0
    """
    # Some calls put together along time may show the states of all and the input of one.
    if layer.x is None or layer.x.shape[:-1] != layer.hidden.shape[:-1]:
        return None
    run = _Run(layer, weights)
    if not run.repeated():
        return None
    tried: list[Exchange] = []
    for x in run.others():
        tried.append(run.against(x, lag, skip))
        if tried[-1].held >= PLAIN:
            break
    if not tried:
        return None
    held = [one.held for one in tried if one.held == one.held]
    return Exchange(
        lag=tried[-1].lag,
        held=max(held, default=nan),
        reads=max(one.reads for one in tried),
        moves=tried[0].moves,
    )


class _Run:
    """One layer's run in the order of work, (T, B, ·), and the way to repeat it."""

    def __init__(self, layer: LayerTrace, weights: LayerWeights) -> None:
        order = Order(layer)
        self.packed = packed_of(layer.mode, weights)
        dtype = weights.weight_hh.dtype
        self.alive = order.alive[:, :ROWS]
        self.x = order.traced("x")[:, :ROWS].astype(dtype)
        self.hidden = order.traced("hidden")[:, :ROWS].astype(np.float64)
        # Padding comes first in a reverse layer: each sequence begins anew after it.
        self.begins = order.begins[:, :ROWS]
        self.initial = tuple(
            None if part is None else np.ascontiguousarray(np.atleast_2d(part)[:ROWS], dtype)
            for part in (layer.initial_hidden, layer.initial_cell)
        )
        self.size, self.cell = layer.units, layer.recurrence

    def _through(self, x: Array) -> tuple[Float64, Array, Array | None]:
        """Hidden states in float64, and h and c to start from, (T, B, ·); None without a c."""
        run = engine.forward(
            self.packed, np.ascontiguousarray(x), *self.initial, reset=self.begins, tape=True
        )
        others = None if run.tape is None else other_states(self.cell, run.tape, self.size)
        return run.output.astype(np.float64), run.output, others

    def repeated(self) -> bool:
        """Whether there is a run, and the layer's own inputs lead through its recorded states."""
        if not (self.alive.any() and np.isfinite(self.x).all() and np.isfinite(self.hidden).all()):
            return False
        again, h, c = self._through(self.x)
        self.own = h, c
        size = norm(self.hidden[self.alive])
        difference = norm((again - self.hidden)[self.alive])
        return bool(difference <= REPEATED * size)

    def others(self) -> Iterator[Array]:
        """Other inputs, each unlike the layer's own."""
        partner = np.roll(self.x, -1, axis=1)
        there = np.roll(self.alive, -1, axis=1)
        yield from self._unlike(np.where(there[..., None], partner, self.x))
        counts = np.maximum(self.alive.sum(axis=0), 1)[:, None]
        mean = np.where(self.alive[..., None], self.x, 0).sum(axis=0) / counts
        reflected = (2 * mean - self.x).astype(self.x.dtype)
        varies = norm((reflected - self.x)[self.alive]) > 1e-6 * norm(self.x[self.alive])
        yield from self._unlike(reflected if varies else -self.x)

    def _unlike(self, x: Array) -> Iterator[Array]:
        if (x != self.x)[self.alive].any():
            yield x

    def against(self, x: Array, lag: int, skip: int) -> Exchange:
        """Compare with the run of other inputs."""
        with np.errstate(over="ignore", invalid="ignore"):
            other, h, c = self._through(x)
            changed, size = norm((other - self.hidden)[self.alive]), norm(self.hidden[self.alive])
        if not np.isfinite(changed):
            return Exchange(lag=lag, held=nan, reads=1.0, moves=nan)
        reads = 0.0 if changed == 0 else float(changed / size) if size else 1.0
        first = np.argmax(self.alive, axis=0)
        last = len(self.alive) - 1 - np.argmax(self.alive[::-1], axis=0) - skip
        rows = np.flatnonzero(self.alive.any(axis=0) & (last - lag >= first))
        if not len(rows):
            return Exchange(lag=lag, held=nan, reads=reads, moves=nan)
        last = last[rows]
        lag = self._apart(h, c, last, rows, lag)
        since = last - lag
        steps = since + 1 + np.arange(lag)[:, None]
        moves = self._moves(steps, rows)
        if self._alike(h, c, since, rows):
            return Exchange(lag=lag, held=nan, reads=reads, moves=moves)
        states = self._states(h, c, since, rows)
        after = states[0]
        if lag:
            after = engine.forward(self.packed, self.x[steps, rows], *states).h_n
        change = after - self.hidden[last, rows]
        change[self.begins[steps, rows].any(axis=0)] = 0.0
        return Exchange(lag=lag, held=self._share(change), reads=reads, moves=moves)

    def _apart(self, h: Array, c: Array | None, last: Int64, rows: Int64, lag: int) -> int:
        """The lag, or the largest below at which the runs differ: many begin with the same token.

        At most by half of it; else it stays.
        """
        for nearer in range(lag, lag // 2, -1):
            if not self._alike(h, c, last - nearer, rows):
                return nearer
        return lag

    def _alike(self, h: Array, c: Array | None, at: Int64, rows: Int64) -> bool:
        """Whether a run's states at some steps are the layer's own."""
        there, own = (self._states(*run, at, rows) for run in ((h, c), self.own))
        return all(norm(a - b) <= 1e-6 * norm(b) for a, b in zip(there, own, strict=True))

    def _states(self, h: Array, c: Array | None, at: Int64, rows: Int64) -> list[Array]:
        return [np.ascontiguousarray(part[at, rows]) for part in (h, c) if part is not None]

    def _share(self, change: Float64) -> float:
        deviation = self.hidden[self.alive].std(axis=0)
        lively = deviation > LIVELY * deviation.max(initial=0.0)
        if not lively.any():
            return 0.0
        sizes = norm(change, axis=0)[lively] / np.sqrt(len(change))
        return float(min((sizes / (np.sqrt(2.0) * deviation[lively])).max(), 1.0))

    def _moves(self, steps: Int64, rows: Int64) -> float:
        if not len(steps):
            return nan
        here, before = self.hidden[steps, rows], self.hidden[steps - 1, rows]
        size = norm(here)
        return float(norm(here - before) / size) if size else nan
