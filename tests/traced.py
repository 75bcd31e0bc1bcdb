"""Layers run and traced for the measures' tests: one sequence, its weights, its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import glasscell
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect import LayerTrace, layer_weights

KINDS = ["lstm", "projection", "tanh", "relu", "reverse", "reset", "reverse-reset", "no-bias"]


class Traced(NamedTuple):
    layer: LayerTrace
    weights: LayerWeights
    x: np.ndarray
    module: Any


def traced(
    kind: str = "lstm", H: int = 4, T: int = 9, inputs: int = 3, forget: float = 0.0, **more: Any
) -> Traced:
    """One sequence through one layer of some kind, float64, from a random initial state."""
    size: dict[str, Any] = {"dtype": torch.float64, "bidirectional": "reverse" in kind}
    if kind in ("tanh", "relu"):
        module: Any = glasscell.nn.RNN(inputs, H, nonlinearity=kind, **size)
    else:
        size |= {"proj_size": H - 1 if kind == "projection" else 0, "bias": kind != "no-bias"}
        module = glasscell.nn.LSTM(inputs, H, **size)
        if kind != "no-bias":
            module.bias_ih_l0.data[H : 2 * H] += forget
    x = torch.randn(T, 1, inputs, dtype=torch.float64)
    D, P = 1 + module.bidirectional, module.proj_size or H
    h, c = torch.randn(D, 1, P, dtype=torch.float64), torch.randn(D, 1, H, dtype=torch.float64)
    reset = None
    if "reset" in kind:
        reset = torch.zeros(T, 1, dtype=torch.bool)
        reset[T // 2] = True
    with glasscell.trace(module) as seen:
        module(x, (h, c) if module.mode == "LSTM" else h, reset=reset, **more)
    suffix = "l0_reverse" if "reverse" in kind else "l0"
    return Traced(seen[suffix].sequence(0), layer_weights(module, suffix), x[:, 0].numpy(), module)


def order(layer: LayerTrace) -> list[int]:
    """Steps in the order in which the layer worked."""
    steps = list(range(len(layer.hidden)))
    return steps[::-1] if layer.reverse else steps


def state(layer: LayerTrace, t: int) -> np.ndarray:
    """s = [h; c] after step t."""
    parts = [layer.hidden[t]] + ([] if layer.cell is None else [layer.cell[t]])
    return np.concatenate(parts)


def initial_state(layer: LayerTrace) -> np.ndarray:
    """s before the first step."""
    parts = [layer.initial_hidden[0]]
    return np.concatenate(parts + ([] if layer.cell is None else [layer.initial_cell[0]]))


def jacobian_norms(run: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> np.ndarray:
    """(T', T) norms of the Jacobian of run(x) (T', O) by x (T, I)."""
    full = torch.autograd.functional.jacobian(run, x)
    return full.movedim(1, 2).flatten(2).norm(dim=2).numpy()


def assert_logs(found: np.ndarray, norms: np.ndarray) -> None:
    np.testing.assert_allclose(10.0**found, norms, rtol=1e-6, atol=1e-12 * norms.max())
    assert (np.isneginf(found) == (norms == 0)).all()
