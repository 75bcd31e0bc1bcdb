"""Which class stands for which: from torch's recurrent modules to ours, and back.

A module changes sides by its `__class__` alone; parameters, hooks and everything else stay. The
class that it gets is made here, of its own class and of ours, see docs/decisions/convert.md: an
instance of both, and equal to its own class wherever classes are compared or looked up.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABCMeta
from collections.abc import Iterator
from types import CodeType
from typing import Any

from torch.nn import Module
from torch.nn.utils.parametrize import is_parametrized

from glasscell.nn.checkpoint import SETTING
from glasscell.nn.packed_weights import ATTRIBUTE
from glasscell.nn.variants import START

__all__ = ["converted_class", "pair", "reason_to_stay", "restore_module", "restored_copy", "swap"]

_ORIGINAL = "_glasscell_original"
_OURS = (ATTRIBUTE, SETTING, START)
# What torch's forward pass calls on its way and ours does not.
_CALLED = (
    "check_input",
    "check_hidden_size",
    "check_forward_args",
    "permute_hidden",
    "get_expected_hidden_size",
    "get_expected_cell_size",
)
# What ours reads past any property.
_READ = (
    "mode",
    "input_size",
    "hidden_size",
    "num_layers",
    "bias",
    "batch_first",
    "dropout",
    "bidirectional",
    "proj_size",
    "nonlinearity",
    "training",
)

_ours: dict[type[Module], type[Module]] = {}
_made: dict[type[Module], type[Module]] = {}


def pair(ours: type[Module], theirs: type[Module]) -> None:
    """Register a class of ours as what stands for a class of torch's."""
    _ours[theirs] = ours


class _Standing(type):
    """The class of converted classes: one that is equal to the class that it stands for.

    Programs keep tables from exact classes to what they do for them.
    """

    def mro(cls) -> list[type]:
        """Put `_Unannounced` before the user's classes; as a base it would change the layout."""
        order = super().mro()
        return order if _Unannounced in order else [order[0], _Unannounced, *order[1:]]

    def __eq__(cls, other: object) -> bool:
        return _stands_for(cls) is _stands_for(other)

    def __hash__(cls) -> int:
        return type.__hash__(_stands_for(cls))


def _stands_for(cls: Any) -> Any:
    return vars(cls).get(_ORIGINAL, cls) if isinstance(cls, _Standing) else cls


class _Unannounced:
    """Comes next to a converted class: hooks on subclassing are for the user's own."""

    __slots__ = ()

    def __init_subclass__(cls, **_: Any) -> None:
        pass


def converted_class(module: Module) -> type[Module] | None:
    """Give the class of ours for a module, None if there is none or it is ours already."""
    return None if reason_to_stay(module) is not None else _class_for(module)


def reason_to_stay(module: Module) -> str | None:
    """Say why a module has no class of ours, "it is ours already" too; None if it has one."""
    cls = _base(module)
    theirs = _theirs(cls)
    if theirs is None:
        return f"it is a {cls.__module__}.{cls.__name__}, for which glasscell has no class"
    if issubclass(cls, _ours[theirs]):
        return "it is glasscell's already"
    if "forward" in vars(module):
        return "its forward was replaced on the object"
    for name in ("forward", "__call__"):
        if not all(_goes_on(function, name) for function in _own(cls, theirs, name)):
            return f"its class has a {name} of its own that does not end in super().{name}"
    for name in (*_CALLED, *_READ):
        if any(name in _CALLED or hasattr(own, "__set__") for own in _own(cls, theirs, name)):
            return f"its class has a {name} of its own, which glasscell's forward would not heed"
    return None


def _base(module: Module) -> type[Module]:
    """Give a module's class without the one that parametrize put before it."""
    cls = type(module)
    return cls.__bases__[0] if is_parametrized(module) else cls


def _theirs(cls: type[Module]) -> type[Module] | None:
    return next((theirs for theirs in _ours if issubclass(cls, theirs)), None)


def _own(cls: type[Module], theirs: type[Module], name: str) -> Iterator[Any]:
    """Give what a name stands for in the user's classes, which come before torch's own."""
    for each in cls.__mro__:
        if each is theirs:
            return
        if name in vars(each):
            yield vars(each)[name]


def _goes_on(function: Any, name: str) -> bool:
    """Tell whether a method calls super()'s: that of the next class, which will be ours."""
    names, codes = set[str](), [getattr(inspect.unwrap(function), "__code__", None)]
    while codes:
        code = codes.pop()
        if code is not None:
            names.update(code.co_names)
            codes += [each for each in code.co_consts if isinstance(each, CodeType)]
    return {"super", name} <= names


def _class_for(module: Module) -> type[Module]:
    converted = _converted(_base(module))
    return _rebased(type(module), converted) if is_parametrized(module) else converted


def _converted(cls: type[Module]) -> type[Module]:
    if cls not in _made:
        _made[cls] = _make(cls)
    return _made[cls]


def _make(cls: type[Module]) -> type[Module]:
    """Make a class with our forward pass, which pickles as a conversion of the original."""
    theirs = _theirs(cls)
    assert theirs is not None
    ours = _ours[theirs]
    plain = cls is theirs

    def reduce(self: Module, protocol: Any) -> tuple[Any, tuple[Any], Any]:
        return _blank, (cls,), self.__getstate__()  # type: ignore[no-untyped-call]

    named = ours if plain else cls
    body = {
        "__module__": named.__module__,
        "__qualname__": named.__qualname__,
        "__doc__": named.__doc__,
        "__slots__": (),
        "__reduce_ex__": reduce,
        _ORIGINAL: cls,
    }
    meta = _standing(type(cls))
    # Not by calling the metaclass: a user's may keep a register of classes.
    maker = ABCMeta if issubclass(meta, ABCMeta) else type
    bases = (ours,) if plain else (cls, ours)
    made: type[Module] = maker.__new__(meta, named.__name__, bases, body)
    return made


def _standing(meta: Any) -> Any:
    """Give `_Standing` on top of a class's metaclass."""
    return _Standing if meta is type else type("_Standing", (_Standing, meta), {})


def _blank(cls: type[Module]) -> Module:
    """Make an empty converted module for unpickling."""
    converted = _converted(cls)
    return converted.__new__(converted)


def _rebased(cls: type[Module], base: type[Module]) -> type[Module]:
    """Make parametrize's class again on another base; its properties look at the module only."""
    body = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    return type(cls.__name__, (base,), body)


def _original_class(module: Module) -> type[Module] | None:
    original = _original(_base(module))
    if original is None or not is_parametrized(module):
        return original
    return _rebased(type(module), original)


def _original(cls: type[Module]) -> type[Module] | None:
    for theirs, ours in _ours.items():
        if cls is ours:
            return theirs
    original: type[Module] | None = vars(cls).get(_ORIGINAL)
    return original


def swap(module: Module) -> bool:
    """Make a torch module ours, if there is a class for it; tell whether there was."""
    cls = converted_class(module)
    if cls is not None:
        _become(module, cls)
    return cls is not None


def _become(module: Module, cls: type[Module]) -> None:
    object.__setattr__(module, "__class__", cls)  # past a __setattr__ of the user's


def restore_module(module: Module) -> None:
    """Make a module of ours torch's again, if it is one."""
    cls = _original_class(module)
    if cls is not None:
        for attribute in _OURS:
            module.__dict__.pop(attribute, None)
        _become(module, cls)


def restored_copy(module: Module) -> Module:
    """Give torch's own module over the same parameters, and leave this one alone."""
    plain = copy.copy(module)
    restore_module(plain)
    return plain
