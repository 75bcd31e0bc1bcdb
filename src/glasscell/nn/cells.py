"""`LSTMCell`, `GRUCell`, `RNNCell`: torch's cells, one step of our kernels as the forward pass."""

from __future__ import annotations

from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.nn.modules.rnn import RNNCellBase

from glasscell import cells
from glasscell.nn import autograd, fast_path
from glasscell.nn.autocast import CASTABLE, belt_dtype, cast, low_precision, result_dtypes
from glasscell.nn.call import Call
from glasscell.nn.fallback import (
    EMPTY,
    PLAIN,
    UNFIT,
    Reason,
    announce,
    keep_dynamo_out,
    leaf,
    reason_to_leave,
)
from glasscell.nn.names import Weights, cell_place, fetch
from glasscell.nn.observe import current
from glasscell.nn.scripting import lent
from glasscell.nn.sequences import Layout

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]

_BATCHED, _UNBATCHED = Layout(), Layout(unbatched=True)
_MODES = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}


class DropInCell(RNNCellBase):
    """What `LSTMCell`, `GRUCell` and `RNNCell` share: the forward pass.

    Stands before torch's own class among the bases, so that `super().forward` is torch's.
    """

    @property
    def _glasscell_mode(self) -> str | None:
        """The engine's name of the recurrence, None for one that torch refuses."""
        return _MODES.get(str(self.nonlinearity))

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Take one step.

        Args:
            input: (B, I), or (I,) without a batch.
            hx: h, or (h, c) for an `LSTMCell`, each (B, H) or (H,); default zeros.

        Returns:
            h, or (h, c), after the step.

        Raises:
            RuntimeError, ValueError, …: as torch's own forward.
        """
        if torch.compiler.is_compiling():
            return super().forward(input, hx)
        done = fast_path.step(self, self._glasscell_mode, input, hx)
        if done is not None:
            return done
        place = cell_place(self.bias)
        weights = fetch(self, place)
        reason = reason_to_leave(input, weights, place.tensors)
        low = None
        if reason is None:
            weight = weights[0]
            assert weight is not None
            low = low_precision(input, weight)
            reason = _misfit(self, input, hx, (weight.dtype,) if low is None else CASTABLE)
        if reason is None:
            return _step(self, input, hx, weights, low)
        if isinstance(input, torch.fx.Proxy):
            return leaf(self, input, hx)
        _require_states_that_fit(self, input, hx)
        result = super().forward(input, hx)
        announce(reason, module=self)
        return result

    def __prepare_scriptable__(self) -> torch.nn.Module:
        """Give `torch.jit.script` torch's own module over the same parameters."""
        return lent(self)


keep_dynamo_out(DropInCell.forward)


def _misfit(
    module: DropInCell, input: Tensor, hx: Any, accepted: tuple[torch.dtype, ...]
) -> Reason | None:
    """Give the reason why the kernels do not take these arguments, None if they do."""
    shape = input.shape
    if len(shape) not in (1, 2) or shape[-1] != module.input_size or input.dtype not in accepted:
        return UNFIT
    mode = module._glasscell_mode
    if mode is None:
        return UNFIT
    pair = cells.of(mode).extra_states > 0
    states = hx if pair else (hx,)
    if pair and hx is not None and not (isinstance(hx, tuple | list) and len(hx) == 2):
        return UNFIT
    expected = (*shape[:-1], module.hidden_size)
    for state in () if hx is None else states:
        if type(state) not in PLAIN or state.shape != expected or not state.is_cpu:
            return UNFIT
        if state.dtype not in accepted:
            return UNFIT
    return EMPTY if 0 in (*shape, module.hidden_size) else None


def _require_states_that_fit(module: DropInCell, input: Any, hx: Any) -> None:
    """Check the axes of states, of which torch's own forward may read what is not there."""
    mode = module._glasscell_mode
    pair = mode is not None and cells.of(mode).extra_states > 0
    pair = pair and isinstance(hx, tuple | list | Tensor)
    shapes = [tuple(state.shape) for state in (hx if pair else (hx,)) if isinstance(state, Tensor)]
    unbatched = isinstance(input, Tensor) and input.dim() == 1
    if unbatched and any(len(shape) == 2 for shape in shapes):
        raise RuntimeError(
            f"expected states of shape (H,) = ({module.hidden_size},) with an input (I,) that "
            f"has no batch axis, got {', '.join(map(str, shapes))}; give both a batch axis, or "
            "neither"
        )


