"""What each unit is worth: the loss with its output held at 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array

if TYPE_CHECKING:
    import torch

__all__ = ["ablation", "evaluating"]

CLOSED = -1e4
"""Bias of an output gate whose sigmoid is exactly 0 in any float, and finite in all but float16."""


def ablation(
    model: torch.nn.Module, x: Any, loss: Callable[[Any], torch.Tensor], layer: str | None = None
) -> dict[str, Array]:
    """Measure how much the loss rises when one unit after the other is held at 0.

    ``delta_u = L(h_u = 0 at every step) - L``, the network otherwise as it is: the unit is gone for
    the layer above, for the loss and for the layer's own next steps.

    Args:
        model: a torch module with LSTM or RNN layers, on the CPU.
        x: what the model is called with; a tuple is several positional arguments.
        loss: callable on the model's output that gives a scalar tensor.
        layer: name of one layer ("encoder.l0") as in `glasscell.trace`; default all.

    Returns:
        Layer name to (H,) float64; above 0 the unit helps, below 0 it harms.

    Raises:
        TypeError: `model` is no torch module, or x an array that it cannot read.
        ValueError: it has no LSTM or RNN with biases, or no such layer; or a hook makes a layer's
            weights anew at every call.

    Notes:
        H + 1 forward passes per layer, without gradients and in eval mode. The unit's output gate
        is closed for good by its own weights (0 and a bias of -10000), for an RNN its row is set
        to 0; parameters, buffers, training modes and torch's random state are put back to the bit.
        A hidden state given from outside is read at the first step before the unit is at 0. With a
        projection a unit is an entry of the cell. LSTMCell and RNNCell are left out.

    >>> import torch
    >>> model = torch.nn.RNN(1, 2)
    >>> _ = [parameter.data.fill_(0) for parameter in model.parameters()]
    >>> _ = model.weight_ih_l0.data[1].fill_(10)
    >>> ablation(model, torch.ones(3, 1, 1), lambda out: (1 - out[0][..., 1]).square().mean())
    {'l0': array([0., 1.])}
    """
    import torch
    from torch.nn.utils import parametrize

    from glasscell.inspect.subjects.torch_model import (
        called,
        is_cell,
        layer_name,
        recurrent_modules,
        unchanged,
    )

    places = {
        layer_name(name, suffix): (module, suffix)
        for name, module in recurrent_modules(model).items()
        if not is_cell(module) and getattr(module, "bias", False)
        for suffix in _suffixes(module)
    }
    if not places or (layer is not None and layer not in places):
        wanted = "an LSTM or RNN with biases" if layer is None else f"the layer {layer!r}"
        raise ValueError(f"expected {wanted} in the model; it has: {', '.join(places) or 'none'}")

    def value() -> float:
        return float(loss(called(model, x)))

    # Cached, a parametrized weight is one tensor for all calls, and a row set to 0 stays so.
    with torch.no_grad(), unchanged(model), evaluating(model), parametrize.cached():
        whole = value()
        return {
            name: np.array(
                [_without(module, suffix, unit, value) - whole for unit in _units(module)]
            )
            for name, (module, suffix) in places.items()
            if layer in (None, name)
        }


def _suffixes(module: Any) -> list[str]:
    ways = ("", "_reverse") if module.bidirectional else ("",)
    return [f"l{layer}{way}" for layer in range(module.num_layers) for way in ways]


def _units(module: Any) -> range:
    return range(module.hidden_size)


def _without(module: Any, suffix: str, unit: int, value: Callable[[], float]) -> float:
    """The loss with one unit's output at 0."""
    lstm = module.mode == "LSTM"
    row = unit + (3 * module.hidden_size if lstm else 0)
    names = [f"{name}_{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    parameters = [getattr(module, name) for name in names]
    before = [parameter[row].clone() for parameter in parameters]
    try:
        for parameter in parameters:
            parameter[row] = 0.0
        if lstm:
            parameters[2][row] = CLOSED
        found = value()
    finally:
        for parameter, old in zip(parameters, before, strict=True):
            parameter[row] = old
    for name, parameter in zip(names, parameters, strict=True):
        if getattr(module, name) is not parameter:
            raise ValueError(
                f"expected {name} to stay as it was set, got one that a hook makes anew at every "
                "call; use torch.nn.utils.parametrizations, or remove_weight_norm, first"
            )
    return found


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Put a model into eval mode, and every part back into its own at the end."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
