"""Each gate's own weight and bias, in the form in which textbooks write them.

A textbook writes one matrix per gate, acting on the hidden state followed by the input:

    f_t = σ(W_f [h_{t-1}, x_t] + b_f)

torch stores the same numbers as weight_hh and weight_ih, gates stacked, with two biases whose sum
is b. `Textbook` reads and sets the first form of a layer that holds the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.cells.catalogue import CELLS, of
from glasscell.cells.definition import Cell
from glasscell.cells.orders import rows
from glasscell.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from glasscell.arrays import Array

__all__ = ["Textbook", "layer_cell", "layer_gates"]

TEXTBOOK = {"C": "candidate"}
"""Letters of textbooks that are not the cell's own; for the LSTM torch writes g."""


def layer_cell(layer: Any, suffix: str = "") -> Cell:
    """Give the cell of a layer: its own, or the one that the shapes of its weights tell.

    Args:
        layer: Anything with torch's weight attributes.
        suffix: "" for `LayerWeights` and cells, "l0", "l1_reverse", … for a torch module.

    Returns:
        The cell that the layer says it has, as its attribute ``cell``; else the LSTM for 4H rows,
        the GRU for 3H and the plain RNN for H.

    Raises:
        ShapeError: No cell has these rows.
    """
    found = getattr(layer, "cell", None)
    if isinstance(found, Cell):
        return found
    weight_rows = _parameter(layer, "weight_ih", suffix).shape[0]
    hidden_size = _hidden_size(layer, suffix)
    for cell in CELLS.values():
        if weight_rows == cell.gate_count * hidden_size:
            return cell
    blocks = {cell.gate_count: cell.name for cell in CELLS.values()}
    known = ", ".join(f"{count}H ({name})" for count, name in sorted(blocks.items()))
    raise ShapeError(
        f"expected weight_ih with as many rows as a cell's gates, {known}, for H = {hidden_size}, "
        f"got {weight_rows} rows; say which cell it is"
    )


def layer_gates(layer: Any, suffix: str = "") -> tuple[str, ...]:
    """Tell which gates a layer has, as `layer_cell`.

    Args:
        layer: Anything with torch's weight attributes.
        suffix: "" for `LayerWeights` and cells, "l0", "l1_reverse", … for a torch module.

    Returns:
        Their names, in torch's order.

    Raises:
        ShapeError: No cell has these rows.
    """
    return layer_cell(layer, suffix).gate_names


