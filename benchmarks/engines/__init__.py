"""One file per competitor. Each has `NAME` and `prepare(case, weights, x, threads) -> Run | None`.

`weights` is the torch module that all engines take their numbers from. None: this engine cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Run:
    """A prepared case: `call()` is timed; `answer()` gives what `call` computed, for the check."""

    call: Callable[[], object]
    answer: Callable[[], np.ndarray]


def cell_run(cell: torch.nn.Module, weights: torch.nn.Module, x: torch.Tensor) -> Run:
    """One step of a cell module from torch tensors, its state kept by the caller."""
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in weights.state_dict().items()})
    x_t, state = x[0], [torch.zeros(x.shape[1], cell.hidden_size) for _ in range(2)]

    def step() -> None:
        with torch.inference_mode():
            state[:] = cell(x_t, tuple(state))

    def answer() -> np.ndarray:
        with torch.inference_mode():
            return cell(x_t)[0].numpy()[None]

    return Run(step, answer)


def training_run(module: torch.nn.Module, x: torch.Tensor) -> Run:
    """Forward and backward of one layer, gradients of the weights, as after an optimizer step."""

    def step() -> None:
        module.zero_grad()
        y, _ = module(x)
        y.backward(torch.ones_like(y))

    def answer() -> np.ndarray:
        step()
        return module.weight_hh_l0.grad.numpy()

    return Run(step, answer)
