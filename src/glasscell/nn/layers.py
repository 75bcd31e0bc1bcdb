"""`LSTM`, `GRU` and `RNN`: torch's modules in all but the forward pass, which is our kernels'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from glasscell import cells
from glasscell.cells import Cell
from glasscell.nn import autograd, fast_path, sequences, torch_loop, variants
from glasscell.nn.autocast import CASTABLE, belt_dtype, cast, fuses, low_precision, result_dtypes
from glasscell.nn.call import Call, Result
from glasscell.nn.checkpoint import SETTING, Checkpoint, Setting, segment_length
from glasscell.nn.fallback import (
    EMPTY,
    MISSING,
    UNFIT,
    Reason,
    announce,
    keep_dynamo_out,
    leaf,
    operable,
    reason_to_leave,
)
from glasscell.nn.names import Weights, fetch, places
from glasscell.nn.observe import current
from glasscell.nn.operators.admission import admit
from glasscell.nn.operators.traced import run_module, suits
from glasscell.nn.scripting import lent
from glasscell.nn.sequences import Layout

__all__ = ["GRU", "LSTM", "RNN", "DropIn"]


class DropIn(torch.nn.RNNBase):
    """What `LSTM`, `GRU` and `RNN` share: the forward pass.

    Stands before torch's own class among the bases, so that `super().forward` is torch's.
    """

    checkpoint = Setting()
    _glasscell_kind: type[Cell]  # its options are options of the layer

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the layer, or a `Recurrent` where an option asks for another cell."""
        made = variants.variant(cls._glasscell_kind, args, kwargs)
        return super().__new__(cls) if made is None else made

    def __init__(
        self,
        *args: Any,
        checkpoint: Checkpoint = None,
        init: str = "torch",
        forget_bias: float | None = None,
        lag: float | None = None,
        **kwargs: Any,
    ) -> None:
        if (init, forget_bias, lag) != ("torch", None, None):
            self.__dict__[variants.START] = init, forget_bias, lag
        super().__init__(*args, **variants.plain(self._glasscell_kind, kwargs))
        segment_length(checkpoint, 1)
        self.__dict__[SETTING] = checkpoint

    def reset_parameters(self) -> None:
        """Set all parameters as the constructor does, from torch's generator."""
        if not variants.start(self):
            super().reset_parameters()

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
            hx: h0, or (h0, c0) for an LSTM, of shapes (L * D, B, P) and (L * D, B, H), without B
                for one sequence; default zeros.
            lengths: (B,) integers in 0 … T in any order, the steps of each sequence. The output
                after them is zero; h_n and c_n are those of the last step. Default: all T.
            reset: (T, B) bool, (B, T) with batch_first: start again from hx before that step, in
                both directions, as if a new sequence began there. Default: never.

        Returns:
            ``output, h_n`` for a GRU or RNN, ``output, (h_n, c_n)`` for an LSTM, in torch's shapes.

        Raises:
            RuntimeError, ValueError, …: as torch's own forward.
            ShapeError: Lengths or reset do not fit the input.
            DtypeError: Lengths are not integers, or reset is not bool.
        """
        if torch.compiler.is_compiling():
            return _traced(self, input, hx, lengths, reset)
        if lengths is None and reset is None:
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
            reason = sequences.misfit(self, input, hx, accepted)
        if reason is not None and operable(reason, data, self) and suits(self, input, hx):
            return run_module(self, data, hx, lengths, reset)
        if reason is not None:
            return _leave(self, reason, input, hx, weights, lengths, reset)
        x, layout = sequences.rows_of(self, input, lengths, reset)
        h0, c0 = sequences.initial_state(self, input, hx)
        if low is None:
            y, h_n, c_n = _stack(self, x, h0, c0, weights, layout, fast=True)
        else:
            y, h_n, c_n = _autocast_stack(self, x, h0, c0, weights, layout, low)
        return sequences.results(self, y, h_n, c_n, input)

    def __prepare_scriptable__(self) -> torch.nn.Module:
        """Give `torch.jit.script` torch's own module over the same parameters."""
        return lent(self)


admit(DropIn)


def _traced(module: DropIn, input: Any, hx: Any, lengths: Any, reset: Tensor | None) -> Any:
    """Run a call that is compiled or exported as operators, where they suit it."""
    exporting = torch.compiler.is_exporting()
    if suits(module, input, hx) and not (exporting and torch.onnx.is_in_onnx_export()):
        return run_module(module, input, hx, lengths, reset)
    if exporting:
        return super(DropIn, module).forward(input, hx)
    return _uncompiled(module, input, hx, lengths, reset)


def _uncompiled(module: DropIn, input: Any, hx: Any, lengths: Any, reset: Tensor | None) -> Any:
    """Break the graph, and call as without a compiler."""
    return DropIn.forward(module, input, hx, lengths=lengths, reset=reset)


