"""What glasscell and torch share, as both are torch modules: a training step, a cell's step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import Run
from glasscell.bench.numbers import Data

__all__ = ["RATE", "cell_run", "filled", "inference_run", "training_run"]

RATE = 1e-7
"""Learning rate: changes only the last bits of weights, so that no engine may keep what it
packed from them."""


def filled(module: Any, data: Data, suffix: str = "_l0", *, rest: bool = False) -> Any:
    """Give a module the weights of a case.

    Args:
        module: A layer or cell.
        data: Has them.
        suffix: Of the parameters' names.
        rest: Whether it may have more parameters, which keep what they start from.
    """
    import torch

    state = {name + suffix: torch.from_numpy(array) for name, array in data.weights.items()}
    module.load_state_dict(state, strict=not rest)
    return module


def inference_run(
    forward: Callable[[], Any], at: Callable[[int], Callable[[], object]] | None = None
) -> Run:
    """Calls under torch.inference_mode, which a server enters once."""
    import torch

    return Run(forward, lambda: np.array(forward()), at, torch.inference_mode)


def training_run(module: Any, data: Data, forward: Callable[[], Any]) -> Run:
    """Forward, backward, and an SGD update in place: what a step of training does to the layer.

    Args:
        module: The layer.
        data: Holds the gradient that arrives from above.
        forward: Gives an output that requires gradients, of the shape of `data.dy`.
    """
    import torch

    parameters = list(module.parameters())
    initial = [parameter.detach().clone() for parameter in parameters]
    dy = torch.from_numpy(data.dy)

    def step() -> None:
        module.zero_grad()
        y = forward()  # not before: what a first step keeps counts as memory of training
        y.backward(dy.view(y.shape))
        with torch.no_grad():
            for parameter in parameters:
                parameter.sub_(parameter.grad, alpha=RATE)

    def answer() -> Array:
        with torch.no_grad():
            for parameter, value in zip(parameters, initial, strict=True):
                parameter.copy_(value)
        step()
        w, r, b = (parameter.grad.numpy() for parameter in parameters[:3])
        return np.concatenate([w, r, b[:, None]], axis=1)

    return Run(step, answer)


def cell_run(cell: Any, case: Case, data: Data) -> Run:
    """One step of a cell module a call, its state kept by the caller."""
    import torch

    x_t, several = torch.from_numpy(data.x[0]), case.cell.extra_states > 0
    zero = torch.zeros(case.B, case.H)
    state: list[Any] = [(zero, zero) if several else zero]

    def step() -> None:
        state[0] = cell(x_t, state[0])

    def answer() -> Array:
        state[0], outputs = ((zero, zero) if several else zero), []
        for _ in range(STEPS):
            step()
            outputs.append((state[0][0] if several else state[0]).numpy().copy())
        return np.stack(outputs)

    return Run(step, answer, inside=torch.inference_mode)
