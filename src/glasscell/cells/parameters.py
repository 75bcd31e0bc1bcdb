"""The weights of a recurrent network as plain NumPy arrays, under torch's names and in its shapes.

`Config` says what the network is, `LayerWeights` holds one layer in one direction, and
`from_state_dict` / `to_state_dict` go between a flat mapping of names to arrays and a tuple of
layers, refusing anything that does not fit. Letters: I input_size, H hidden_size, P proj_size or H,
G rows of a cell's gates, H for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.catalogue import CELLS, mode_of, of
from glasscell.cells.definition import Cell, described
from glasscell.errors import CellError, DtypeError, ShapeError, WeightFormatError

__all__ = ["MODES", "Array", "Config", "LayerWeights", "from_state_dict", "to_state_dict"]


MODES = tuple(CELLS)

_LEAST = {"input_size": 0, "hidden_size": 1, "num_layers": 1, "proj_size": 0}


@dataclass(frozen=True, kw_only=True)
class Config:
    """What one recurrent network is, without its numbers: all layers and directions.

    Dropout is not here: it belongs to training only.

    Args:
        mode: Torch's own name of the cell: "LSTM", "RNN_TANH", "RNN_RELU" or "GRU"; or a `Cell`,
            which stays one if torch has no name for it.
        input_size: I, features of each step.
        hidden_size: H, units of each layer and direction.
        num_layers: L; default 1.
        bias: Whether the gates have biases; default True.
        batch_first: Whether sequences are (B, T, ·) rather than (T, B, ·); default False.
        bidirectional: Whether each layer also reads the sequence from its end; default False.
        proj_size: P, size of the projected hidden state; default 0, no projection. torch's LSTM
            only.

    Raises:
        WeightFormatError: A field is of the wrong type or outside its range.

    >>> Config(mode="LSTM", input_size=3, hidden_size=5, bidirectional=True).suffixes()
    ('l0', 'l0_reverse')
    >>> Config(mode="GRU", input_size=3, hidden_size=5).gate_rows
    15
    """

    mode: str | Cell
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    bidirectional: bool = False
    proj_size: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.mode, Cell):
            # What torch has a name for is run by its own kernel.
            object.__setattr__(self, "mode", mode_of(self.mode))
        elif self.mode not in MODES:
            raise WeightFormatError(f"expected mode to be one of {MODES}, got {self.mode!r}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise WeightFormatError(f"expected {name} to be an int >= {least}, got {value!r}")
        for name in ("bias", "batch_first", "bidirectional"):
            if type(getattr(self, name)) is not bool:
                raise WeightFormatError(
                    f"expected {name} to be true or false, got {getattr(self, name)!r}"
                )
        if self.proj_size and self.mode not in PROJECTED:
            raise WeightFormatError(
                f"expected proj_size 0 for {self.cell_name}, got {self.proj_size}; torch's "
                f"{' and '.join(PROJECTED)} alone has a projection"
            )
        if self.proj_size >= self.hidden_size:
            raise WeightFormatError(
                f"expected proj_size < hidden_size = {self.hidden_size}, got {self.proj_size}"
            )

    @property
    def cell(self) -> Cell:
        """The cell that every layer is made of."""
        return of(self.mode)

    @property
    def cell_name(self) -> str:
        """What the cell is called: torch's mode, or its own name."""
        return self.mode if isinstance(self.mode, str) else self.mode.name

    def description(self) -> dict[str, Any]:
        """Give all of it as texts and numbers, for a JSON file; undone by `from_description`.

        A cell that has no name of torch's comes with its own description, as "cell".

        >>> Config(mode="GRU", input_size=3, hidden_size=5).description()["mode"]
        'GRU'
        """
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        if isinstance(self.mode, Cell):
            found |= {"mode": self.mode.name, "cell": self.mode.description()}
        return found

    @classmethod
    def from_description(cls, given: Mapping[str, Any]) -> Self:
        """Build what `description` gave, after it came out of a file; no code of it runs.

        Raises:
            WeightFormatError: A field is unknown, damaged or out of range.
        """
        found = dict(given)
        if extra := found.keys() - {"cell", *(each.name for each in fields(cls))}:
            raise WeightFormatError(f"expected no field {', '.join(sorted(extra))}")
        if "cell" in found:
            try:
                cell = described(found.pop("cell"))
            except CellError as error:
                raise WeightFormatError(str(error)) from None
            if found.get("mode") != cell.name:
                raise WeightFormatError(
                    f"expected mode to be the name of the cell, {cell.name!r}, got "
                    f"{found.get('mode')!r}"
                )
            found["mode"] = cell
        elif isinstance(found.get("mode"), Cell):
            raise WeightFormatError("expected mode as a text, got a cell")
        missing = {"mode", "input_size", "hidden_size"} - found.keys()
        if missing:
            raise WeightFormatError(f"expected a field {', '.join(sorted(missing))}, got none")
        return cls(**found)

    @property
    def directions(self) -> int:
        """D: 2 when bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """P: width of the hidden state of one direction."""
        return self.proj_size or self.hidden_size

    @property
    def gate_rows(self) -> int:
        """G, rows of weight_ih: H for each gate, so 4H for an LSTM."""
        return self.cell.gate_count * self.hidden_size

    def suffixes(self) -> tuple[str, ...]:
        """Give torch's suffix of each layer and direction, in torch's order."""
        ends = ("", "_reverse")[: self.directions]
        return tuple(f"l{layer}{end}" for layer in range(self.num_layers) for end in ends)

    def layer_input_size(self, layer: int) -> int:
        """Give the width of what one layer reads: I for the first, D * P for the others."""
        return self.directions * self.output_size if layer else self.input_size

    def shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Give the name, without suffix, and shape of each array of one layer and direction.

        >>> Config(mode="RNN_TANH", input_size=3, hidden_size=5, bias=False).shapes(0)
        {'weight_ih': (5, 3), 'weight_hh': (5, 5)}
        """
        cell, G = self.cell, self.gate_rows
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (G, self.layer_input_size(layer))}
        # Without R there is nothing for a second bias to be added to.
        full = cell.recurrent == "full"
        if full:
            shapes["weight_hh"] = (G, self.output_size)
        if self.bias:
            shapes |= dict.fromkeys(("bias_ih", "bias_hh") if full else ("bias_ih",), (G,))
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes | dict.fromkeys(cell.program.vectors, (self.hidden_size,))


