"""The weights of a recurrent network as plain NumPy arrays, under torch's names and in its shapes.

`Config` says what the network is, `LayerWeights` holds one layer in one direction, and
`from_state_dict` / `to_state_dict` go between a flat mapping of names to arrays and a tuple of
layers, refusing anything that does not fit. Letters: I input_size, H hidden_size, P proj_size or H.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError, WeightFormatError

__all__ = ["MODES", "Array", "Config", "LayerWeights", "from_state_dict", "to_state_dict"]


MODES = ("LSTM", "RNN_TANH", "RNN_RELU")

_LEAST = {"input_size": 0, "hidden_size": 1, "num_layers": 1, "proj_size": 0}


@dataclass(frozen=True, kw_only=True)
class Config:
    """What one `torch.nn.LSTM` or `torch.nn.RNN` is, without its numbers.

    Dropout is not here: it belongs to training only.

    Args:
        mode: Torch's own name of the cell: "LSTM", "RNN_TANH" or "RNN_RELU".
        input_size: I, features of each step.
        hidden_size: H, units of each layer and direction.
        num_layers: L; default 1.
        bias: Whether the gates have biases; default True.
        batch_first: Whether sequences are (B, T, ·) rather than (T, B, ·); default False.
        bidirectional: Whether each layer also reads the sequence from its end; default False.
        proj_size: P, size of the projected hidden state; default 0, no projection. LSTM only.

    Raises:
        WeightFormatError: A field is of the wrong type or outside its range.

    >>> Config(mode="LSTM", input_size=3, hidden_size=5, bidirectional=True).suffixes()
    ('l0', 'l0_reverse')
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    bidirectional: bool = False
    proj_size: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
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
        if self.proj_size and self.mode != "LSTM":
            raise WeightFormatError(f"expected proj_size 0 for {self.mode}, got {self.proj_size}")
        if self.proj_size >= self.hidden_size:
            raise WeightFormatError(
                f"expected proj_size < hidden_size = {self.hidden_size}, got {self.proj_size}"
            )

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
        """Rows of weight_ih: 4H for an LSTM, H for an RNN."""
        order = cells.TORCH if self.mode == "LSTM" else cells.HIDDEN
        return len(order) * self.hidden_size

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
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (self.gate_rows, self.layer_input_size(layer)),
            "weight_hh": (self.gate_rows, self.output_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (self.gate_rows,), "bias_hh": (self.gate_rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerWeights:
    """The arrays of one layer in one direction, all of one dtype.

    The four gates of an LSTM are stacked in torch's order, see `glasscell.cells`.

    Args:
        weight_ih: (4H, I) for an LSTM, (H, I) for an RNN; acts on the input.
        weight_hh: (4H, P) or (H, H); acts on the hidden state.
        bias_ih: (4H,) or (H,); None without biases.
        bias_hh: As bias_ih; the two are added.
        weight_hr: (P, H), projection of the hidden state; None without.
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array | None = None
    bias_hh: Array | None = None
    weight_hr: Array | None = None

    def arrays(self) -> dict[str, Array]:
        """Give the arrays that this layer has, by torch's name without suffix."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return {name: array for name in names if (array := getattr(self, name)) is not None}


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
        LayerWeights(**{name: own[f"{name}_{suffix}"] for name in config.shapes(index)})
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
