"""One layer in one call: as the kernels have it (`Record`), and as users see it (`LayerTrace`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array, position
from glasscell.cells import TAPE
from glasscell.traces import pictures
from glasscell.traces.layout import alive_steps, from_kernel, to_time_major
from glasscell.traces.shown import Shown

__all__ = ["GATES", "LayerTrace", "Record", "trace_of"]

GATES = ("forget", "input", "candidate", "output", "cell")


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """What one layer in one direction read and computed in one call, in the kernels' own layout.

    Sequences are time-major, (T, B, ·), whatever the module's `batch_first`; those of a
    `PackedSequence` are (N, ·), the rows of all steps, with `batch_sizes`. `x` is a view of what
    the caller passed; the other arrays belong to the record.

    Args:
        x: (T, B, I) or (N, I), what the layer read.
        h0: (B, P) initial hidden state, None for zeros.
        c0: (B, H) initial cell state, None for zeros and for an RNN.
        output: (T, B, P) or (N, P), the hidden state of every step.
        tape: (T, B, 5, Hp) or (N, 5, Hp) for an LSTM, Hp >= H: along axis -2 the input gate, forget
            gate, candidate, output gate and cell state; None for an RNN.
        h_n: (B, P) last hidden state.
        c_n: (B, H) last cell state, None for an RNN.
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        hidden_size: H.
        batch_first: Whether the module lays its own output out as (B, T, ·).
        unbatched: Whether the module was called on one sequence without a batch axis.
        batch_sizes: (T,) of a `PackedSequence`, else None.
        lengths: (B,) as given to the module, else None.
        reset: (T, B) as given to the module, time-major, else None.
        sorted_indices: (B,) of a `PackedSequence`: row b here is sequence sorted_indices[b] of the
            batch; None when they agree.
    """

    x: Array
    h0: Array | None
    c0: Array | None
    output: Array
    tape: Array | None
    h_n: Array
    c_n: Array | None
    mode: str
    hidden_size: int
    batch_first: bool = False
    unbatched: bool = False
    batch_sizes: Array | None = None
    lengths: Array | None = None
    reset: Array | None = None
    sorted_indices: Array | None = None


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer in one direction: its gates, cell state and hidden state at every step.

    ``cell_t = forget_t * cell_{t-1} + input_t * candidate_t`` holds to the bit in the traced dtype,
    but for subnormal numbers, which the kernels flush to 0. For a reverse layer t - 1 is the step
    that it read before, which is t + 1 in the sequence's own time; index t of every array is the
    sequence's own time.

    Attributes:
        forget: Forget gate f, 0 … 1. As the five arrays below None for an RNN; shape (T, B, H),
            (B, T, H), (T, H) or (N, H), see `layout`.
        input: Input gate i, 0 … 1.
        candidate: Candidate g, -1 … 1.
        output: Output gate o, 0 … 1.
        cell: Cell state c, before the tanh.
        hidden: Hidden state h, what the layer puts out; the last axis is P with a projection.
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        reverse: Whether the layer read the sequence from its end.
        layout: "TBH", "BTH", "TH" or "NH", as the layer's own output; see `traces.layout`.
        initial_hidden: (B, P), or None for zeros.
        initial_cell: (B, H), or None for zeros.
        lengths: (B,) int64 steps of each sequence; None where all have T.
        starts: (B,) int64 first step of each sequence, of a loop whose batch grows; None where all
            begin at 0.
        batch_sizes: (T,) int64 of packed sequences, else None.
        reset: (T, B) bool, where the layer began anew, else None.
        sorted_indices: (B,) of packed sequences that were sorted: row b of a step belongs to
            sequence sorted_indices[b] of the batch; else None.
        shown: Which of the layer's calls these steps are, where that is not all of them, or where
            something happens to the state between two of them; else None.
        x: What the layer read, in `layout`, last axis I; None where that was not kept.

    >>> layer = LayerTrace(*[None] * 5, hidden=np.arange(6.0).reshape(2, 3, 1), mode="RNN_TANH")
    >>> layer.sequence(1).hidden.ravel()
    array([1., 4.])
    """

    forget: Array | None
    input: Array | None
    candidate: Array | None
    output: Array | None
    cell: Array | None
    hidden: Array
    mode: str = "LSTM"
    reverse: bool = False
    layout: str = "TBH"
    initial_hidden: Array | None = None
    initial_cell: Array | None = None
    lengths: Array | None = None
    batch_sizes: Array | None = None
    reset: Array | None = None
    sorted_indices: Array | None = None
    starts: Array | None = None
    shown: Shown | None = None
    x: Array | None = None

    def alive(self) -> npt.NDArray[np.bool_]:
        """(T, B): which steps of which sequences exist."""
        steps, batch, _ = to_time_major(self.hidden, self.layout, self.batch_sizes).shape
        return alive_steps(steps, batch, self.lengths, self.batch_sizes, self.starts)

    def sequence(self, index: int) -> LayerTrace:
        """Give one sequence of the batch alone, as (T_b, H), whatever the layout.

        Args:
            index: Which sequence, in the order of the batch that the model was given.

        Returns:
            `LayerTrace` of layout "TH", without padding.

        Raises:
            IndexError: There is no such sequence.
        """
        alive = self.alive()
        row = position(index, alive.shape[1], "index", "sequences")
        if self.sorted_indices is not None:
            row = int(np.flatnonzero(self.sorted_indices == row)[0])
        first = 0 if self.starts is None else int(self.starts[row])
        steps = slice(first, first + int(alive[:, row].sum()))
        changed: dict[str, Any] = {
            name: self._one(getattr(self, name), row, steps) for name in (*GATES, "hidden", "x")
        }
        for name in ("initial_hidden", "initial_cell"):
            state = getattr(self, name)
            changed[name] = None if state is None else state[row : row + 1]
        changed["reset"] = None if self.reset is None else self.reset[steps, row : row + 1]
        changed |= dict.fromkeys(("lengths", "starts", "batch_sizes", "sorted_indices"))
        return replace(self, **changed, layout="TH")

    @property
    def stored(self) -> Array:
        """What a step stores for the next ones: `cell`, for an RNN `hidden`."""
        return self.hidden if self.cell is None else self.cell

    def _one(self, array: Array | None, row: int, steps: slice) -> Array | None:
        if array is None:
            return None
        return to_time_major(array, self.layout, self.batch_sizes)[steps, row]

    def plot(
        self,
        quantities: Sequence[str] | None = None,
        *,
        sequence: int = 0,
        ax: Any = None,
        **options: Any,
    ) -> Array:
        """Draw every gate of every unit over time; needs matplotlib.

        Args:
            quantities: Of "forget", "input", "candidate", "output", "cell", "hidden"; default all.
            sequence: Which one of the batch; default 0.
            ax: One Axes per quantity; default a new pyplot figure.
            **options: As `glasscell.report.plots.gate_wall` takes them.

        Returns:
            (quantities,) array of Axes.
        """
        return pictures.panels("gate_wall", self, quantities, sequence=sequence, ax=ax, **options)

    def __repr__(self) -> str:
        shown = "hidden only" if self.cell is None else "f i g o c h"
        way = ", reverse" if self.reverse else ""
        part = f", {self.shown}" if self.shown else ""
        return f"LayerTrace({self.mode}{way}, {shown}, {self.layout} {self.hidden.shape}{part})"


def trace_of(record: Record, reverse: bool) -> LayerTrace:
    """Give a record as a trace of read-only views, laid out as the layer's own output.

    Args:
        record: What the layer did.
        reverse: Whether it read the sequence from its end.
    """
    # The tape is padded to whole vectors: units beyond H are not the layer's.
    layout = _layout(record)
    tape, size = record.tape, record.hidden_size
    gates: dict[str, Any] = {
        name: None if tape is None else from_kernel(tape[..., place, :size], layout)
        for place, name in enumerate(TAPE)
    }
    return LayerTrace(
        **gates,
        hidden=from_kernel(record.output, layout),
        mode=record.mode,
        reverse=reverse,
        layout=layout,
        initial_hidden=record.h0,
        initial_cell=record.c0,
        lengths=record.lengths,
        batch_sizes=record.batch_sizes,
        reset=record.reset,
        sorted_indices=record.sorted_indices,
        x=from_kernel(record.x, layout),
    )


def _layout(record: Record) -> str:
    if record.batch_sizes is not None:
        return "NH"
    if record.unbatched:
        return "TH"
    return "BTH" if record.batch_first else "TBH"
