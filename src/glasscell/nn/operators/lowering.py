"""Exported graphs where glasscell is not: torch's own operations in place of the operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glasscell.nn.operators.schema import Forward, kind_of
from glasscell.nn.operators.torch_steps import layer_in_torch

__all__ = ["decompositions"]

_OF_TORCH: dict[str, Any] = {
    "LSTM": torch.ops.aten.lstm.input,
    "GRU": torch.ops.aten.gru.input,
    "RNN_TANH": torch.ops.aten.rnn_tanh.input,
    "RNN_RELU": torch.ops.aten.rnn_relu.input,
}
"""torch's operation for whole sequences, where it has one."""


def decompositions() -> dict[Any, Callable[..., Any]]:
    """Give what takes our operators out of an exported program, for `run_decompositions`.

    A layer becomes torch's own operation for whole sequences, the one that its ONNX exporter knows
    too; with `lengths`, `reset` or a cell that torch has not, the steps one by one. Either way the
    result takes inputs of as many steps as the exported one had, as torch's own layers do.

    >>> x, w = torch.ones(2, 1, 1), torch.ones(1, 1)
    >>> decompositions()[torch.ops.glasscell.layer.default](x, None, None, [w, w], "RNN_RELU", 1)[0]
    tensor([[[1.]],
    <BLANKLINE>
            [[2.]]])
    """
    return {torch.ops.glasscell.layer.default: _layer}


def _layer(*operands: Any) -> list[Tensor]:
    call = Forward(*operands)
    masked = call.lengths is not None or call.reset is not None
    if call.cell not in _OF_TORCH or masked or call.x.dim() == 4:
        return layer_in_torch(call)
    kind = kind_of(call)
    lead = call.directions, call.x.shape[1]
    h0 = call.x.new_zeros(*lead, kind.width) if call.h0 is None else call.h0
    states: Any = h0
    if kind.states:
        states = [h0, call.x.new_zeros(*lead, kind.hidden) if call.c0 is None else call.c0]
    options = kind.bias, 1, 0.0, False, call.directions == 2, False
    return list(_OF_TORCH[call.cell](call.x, states, list(call.weights), *options))