_uncompiled._torchdynamo_disable = True  # type: ignore[attr-defined]
keep_dynamo_out(_uncompiled)


def _part(states: Tensor | None, part: slice) -> Tensor | None:
    """Take one layer's states out of all layers', without an operation where there is one layer."""
    if states is None or len(states) == part.stop - part.start:
        return states
    return states[part]


def _stack(
    module: DropIn,
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
    owner: ref[torch.nn.Module] = ref(module)
    observation = current(module) if fast else None
    h_n, c_n = list[Tensor](), list[Tensor]()
    for index, (layer, own) in enumerate(zip(layers, weights, strict=True)):
        if index and module.training and module.dropout > 0:
            x = dropout(x, module.dropout, training=True)
        part = slice(index * directions, (index + 1) * directions)
        h, c = _part(h0, part), _part(c0, part)
        if fast:
            last = index + 1 == len(layers)
            checkpoint = module.__dict__.get(SETTING)
            call = Call(owner, module.mode, layer, layout, observation, last, checkpoint)
            done = autograd.apply(call, own, x, h, c)
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
    module: DropIn,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Sequence[Weights]],
    layout: Layout,
    low: torch.dtype,
) -> Result:
    """Run in float32, give the dtypes that torch would."""
    fused = layout.batch_sizes is None and module.proj_size == 0 and fuses(module.mode, x.dtype)
    kept = belt_dtype(module.mode, x, h0, c0)
    h_dtype, c_dtype = result_dtypes(low, kept, fused=fused, projected=module.proj_size > 0)
    h0, c0 = cast(h0, torch.float32), cast(c0, torch.float32)
    y, h_n, c_n = _stack(module, x.float(), h0, c0, weights, layout, fast=True)
    return y.to(h_dtype), h_n.to(h_dtype), cast(c_n, c_dtype)


