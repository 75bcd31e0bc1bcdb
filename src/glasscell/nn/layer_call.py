"""The forward pass that `LSTM` and `RNN` share: from torch's arguments to its results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from glasscell.nn import autograd, fast_path, rows, torch_loop
from glasscell.nn.autocast import CASTABLE, cast, fuses, low_precision, result_dtypes
from glasscell.nn.checkpoint import SETTING, Checkpoint, Setting, segment_length
from glasscell.nn.fallback import (
    EMPTY,
    MISSING,
    UNFIT,
    Reason,
    announce,
    keep_dynamo_out,
    leaf,
    reason_to_leave,
)
from glasscell.nn.layer_forward import Result
from glasscell.nn.names import Weights, fetch, places
from glasscell.nn.observe import current
from glasscell.nn.scripting import lent
from glasscell.nn.sequences import Layout

__all__ = ["Recurrent"]


class Recurrent(torch.nn.RNNBase):
    """What `LSTM` and `RNN` share: the forward pass.

    Stands before torch's own class among the bases, so that `super().forward` is torch's.
    """

    checkpoint = Setting()

    def __init__(self, *args: Any, checkpoint: Checkpoint = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        segment_length(checkpoint, 1)
        self.__dict__[SETTING] = checkpoint

    def extra_repr(self) -> str:
        """Describe the layer as torch does, and `checkpoint` where it is set."""
        checkpoint = self.__dict__.get(SETTING)
        more = f", checkpoint={checkpoint}" if checkpoint else ""
        return super().extra_repr() + more

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
    ) -> Any:
        """Run all layers over a batch of sequences.

        Args:
            input: (T, B, I), (B, T, I) with batch_first, (T, I) for one sequence, or a
                `PackedSequence`.
            hx: h0 for an RNN, (h0, c0) for an LSTM, of shapes (L * D, B, P) and (L * D, B, H),
                without B for one sequence; default zeros.
            lengths: (B,) integers in 0 … T in any order, the steps of each sequence. The output
                after them is zero; h_n and c_n are those of the last step. Default: all T.
            reset: (T, B) bool, (B, T) with batch_first: start again from hx before that step, in
                both directions, as if a new sequence began there. Default: never.

        Returns:
            ``output, h_n`` for an RNN, ``output, (h_n, c_n)`` for an LSTM, in torch's shapes.

        Raises:
            RuntimeError, ValueError, …: as torch's own forward.
            ShapeError: lengths or reset do not fit the input.
            DtypeError: lengths are not integers, or reset is not bool.
        """
        if lengths is None and reset is None:
            if torch.compiler.is_compiling():
                return super().forward(input, hx)
            done = fast_path.sequence(self, input, hx)
            if done is not None:
                return done
        data = input.data if isinstance(input, PackedSequence) else input
        layers = places(self.num_layers, self.bidirectional, self.bias, self.proj_size > 0)
        weights = [[fetch(self, place) for place in layer] for layer in layers]
        flat = [w for layer in weights for one in layer for w in one]
        reason = reason_to_leave(data, flat, sum(p.tensors for layer in layers for p in layer))
        low = None
        if reason is None:
            weight = weights[0][0][0]
            assert weight is not None
            low = low_precision(data, weight)
            accepted = (weight.dtype,) if low is None else CASTABLE
            reason = rows.misfit(self, input, hx, accepted)
        if reason is not None:
            return _leave(self, reason, input, hx, weights, lengths, reset)
        x, layout = rows.rows(self, input, lengths, reset)
        h0, c0 = rows.initial_state(self, input, hx)
        if low is None:
            y, h_n, c_n = _stack(self, x, h0, c0, weights, layout, fast=True)
        else:
            y, h_n, c_n = _autocast_stack(self, x, h0, c0, weights, layout, low)
        return rows.results(self, y, h_n, c_n, input)

    def __prepare_scriptable__(self) -> torch.nn.Module:
        """Give `torch.jit.script` torch's own module over the same parameters."""
        return lent(self)


keep_dynamo_out(Recurrent.forward)


