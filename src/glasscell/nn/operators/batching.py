"""`torch.vmap` over the operators: more sequences in a batch, or more members.

Where the weights are shared, what is mapped over joins the batch: one call on more rows. Where they
are not (ensembles), or where each sequence wants its own gradient of the weights, the first axis of
members holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from glasscell.nn.operators.schema import LIBRARY, Backward, Forward

__all__: list[str] = []


def _joins_batch(tensor: Tensor, at: int | None, size: int, axis: int) -> Tensor:
    """Fold the mapped axis of a tensor into its batch.

    Args:
        tensor: As it came.
        at: Where the mapped axis is, None for none.
        size: Of the mapped axis.
        axis: Where the batch is without the mapped axis, from the end.
    """
    if at is None:
        before = tensor.dim() + axis
        wide = tensor.unsqueeze(before)
        wide = wide.expand(*wide.shape[:before], size, *wide.shape[before + 1 :])
    else:
        wide = tensor.movedim(at, axis - 1)
    return wide.flatten(axis - 1, axis)


def _unflatten(tensor: Tensor, axis: int, size: int) -> Tensor:
    wide: Tensor = tensor.unflatten(axis, (size, -1))  # type: ignore[no-untyped-call]
    return wide


def _leaves_batch(tensor: Tensor, size: int, axis: int) -> tuple[Tensor, int | None]:
    """Undo `_joins_batch`; also say where the mapped axis is."""
    wide = _unflatten(tensor, axis, size)
    return wide, wide.dim() + axis - 1


def _joins_members(tensor: Tensor, at: int | None, size: int, members: bool) -> Tensor:
    """Make the mapped axis one of members, together with the one that is there."""
    if at is None:
        wide = tensor.unsqueeze(0).expand(size, *tensor.shape)
    else:
        wide = tensor if at == 0 else tensor.movedim(at, 0)
    return wide.flatten(0, 1) if members else wide


def _leaves_members(tensor: Tensor, size: int, members: bool) -> tuple[Tensor, int | None]:
    if not tensor.numel() and tensor.dim() == 1:
        return tensor, None
    if not members:
        return tensor, 0
    return _unflatten(tensor, 0, size), 0


def _each(
    function: Callable[..., Tensor], tensors: Sequence[Tensor], at: Any, *more: Any
) -> list[Tensor]:
    places = [None] * len(tensors) if at is None else at
    return [function(t, place, *more) for t, place in zip(tensors, places, strict=True)]


def _mapped(at: Any) -> bool:
    return at is not None and any(place is not None for place in at)


def _layer(info: Any, at: Sequence[Any], *operands: Any) -> tuple[list[Tensor], list[int | None]]:
    call, size = Forward(*operands), info.batch_size
    places = Forward(*at, *[None] * (len(call) - len(at)))
    members = call.x.dim() - (places.x is not None) == 4
    operator = torch.ops.glasscell.layer.default
    if _mapped(places.weights):
        results = operator(*_as_members(call, places, size, members))
        pairs = [_leaves_members(tensor, size, members) for tensor in results]
    else:
        results = operator(*_as_batch(call, places, size))
        # The tape of a step is (K, Hp): it has one axis more after the batch.
        depth = results[0].dim()
        pairs = [_leaves_batch(t, size, -2 - (t.dim() - depth)) for t in results]
    return [tensor for tensor, _ in pairs], [place for _, place in pairs]


def _layer_backward(
    info: Any, at: Sequence[Any], *operands: Any
) -> tuple[list[Tensor], list[int | None]]:
    call, size = Backward(*operands), info.batch_size
    places = Backward(*at)
    members = call.x.dim() - (places.x is not None) == 4
    operator = torch.ops.glasscell.layer_backward.default
    if _mapped(places.weights) or call.needed[3]:
        results = operator(*_as_members(call, places, size, members))
        pairs = [_leaves_members(tensor, size, members) for tensor in results]
    else:
        results = operator(*_as_batch(call, places, size))
        pairs = [
            _leaves_batch(t, size, -2) if need else (t, None)
            for t, need in zip(results, call.wanted, strict=True)
        ]
    return [tensor for tensor, _ in pairs], [place for _, place in pairs]


def _as_members(call: Any, places: Any, size: int, members: bool) -> Any:
    """Give a call with the mapped axis among its members."""
    changed: dict[str, Any] = {}
    for name, operand, place in zip(call._fields, call, places, strict=True):
        if isinstance(operand, Tensor):
            changed[name] = _joins_members(operand, place, size, members)
        elif name in ("weights", "kept"):
            changed[name] = _each(_joins_members, operand, place, size, members)
    return call._replace(**changed)


_AXIS = {"lengths": -1, "reset": -1, "kept": -3, "masks": -3}
"""Where the batch is in an operand, from the end; -2 in all others."""


def _as_batch(call: Any, places: Any, size: int) -> Any:
    """Give a call with the mapped axis in its batch."""
    changed: dict[str, Any] = {}
    for name, operand, place in zip(call._fields, call, places, strict=True):
        axis = _AXIS.get(name, -2)
        if isinstance(operand, Tensor):
            changed[name] = _joins_batch(operand, place, size, axis)
        elif name == "kept":
            changed[name] = _each(_joins_batch, operand, place, size, axis)
    return call._replace(**changed)


def _register(name: str, rule: Callable[..., Any]) -> None:
    def batched(_: Any, *args: Any, **kwargs: Any) -> Any:
        # Imported here: it takes part of torch along that most programs never need.
        from torch._functorch.autograd_function import custom_function_call_vmap_helper
        from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter

        interpreter: Any = retrieve_current_functorch_interpreter()
        operator = getattr(torch.ops.glasscell, name).default
        return custom_function_call_vmap_helper(interpreter, rule, operator, *args, **kwargs)

    LIBRARY.impl(name, batched, "FuncTorchBatched", with_keyset=True)


_register("layer", _layer)
_register("layer_backward", _layer_backward)