class Textbook:
    """A layer's weights in the form W [h_{t-1}, x_t] + b, one matrix and one bias per gate.

    Reading gives a new NumPy array. Setting writes into the layer's own arrays, in place and in
    their dtype: a matrix is cut into weight_hh (its first P columns) and weight_ih (the other I).
    Setting a bias writes all of it into bias_ih and zeros into bias_hh, since only their sum has a
    meaning.

    An LSTM has W_f W_i W_C W_o, (H, P+I) each, and b_f b_i b_C b_o, (H,) each or None; a plain RNN
    has W_h and b_h. P is proj_size where the layer has one, else H. A GRU has W_r W_z W_n, b_r and
    b_z; its candidate, tanh(W_in x + b_in + r * (W_hn h + b_hn)), has two biases that do not add,
    b_in and b_hn, each of which is read and set alone. Any other cell has the same by its gates'
    letters, and the vectors of its own, like p_i; without a matrix R a W acts on x alone.

    Args:
        layer: A `LayerWeights`, or a recurrent module or cell with torch's attribute names.
        suffix: Which layer and direction of a module: "l0", "l1_reverse", …; default "", for
            `LayerWeights` and for cells.
        cell: What the layer is made of; default as `layer_cell` finds it.

    Raises:
        ShapeError: No cell has the layer's shape, or an array set has a wrong shape.
        DtypeError: `layer` has no such weights.
        AttributeError: The layer has no such gate.
        ValueError: A bias is set where there is none, or a weight that is computed from others.

    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerWeights(weight_ih=np.array([[1.0], [2], [3], [4]]),
    ...                      weight_hh=np.array([[5.0], [6], [7], [8]]),
    ...                      bias_ih=np.ones(4), bias_hh=np.ones(4))
    >>> book = Textbook(layer)
    >>> book.W_f
    array([[6., 2.]])
    >>> book.b_f = np.array([1.5])
    >>> layer.bias_ih, layer.bias_hh
    (array([1. , 1.5, 1. , 1. ]), array([1., 0., 1., 1.]))
    >>> gru = LayerWeights(weight_ih=np.zeros((3, 1)), weight_hh=np.zeros((3, 1)),
    ...                    bias_ih=np.array([1.0, 2, 3]), bias_hh=np.array([10.0, 20, 30]))
    >>> Textbook(gru).b_r, Textbook(gru).b_in, Textbook(gru).b_hn
    (array([11.]), array([3.]), array([30.]))
    """

    _layer: Any
    _suffix: str
    _cell: Cell
    _hidden_size: int

    def __init__(self, layer: Any, suffix: str = "", cell: str | Cell | None = None) -> None:
        # Names without an underscore are gates: see __setattr__.
        self._layer = layer
        self._suffix = suffix
        self._cell = layer_cell(layer, suffix) if cell is None else of(cell)
        self._hidden_size = _hidden_size(layer, suffix)

    def __repr__(self) -> str:
        return f"Textbook({', '.join(self._cell.gate_names)}; H={self._hidden_size})"

    def __dir__(self) -> list[str]:
        """List what can be read: the weights of all gates, biases and vectors."""
        biases = [name for letter in self._cell.gates for name in self._biases(letter)]
        return [*(f"W_{letter}" for letter in self._cell.gates), *biases, *self._cell.vectors]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._cell.program.vectors:
            return _to_numpy(_parameter(self._layer, name, self._suffix))
        kind, gate, roles = self._find(name)
        parts = [self._rows(role, gate) for role in roles]
        if any(part is None for part in parts):
            return None
        arrays = [_to_numpy(part) for part in parts]
        return np.concatenate(arrays, axis=1) if kind == "W" else np.add.reduce(arrays)

    def __setattr__(self, name: str, value: Any) -> None:
        """Write a weight, a bias or a vector into the layer."""
        if name.startswith("_"):
            super().__setattr__(name, value)
        elif name in self._cell.program.vectors:
            target = _parameter(self._layer, name, self._suffix)
            _refuse_computed(self._layer, _attribute(name, self._suffix))
            _assign(target, _checked(value, tuple(target.shape), name, self._cell.name))
        else:
            kind, gate, roles = self._find(name)
            parts = {role: self._rows(role, gate) for role in roles}
            self._write(gate, (self._matrix if kind == "W" else self._bias)(gate, parts, value))

    def _find(self, name: str) -> tuple[str, str, tuple[str, ...]]:
        """Give W or b, the gate's name, and which of torch's arrays its numbers lie in."""
        kind, _, letter = name.partition("_")
        letter = self._letter(letter)
        if kind == "W" and letter in self._cell.gates:
            full = self._cell.recurrent == "full"
            return "W", self._cell.gates[letter], ("weight_hh", "weight_ih")[not full :]
        roles = {own: of_them for gate in self._cell.gates for own, of_them in self._both(gate)}
        if kind == "b" and f"b_{letter}" in roles:
            gate = letter if letter in self._cell.gates else letter[1:]
            return "b", self._cell.gates[gate], roles[f"b_{letter}"]
        raise AttributeError(
            f"expected one of this layer's gates ({', '.join(self._cell.gate_names)}), "
            f"{', '.join(self.__dir__())}, got {name}"
        )

    def _letter(self, letter: str) -> str:
        named = {name: own for own, name in self._cell.gates.items()}
        known = letter in self._cell.gates or letter not in TEXTBOOK
        return letter if known else named.get(TEXTBOOK[letter], letter)

    def _biases(self, letter: str) -> list[str]:
        return [name for name, _ in self._both(letter)]

    def _both(self, letter: str) -> list[tuple[str, tuple[str, ...]]]:
        """Give the names of a gate's biases, and where each lies."""
        if self._cell.recurrent != "full":
            return [(f"b_{letter}", ("bias_ih",))]
        apart = [s.reads for s in self._cell.program.sums if s.gate == letter] != ["xh"]
        if apart:
            return [(f"b_i{letter}", ("bias_ih",)), (f"b_h{letter}", ("bias_hh",))]
        return [(f"b_{letter}", ("bias_ih", "bias_hh"))]

    def _rows(self, role: str, gate: str) -> Any:
        array = _parameter(self._layer, role, self._suffix)
        if array is None:
            return None
        return array[rows(gate, self._hidden_size, self._cell.gate_names)]

    def _matrix(self, gate: str, parts: dict[str, Any], value: Any) -> dict[str, Array]:
        widths = [part.shape[1] for part in parts.values()]
        matrix = _checked(value, (self._hidden_size, sum(widths)), "W", gate)
        cut = np.split(matrix, np.cumsum(widths)[:-1], axis=1)
        return dict(zip(parts, cut, strict=True))

    def _bias(self, gate: str, parts: dict[str, Any], value: Any) -> dict[str, Array]:
        first, *others = parts
        if parts[first] is None:
            raise ValueError(
                f"expected a layer with biases to set b of the {gate} gate, got one without; "
                "make the layer with bias=True"
            )
        bias = _checked(value, tuple(parts[first].shape), "b", gate)
        return {first: bias, **dict.fromkeys(others, np.zeros_like(bias))}

    def _write(self, gate: str, values: Mapping[str, Array]) -> None:
        for name in values:
            _refuse_computed(self._layer, _attribute(name, self._suffix))
        for name, value in values.items():
            _assign(self._rows(name, gate), value)


