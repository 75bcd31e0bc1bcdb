"""Which class stands for which: from torch's recurrent modules to ours, and back.

A module changes sides by its `__class__` alone; parameters, hooks and everything else stay. Classes
made here on the way are subclasses of two kinds: of a user's subclass of a torch module, and of the
class that `torch.nn.utils.parametrize` makes for a module.
"""

from __future__ import annotations

import copy
from typing import Any

from torch.nn import Module
from torch.nn.utils.parametrize import is_parametrized

from glasscell.nn.packing import ATTRIBUTE

__all__ = ["OVERRIDES", "converted_class", "pair", "restore_module", "restored_copy", "swap"]

_ORIGINAL = "_glasscell_original"
_OURS = (ATTRIBUTE, "checkpoint")
OVERRIDES = (
    "forward",
    "__call__",
    "check_input",
    "check_hidden_size",
    "check_forward_args",
    "permute_hidden",
    "get_expected_hidden_size",
    "get_expected_cell_size",
)
"""What a class may have of its own that our forward pass would not honour."""

_ours: dict[type[Module], type[Module]] = {}
_made: dict[type[Module], type[Module] | None] = {}


def pair(ours: type[Module], theirs: type[Module]) -> None:
    """Register a class of ours as what stands for a class of torch's."""
    _ours[theirs] = ours


def converted_class(module: Module) -> type[Module] | None:
    """Give the class of ours for a module, None if there is none or it is ours already."""
    cls = type(module)
    if "forward" in vars(module):
        return None
    if not is_parametrized(module):
        return _converted(cls)
    base = _converted(cls.__bases__[0])
    return None if base is None else _rebased(cls, base)


def _converted(cls: type[Module]) -> type[Module] | None:
    if cls in _ours:
        return _ours[cls]
    if cls not in _made:
        _made[cls] = None
        for theirs, ours in _ours.items():
            if issubclass(cls, theirs) and not (issubclass(cls, ours) or _overrides(cls, theirs)):
                _made[cls] = _mixed(cls, ours)
    return _made[cls]


def _overrides(cls: type[Module], theirs: type[Module]) -> bool:
    """Whether a user's class changes something that our forward pass would not honour."""
    return any(getattr(cls, name, None) is not getattr(theirs, name, None) for name in OVERRIDES)


def _mixed(cls: type[Module], ours: type[Module]) -> type[Module]:
    """Make the user's class with our forward pass, which pickles as a conversion of the user's."""

    def reduce(self: Module, protocol: Any) -> tuple[Any, tuple[Any], Any]:
        return _blank, (cls,), self.__getstate__()  # type: ignore[no-untyped-call]

    body = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__reduce_ex__": reduce,
        _ORIGINAL: cls,
    }
    return type(cls.__name__, (cls, ours), body)


def _blank(cls: type[Module]) -> Module:
    """Make an empty converted module for unpickling."""
    converted = _converted(cls)
    assert converted is not None
    return converted.__new__(converted)


def _rebased(cls: type[Module], base: type[Module]) -> type[Module]:
    """Make parametrize's class again on another base; its properties look at the module only."""
    body = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    return type(cls.__name__, (base,), body)


def _original_class(module: Module) -> type[Module] | None:
    cls = type(module)
    if is_parametrized(module):
        base = _original(cls.__bases__[0])
        return None if base is None else _rebased(cls, base)
    return _original(cls)


def _original(cls: type[Module]) -> type[Module] | None:
    for theirs, ours in _ours.items():
        if cls is ours:
            return theirs
    original: type[Module] | None = vars(cls).get(_ORIGINAL)
    return original


def swap(module: Module) -> None:
    """Make a torch module ours, if there is a class for it."""
    cls = converted_class(module)
    if cls is not None:
        module.__class__ = cls


def restore_module(module: Module) -> None:
    """Make a module of ours torch's again, if it is one."""
    cls = _original_class(module)
    if cls is not None:
        for attribute in _OURS:
            module.__dict__.pop(attribute, None)
        module.__class__ = cls


def restored_copy(module: Module) -> Module:
    """Give torch's own module over the same parameters, and leave this one alone."""
    plain = copy.copy(module)
    restore_module(plain)
    return plain
