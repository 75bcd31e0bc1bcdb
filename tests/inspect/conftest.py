"""An independent opinion: torch modules unrolled by hand, differentiated by torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor


class Unrolled(NamedTuple):
    """dL/dh_t and, for an LSTM, dL/dc_t of one layer and direction, (T, B, ·)."""

    dh: np.ndarray
    dc: np.ndarray | None


def step(mode: str, weights: dict[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> Any:
    total = x @ weights["weight_ih"].T + h @ weights["weight_hh"].T
    total = total + weights["bias_ih"] + weights["bias_hh"]
    if mode == "RNN_TANH":
        return torch.tanh(total), c
    if mode == "RNN_RELU":
        return torch.relu(total), c
    i, f, g, o = total.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    c.retain_grad()
    h = torch.sigmoid(o) * torch.tanh(c)
    return (h @ weights["weight_hr"].T if "weight_hr" in weights else h), c


def run_direction(module: Any, suffix: str, x: Tensor, h: Tensor, c: Tensor) -> Any:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    weights = {
        n: getattr(module, f"{n}_{suffix}") for n in names if hasattr(module, f"{n}_{suffix}")
    }
    hs: list[Any] = [None] * len(x)
    cs: list[Any] = [None] * len(x)
    order = range(len(x))
    for t in reversed(order) if suffix.endswith("_reverse") else order:
        h, c = step(module.mode, weights, x[t], h, c)
        h.retain_grad()
        hs[t], cs[t] = h, c
    return hs, cs, h, c


def unroll(module: Any, x: Tensor, loss: Any) -> dict[str, Unrolled]:
    """Run and differentiate a module over x (T, B, I); loss reads (output, (h_n, c_n))."""
    directions = ("", "_reverse") if module.bidirectional else ("",)
    states, last = {}, []
    for layer in range(module.num_layers):
        outputs = []
        for direction in directions:
            suffix = f"l{layer}{direction}"
            h = torch.zeros(x.shape[1], module.proj_size or module.hidden_size, dtype=x.dtype)
            c = torch.zeros(x.shape[1], module.hidden_size, dtype=x.dtype)
            hs, cs, h, c = run_direction(module, suffix, x, h, c)
            states[suffix] = hs, cs
            last.append((h, c))
            outputs.append(torch.stack(hs))
        x = torch.cat(outputs, -1)
    h_n, c_n = (torch.stack([pair[k] for pair in last]) for k in (0, 1))
    loss((x, (h_n, c_n) if module.mode == "LSTM" else h_n)).backward()
    return {
        suffix: Unrolled(gradients(hs), gradients(cs) if module.mode == "LSTM" else None)
        for suffix, (hs, cs) in states.items()
    }


def gradients(states: list[Tensor]) -> np.ndarray:
    return np.stack(
        [np.zeros(s.shape) if s.grad is None else s.grad.detach().numpy() for s in states]
    )


@pytest.fixture
def unrolled() -> Any:
    return unroll


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
