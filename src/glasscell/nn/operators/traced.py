"""A module's call as operators: what tracers, compilers and torch.func's transforms see of it.

Nothing here looks at numbers or at memory, only at shapes, so that all of it may be traced.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import RNNBase
from torch.nn.functional import dropout

from glasscell import cells
from glasscell.errors import DtypeError, ShapeError
from glasscell.nn.autocast import CASTABLE, cast, fuses, low_precision, result_dtypes
from glasscell.nn.operators.schema import Maybe

__all__ = ["ends_of", "run_module", "suits"]

_PRECISIONS = (torch.float32, torch.float64)


def _fuses(mode: str, dtype: torch.dtype) -> bool:
    """Answer `fuses` while tracing, once: it asks for what the CPU can do."""
    return fuses(mode, dtype)


def _belt(mode: str) -> int | None:
    """Say which state is on the cell's belt."""
    cell = cells.of(mode)
    return list(cell.states).index(cell.belt[0]) if cell.belt else None


# Not traced: what they give is a constant of the graph.
_fuses._dynamo_marked_constant = True  # type: ignore[attr-defined]
_belt._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _weights(module: RNNBase, index: int) -> list[Any]:
    """Give the parameters of one layer in all its directions, as they are now."""
    sides = 2 if module.bidirectional else 1
    names = module._all_weights[index * sides : (index + 1) * sides]
    return [getattr(module, name, None) for direction in names for name in direction]


def suits(module: RNNBase, input: Any, hx: Any) -> bool:
    """Tell whether the operators compute this call; what is wrong with it is for torch to say."""
    if not isinstance(input, Tensor) or input.dim() not in (2, 3) or not input.is_cpu:
        return False
    weights = [w for k in range(module.num_layers) for w in _weights(module, k)]
    first = weights[0]
    if any(w is None or not w.is_cpu or w.dtype is not first.dtype for w in weights):
        return False
    accepted = (first.dtype,) if low_precision(input, first) is None else CASTABLE
    states = hx if isinstance(hx, tuple | list) else [hx]
    given = [input] if hx is None else [input, *states]
    return (
        first.dtype in _PRECISIONS
        and all(
            isinstance(tensor, Tensor) and tensor.is_cpu and tensor.dtype in accepted
            for tensor in given
        )
        and all(state.dim() == input.dim() for state in given)
    )


def run_module(
    module: RNNBase, input: Tensor, hx: Any, lengths: Any = None, reset: Maybe = None
) -> Any:
    """Run all layers of a module over a batch of sequences, an operator for each.

    Args:
        module: An `LSTM` or `RNN` of ours.
        input: As passed to it, padded.
        hx: As passed to it.
        lengths: As passed to it.
        reset: As passed to it.

    Raises:
        RuntimeError: As torch's own forward.
        ShapeError: Lengths or reset do not fit the input.
        DtypeError: Lengths are not integers, or reset is not bool.
    """
    unbatched = input.dim() == 2
    first = module.batch_first and not unbatched
    x = input.unsqueeze(1) if unbatched else input.transpose(0, 1) if first else input
    lstm = isinstance(hx, tuple | list)
    h0, c0 = (hx[0], hx[1]) if lstm else (hx, None)
    if unbatched and hx is not None:
        h0, c0 = h0.unsqueeze(1), None if c0 is None else c0.unsqueeze(1)
    _check(module, x, h0, c0)
    ends, starts = ends_of(x, lengths, reset, unbatched=unbatched, batch_first=first)
    weight = _weights(module, 0)[0]
    low = low_precision(x, weight)
    dtypes: Any = None
    if low is not None:
        belt = _belt(module.mode)
        state = None if belt is None else (h0, c0)[belt]
        kept = None if belt is None else (x if state is None else state).dtype
        fused = module.proj_size == 0 and _fuses(module.mode, input.dtype)
        dtypes = result_dtypes(low, kept, fused=fused, projected=module.proj_size > 0)
        x, h0, c0 = x.float(), cast(h0, torch.float32), cast(c0, torch.float32)
    y, h_n, c_n = _layers(module, x, h0, c0, ends, starts)
    if dtypes is not None:
        y, h_n, c_n = y.to(dtypes[0]), h_n.to(dtypes[0]), cast(c_n, dtypes[1])
    if unbatched:
        y, h_n = y.squeeze(1), h_n.squeeze(1)
        c_n = None if c_n is None else c_n.squeeze(1)
    elif first:
        y = y.transpose(0, 1)
    return (y, h_n) if c_n is None else (y, (h_n, c_n))