PROJECTED = ("LSTM",)
"""The modes for which torch has a projection."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerWeights:
    """The arrays of one layer in one direction, all of one dtype.

    The gates are stacked in torch's order, see `glasscell.cells`; G is H for each of them, 4H for
    an LSTM.

    Args:
        weight_ih: (G, I); acts on the input.
        weight_hh: (G, P); acts on the hidden state. (0, H) of a cell without such a matrix.
        bias_ih: (G,); None without biases.
        bias_hh: As bias_ih; the two are added, but where a cell reads W x and R h apart.
        weight_hr: (P, H), projection of the hidden state; None without.
        vectors: Letter to (H,) of a cell's parameters with one number a unit; default none.
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array | None = None
    bias_hh: Array | None = None
    weight_hr: Array | None = None
    vectors: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def named(cls, arrays: Mapping[str, Array], hidden_size: int | None = None) -> LayerWeights:
        """Build a layer from arrays by torch's name without suffix: undoes `arrays`.

        Args:
            arrays: Names to arrays; what torch has no name for is a vector.
            hidden_size: H, of a cell with neither a matrix R nor vectors to tell it.

        >>> layer = LayerWeights.named({"weight_ih": np.ones((2, 3)), "u_f": np.ones(2)})
        >>> layer.weight_hh.shape, list(layer.vectors)
        ((0, 2), ['u_f'])
        """
        known = {name: array for name, array in arrays.items() if name in _STACKED}
        vectors = {name: array for name, array in arrays.items() if name not in _STACKED}
        if "weight_hh" not in known:
            sizes = [len(vector) for vector in vectors.values()]
            H = hidden_size or (sizes[0] if sizes else known["weight_ih"].shape[0])
            known["weight_hh"] = np.empty((0, H), known["weight_ih"].dtype)
        return LayerWeights(**known, vectors=vectors)

    def arrays(self) -> dict[str, Array]:
        """Give the arrays that this layer has, by torch's name without suffix."""
        found = {name: getattr(self, name) for name in _STACKED}
        has = {name: array for name, array in found.items() if array is not None and len(array)}
        return has | dict(self.vectors)


