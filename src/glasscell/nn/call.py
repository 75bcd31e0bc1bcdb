"""One run of one layer: everything about it that is not a tensor of torch's graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import ref

import torch
from torch import Tensor

from glasscell import cells, engine
from glasscell.cells import Cell
from glasscell.nn.autocast import fuses
from glasscell.nn.checkpoint import Checkpoint, segment_length
from glasscell.nn.names import Place, Weights
from glasscell.nn.observe import Observation, Record
from glasscell.nn.packed_weights import packed
from glasscell.nn.sequences import Layout

__all__ = ["Call", "Result"]

Result = tuple[Tensor, Tensor, Tensor | None]
"""output (T, B, D * P) or (N, D * P), h_n (D, B, P), c_n as c0.

The states after the hidden one, S of them, are one tensor "c" in every call: (D, B, H) where S is
1, (D, B, S, H) where there are more, None where there is none.
"""


@dataclass(slots=True, eq=False)
class Call:
    """What a module says of a run, and what `prepare` makes of it.

    Args:
        owner: Who runs; keeps the packed weights. The graph must not hold it: Python's collector
            cannot look through torch's nodes, and a module whose hook keeps an output would never
            be freed. None for a cell's single step, which keeps nothing.
        mode: torch's name of the recurrence ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"), which has
            kernels of its own, or a `glasscell.cells.Cell`, which runs as a program. One object
            for all calls of a module: weights are packed anew where it is another.
        places: The layer's directions; of a cell with vectors (`cell.program.vectors`) their names
            follow those of `names.ROLES`, and the weights of the call are in the same order.
        layout: Where sequences begin and end.
        observation: Who looks on; default nobody.
        shown: Whether the caller's user gets the output in hand, and may edit it; default False.
        checkpoint: Of a cell that keeps a tape, see `checkpoint.segment_length`; an observer, who
            sees every step, has them all kept. Default: keep all.
        masks: Of each direction the random masks of training, in the order of
            `cell.program.masks`: (T, B, M, H) or (1, B, M, H), of the input's dtype, no gradient;
            B rows at every step of a packed batch too. The cell's program for training runs then.
            Default None: the one for evaluation, in which masks are numbers.
        layers: The packed weights of each direction.
        fused: torch computes it in one operation, and lets nothing of it be edited in place.
        own_output: The user's output is a copy: an edit must not reach what is kept.
        segment: Steps that the backward pass runs again at a time; 0: a tape keeps all.
        records: What an observer was shown, one for each direction.
    """

    owner: ref[torch.nn.Module] | None
    mode: str | Cell
    places: Sequence[Place]
    layout: Layout
    observation: Observation | None = None
    shown: bool = False
    checkpoint: Checkpoint = None
    masks: Sequence[Tensor] | None = None
    layers: Sequence[engine.PackedLayer] = ()
    fused: bool = False
    own_output: bool = False
    segment: int = 0
    records: list[Record] | None = None

    @property
    def module(self) -> torch.nn.Module | None:
        """The module that runs, None once it is gone."""
        return None if self.owner is None else self.owner()

    def prepare(self, weights: Sequence[Weights], x: Tensor) -> None:
        """Pack the weights where they have changed, and decide what is kept for a backward pass.

        Args:
            weights: The directions' parameters, in the order of `places`.
            x: (T, B, I) or (N, I).
        """
        assert self.module is not None
        self.layers = packed(self.module, self.mode, self.places, weights, x.shape[-1])
        watched = self.observation is not None
        self.fused = self._is_fused(x.dtype)
        self.own_output = self.shown and (watched or not self.fused)
        if self.layers[0].kept and not watched:
            self.segment = segment_length(self.checkpoint, self.layout.steps(x))

    def reads_before(self) -> bool:
        """Whether the backward pass reads the hidden state before each step beside the sums."""
        back = cells.of(self.mode).reverse
        before = len(back.kept)
        return before in back.outputs or any(before in one.operands for one in back.operations)

    def _is_fused(self, dtype: torch.dtype) -> bool:
        """Whether torch computes the sequence in one operation.

        Before the backward pass of that one torch refuses an edit in place of the output. Elsewhere
        each step keeps its own state, and programs rely on it.
        """
        if len(self.layers) != 1 or self.places[0].suffix == "cell":
            return False
        padded = not self.layers[0].projected and self.layout.batch_sizes is None
        return padded and dtype is torch.float32 and fuses(self.mode, dtype)
