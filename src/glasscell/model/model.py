"""A saved model, loaded and run with NumPy alone: the same bits as in `glasscell.nn`, no torch.

`load` reads a folder that `glasscell.save` wrote; `Model.run` runs whole sequences, `Model.stream`
one step at a time, and `Model.pool` many live sequences, any of them one step a call.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.compact import COMPRESSED, STORAGES
from glasscell.errors import ShapeError, WeightFormatError
from glasscell.model import modelfile, nodes
from glasscell.model.nodes import inputs
from glasscell.model.pool import StreamPool
from glasscell.model.stream import Stream
from glasscell.traces.layer import LayerTrace, trace_of

__all__ = ["Model", "Run", "load"]

_FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True, eq=False)
class Run:
    """What `Model.run` gives.

    Args:
        output: The model's output, laid out as its input.
        state: Final state of the recurrent layer in torch's form, see `Model.run`.
        trace: Layer name ("encoder.l0") to its gates, if asked for; else None.
    """

    output: Array
    state: Any
    trace: dict[str, LayerTrace] | None


class Model:
    """A model without torch; made by `load`.

    Args:
        tree: The "model" of config.json.
        arrays: Torch's parameter names to arrays, all float32 or all float64, or compressed as the
            tree says.
        weights: What recurrent weights are kept as, see `load`; default as they are.

    Raises:
        ValueError: Unknown `weights`.
        WeightFormatError: The tree and the arrays do not fit each other, or not `weights`.

    Attributes:
        source: The folder that it was loaded from, and the digest of its weights; None if it was
            put together in memory.
    """

    source: tuple[Path, str] | None = None

    def __init__(
        self, tree: dict[str, Any], arrays: Mapping[str, Array], weights: str | None = None
    ) -> None:
        if weights is not None and weights not in STORAGES:
            raise ValueError(f"weights: expected one of {', '.join(STORAGES)}, got {weights!r}")
        # What is no float is compressed, and belongs to a float32 model.
        dtypes = {a.dtype if a.dtype.kind == "f" else _FLOAT32 for a in arrays.values()}
        if len(dtypes) != 1:
            names = ", ".join(sorted(dtype.name for dtype in dtypes)) or "no weights"
            raise WeightFormatError(f"model: expected weights of one dtype, got {names}")
        self.root = nodes.build(tree, arrays, weights)
        self._config = copy.deepcopy(tree)
        self._parameters = sum(a.size for name, a in arrays.items() if not nodes.is_scale(name))
        self._dtype = dtypes.pop()
        self.recurrent = [n for n in nodes.walk(self.root) if isinstance(n, nodes.Recurrent)]
        self.keepers: list[nodes.Keeper] = [
            n for n in nodes.walk(self.root) if isinstance(n, nodes.Recurrent | nodes.Pooled)
        ]
        if weights in COMPRESSED and not self.recurrent:
            raise WeightFormatError(
                f"model: expected a recurrent layer, whose weights {weights} is for, got none; "
                "load it as it is"
            )

    @property
    def config(self) -> dict[str, Any]:
        """A copy of what config.json says the model is."""
        return copy.deepcopy(self._config)

    @property
    def parameters(self) -> int:
        """Count of all weights."""
        return self._parameters

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64, of the weights, the input and the output."""
        return self._dtype

    @property
    def weights_dtype(self) -> str:
        """What the recurrent weights are kept as: "float32", "float64", "bfloat16" or "int8".

        All else is of the model's dtype: biases, other layers, states, sums.
        """
        return self.recurrent[0].storage if self.recurrent else self._dtype.name

    @property
    def input_size(self) -> int | None:
        """I, features of each step; None if a step is one index for an Embedding."""
        return None if nodes.reads_indices(self.root) else self.root.reads

    def __repr__(self) -> str:
        kind, count = nodes.called(self._config), f"{self._parameters:,}"
        reads = "indices" if self.input_size is None else f"input_size={self.input_size}"
        writes = self.root.writes or self.input_size
        kept = f" with {self.weights_dtype} weights" * (self.weights_dtype in COMPRESSED)
        return (
            f"Model({kind}, {reads}, output_size={writes}, {self._dtype}{kept}, {count} parameters)"
        )

    def run(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        reset: Array | None = None,
        trace: bool = False,
    ) -> Run:
        """Run whole sequences.

        Args:
            x: (T, B, I), or (B, T, I) if the model's recurrent layers are `batch_first`, or (T, I)
                for one sequence; of the model's dtype. Integers without the last axis if the model
                begins with an Embedding. Windows (B, lookback, F) for a Forecaster.
            state: Initial state as torch has it: h of shape (D * L, B, ·) for an RNN or GRU, (h, c)
                for an LSTM, a tuple in the cell's order for any other with more states than h,
                without B if x has none. With several recurrent layers: dotted module name to state;
                so too beside "pooling" and "summary" or "grams", what a SequenceNetwork keeps of
                the steps so far, (B, ·) float64. Default what the cell starts from: zeros, unless
                it says another number.
            lengths: (B,) integers, steps of each sequence, in any order, zero allowed: the state is
                that of the last step, and outputs after it are zero. A model that pools its steps
                gives (B, outputs), of these steps alone, and takes no zero. Default: all T.
            reset: (T, B) bool, laid out as x ((B, T) if `batch_first`, (T,) for one sequence):
                whether the state is set to the initial one before a step. Default: never.
            trace: Whether to keep every gate; changes no bit of the output. Default False.

        Returns:
            A `Run`; its `state` has the form of the argument (None if there is no recurrent layer).

        Raises:
            ShapeError: An array has the wrong shape.
            DtypeError: An array has the wrong dtype; nothing is converted silently.
            DataError: An index is outside the Embedding.

        Notes:
            The bits are those of `glasscell.nn` layers with these weights, for any batch, split
            over time and number of threads; torch.nn.Linear and the activations agree to rounding.

        >>> tree = {"type": "Linear", "in_features": 2, "out_features": 1, "bias": False,
        ...         "weights": ""}
        >>> model = Model(tree, {"weight": np.array([[2.0, 0.5]])})
        >>> model.run(np.array([[1.0, 4.0], [3.0, 0.0]])).output
        array([[4.],
               [6.]])
        """
        x = inputs.check_input(x, self._dtype, self.input_size, self._letters())
        steps, batch, batched = self._sizes(x)
        if not self._has_time and any(arg is not None for arg in (state, lengths, reset)):
            raise ShapeError(
                f"expected no state, lengths or reset, as a {self._config['type']} without a "
                "recurrent layer, or on whole windows, has no use for them; leave them out"
            )
        call = nodes.Call(
            batched=batched,
            state=inputs.split_state(state, self.keepers),
            lengths=inputs.check_lengths(lengths, steps, batch, batched),
            reset=inputs.check_reset(reset, steps, batch, self._layout(batched)),
            records={} if trace else None,
        )
        output = self.root.run(x, call)
        if call.lengths is not None and not self._pools:
            over = inputs.after_the_end(call.lengths, steps)
            output[{"TBH": over, "BTH": over.T, "TH": over[:, 0]}[self._layout(batched)]] = 0
        traces = None
        if call.records is not None:
            known = [zip(node.names, node.vectors, strict=True) for node in self.recurrent]
            vectors = dict(chain.from_iterable(known))
            traces = {
                name: trace_of(record, name.endswith("_reverse"), vectors[name])
                for name, record in call.records.items()
            }
        return Run(output, inputs.join_state(call.final, self.keepers), traces)

    def stream(self) -> Stream:
        """Start a stream: the model with a state of its own that goes forward one step a call.

        Returns:
            A `Stream`. A model can have any number of them.

        Raises:
            ShapeError: The model is bidirectional or a Forecaster, so it cannot go step by step.
        """
        return Stream(self)

    def pool(self, capacity: int) -> StreamPool:
        """Start many streams in one slab of memory, any subset of which goes forward in one call.

        Args:
            capacity: Most streams that may be open at a time; costs nothing until they are.

        Returns:
            A `StreamPool`. A model can have any number of them.

        Raises:
            ShapeError: The model is bidirectional or a Forecaster, so it cannot go step by step, or
                has no recurrent layer.
            ValueError: The capacity is not positive.
        """
        return StreamPool(self, capacity)

    @property
    def _batch_first(self) -> bool:
        return any(layer.config.batch_first for layer in self.recurrent)

    @property
    def _has_time(self) -> bool:
        return bool(self.recurrent) and not isinstance(self.root, nodes.Forecaster)

    @property
    def _pools(self) -> bool:
        """Whether a sequence has one output, of all its steps."""
        return isinstance(self.root, nodes.SequenceNetwork) and self.root.pooling is not None

    def _layout(self, batched: bool) -> str:
        return "TH" if not batched else "BTH" if self._batch_first else "TBH"

    def _letters(self) -> str:
        """The shape of x in letters."""
        if isinstance(self.root, nodes.Forecaster):
            return "(B, lookback, I)"
        if not self.recurrent:
            return "(..., I)"
        axes = "B, T" if self._batch_first else "T, B"
        return f"({axes})" if self.input_size is None else f"({axes}, I)"

    def _sizes(self, x: Array) -> tuple[int, int, bool]:
        """T, B and whether there is a batch axis."""
        if not self.recurrent:
            return 0, 0, True
        axes = x.ndim - (self.input_size is not None)
        if axes not in (1, 2):
            one = "(T, I)" if self.input_size is not None else "(T,)"
            raise ShapeError(
                f"expected x of shape {self._letters()}, or {one} for one sequence, got {x.shape}"
            )
        if axes == 1:
            return x.shape[0], 1, False
        steps, batch = x.shape[:2][::-1] if self._batch_first else x.shape[:2]
        return steps, batch, True