def _part(states: Tensor | None, part: slice) -> Tensor | None:
    """Take one layer's states out of all layers', without an operation where there is one layer."""
    if states is None or len(states) == part.stop - part.start:
        return states
    return states[part]


def _stack(
    module: Recurrent,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Sequence[Weights]],
    layout: Layout,
    *,
    fast: bool,
) -> Result:
    """Run layer upon layer, with dropout between them in training."""
    layers = places(module.num_layers, module.bidirectional, module.bias, module.proj_size > 0)
    directions = len(layers[0])
    observation = current(module) if fast else None
    h_n, c_n = list[Tensor](), list[Tensor]()
    for index, (layer, own) in enumerate(zip(layers, weights, strict=True)):
        if index and module.training and module.dropout > 0:
            x = dropout(x, module.dropout, training=True)
        part = slice(index * directions, (index + 1) * directions)
        h, c = _part(h0, part), _part(c0, part)
        if fast:
            last = index + 1 == len(layers)
            done = autograd.apply(
                module,
                module.mode,
                layer,
                own,
                x,
                h,
                c,
                layout,
                observation,
                shown=last,
                checkpoint=module.__dict__.get(SETTING),
            )
        else:
            done = torch_loop.run_layer(module.mode, own, x, h, c, layout)
        x = done[0]
        h_n.append(done[1])
        if done[2] is not None:
            c_n.append(done[2])
    if len(layers) == 1:
        return done
    return x, torch.cat(h_n), torch.cat(c_n) if c_n else None


def _autocast_stack(
    module: Recurrent,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Sequence[Weights]],
    layout: Layout,
    low: torch.dtype,
) -> Result:
    """Run in float32, give the dtypes that torch would."""
    fused = layout.batch_sizes is None and module.proj_size == 0 and fuses(x.dtype)
    cell = (x if c0 is None else c0).dtype if module.mode == "LSTM" else None
    h_dtype, c_dtype = result_dtypes(low, cell, fused=fused, projected=module.proj_size > 0)
    h0, c0 = cast(h0, torch.float32), cast(c0, torch.float32)
    y, h_n, c_n = _stack(module, x.float(), h0, c0, weights, layout, fast=True)
    return y.to(h_dtype), h_n.to(h_dtype), cast(c_n, c_dtype)


def _leave(
    module: Recurrent,
    reason: Reason,
    input: Any,
    hx: Any,
    weights: Sequence[Sequence[Weights]],
    lengths: Tensor | Sequence[int] | None,
    reset: Tensor | None,
) -> Any:
    """Have torch compute or refuse the call; lengths and reset, which it lacks, the loop."""
    if isinstance(input, torch.fx.Proxy):
        return leaf(module, input, hx)
    rows.require_states_that_fit(module, input, hx)
    if lengths is None and reset is None:
        result = super(Recurrent, module).forward(input, hx)
        announce(reason, module=module)
        return result
    if reason in (UNFIT, MISSING):
        super(Recurrent, module).forward(input, hx)
    if reason is MISSING:
        raise RuntimeError(
            "expected all parameters for lengths and reset, got a layer without one of them; "
            "assign it again"
        )
    x, layout = rows.rows(module, input, lengths, reset)
    h0, c0 = rows.initial_state(module, input, hx)
    _check(module, x, h0, c0)
    said = reason._replace(said=reason is not EMPTY)
    announce(said, "a plain loop of torch operations computes it", module)
    y, h_n, c_n = _stack(module, x, h0, c0, weights, layout, fast=False)
    return rows.results(module, y, h_n, c_n, input)


def _check(module: Recurrent, x: Tensor, h0: Tensor | None, c0: Tensor | None) -> None:
    """Refuse what torch's forward would, by torch's own checks."""
    module.check_input(x, None)
    sides = module.num_layers * (2 if module.bidirectional else 1)
    for state, width in ((h0, module.proj_size or module.hidden_size), (c0, module.hidden_size)):
        if state is not None:
            module.check_hidden_size(state, (sides, x.shape[1], width))
