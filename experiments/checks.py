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
    has become of that at the end, over its size at the start; the largest of the directions, in
    the last layer that has the least of it.
    """
    recurrent = copy.deepcopy(network.recurrent).double()
    start, rest = x[: len(x) - lag].double(), x[len(x) - lag :].double()
    _, state = recurrent(start)
    lstm = isinstance(state, tuple)
    base = torch.cat([part.flatten(0, 0) for part in _parts(recurrent(rest, state)[1])], -1)
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
def flat_share(network: Any, x: Tensor) -> float:
    """Give the share of pre-activations beyond ±4, forget gates left out; the layer with most."""
    recurrent, shares = network.recurrent, []
    for layer in range(recurrent.num_layers):
        weights = {n: getattr(recurrent, f"{n}_l{layer}") for n in ("weight_ih", "weight_hh")}
        bias = getattr(recurrent, f"bias_ih_l{layer}") + getattr(recurrent, f"bias_hh_l{layer}")
        H, lstm = recurrent.hidden_size, recurrent.mode == "LSTM"
        h = c = torch.zeros(x.shape[1], H)
        outputs, beyond = [], []
        for step in x:
            total = step @ weights["weight_ih"].T + h @ weights["weight_hh"].T + bias
            if lstm:
                i, f, g, o = total.chunk(4, -1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h, total = o.sigmoid() * c.tanh(), torch.cat([i / 2, g, o / 2], -1)
            else:
                h = total.tanh()
            outputs.append(h)
            beyond.append((total.abs() > 2.1).double().mean())
        shares.append(float(torch.stack(beyond).mean()))
        x = torch.stack(outputs)
    return max(shares)


def _parts(state: Any) -> list[Tensor]:
    return list(state) if isinstance(state, tuple) else [state]
