"""The network of 1997 in the compiled core: memory blocks, trained online."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell import _core
from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.reference.memory_blocks import BlockSizes


@dataclass(frozen=True, eq=False)
class OnlineRun:
    """What a network of memory blocks did over some sequences.

    Args:
        steps: Steps that were run: fewer than were given where an error reached `stop`.
        largest: (n,) largest absolute error of each sequence.
        absolute: (n,) sum of its absolute errors.
        squared: (n,) sum of its squared errors.
        outputs: (N, O) answers, if asked for.
        states: (N, K) cell states, if asked for.
    """

    steps: int
    largest: Array
    absolute: Array
    squared: Array
    outputs: Array | None
    states: Array | None


class MemoryBlocks:
    """Memory blocks with gates that hear each other, trained online by the truncated gradient.

    `glasscell.reference.memory_blocks` has the equations.

    Args:
        sizes: What the network is made of.
        hidden: (U, M) float64, weights of cells, input, output and forget gates.
        output: (O, K + I + 1) float64, weights of the outputs.
        hidden_mask: (U, M) bool, which of them exist; the others are 0 and stay so.
        output_mask: (O, K + I + 1) bool, likewise.

    Notes:
        The weights are copied. One thread; not to be shared between threads. A step takes 0.2
        microseconds at 8 units with 11 sources.

    >>> sizes = BlockSizes(inputs=1, blocks=1, cells_per_block=1, outputs=1)
    >>> ones = np.ones((4, 6), bool), np.ones((1, 3), bool)
    >>> net = MemoryBlocks(sizes, np.zeros((4, 6)), np.zeros((1, 3)), *ones)
    >>> run = net.run(np.ones((2, 1)), np.array([[np.nan], [1.0]]), np.array([2]), rate=1.0)
    >>> run.largest, net.weights[1].round(3)
    (array([0.5]), array([[0.   , 0.125, 0.125]]))
    """

    def __init__(
        self,
        sizes: BlockSizes,
        hidden: Array,
        output: Array,
        hidden_mask: Array,
        output_mask: Array,
    ) -> None:
        self.sizes = sizes
        self._core = _core.MemoryBlocks(
            sizes.inputs,
            sizes.blocks,
            sizes.cells_per_block,
            sizes.outputs,
            sizes.input_gate,
            sizes.output_gate,
            sizes.forget_gate,
            self._of_shape(hidden_mask, "hidden_mask", np.uint8),
            self._of_shape(output_mask, "output_mask", np.uint8),
        )
        self.weights = hidden, output

    @property
    def weights(self) -> tuple[Array, Array]:
        """Copies of the weights: hidden (U, M) and output (O, K + I + 1)."""
        sizes = self.sizes
        hidden = np.empty((sizes.units, sizes.sources))
        output = np.empty((sizes.outputs, sizes.output_sources))
        self._core.get_weights(hidden, output)
        return hidden, output

    @weights.setter
    def weights(self, both: tuple[Array, Array]) -> None:
        hidden, output = both
        self._core.set_weights(self._of_shape(hidden, "hidden"), self._of_shape(output, "output"))

    def run(
        self,
        x: Array,
        target: Array | None,
        ends: Array,
        *,
        rate: float = 0.0,
        per_step: bool = False,
        fresh: bool = True,
        stop: float = np.inf,
        outputs: bool = False,
        states: bool = False,
    ) -> OnlineRun:
        """Run sequences one after another, and learn from each.

        Args:
            x: (N, I) float64, the steps of all sequences, one after another.
            target: (N, O) float64, NaN where an output is asked for nothing; None: nothing is.
            ends: (n,) int64, the first step after each sequence; the last is N.
            rate: Learning rate; default 0, nothing is learnt.
            per_step: Change the weights after every step that has a target; default after every
                sequence.
            fresh: Whether the first sequence begins from zero; the others always do.
            stop: An error from which on the run ends, after its step.
            outputs: Give all answers.
            states: Give all cell states.

        Returns:
            The errors, as they were before the weights changed by them.

        Raises:
            ShapeError: Arrays do not fit the network or each other.
        """
        sizes = self.sizes
        N, n = len(x), len(ends)
        x = self._of_rows(x, "x", N, sizes.inputs)
        target = None if target is None else self._of_rows(target, "target", N, sizes.outputs)
        ends = np.ascontiguousarray(ends, np.int64)
        if n == 0 or ends[-1] != N or (np.diff(ends, prepend=0) < 0).any():
            raise ShapeError(f"ends: expected rising ends, the last one N = {N}, got {ends}")
        errors = np.zeros((n, 3))
        answers = np.full((N, sizes.outputs), np.nan) if outputs else None
        cells = np.full((N, sizes.cells), np.nan) if states else None
        steps = self._core.run(x, target, ends, rate, per_step, fresh, stop, errors, answers, cells)
        largest, absolute, squared = errors.T
        return OnlineRun(steps, largest, absolute, squared, answers, cells)

    def _of_shape(self, array: Array, name: str, dtype: type = np.float64) -> Array:
        sizes = self.sizes
        wanted = (
            (sizes.units, sizes.sources)
            if name.startswith("hidden")
            else (sizes.outputs, sizes.output_sources)
        )
        if np.shape(array) != wanted:
            raise ShapeError(f"{name}: expected {wanted}, got {np.shape(array)}")
        return np.ascontiguousarray(array, dtype)

    @staticmethod
    def _of_rows(array: Array, name: str, rows: int, width: int) -> Array:
        if np.shape(array) != (rows, width):
            raise ShapeError(f"{name}: expected ({rows}, {width}), got {np.shape(array)}")
        return np.ascontiguousarray(array, np.float64)
