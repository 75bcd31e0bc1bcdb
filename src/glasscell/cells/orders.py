"""The names of the gates and the orders in which they lie in memory.

This is the one place that knows any order but a cell's own, which is torch's. A layer stores its
gates in one array of blocks of H rows; libraries differ in which block is whose::

              LSTM                                            GRU
    torch     input  forget  candidate  output    i f g o     reset  update  candidate    r z n
    Keras     input  forget  candidate  output    i f c o     update  reset  candidate    z r h
    ONNX      input  output  forget  candidate    i o f c     update  reset  candidate    z r h
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from glasscell.cells.catalogue import CELLS
from glasscell.errors import ShapeError

if TYPE_CHECKING:
    from glasscell.arrays import Array

__all__ = [
    "HIDDEN",
    "KERAS",
    "ONNX",
    "TAPE",
    "TORCH",
    "join",
    "order_of",
    "permutation",
    "reorder",
    "rows",
    "split",
]

TORCH = ("input", "forget", "candidate", "output")
KERAS = ("input", "forget", "candidate", "output")
ONNX = ("input", "output", "forget", "candidate")
TAPE = (*TORCH, "cell")
HIDDEN = ("hidden",)

_UPDATE_FIRST = ("update", "reset", "candidate")
_OTHERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "torch": (),
    "keras": (KERAS, _UPDATE_FIRST),
    "onnx": (ONNX, _UPDATE_FIRST),
}


def order_of(library: str, gates: Sequence[str]) -> tuple[str, ...]:
    """Give the order in which a library stores the gates of a cell.

    Args:
        library: "torch", "keras" or "onnx".
        gates: Names of the cell's gates, in any order.

    Returns:
        The same names, in the library's order.

    Raises:
        ValueError: Another library, or gates of a cell that it does not have.

    Notes:
        Keras' GRU with ``reset_after=True`` and ONNX's with ``linear_before_reset=1`` compute what
        torch's does; in their other form the reset gate acts before the product.

    >>> order_of("onnx", ("reset", "update", "candidate"))
    ('update', 'reset', 'candidate')
    """
    if library not in _OTHERS:
        raise ValueError(f"expected a library out of {', '.join(_OTHERS)}, got {library!r}")
    for order in (*_OTHERS[library], *(cell.gate_names for cell in CELLS.values())):
        if sorted(order) == sorted(gates):
            return order
    raise ValueError(f"expected the gates of a cell that {library} has, got {tuple(gates)}")


def permutation(source: Sequence[str], target: Sequence[str]) -> tuple[int, ...]:
    """Say which block of `source` goes to each place of `target`.

    Args:
        source: Gate names in the order that the array has.
        target: The same names in the order that is wanted.

    Returns:
        One index for each place: ``target[k] == source[permutation[k]]``.

    Raises:
        ValueError: The two orders do not name the same gates.

    >>> permutation(ONNX, TORCH)
    (0, 2, 3, 1)
    """
    if sorted(source) != sorted(target):
        raise ValueError(
            f"expected two orders of the same gates, got {tuple(source)} and {tuple(target)}"
        )
    return tuple(list(source).index(gate) for gate in target)


def rows(gate: str, hidden_size: int, order: Sequence[str] = TORCH) -> slice:
    """Give the rows of one gate in an array of ``len(order) * hidden_size`` rows.

    >>> rows("candidate", 8)
    slice(16, 24, None)
    """
    if gate not in order:
        raise ValueError(f"expected a gate out of {tuple(order)}, got {gate!r}")
    start = list(order).index(gate) * hidden_size
    return slice(start, start + hidden_size)


def split(array: Array, order: Sequence[str] = TORCH) -> dict[str, Array]:
    """Cut an array of stacked gates into one view per gate.

    Args:
        array: (len(order) * H, ...).
        order: Names of the blocks, top to bottom; default torch's.

    Returns:
        gate name to (H, ...), views into `array`, in `order`.

    Raises:
        ShapeError: The first axis cannot be cut into that many equal blocks.

    >>> split(np.arange(8), ONNX)["forget"]
    array([4, 5])
    """
    if array.ndim == 0 or array.shape[0] % len(order):
        raise ShapeError(
            f"expected a first axis of {len(order)} * H rows for the gates {', '.join(order)}, "
            f"got shape {array.shape}"
        )
    hidden_size = array.shape[0] // len(order)
    return {gate: array[rows(gate, hidden_size, order)] for gate in order}


def join(parts: Mapping[str, Array], order: Sequence[str] = TORCH) -> Array:
    """Stack one array per gate, (H, ...) each, into one of ``len(order) * H`` rows: undoes `split`.

    >>> join({"forget": [2], "input": [1], "output": [4], "candidate": [3]})
    array([1, 2, 3, 4])
    """
    return np.concatenate([parts[gate] for gate in order])


def reorder(array: Array, source: Sequence[str], target: Sequence[str]) -> Array:
    """Copy an array of stacked gates from one order into another.

    >>> reorder(np.array([1, 4, 2, 3]), ONNX, TORCH)
    array([1, 2, 3, 4])
    """
    permutation(source, target)
    return join(split(array, source), target)
