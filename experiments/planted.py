"""Networks with one fault each, planted in fresh or in trained ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from checks import deaf, flat_share, growth, kept, left, widest
from healthy import Design
from torch import Tensor

from glasscell.cells import Textbook
from glasscell.nn import LSTM, RNN
from glasscell.reproduce.solvers import Network, batch, squared_error, train

Loss = Callable[[Any], Tensor]


@dataclass(frozen=True, eq=False)
class Case:
    """One network to be judged.

    Args:
        fault: what was planted, or "healthy".
        how: in words.
        network: to be judged.
        x: what it reads.
        loss: on its output.
        lag: steps that its problem asks for.
    """

    fault: str
    how: str
    network: torch.nn.Module
    x: Any
    loss: Loss
    lag: int


def case(fault: str, how: str, network: Network, design: Design, scale: float = 1.0) -> Case:
    """Put a network before fresh sequences of its problem."""
    shown = batch(design.problem, np.random.default_rng([design.seed, 2]))
    loss = partial(squared_error(design.problem), y=shown.targets)
    label = f"{how}: {design.label}"
    return Case(fault, label, network, shown.inputs * scale, loss, design.problem.lag)


def all_of(fault: str, design: Design, solved: Network | None) -> Iterator[Case]:
    """Plant a fault in every way that fits a design.

    Args:
        fault: its name.
        design: of the network.
        solved: the trained network; None if it did not solve its problem.
    """
    chance = np.random.default_rng([design.seed, 3])
    bases = [("fresh", design.network())] + ([("trained", solved)] if solved else [])
    for when, base in bases:
        for how, network in PLANTS[fault](copy.deepcopy(base), design, chance):
            yield case(
                fault, f"{how}, {when}", network, design, getattr(network, "input_scale", 1.0)
            )


Planted = Iterator[tuple[str, Network]]
Chance = np.random.Generator


def _recurrent(network: Network) -> Iterator[Tensor]:
    for name, parameter in network.recurrent.named_parameters():
        if name.startswith("weight_hh"):
            yield parameter.data


def _books(network: Network) -> list[Textbook]:
    return [Textbook(network.recurrent, f"l{k}") for k in range(network.recurrent.num_layers)]


def vanish(network: Network, design: Design, chance: Chance) -> Planted:
    """An RNN whose matrix shrinks everything; an LSTM whose forget gates let everything go."""
    lag = design.problem.lag
    if lag < 11:
        return
    decades = chance.uniform(3, 12)
    factor = 10 ** (-decades / lag)
    if network.kind != "LSTM":
        for weight in _recurrent(network):
            weight *= factor / torch.linalg.matrix_norm(weight, 2)
        yield f"|W| = {factor:.2f}", network
        return
    for book in _books(network):
        book.W_f = book.W_f * 0.1
        book.b_f = np.full_like(book.b_f, np.log(factor / (1 - factor)))
    for weight in _recurrent(network):
        weight *= 0.1
    yield f"f = {factor:.2f} and small recurrent weights", network


def explode(network: Network, design: Design, chance: Chance) -> Planted:
    """Recurrent weights that amplify over the lag."""
    lag, H = design.problem.lag, design.hidden_size
    if lag < 11:
        return
    if network.kind == "relu":
        factor = 10 ** (chance.uniform(2, 8) / lag)
        for weight in _recurrent(network):
            weight.copy_(torch.eye(H) * factor)
        network.recurrent.bias_ih_l0.data.abs_()
        yield f"W = {factor:.2f} I", network
    elif network.kind == "tanh":
        gain = chance.uniform(2, 5)
        for weight in _recurrent(network):
            torch.nn.init.normal_(weight, std=gain / H**0.5)
        yield f"random W of gain {gain:.1f}", network
    else:
        gain = chance.uniform(6, 20)
        for weight in _recurrent(network):
            torch.nn.init.normal_(weight, std=gain / H**0.5)
        for book in _books(network):
            book.b_f = np.full_like(book.b_f, 2.0)
            book.b_i = np.full_like(book.b_i, 1.0)
            book.b_o = np.full_like(book.b_o, 1.0)
        yield f"random recurrent weights of gain {gain:.1f}", network


def saturate(network: Network, design: Design, chance: Chance) -> Planted:
    """Data that nobody scaled; weights that start too large; a learning rate far too high."""
    if network.kind == "relu":
        return
    scale = float(10 ** chance.uniform(1.5, 4))
    unscaled = copy.deepcopy(network)
    unscaled.input_scale = scale
    yield f"inputs times {scale:.0f}", unscaled
    gain = float(10 ** chance.uniform(1.5, 3.5))
    large = copy.deepcopy(network)
    for parameter in large.recurrent.parameters():
        parameter.data *= gain
    yield f"weights times {gain:.0f}", large
    rate = chance.uniform(0.5, 4)
    train(network, design.problem, design.chance(), 30, rate, clip=None)
    yield f"after 30 steps at learning rate {rate:.1f}", network


def forget(network: Network, design: Design, chance: Chance) -> Planted:
    """Forget gates that let go long before the lag is over."""
    lag = design.problem.lag
    if network.kind != "LSTM" or lag < 11:
        return
    steps = lag * chance.uniform(0.015, 0.1)
    kept = 0.5 ** (1 / steps)
    for book in _books(network):
        book.W_f = book.W_f * 0.2
        book.b_f = np.log(kept / (1 - kept)) + chance.normal(0, 0.2, book.b_f.shape)
    yield f"half-life {steps:.1f} steps", network


def block(network: Network, design: Design, chance: Chance) -> Planted:
    """Input gates, or output gates, of (nearly) all units that no input opens."""
    if network.kind != "LSTM":
        return
    H = design.hidden_size
    for gate in ("input", "output"):
        blocked, bias = copy.deepcopy(network), -chance.uniform(7, 20)
        units = np.sort(chance.choice(H, round(chance.uniform(0.7, 1) * H), replace=False))
        for book in _books(blocked):
            name, weight = {"input": ("b_i", "W_i"), "output": ("b_o", "W_o")}[gate]
            values, rows = getattr(book, name).copy(), getattr(book, weight).copy()
            values[units], rows[units] = bias, rows[units] * 0.1
            setattr(book, name, values)
            setattr(book, weight, rows)
        blocked.gate = gate
        yield f"{gate} gates of {len(units)} units at a bias of {bias:.0f}", blocked


def deafen(network: Network, design: Design, chance: Chance) -> Planted:
    """Weights of the input at 0 or next to it, in one layer; inputs scaled to next to nothing."""
    layer = int(chance.integers(network.recurrent.num_layers))
    for factor in (0.0, 10 ** -chance.uniform(4.5, 9)):
        deaf_one = copy.deepcopy(network)
        getattr(deaf_one.recurrent, f"weight_ih_l{layer}").data *= factor
        yield f"weight_ih_l{layer} times {factor:.0e}", deaf_one
    scale = float(10 ** -chance.uniform(5, 9))
    network.input_scale = scale
    yield f"inputs times {scale:.0e}", network


def saturate_part(network: Network, design: Design, chance: Chance) -> Planted:
    """Candidates that are always flat; cells that only grow."""
    if network.kind != "LSTM":
        return
    one_sided, bias = copy.deepcopy(network), chance.uniform(6, 20) * chance.choice([-1.0, 1.0])
    for book in _books(one_sided):
        book.W_C = book.W_C * 0.5
        book.b_C = np.full_like(book.b_C, bias)
    one_sided.part = "candidate"
    yield f"candidates at a bias of {bias:.0f}", one_sided
    counter = copy.deepcopy(network)
    for book in _books(counter):
        book.b_f = np.full_like(book.b_f, chance.uniform(8, 30))
        book.b_i = np.full_like(book.b_i, 3.0)
        book.b_C = np.full_like(book.b_C, chance.uniform(1.5, 4))
        book.W_C = book.W_C * 0.5
    counter.part = "cell"
    yield "cells that count and never forget", counter


def kill(network: Network, design: Design, chance: Chance) -> Planted:
    """Units that give out the same at every step."""
    H, layers = design.hidden_size, network.recurrent.num_layers
    # A ReLU network starts with up to half of its units at 0.
    share = chance.uniform(0.65 if network.kind == "relu" else 0.3, 0.95)
    units = np.sort(chance.choice(H, round(share * H), replace=False))
    for layer, book in enumerate(_books(network) if network.kind == "LSTM" else [None] * layers):
        if book is not None:
            gate = chance.choice(["input", "output"])
            row = units + {"input": 0, "output": 3 * H}[gate]
            bias = -20.0
        else:
            row, bias = units, (-50.0 if network.kind == "relu" else 0.5)
        for name in ("weight_ih", "weight_hh"):
            getattr(network.recurrent, f"{name}_l{layer}").data[row] *= 0.0 if book is None else 0.1
        getattr(network.recurrent, f"bias_ih_l{layer}").data[row] = bias
        getattr(network.recurrent, f"bias_hh_l{layer}").data[row] = 0
    yield f"{share:.0%} of the units", network
    nothing = copy.deepcopy(network)
    for parameter in nothing.recurrent.parameters():
        parameter.data.zero_()
    yield "every weight at 0", nothing


def silence(network: Network, design: Design, chance: Chance) -> Planted:
    """No gradient comes back."""
    zero = copy.deepcopy(network)
    torch.nn.init.zeros_(zero.head.weight)
    yield "head at 0", zero
    dead = copy.deepcopy(network)
    dead.head = torch.nn.Sequential(
        torch.nn.Linear(design.hidden_size, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)
    )
    torch.nn.init.constant_(dead.head[0].bias, -1e3 if network.kind == "relu" else -50.0)
    yield "dead ReLU in the head", dead
    yield "the layer beneath a detach", Detached(network, design)


def corrupt(network: Network, design: Design, chance: Chance) -> Planted:
    """NaN or infinity on the way."""
    gap = copy.deepcopy(network)
    gap.input_scale = float("nan")
    yield "NaN in the data", gap
    infinite = copy.deepcopy(network)
    weight = infinite.recurrent.weight_ih_l0.data
    weight[int(chance.integers(len(weight))), 0] = float("inf")
    yield "one infinite weight", infinite
    if network.kind == "relu":
        overflowing = copy.deepcopy(network)
        factor = float(10 ** chance.uniform(1.5, 2.5))
        overflowing.recurrent.weight_hh_l0.data = torch.eye(design.hidden_size) * factor
        overflowing.recurrent.bias_ih_l0.data.abs_().add_(1.0)
        yield f"states that overflow, W = {factor:.0f} I", overflowing
    for parameter in network.recurrent.parameters():
        parameter.data.fill_(float("nan"))
    yield "weights that became NaN", network


class Detached(Network):
    """Reads a first recurrent layer through a detach."""

    def __init__(self, network: Network, design: Design) -> None:
        super().__init__("LSTM", design.hidden_size, design.hidden_size)
        self.first, self.recurrent = network.recurrent, LSTM(design.hidden_size, design.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """Answer at every step, (T, B)."""
        return super().forward(self.first(x)[0].detach())


class OneEnd(torch.nn.Module):
    """A bidirectional network whose answer reads both directions at the last step."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        kind = {"LSTM": LSTM, "tanh": RNN, "relu": RNN}[design.kind]
        self.recurrent = kind(design.problem.inputs, design.hidden_size, bidirectional=True)
        self.head = torch.nn.Linear(2 * design.hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer at the last step, (1, B)."""
        answers: Tensor = self.head(self.recurrent(x)[0][-1:])[..., 0]
        return answers


def cut(network: Network, design: Design, chance: Chance) -> Planted:
    """A reverse direction that is read where it has seen one step."""
    if not design.problem.every_step:
        yield "both directions read at the last step", OneEnd(design)


PLANTS: dict[str, Callable[[Network, Design, Chance], Planted]] = {
    "vanishing": vanish,
    "exploding": explode,
    "saturated": saturate,
    "saturated in part": saturate_part,
    "ignores": deafen,
    "shut": block,
    "forgets": forget,
    "dead": kill,
    "silent": silence,
    "cut off": cut,
    "not finite": corrupt,
}


def confirmed(planted: Case) -> bool:
    """Whether a planted fault took, by a measure that knows no gradient and no verdict.

    Vanishing: a small change of the state is below 1/10000 after the lag, and of an exchanged state
    less than 1 % is left. Exploding: a small change is above 100. Saturated: four of five values
    beyond the bend of their curve, and no latch that holds what it is given; nine in ten of a part.
    Forgets: the forget gates keep less than 1/10000 over the lag in the median unit, and of an
    exchanged state less than 1 % is left. Ignores: another input changes the hidden states by less
    than 1/10000. Shut: the median unit's gate stays below 1 %. Not finite: something is, of data,
    weights and answers. What lies between that and health is no case for either side of the table.
    """
    one, x, lag = planted.network, planted.x, planted.lag
    if planted.fault == "vanishing":
        return growth(one, x, lag) < 1e-4 and left(one, x, lag) < 0.01
    if planted.fault == "exploding":
        return growth(one, x, lag) > 100
    if planted.fault == "saturated":
        return flat_share(one, x) > 0.8 and not _latch(one, x, lag)
    if planted.fault == "saturated in part":
        return flat_share(one, x, one.part) > 0.95
    if planted.fault == "forgets":
        return kept(one, x, lag) < 1e-4 and left(one, x, lag) < 0.01
    if planted.fault == "ignores":
        return deaf(one, x) < 1e-4
    if planted.fault == "shut":
        return widest(one, x, one.gate) < 0.01
    if planted.fault == "not finite":
        with torch.no_grad():
            values = [x, one(x), *one.parameters()]
        return not all(bool(value.isfinite().all()) for value in values)
    return True


def _latch(network: Network, x: Tensor, lag: int) -> bool:
    return left(network, x, lag) > 0.1 and growth(network, x, lag) < 1e-4
