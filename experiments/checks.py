"""Whether a planted fault took: forward runs in float64 only, no gradient, none of our measures."""

from __future__ import annotations

import copy
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
    found = []
    generator = torch.Generator().manual_seed(0)
    for _ in range(DIRECTIONS):
        moved = []
        for part in _parts(state):
            direction = torch.randn(part.shape, generator=generator, dtype=torch.float64)
            moved.append(part + STEP * direction / direction.norm(dim=-1, keepdim=True))
        after = recurrent(rest, tuple(moved) if lstm else moved[0])[1]
        change = torch.cat(_parts(after), -1) - base
        found.append(change.norm(dim=-1).mean(dim=-1) / STEP)
    return float(torch.stack(found).max())


@torch.no_grad()
def kept(network: Any, x: Tensor, lag: int) -> float:
    """Give what the forget gates of the median unit leave over the last steps; least of layers."""
    recurrent, found = network.recurrent, []
    for layer in range(recurrent.num_layers):
        x, forget = _by_hand(recurrent, layer, x)
        found.append(float(forget[-lag:].log().sum(0).mean(0).median().exp()))
    return min(found)


@torch.no_grad()
def flat_share(network: Any, x: Tensor) -> float:
    """Give the share of values beyond the bend, forget gates left out; the layer with most.

    A tanh of 2.1 and a gate at ±4.2 have 5.8 % of their steepest slope.
    """
    recurrent, shares = network.recurrent, []
    for layer in range(recurrent.num_layers):
        hidden = _by_hand(recurrent, layer, x)[0]
        before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])
        total = _total(recurrent, layer, x, before)
        if recurrent.mode == "LSTM":
            i, _, g, o = total.chunk(4, -1)
            total = torch.cat([i / 2, g, o / 2], -1)
        shares.append(float((total.abs() > 2.1).double().mean()))
        x = hidden
    return max(shares)


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
