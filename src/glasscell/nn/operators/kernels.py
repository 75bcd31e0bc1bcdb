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
from glasscell.nn.names import ROLES, places
from glasscell.nn.operators.owners import Owner, owners_of
from glasscell.nn.operators.schema import (
    LIBRARY,
    Backward,
    Forward,
    Maybe,
    cell_of,
    kind_of,
    members_of,
    mode_for,
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


def _require_fit(call: Forward) -> None:
    """Check what else an operator may be given, whose memory the kernels read by its address.

    Raises:
        ShapeError, DtypeError: States, vectors or masks do not fit the input and the weights.
    """
    kind, cell = kind_of(call), cell_of(call.cell)
    *lead, steps, batch, _ = call.x.shape
    both = *lead, call.directions
    wanted: dict[str, tuple[Maybe, tuple[int, ...]]] = {
        "h0": (call.h0, (*both, batch, kind.width)),
        "c0": (call.c0, (*both, batch, kind.states * kind.hidden)),
    }
    if call.masks is not None:
        rows = steps if call.masks.dim() == len(both) + 4 and call.masks.shape[-4] > 1 else 1
        count = len(cell.program.masks)
        wanted["masks"] = call.masks, (*both, rows, batch, count, kind.hidden)
    for d, own in enumerate(roles(call)):
        for name, vector in zip(cell.program.vectors, own[len(ROLES) :], strict=True):
            wanted[f"{name} of direction {d}"] = vector, (*lead, kind.hidden)
    for name, (tensor, shape) in wanted.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ShapeError(f"{name}: expected {shape}, got {tuple(tensor.shape)}")
        if tensor is not None and tensor.dtype is not call.x.dtype:
            raise DtypeError(f"{name}: expected {call.x.dtype} as x, got {tensor.dtype}")


def _ready(members: Sequence[Forward], whole: Tensor) -> list[tuple[Call, Owner]]:
    """Pack weights; the owners must live as long as the calls, which hold them weakly."""
    kind = kind_of(members[0])
    sizes = kind.hidden, kind.width if kind.projected else 0
    owners = owners_of(members[0].cell, [each.weights[0] for each in members], whole, *sizes)
    both = members[0].directions == 2
    mode, cell = mode_for(members[0].cell), cell_of(members[0].cell)
    more = cell.program.vectors, cell.recurrent == "full"
    layer = places(1, both, kind.bias, kind.projected, *more)[0]
    ready = []
    for owner, member in zip(owners, members, strict=True):
        layout = Layout(lengths=_array(member.lengths), reset=_array(member.reset))
        call = Call(ref(owner), mode, layer, layout, masks=_each(member.masks))  # type: ignore[arg-type]
        call.prepare(roles(member), member.x)
        ready.append((call, owner))
    return ready


def _each(masks: Maybe) -> list[Tensor] | None:
    return None if masks is None else [own.contiguous() for own in masks]


def _side_by_side(states: Maybe) -> Maybe:
    """Give the states after the hidden one as the operators have them."""
    return states if states is None or states.dim() == 3 else states.flatten(-2)


def _array(tensor: Maybe) -> Any:
    return None if tensor is None else tensor.contiguous().numpy()


def _layer(*operands: Any) -> list[Tensor]:
    whole = Forward(*operands)
    if 0 in whole.x.shape[:-1]:
        return [whole.x.new_zeros(shape) for shape in _result_shapes(whole)]
    _require_lengths(whole)
    _require_fit(whole)
    members, results = members_of(whole), list[list[Tensor]]()
    for member, (call, owner) in zip(members, _ready(members, whole.weights[0]), strict=True):
        if not whole.keep:
            tapes_of(owner).clear()  # type: ignore[arg-type]
        result, kept = run(call, member.x, member.h0, member.c0, whole.keep)
        y, h_n, c_n = result
        parts = y, h_n, _side_by_side(c_n), *kept
        results.append([part for part in parts if part is not None])
    if whole.x.dim() == 3:
        return results[0]
    return [torch.stack(each) for each in zip(*results, strict=True)]


def _layer_backward(*operands: Any) -> list[Tensor]:
    whole = Backward(*operands)
    if 0 in whole.x.shape[:-1]:
        return [whole.x.new_zeros(shape) for shape in _gradient_shapes(whole)]
    members = members_of(whole)
    there = [w is not None for one in roles(whole) for w in one]
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
        dc0 = _side_by_side(dc0)
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