def _step(
    module: DropInCell, input: Tensor, hx: Any, weights: Weights, low: torch.dtype | None
) -> Any:
    """Run one step, as a sequence of length one of a layer with one direction."""
    mode = module._glasscell_mode
    assert mode is not None
    batched = input.dim() == 2
    x, h0, c0 = _lifted(input, batched), None, None
    if hx is not None:
        pair = hx if cells.of(mode).extra_states else (hx, None)
        h0, c0 = (None if state is None else _lifted(state, batched) for state in pair)
    kept = belt_dtype(mode, x, h0, c0)
    if low is not None:
        x, h0, c0 = x.float(), cast(h0, torch.float32), cast(c0, torch.float32)
    layout, place = _BATCHED if batched else _UNBATCHED, cell_place(module.bias)
    call = Call(ref(module), mode, (place,), layout, current(module))
    _, h, c = autograd.apply(call, (weights,), x, h0, c0)
    if low is not None:
        dtypes = result_dtypes(low, kept, fused=False, projected=False)
        h, c = h.to(dtypes[0]), cast(c, dtypes[1])
    h = _lowered(h, batched)
    return h if c is None else (h, _lowered(c, batched))


def _lifted(tensor: Tensor, batched: bool) -> Tensor:
    """Give (B, ·) or (·) as (1, B, ·): a sequence of one step, or one direction's state."""
    return tensor.unsqueeze(0) if batched else tensor.view(1, 1, -1)


def _lowered(tensor: Tensor, batched: bool) -> Tensor:
    return tensor.squeeze(0) if batched else tensor.view(-1)


class LSTMCell(DropInCell, torch.nn.LSTMCell):
    """`torch.nn.LSTMCell` on glasscell's kernels: one step of an `LSTM`, the loop is the caller's.

    Equations as in `glasscell.nn.LSTM`.

    Args:
        input_size: I, features of the step.
        hidden_size: H, units.
        bias: Whether the gates have biases; default True.
        device: Of the parameters; default torch's.
        dtype: Of the parameters; default torch's.

    Notes:
        For whole sequences `LSTM` is many times faster: it sees all steps at once.

    >>> cell = LSTMCell(1, 1)
    >>> _ = cell.load_state_dict({name: torch.ones_like(w) for name, w in cell.named_parameters()})
    >>> h, c = cell(torch.zeros(1, 1))
    >>> print(f"{h.item():.4f} {c.item():.4f}")
    0.6083 0.8491
    """

    _glasscell_mode = "LSTM"


class GRUCell(DropInCell, torch.nn.GRUCell):
    """`torch.nn.GRUCell` on glasscell's kernels: one step of a `GRU`, the loop is the caller's.

    Equations as in `glasscell.nn.GRU`.

    Args:
        input_size: I, features of the step.
        hidden_size: H, units.
        bias: Whether the gates have biases; default True.
        device: Of the parameters; default torch's.
        dtype: Of the parameters; default torch's.

    >>> cell = GRUCell(1, 1)
    >>> _ = cell.load_state_dict({name: torch.ones_like(w) for name, w in cell.named_parameters()})
    >>> print(f"{cell(torch.zeros(1, 1)).item():.4f}")
    0.1138
    """

    _glasscell_mode = "GRU"


class RNNCell(DropInCell, torch.nn.RNNCell):
    """`torch.nn.RNNCell` on glasscell's kernels: one step of an `RNN`, the loop is the caller's.

    ``h' = tanh(W [h, x] + b)``, or relu in place of tanh.

    Args:
        input_size: I, features of the step.
        hidden_size: H, units.
        bias: Whether there is a bias; default True.
        nonlinearity: "tanh" (default) or "relu".
        device: Of the parameters; default torch's.
        dtype: Of the parameters; default torch's.

    >>> cell = RNNCell(1, 1, nonlinearity="relu")
    >>> _ = cell.load_state_dict({name: torch.ones_like(w) for name, w in cell.named_parameters()})
    >>> cell(torch.ones(1, 1)).item()
    3.0
    """
