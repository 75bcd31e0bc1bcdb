"""What the last step alone sends back: the layer's own carrying, without any fresher gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.gradients import belt
from glasscell.inspect.gradients.flow import into_cell
from glasscell.traces.order import Order

if TYPE_CHECKING:
    import torch

    from glasscell.traces.layer import LayerTrace, Record

__all__ = ["carried_back", "layer_weights", "model_weights"]


def layer_weights(module: torch.nn.Module, suffix: str) -> LayerWeights:
    """Read the weights of one layer and direction off a torch module.

    Args:
        module: an LSTM or RNN.
        suffix: "l0", "l0_reverse" …; "cell" for an LSTMCell or RNNCell.

    Returns:
        `LayerWeights` of NumPy views.

    Raises:
        ValueError: the module has no such layer.
    """
    if suffix == "cell" and hasattr(module, "weight_hh"):
        return _read(module, "")
    prefix = "weight_hh_"
    if not hasattr(module, prefix + suffix):
        there = [n.removeprefix(prefix) for n in dir(module) if n.startswith(prefix)]
        raise ValueError(
            f"expected a layer of {type(module).__name__}, {' or '.join(there) or 'which has none'}"
            f", got {suffix!r}"
        )
    return _read(module, f"_{suffix}")


def model_weights(model: torch.nn.Module) -> dict[str, LayerWeights]:
    """Read the weights of every recurrent layer of a model.

    Args:
        model: any module with LSTM, RNN, LSTMCell or RNNCell layers.

    Returns:
        Layer name ("encoder.l0"), as in `glasscell.trace`, to `LayerWeights`; layers in half
        precision, which our kernels do not run, are left out.

    Raises:
        TypeError, ValueError, RuntimeError: as `subjects.torch_model.recurrent_modules`.
    """
    import torch

    from glasscell.inspect.subjects.torch_model import is_cell, layer_name, recurrent_modules

    found = {}
    for name, module in recurrent_modules(model).items():
        if any(part.dtype not in (torch.float32, torch.float64) for part in module.parameters()):
            continue
        for suffix in ["cell"] if is_cell(module) else _suffixes(module):
            found[layer_name(name, suffix)] = layer_weights(module, suffix)
    return found


def _suffixes(module: Any) -> list[str]:
    ways = ("", "_reverse") if module.bidirectional else ("",)
    return [f"l{layer}{way}" for layer in range(module.num_layers) for way in ways]


def _read(module: torch.nn.Module, end: str) -> LayerWeights:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    found = {name: getattr(module, name + end, None) for name in names}
    return LayerWeights(
        **{name: value.detach().numpy() for name, value in found.items() if value is not None}
    )


def carried_back(
    record: Record, trace: LayerTrace, weights: LayerWeights, dh: Array, dc: Array | None
) -> Array:
    """Give the gradient by lag if all but the last step of each sequence had none of its own.

    Args:
        record: the layer's forward pass, as the kernel knows it.
        trace: the same, as users see it.
        weights: the layer's.
        dh: total derivative by the hidden state, in the kernel's layout.
        dc: by the cell state; None for an RNN.

    Returns:
        (T,) as `LayerFlow.by_lag`: of the cell state, or of the hidden state for an RNN.
    """
    order = Order(trace)
    hidden = order.kernel(dh)
    dc_n = None
    if dc is not None:
        dc_n = _at_end(order, order.kernel(dc) - into_cell(order, hidden, weights.weight_hr))
        dc_n = dc_n.astype(dc.dtype)
    grads = engine.backward(
        engine.pack(record.mode, weights),
        record.x,
        record.output,
        record.h0,
        record.c0,
        record.tape,
        np.zeros_like(dh),
        _at_end(order, hidden),
        dc_n,
        reverse=trace.reverse,
        lengths=record.lengths,
        reset=record.reset,
        batch_sizes=record.batch_sizes,
        need_x=False,
        need_weights=False,
        flow=True,
    )
    carried = grads.dh if dc is None else grads.dc
    assert carried is not None
    return belt.per_lag(order.kernel(carried), order.alive)


def _at_end(order: Order, gradient: Array) -> Array:
    """(B, ·): the row of each sequence's last step."""
    ends = belt.last_steps(order.alive)[..., None]
    rows: Array = np.where(ends, gradient, 0).sum(axis=0)
    return rows
