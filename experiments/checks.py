"""Whether a planted fault took: forward runs in float64 only, no gradient, none of our measures."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

DIRECTIONS = 4
STEP = 1e-9


@torch.no_grad()
def growth(network: Any, x: Tensor, lag: int) -> float:
    """Give by how much small changes of the state grow or shrink over a lag.

    The state `lag` steps before the end is moved by 1e-9 in random directions; the size of what
    has become of that at the end, over its size at the start; the largest of directions and layers.
    """
    recurrent = copy.deepcopy(network.recurrent).double()
    start, rest = x[: len(x) - lag].double(), x[len(x) - lag :].double()
    _, state = recurrent(start)
    lstm = isinstance(state, tuple)
    base = torch.cat(_parts(recurrent(rest, state)[1]), -1)
    factors = []
    generator = torch.Generator().manual_seed(0)
    for _ in range(DIRECTIONS):
        moved = []
        for part in _parts(state):
            direction = torch.randn(part.shape, generator=generator, dtype=torch.float64)
            moved.append(part + STEP * direction / direction.norm(dim=-1, keepdim=True))
        after = recurrent(rest, tuple(moved) if lstm else moved[0])[1]
        change = torch.cat(_parts(after), -1) - base
        factors.append(change.norm(dim=-1).mean(dim=-1) / STEP)
    return float(torch.stack(factors).max())


@torch.no_grad()
def left(network: Any, x: Tensor, lag: int) -> float:
    """Give what is left at the end of the difference between two sequences' states before a lag.

    Each sequence goes on from the state of the next one; the size of what that changes in the state
    at the end, over the size of the exchanged difference; on average over sequences. Unlike
    `growth` it sees a memory that undoes small changes.
    """
    recurrent = copy.deepcopy(network.recurrent).double()
    start, rest = x[: len(x) - lag].double(), x[len(x) - lag :].double()
    _, state = recurrent(start)
    own = _parts(state)
    other = [part.roll(1, 1) for part in own]
    after = recurrent(rest, tuple(other) if isinstance(state, tuple) else other[0])[1]
    before = torch.cat(other, -1) - torch.cat(own, -1)
    change = torch.cat(_parts(after), -1) - torch.cat(_parts(recurrent(rest, state)[1]), -1)
    return float(change.norm() / before.norm()) if before.norm() > 0 else 0.0


@torch.no_grad()
def deaf(network: Any, x: Tensor) -> float:
    """Give by how much the hidden states of the least listening layer change with another input.

    The other input is white noise of the layer's own mean and deviation; the change is over the
    size of the states.
    """
    changes = []
    generator = torch.Generator().manual_seed(0)
    for layer, read, hidden, _ in _layers(network, x):
        noise = torch.randn(read.shape, generator=generator) * read.std() + read.mean()
        change = (_by_hand(network.recurrent, layer, noise)[0] - hidden).norm()
        changes.append(float(change / hidden.norm()) if hidden.norm() > 0 else 0.0)
    return min(changes)


@torch.no_grad()
def widest(network: Any, x: Tensor, gate: str) -> float:
    """Give the largest value of the median unit's input or output gate; least of layers."""
    values = []
    for layer, read, hidden, _ in _layers(network, x):
        i, _, _, o = _total(network.recurrent, layer, read, _before(hidden)).sigmoid().chunk(4, -1)
        values.append(float((i if gate == "input" else o).amax((0, 1)).median()))
    return min(values)


@torch.no_grad()
def kept(network: Any, x: Tensor, lag: int) -> float:
    """Give what the forget gates of the median unit leave over the last steps; least of layers."""
    forgets = (forget for _, _, _, forget in _layers(network, x))
    return min(float(f[-lag:].log().sum(0).mean(0).median().exp()) for f in forgets)


@torch.no_grad()
def flat_share(network: Any, x: Tensor, part: str | None = None) -> float:
    """Give the share of values beyond the bend, forget gates left out; the layer with most.

    With a part, "candidate" or "cell", of that alone. A tanh of 2.1 and a gate at ±4.2 have 5.8 %
    of their steepest slope.
    """
    shares = []
    for layer, read, hidden, _ in _layers(network, x):
        total = _total(network.recurrent, layer, read, _before(hidden))
        if network.recurrent.mode == "LSTM":
            i, f, g, o = total.chunk(4, -1)
            alone = {"candidate": g, "cell": _cells(i, f, g)}
            total = alone[part] if part else torch.cat([i / 2, g, o / 2], -1)
        shares.append(float((total.abs() > 2.1).double().mean()))
    return max(shares)


def _layers(network: Any, x: Tensor) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Of each layer its number, what it reads, its hidden states and its forget gates."""
    for layer in range(network.recurrent.num_layers):
        hidden, forget = _by_hand(network.recurrent, layer, x)
        yield layer, x, hidden, forget
        x = hidden


def _before(hidden: Tensor) -> Tensor:
    """The hidden state that each step found."""
    return torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])


def _cells(i: Tensor, f: Tensor, g: Tensor) -> Tensor:
    """Cell states (T, B, H) from what goes into the gates."""
    c, states = torch.zeros_like(g[0]), []
    for step in range(len(g)):
        c = f[step].sigmoid() * c + i[step].sigmoid() * g[step].tanh()
        states.append(c)
    return torch.stack(states)


def _total(recurrent: Any, layer: int, x: Tensor, h: Tensor) -> Tensor:
    """What goes into gates and candidate, (..., 4H) or (..., H)."""
    W, U = (getattr(recurrent, f"weight_{name}_l{layer}") for name in ("ih", "hh"))
    bias = getattr(recurrent, f"bias_ih_l{layer}") + getattr(recurrent, f"bias_hh_l{layer}")
    return x @ W.T + h @ U.T + bias


def _by_hand(recurrent: Any, layer: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden states and forget gates (T, B, H) of one layer, by the equations."""
    h = c = torch.zeros(x.shape[1], recurrent.hidden_size)
    hidden, kept = [], []
    for step in x:
        total = _total(recurrent, layer, step, h)
        if recurrent.mode == "LSTM":
            i, f, g, o = total.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            kept.append(f.sigmoid())
        else:
            h = total.tanh()
            kept.append(torch.zeros_like(h))
        hidden.append(h)
    return torch.stack(hidden), torch.stack(kept)


def _parts(state: Any) -> list[Tensor]:
    return list(state) if isinstance(state, tuple) else [state]
