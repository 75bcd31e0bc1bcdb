"""Options of `LSTM`, `GRU`, `RNN` that torch's have not: another cell, other initial parameters.

An option that changes the step makes a `Recurrent` of the cell with that option. It is not an
instance of torch's class: torch's code would compute something else from the same parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch.nn import RNNBase

from glasscell import cells
from glasscell.cells import Cell
from glasscell.cells.catalogue import mode_of
from glasscell.nn import starts
from glasscell.nn.cell_layer import Recurrent
from glasscell.nn.names import ROLES, places

__all__ = ["START", "plain", "start", "variant"]

START = "_glasscell_start"
"""The attribute of a layer that holds how its parameters start: init, forget_bias, lag."""

_TORCHS = ("nonlinearity",)
_ORDER = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
          "bidirectional", "proj_size")  # fmt: skip


def _names(kind: type[Cell]) -> tuple[str, ...]:
    """Give the names of a cell's options but those that torch's layer has too."""
    return tuple(name for name in inspect.signature(kind).parameters if name not in _TORCHS)


def _asked(kind: type[Cell], options: Mapping[str, Any]) -> Cell | None:
    """Give the cell that options ask for, None where they ask for what torch has."""
    asked = {name: options[name] for name in _names(kind) if name in options}
    if not asked:
        return None
    asked |= {name: options[name] for name in _TORCHS if name in options}
    cell = kind(**asked)
    return cell if isinstance(mode_of(cell), Cell) else None


def variant(
    kind: type[Cell], arguments: Sequence[Any], options: Mapping[str, Any]
) -> Recurrent | None:
    """Make the layer that options of a cell ask for.

    Args:
        kind: The class of the cell.
        arguments: Of the constructor of torch's layer.
        options: Its keyword arguments, with those of the cell.

    Returns:
        None where no option changes what the layer computes.

    Raises:
        CellError: Options that exclude each other, or are out of range.
        ValueError: A projection, which only torch's own LSTM has.

    >>> variant(cells.LSTM, (3, 4), {"peephole": True, "num_layers": 2})
    Recurrent(LSTM(peephole=True), 3, 4, num_layers=2)
    """
    given = dict(options)
    order = list(_ORDER)
    if kind is cells.RNN:  # where torch puts it among the others
        order.insert(3, "nonlinearity")
    given |= dict(zip(order, arguments, strict=False))
    cell = _asked(kind, given)
    if cell is None:
        return None
    if given.pop("proj_size", 0):
        raise ValueError(
            f"proj_size: expected 0 with the options of {cell!r}, got {options.get('proj_size')}"
        )
    rest = {k: v for k, v in given.items() if k not in (*_names(kind), *_TORCHS)}
    return Recurrent(cell, **rest)


def plain(kind: type[Cell], options: Mapping[str, Any]) -> dict[str, Any]:
    """Take the cell's options out of a constructor's keyword arguments.

    Raises:
        TypeError: They ask for another cell, which an object of the class cannot be any more.
    """
    cell = _asked(kind, options)
    if cell is not None:
        raise TypeError(
            f"expected the options of {cell!r} in a call of glasscell.nn's own class, got them in "
            f"one that extends it; extend glasscell.nn.Recurrent and give it {cell!r}"
        )
    return {name: value for name, value in options.items() if name not in _names(kind)}


def start(module: RNNBase) -> bool:
    """Set a layer's parameters as its `START` says; False where it says nothing."""
    choice = module.__dict__.get(START)
    if choice is None:
        return False
    cell = cells.of(module.mode)
    starts.check(cell, *choice, bias=module.bias)
    sizes = module.num_layers, module.bidirectional, module.bias, module.proj_size > 0
    layers = [
        {role: getattr(module, name) for role, name in zip(ROLES, place.names, strict=True) if name}
        for layer in places(*sizes)
        for place in layer
    ]
    starts.start(cell, layers, *choice)
    return True