def _assign(target: Any, value: Array) -> None:
    if hasattr(target, "detach"):
        target = target.detach()
        value = target.new_tensor(value)
    target[...] = value


def _attribute(name: str, suffix: str) -> str:
    return f"{name}_{suffix}" if suffix else name


def _parameter(layer: Any, name: str, suffix: str) -> Any:
    attribute = _attribute(name, suffix)
    array = getattr(layer, attribute, None)
    if array is None and not suffix:
        array = getattr(layer, "vectors", {}).get(name)
    if array is None and name.startswith("weight_") and name != "weight_hr":
        raise DtypeError(
            f"expected a layer with an array {attribute}, got {type(layer).__name__}; "
            "name the layer and direction of a module with suffix, as in suffix='l0'"
        )
    return array


def _hidden_size(layer: Any, suffix: str) -> int:
    projection = _parameter(layer, "weight_hr", suffix)
    if projection is not None:
        return int(projection.shape[1])
    size = getattr(layer, "hidden_size", None)
    return size if isinstance(size, int) else int(_parameter(layer, "weight_hh", suffix).shape[1])


def _to_numpy(array: Any) -> Array:
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)


def _checked(value: Any, shape: tuple[int, ...], letter: str, gate: str) -> Array:
    array = np.asarray(value)
    if array.shape != shape:
        raise ShapeError(
            f"expected {letter} of the {gate} gate of shape {shape}, got {array.shape}"
        )
    return array


def _refuse_computed(layer: Any, attribute: str) -> None:
    # A parametrized weight is recomputed from its originals, so what one writes would vanish.
    if not hasattr(layer, "named_parameters"):
        return
    if attribute not in dict(layer.named_parameters(recurse=False)):
        raise ValueError(
            f"expected {attribute} to be a parameter of its own, got one that is computed from "
            "others; remove the parametrization before setting a gate"
        )
