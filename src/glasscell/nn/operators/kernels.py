"""The operators on the compiled kernels, and their shapes for tracing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from glasscell.errors import DtypeError, ShapeError
from glasscell.nn.call import Call
from glasscell.nn.layer_backward import layer_gradients
from glasscell.nn.layer_forward import run
from glasscell.nn.names import places
from glasscell.nn.operators.owners import Owner, owners_of
from glasscell.nn.operators.schema import (
    LIBRARY,
    Backward,
    Forward,
    Maybe,
    kind_of,
    members_of,
    roles,
    tape_shape,
)
from glasscell.nn.packed_weights import tapes_of
from glasscell.nn.sequences import Layout

__all__: list[str] = []


def _require_lengths(call: Forward) -> None:
    """Check lengths, whose values nobody has seen before."""
    if call.lengths is None:
        return
    if call.lengths.dtype is not torch.int64:
        raise DtypeError(f"expected lengths as int64, got {call.lengths.dtype}; use lengths.long()")
    least, most = map(int, torch.aminmax(call.lengths))
    if least < 0 or most > call.x.shape[-3]:
        raise ShapeError(
            f"expected lengths in 0 … T = {call.x.shape[-3]}, got {least} … {most}; pad the input "
            "to the longest sequence or correct the lengths"
        )


def _ready(members: Sequence[Forward], whole: Tensor) -> list[tuple[Call, Owner]]:
    """Pack weights; the owners must live as long as the calls, which hold them weakly."""
    kind = kind_of(members[0])
    sizes = kind.hidden, kind.width if kind.projected else 0
    owners = owners_of(members[0].cell, [each.weights[0] for each in members], whole, *sizes)
    both = members[0].directions == 2
    layer = places(1, both, kind.bias, kind.projected)[0]
    ready = []
    for owner, member in zip(owners, members, strict=True):
        layout = Layout(lengths=_array(member.lengths), reset=_array(member.reset))
        call = Call(ref(owner), member.cell, layer, layout)  # type: ignore[arg-type]
        call.prepare(roles(member.directions, member.weights), member.x)
        ready.append((call, owner))
    return ready


def _array(tensor: Maybe) -> Any:
    return None if tensor is None else tensor.contiguous().numpy()


def _layer(*operands: Any) -> list[Tensor]:
    whole = Forward(*operands)
    if 0 in whole.x.shape[:-1]:
        return [whole.x.new_zeros(shape) for shape in _result_shapes(whole)]
    _require_lengths(whole)
    members, results = members_of(whole), list[list[Tensor]]()
    for member, (call, owner) in zip(members, _ready(members, whole.weights[0]), strict=True):
        if not whole.keep:
            tapes_of(owner).clear()  # type: ignore[arg-type]
        result, kept = run(call, member.x, member.h0, member.c0, whole.keep)
        results.append([part for part in (*result, *kept) if part is not None])
    if whole.x.dim() == 3:
        return results[0]
    return [torch.stack(each) for each in zip(*results, strict=True)]


def _layer_backward(*operands: Any) -> list[Tensor]:
    whole = Backward(*operands)
    if 0 in whole.x.shape[:-1]:
        return [whole.x.new_zeros(shape) for shape in _gradient_shapes(whole)]
    members = members_of(whole)
    there = [w is not None for one in roles(whole.directions, whole.weights) for w in one]
    needed = [*whole.needed[:3], *(has and whole.needed[3] for has in there)]
    ready = _ready([member.forward for member in members], whole.weights[0])
    found = []
    for member, (call, _) in zip(members, ready, strict=True):
        dx, dh0, dc0, *d_weights = layer_gradients(
            call,
            (member.x, member.h0, member.c0, member.y),
            list(member.kept) or [None] * whole.directions,
            (member.dy, member.dh_n, member.dc_n),
            needed,
        )
        found.append([dx, dh0, dc0, *(d for d, has in zip(d_weights, there, strict=True) if has)])
    empty = whole.x.new_empty
    results = []
    for each, wanted in zip(zip(*found, strict=True), whole.wanted, strict=True):
        parts = [part for part in each if part is not None and wanted]
        results.append(
            empty(0) if not parts else torch.stack(parts) if whole.x.dim() == 4 else parts[0]
        )
    return results


def _result_shapes(call: Forward) -> list[tuple[Any, ...]]:
    kind = kind_of(call)
    *lead, steps, batch, _ = call.x.shape
    shapes: list[tuple[Any, ...]] = [
        (*lead, steps, batch, call.directions * kind.width),
        (*lead, call.directions, batch, kind.width),
    ]
    if kind.states:
        shapes.append((*lead, call.directions, batch, kind.states * kind.hidden))
    rows, padded = tape_shape(call.cell, kind.hidden, call.x.dtype) if call.keep else (0, 0)
    if rows:
        shapes += [(*lead, steps, batch, rows, padded)] * call.directions
    return shapes


def _gradient_shapes(call: Backward) -> list[tuple[Any, ...]]:
    kind = kind_of(call.forward)
    *lead, _, batch, _ = call.x.shape
    shapes: list[tuple[Any, ...]] = [
        tuple(call.x.shape),
        (*lead, call.directions, batch, kind.width),
        (*lead, call.directions, batch, kind.states * kind.hidden),
        *(tuple(weight.shape) for weight in call.weights),
    ]
    return [shape if need else (0,) for shape, need in zip(shapes, call.wanted, strict=True)]


def _fake_layer(*operands: Any) -> list[Tensor]:
    call = Forward(*operands)
    return [call.x.new_empty(shape) for shape in _result_shapes(call)]


def _fake_backward(*operands: Any) -> list[Tensor]:
    call = Backward(*operands)
    return [call.x.new_empty(shape) for shape in _gradient_shapes(call)]


LIBRARY.impl("layer", _layer, "CPU")
LIBRARY.impl("layer_backward", _layer_backward, "CPU")
torch.library.register_fake("glasscell::layer", _fake_layer, lib=LIBRARY)
torch.library.register_fake("glasscell::layer_backward", _fake_backward, lib=LIBRARY)
