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

from glasscell.cells.orders import HIDDEN, TORCH, rows
from glasscell.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from glasscell.arrays import Array

__all__ = ["Textbook", "layer_gates"]


def layer_gates(layer: Any, suffix: str = "") -> tuple[str, ...]:
    """Tell from the shapes of its weights which gates a layer has.

    Args:
        layer: Anything with torch's weight attributes.
        suffix: "" for `LayerWeights` and cells, "l0", "l1_reverse", … for a torch module.

    Returns:
        `TORCH` for an LSTM, `HIDDEN` for a plain RNN.

    Raises:
        ShapeError: The rows are neither 4H nor H (a GRU has 3H).
    """
    weight_rows = _parameter(layer, "weight_ih", suffix).shape[0]
    hidden_size = _hidden_size(layer, suffix)
    for order in (TORCH, HIDDEN):
        if weight_rows == len(order) * hidden_size:
            return order
    raise ShapeError(
        f"expected weight_ih with 4H rows (LSTM) or H rows (RNN) for H = {hidden_size}, "
        f"got {weight_rows} rows; other cells have no such gates"
    )


def _weight(gate: str) -> property:
    def read(view: Textbook) -> Array:
        parts = (view._rows(name, gate) for name in ("weight_hh", "weight_ih"))
        return np.concatenate([_to_numpy(part) for part in parts], axis=1)

    def write(view: Textbook, value: Array) -> None:
        hidden, inputs = (view._rows(name, gate) for name in ("weight_hh", "weight_ih"))
        P = hidden.shape[1]
        matrix = _checked(value, (hidden.shape[0], P + inputs.shape[1]), "W", gate)
        view._write(gate, {"weight_hh": matrix[:, :P], "weight_ih": matrix[:, P:]})

    return property(read, write, doc=f"W of the {gate} gate, (H, P+I), hidden part first.")


def _bias(gate: str) -> property:
    def read(view: Textbook) -> Array | None:
        parts = [view._rows(name, gate) for name in ("bias_ih", "bias_hh")]
        if any(part is None for part in parts):
            return None
        total: Array = _to_numpy(parts[0]) + _to_numpy(parts[1])
        return total

    def write(view: Textbook, value: Array) -> None:
        part = view._rows("bias_ih", gate)
        if part is None:
            raise ValueError(
                f"expected a layer with biases to set b of the {gate} gate, got one without; "
                "make the layer with bias=True"
            )
        bias = _checked(value, tuple(part.shape), "b", gate)
        view._write(gate, {"bias_ih": bias, "bias_hh": np.zeros_like(bias)})

    return property(read, write, doc=f"b of the {gate} gate, (H,): torch's two added; or None.")


class Textbook:
    """A layer's weights in the form W [h_{t-1}, x_t] + b, one matrix and one bias per gate.

    Reading gives a new NumPy array. Setting writes into the layer's own arrays, in place and in
    their dtype: a matrix is cut into weight_hh (its first P columns) and weight_ih (the other I).
    Setting a bias writes all of it into bias_ih and zeros into bias_hh, since only their sum has a
    meaning.

    An LSTM has W_f W_i W_C W_o, (H, P+I) each, and b_f b_i b_C b_o, (H,) each or None; a plain RNN
    has W_h and b_h. P is proj_size where the layer has one, else H.

    Args:
        layer: A `LayerWeights`, or a recurrent module or cell with torch's attribute names.
        suffix: Which layer and direction of a module: "l0", "l1_reverse", …; default "", for
            `LayerWeights` and for cells.

    Raises:
        ShapeError: The layer is neither an LSTM nor a plain RNN, or an array set has a wrong shape.
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
    """

    W_f, b_f = _weight("forget"), _bias("forget")
    W_i, b_i = _weight("input"), _bias("input")
    W_C, b_C = _weight("candidate"), _bias("candidate")  # noqa: N815 (the textbook writes b_C)
    W_o, b_o = _weight("output"), _bias("output")
    W_h, b_h = _weight("hidden"), _bias("hidden")

    def __init__(self, layer: Any, suffix: str = "") -> None:
        self._layer = layer
        self._suffix = suffix
        self._order = layer_gates(layer, suffix)
        self._hidden_size = _hidden_size(layer, suffix)

    def __repr__(self) -> str:
        return f"Textbook({', '.join(self._order)}; H={self._hidden_size})"

    def _rows(self, name: str, gate: str) -> Any:
        if gate not in self._order:
            raise AttributeError(
                f"expected one of this layer's gates ({', '.join(self._order)}), got {gate}"
            )
        array = _parameter(self._layer, name, self._suffix)
        return None if array is None else array[rows(gate, self._hidden_size, self._order)]

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
    return int(_parameter(layer, "weight_hh", suffix).shape[1])


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