_STACKED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def from_state_dict(
    config: Config, arrays: Mapping[str, Array], prefix: str = ""
) -> tuple[LayerWeights, ...]:
    """Build the layers of a network out of a mapping of torch's names to arrays, without copying.

    Args:
        config: What the network is.
        arrays: Torch's state_dict, as NumPy arrays; all float32 or all float64.
        prefix: What stands before each name, with its dot ("encoder."); default "". Names that do
            not begin with it are left alone.

    Returns:
        One `LayerWeights` per layer and direction, in the order of `Config.suffixes`.

    Raises:
        WeightFormatError: A name is missing or unexpected.
        ShapeError: An array has not the shape that `config` asks for.
        DtypeError: Something is no array, is neither float32 nor float64, or they are mixed.

    >>> config = Config(mode="RNN_TANH", input_size=1, hidden_size=1, bias=False)
    >>> weights = {"rnn.weight_ih_l0": np.ones((1, 1)), "rnn.weight_hh_l0": np.zeros((1, 1))}
    >>> from_state_dict(config, weights, "rnn.")[0].weight_ih
    array([[1.]])
    """
    own = {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
    expected = _expected_shapes(config)
    _check_names(set(expected), set(own), prefix)
    _check_arrays(expected, own, prefix)
    return tuple(
        LayerWeights.named(
            {name: own[f"{name}_{suffix}"] for name in config.shapes(index)}, config.hidden_size
        )
        for index, suffix in _places(config)
    )


def to_state_dict(
    config: Config, layers: Sequence[LayerWeights], prefix: str = ""
) -> dict[str, Array]:
    """Give the arrays of a network under torch's names, without copying: undoes `from_state_dict`.

    Args:
        config: What the network is.
        layers: One `LayerWeights` per layer and direction, in the order of `Config.suffixes`.
        prefix: Put before each name, with its dot; default "".

    Returns:
        Name to array, in the order of torch's own state_dict.

    Raises:
        WeightFormatError, ShapeError, DtypeError: As `from_state_dict`.
    """
    if len(layers) != len(config.suffixes()):
        raise WeightFormatError(
            f"expected {len(config.suffixes())} layers and directions "
            f"({', '.join(config.suffixes())}), got {len(layers)}"
        )
    arrays = {
        f"{prefix}{name}_{suffix}": array
        for suffix, layer in zip(config.suffixes(), layers, strict=True)
        for name, array in layer.arrays().items()
    }
    from_state_dict(config, arrays, prefix)
    return arrays


def _places(config: Config) -> list[tuple[int, str]]:
    """Index of the layer beside each suffix."""
    return [(place // config.directions, name) for place, name in enumerate(config.suffixes())]


def _expected_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}_{suffix}": shape
        for index, suffix in _places(config)
        for name, shape in config.shapes(index).items()
    }


def _check_names(expected: set[str], names: set[str], prefix: str) -> None:
    missing = ", ".join(prefix + name for name in sorted(expected - names))
    extra = ", ".join(prefix + name for name in sorted(names - expected))
    if missing or extra:
        parts = [f"missing: {missing}"] * bool(missing) + [f"unexpected: {extra}"] * bool(extra)
        raise WeightFormatError(
            f"expected the weights that the configuration asks for, got others; {'; '.join(parts)}"
        )


def _check_arrays(
    expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, Array], prefix: str
) -> None:
    dtypes: dict[np.dtype[Any], str] = {}
    for name, shape in expected.items():
        array = arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
            kind = getattr(array, "dtype", type(array).__name__)
            raise DtypeError(
                f"expected {prefix}{name} as a float32 or float64 NumPy array, got {kind}"
            )
        if array.shape != shape:
            raise ShapeError(f"expected {prefix}{name} of shape {shape}, got {array.shape}")
        dtypes.setdefault(array.dtype, prefix + name)
    if len(dtypes) > 1:
        names = " and ".join(f"{name} as {dtype}" for dtype, name in dtypes.items())
        raise DtypeError(f"expected all weights of one dtype, got {names}; convert them to one")