def _layers(
    module: RNNBase, x: Tensor, h0: Maybe, c0: Maybe, lengths: Maybe, reset: Maybe
) -> tuple[Tensor, Tensor, Maybe]:
    """Run layer upon layer, with dropout between them in training."""
    sides = 2 if module.bidirectional else 1
    finals: list[list[Tensor]] = []
    for k in range(module.num_layers):
        if k > 0 and module.training and module.dropout > 0:
            x = dropout(x, module.dropout, training=True)
        part = slice(k * sides, (k + 1) * sides)
        h = h0 if h0 is None or module.num_layers == 1 else h0[part]
        c = c0 if c0 is None or module.num_layers == 1 else c0[part]
        x, *final = torch.ops.glasscell.layer.default(
            x, h, c, _weights(module, k), module.mode, sides, lengths, reset
        )
        finals.append(final)
    if module.num_layers == 1:
        states = finals[0]
    else:
        states = [torch.cat([final[s] for final in finals]) for s in range(len(finals[0]))]
    return x, states[0], states[1] if len(states) > 1 else None


def _check(module: RNNBase, x: Tensor, h0: Maybe, c0: Maybe) -> None:
    """Refuse what torch's forward would, by torch's own checks."""
    if x.shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    module.check_input(x, None)
    sides = module.num_layers * (2 if module.bidirectional else 1)
    for state, width in ((h0, module.proj_size or module.hidden_size), (c0, module.hidden_size)):
        if state is not None:
            module.check_hidden_size(state, (sides, x.shape[1], width))


def ends_of(
    x: Tensor, lengths: Any, reset: Maybe, *, unbatched: bool, batch_first: bool
) -> tuple[Maybe, Maybe]:
    """Give lengths as (B,) int64 and reset as (T, B), by shape and dtype alone.

    Args:
        x: (T, B, I).
        lengths: As passed to a layer.
        reset: As passed to it.
        unbatched: Whether it was called on one sequence without a batch axis.
        batch_first: Whether reset is (B, T).

    Raises:
        ShapeError: They do not fit the input.
        DtypeError: Lengths are not integers, or reset is not bool.
    """
    ends = starts = None
    if lengths is not None:
        ends = torch.as_tensor(lengths)
        if ends.is_floating_point() or ends.is_complex() or ends.dtype is torch.bool:
            raise DtypeError(f"expected lengths as integers, got {ends.dtype}; use lengths.long()")
        if unbatched and ends.dim() == 0:
            ends = ends[None]
        if ends.dim() != 1 or ends.shape[0] != x.shape[1]:
            raise ShapeError(
                f"expected lengths of shape (B,) = ({x.shape[1]},), got {tuple(ends.shape)}"
            )
        ends = ends.to(device=x.device, dtype=torch.int64)
    if reset is not None:
        starts = torch.as_tensor(reset, device=x.device)
        if starts.dtype is not torch.bool:
            raise DtypeError(f"expected reset as bool, got {starts.dtype}; use reset.bool()")
        if unbatched and starts.dim() == 1:
            starts = starts[:, None]
        elif batch_first and starts.dim() == 2:
            starts = starts.transpose(0, 1)
        if starts.dim() != 2 or starts.shape[0] != x.shape[0] or starts.shape[1] != x.shape[1]:
            letters = "T" if unbatched else "B, T" if batch_first else "T, B"
            raise ShapeError(
                f"expected reset of shape ({letters}) with T, B = {tuple(x.shape[:2])}, got "
                f"{tuple(reset.shape)}"
            )
    return ends, starts