def load(folder: str | os.PathLike[str], weights: str | None = None) -> Model:
    """Load a model that `glasscell.save` or `glasscell.compress` wrote; needs no torch.

    Args:
        folder: The model folder, with config.json and model.safetensors.
        weights: What the matrices of recurrent layers are kept as in memory: "float32",
            "bfloat16" (half the bytes) or "int8" (a quarter, one scale for each unit and gate). The
            folder stays as it is. Default: as the folder has them.

    Returns:
        The model, ready to run. Compressed or not, input, output, states and sums are float32.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: Unknown `weights`.
        WeightFormatError: The folder is damaged, incomplete, or of a newer version; or its weights
            are not float32, or NaN or infinite under int8, and so cannot be kept as `weights`.

    Notes:
        bfloat16 gives the bits of a float32 model with rounded weights. A step on weights that do
        not fit a core's cache is as fast as these can be read: see docs/performance.md.

    >>> import tempfile, torch, glasscell
    >>> lstm = torch.nn.LSTM(1, 1)
    >>> for parameter in lstm.parameters():
    ...     _ = torch.nn.init.constant_(parameter, 0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = glasscell.save(lstm, folder + "/model")
    ...     model = glasscell.load(path)
    >>> model
    Model(LSTM, input_size=1, output_size=1, float32, 16 parameters)
    >>> model.run(np.ones((3, 1), np.float32)).output.round(4)
    array([[0.5144],
           [0.7613],
           [0.8407]], dtype=float32)
    """
    model = Model(*modelfile.read(folder), weights)
    model.source = Path(folder), modelfile.digest(folder)
    return model
