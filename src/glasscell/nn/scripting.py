"""`torch.jit.script` over our layers: torch's own modules for it, and the model as it was.

torch asks each module for one to script in its place, and puts that into the eager model, for good,
also where scripting fails. It has no hook for the end; what it calls next is wrapped for that time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.jit import _recursive as torchs
from torch.nn import Module

from glasscell.nn.classes import restored_copy

__all__ = ["lent"]

_lenders: WeakKeyDictionary[Module, Module] = WeakKeyDictionary()
_create: Any = None


def lent(module: Module) -> Module:
    """Give torch's own module over the same parameters, to stand in a model while it is scripted.

    Args:
        module: Of ours.
    """
    global _create
    plain = restored_copy(module)
    _lenders[plain] = module
    if torchs.create_script_module is not _create_and_give_back:
        _create = torchs.create_script_module
        torchs.create_script_module = _create_and_give_back  # type: ignore[assignment]
    return plain


def _create_and_give_back(model: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return _create(model, *arguments, **options)
    finally:
        torchs.create_script_module = _create
        lenders = {id(plain): module for plain, module in _lenders.items()}
        for module in _all(model, set()):
            for held in (module.__dict__, module._modules):
                for name, each in held.items():
                    if id(each) in lenders:
                        held[name] = lenders[id(each)]


def _all(module: Any, seen: set[int]) -> Iterator[Module]:
    """Give a module and those in it, also where one is kept as a plain attribute."""
    if not isinstance(module, Module) or id(module) in seen:
        return
    seen.add(id(module))
    yield module
    if not isinstance(module, torch.jit.ScriptModule):
        for each in (*module._modules.values(), *module.__dict__.values()):
            yield from _all(each, seen)