def _leave(
    module: DropIn,
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
    sequences.require_states_that_fit(module, input, hx)
    if lengths is None and reset is None:
        result = super(DropIn, module).forward(input, hx)
        announce(reason, module=module)
        return result
    if reason in (UNFIT, MISSING):
        super(DropIn, module).forward(input, hx)
    if reason is MISSING:
        raise RuntimeError(
            "expected all parameters for lengths and reset, got a layer without one of them; "
            "assign it again"
        )
    x, layout = sequences.rows_of(module, input, lengths, reset)
    h0, c0 = sequences.initial_state(module, input, hx)
    _check(module, x, h0, c0)
    said = reason._replace(said=reason is not EMPTY)
    announce(said, "a plain loop of torch operations computes it", module)
    y, h_n, c_n = _stack(module, x, h0, c0, weights, layout, fast=False)
    return sequences.results(module, y, h_n, c_n, input)


def _check(module: DropIn, x: Tensor, h0: Tensor | None, c0: Tensor | None) -> None:
    """Refuse what torch's forward would, by torch's own checks."""
    module.check_input(x, None)
    sides = module.num_layers * (2 if module.bidirectional else 1)
    for state, width in ((h0, module.proj_size or module.hidden_size), (c0, module.hidden_size)):
        if state is not None:
            module.check_hidden_size(state, (sides, x.shape[1], width))


class LSTM(DropIn, torch.nn.LSTM):
    """`torch.nn.LSTM` on glasscell's kernels: same arguments, initial values, state_dict, errors.

    For every layer and direction, with σ the logistic function and * by element::

        i_t = σ(W_i [h_{t-1}, x_t] + b_i)        input gate
        f_t = σ(W_f [h_{t-1}, x_t] + b_f)        forget gate
        C̃_t = tanh(W_C [h_{t-1}, x_t] + b_C)     candidate
        o_t = σ(W_o [h_{t-1}, x_t] + b_o)        output gate
        C_t = f_t * C_{t-1} + i_t * C̃_t          cell state
        h_t = o_t * tanh(C_t)                    hidden state; W_hr h_t with proj_size

    Args:
        input_size: I, features of each step.
        hidden_size: H, units.
        num_layers: L, layers; default 1.
        bias: Whether the gates have biases; default True.
        batch_first: Sequences are (B, T, ·) rather than (T, B, ·); default False.
        dropout: Probability of dropping an element between layers in training; default 0.
        bidirectional: Each layer also reads the sequences from their ends; default False.
        proj_size: P, project the hidden state to this size; default 0, do not.
        device: Of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: Of the parameters; default torch's. Only float32 and float64 run on the kernels.
        checkpoint: Trade time for training memory. True: keep a cell state every √T steps in place
            of every gate of every step, and run √T steps at a time again in the backward pass; or
            that number of steps. The same bits; at T = 1000 a fifth of the memory for a fifth more
            time. Default None, keep all. The attribute of this name may be set at any time.
        init: What the parameters start from: "torch" (default), "orthogonal" or "chrono", see
            `glasscell.nn.starts.start`.
        forget_bias: Bias with which the forget gate starts; default None, as init says.
        lag: With "chrono", the longest lag of the data in steps.
        **options: Of `glasscell.cells.LSTM`: peephole, coupled, without, clip, zoneout,
            recurrent_dropout, variational, hidden_dropout, layer_norm. With one of them the layer
            is a `Recurrent` of that cell, and no instance of torch's class.

    Notes:
        What differs from torch is in DIFFERENCES.md. Hochreiter, Schmidhuber 1997, Neural
        Computation 9(8); the forget gate: Gers, Schmidhuber, Cummins 2000, same journal, 12(10).
        Checkpoints: Chen, Xu, Zhang, Guestrin 2016, arXiv:1604.06174.

    >>> lstm = LSTM(1, 1)
    >>> _ = lstm.load_state_dict({name: torch.ones_like(w) for name, w in lstm.named_parameters()})
    >>> output, (h_n, c_n) = lstm(torch.zeros(2, 1, 1))
    >>> output.flatten()
    tensor([0.6083, 0.8726], grad_fn=...)
    >>> isinstance(lstm, torch.nn.LSTM)
    True
    """

    _glasscell_kind = cells.LSTM


class GRU(DropIn, torch.nn.GRU):
    """`torch.nn.GRU` on glasscell's kernels: same arguments, initial values, state_dict, errors.

    For every layer and direction, with σ the logistic function and * by element::

        r_t = σ(W_r x_t + R_r h_{t-1} + b_r)                        reset gate
        z_t = σ(W_z x_t + R_z h_{t-1} + b_z)                        update gate
        n_t = tanh(W_n x_t + b_in + r_t * (R_n h_{t-1} + b_hn))     candidate
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}                       hidden state

    Args:
        input_size: I, features of each step.
        hidden_size: H, units.
        num_layers: L, layers; default 1.
        bias: Whether the gates have biases; default True.
        batch_first: Sequences are (B, T, ·) rather than (T, B, ·); default False.
        dropout: Probability of dropping an element between layers in training; default 0.
        bidirectional: Each layer also reads the sequences from their ends; default False.
        device: Of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: Of the parameters; default torch's. Only float32 and float64 run on the kernels.
        checkpoint: As for an `LSTM`. Of each segment nothing is kept: the hidden state before it is
            in the output.
        init: What the parameters start from: "torch" (default), "orthogonal" or "chrono", see
            `glasscell.nn.starts.start`.
        forget_bias: Bias with which the update gate starts; default None, as init says.
        lag: With "chrono", the longest lag of the data in steps.
        **options: Of `glasscell.cells.GRU`: zoneout, recurrent_dropout, variational,
            hidden_dropout, layer_norm; as for an `LSTM`.

    Notes:
        What differs from torch is in DIFFERENCES.md. The reset gate acts after the product, as in
        cuDNN. Cho et al. 2014, arXiv:1406.1078; Chung, Gulcehre, Cho, Bengio 2014, arXiv:1412.3555.

    >>> gru = GRU(1, 1)
    >>> _ = gru.load_state_dict({name: torch.ones_like(w) for name, w in gru.named_parameters()})
    >>> gru(torch.zeros(2, 1, 1))[0].flatten()
    tensor([0.1138, 0.2054], grad_fn=...)
    >>> isinstance(gru, torch.nn.GRU)
    True
    """

    _glasscell_kind = cells.GRU


class RNN(DropIn, torch.nn.RNN):
    """`torch.nn.RNN` on glasscell's kernels: same arguments, initial values, state_dict, errors.

    ``h_t = tanh(W [h_{t-1}, x_t] + b)``, or relu in place of tanh.

    Args:
        input_size: I, features of each step.
        hidden_size: H, units.
        num_layers: L, layers; default 1.
        nonlinearity: "tanh" (default) or "relu".
        bias: Whether there is a bias; default True.
        batch_first: Sequences are (B, T, ·) rather than (T, B, ·); default False.
        dropout: Probability of dropping an element between layers in training; default 0.
        bidirectional: Each layer also reads the sequences from their ends; default False.
        device: Of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: Of the parameters; default torch's. Only float32 and float64 run on the kernels.
        checkpoint: Accepted as for an `LSTM`, and without effect: the outputs are all that an RNN's
            backward pass needs.
        init: "torch" (default) or "orthogonal", see `glasscell.nn.starts.start`.
        **options: Of `glasscell.cells.RNN`: zoneout; as for an `LSTM`.

    Notes:
        What differs from torch is in DIFFERENCES.md. Elman 1990, Cognitive Science 14(2).

    >>> rnn = RNN(1, 1, nonlinearity="relu")
    >>> _ = rnn.load_state_dict({name: torch.ones_like(w) for name, w in rnn.named_parameters()})
    >>> rnn(torch.ones(2, 1, 1))[0].flatten()
    tensor([3., 6.], grad_fn=...)
    """

    _glasscell_kind = cells.RNN
