"""One layer in one call: as the kernels have it (`Record`), and as users see it (`LayerTrace`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glasscell import cells
from glasscell.arrays import Array, position
from glasscell.cells.direct import called, direct_path
from glasscell.traces import pictures
from glasscell.traces.layout import alive_steps, from_kernel, to_time_major
from glasscell.traces.shown import Shown

__all__ = ["GATES", "LayerTrace", "Record", "other_states", "trace_of"]

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
        c0: (B, H) initial cell state, of a cell with S > 1 states beside the hidden one (B, S, H);
            None for none given and for a cell without.
        output: (T, B, P) or (N, P), the hidden state of every step.
        tape: (T, B, K, Hp) or (N, K, Hp), Hp >= H: along axis -2 the quantities of the cell (of an
            LSTM the input gate, forget gate, candidate, output gate and cell state), then what else
            its backward pass needs; None for an RNN.
        h_n: (B, P) last hidden state.
        c_n: As c0, the last.
        mode: Torch's name of the cell ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"), or the cell itself.
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
    mode: str | cells.Cell
    hidden_size: int
    batch_first: bool = False
    unbatched: bool = False
    batch_sizes: Array | None = None
    lengths: Array | None = None
    reset: Array | None = None
    sorted_indices: Array | None = None


@dataclass(frozen=True, eq=False, init=False)
class LayerTrace:
    """One layer in one direction: its gates and states at every step.

    Every quantity of the layer's cell is an attribute by its name: of an LSTM `forget`, `input`,
    `candidate`, `output` and `cell`; of a GRU `reset`, `update` and `candidate`. ``cell_t =
    forget_t * cell_{t-1} + input_t * candidate_t`` holds to the bit in the traced dtype, but for
    subnormal numbers, which the kernels flush to 0. For a reverse layer t - 1 is the step that it
    read before, which is t + 1 in the sequence's own time; index t of every array is the sequence's
    own time.

    Args:
        *gates: Forget, input, candidate, output and cell of an LSTM; or give them by name.
        hidden: Hidden state h, what the layer puts out, (T, B, P), (B, T, P), (T, P) or (N, P), see
            `layout`; P is H but for a projection.
        quantities: Name to array, of the shape of `hidden` with H last; default those given by
            name.
        **more: The attributes below, and quantities by name.

    Attributes:
        quantities: Name to array. A plain RNN has none, and None for those of an LSTM.
        hidden: As above.
        mode: Torch's name of the cell ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"), or the cell itself.
            Default "LSTM".
        reverse: Whether the layer read the sequence from its end.
        layout: "TBH", "BTH", "TH" or "NH", as the layer's own output; see `traces.layout`.
        initial_hidden: (B, P), or None for zeros.
        initial_cell: (B, H), of a cell with S > 1 states beside the hidden one (B, S, H); None for
            those that it starts from by itself.
        lengths: (B,) int64 steps of each sequence; None where all have T.
        starts: (B,) int64 first step of each sequence, of a loop whose batch grows; None where all
            begin at 0.
        batch_sizes: (T,) int64 of packed sequences, else None.
        anew: (T, B) bool, where the layer began anew, else None. Also called `reset`, where the
            cell has no quantity of that name.
        sorted_indices: (B,) of packed sequences that were sorted: row b of a step belongs to
            sequence sorted_indices[b] of the batch; else None.
        shown: Which of the layer's calls these steps are, where that is not all of them, or where
            something happens to the state between two of them; else None.
        x: What the layer read, in `layout`, last axis I; None where that was not kept.
        kept: Other values of each step that its derivative needs, as `quantities`.
        vectors: Letter to (H,), the cell's parameters with one number a unit; None where they are
            not known.

    Raises:
        AttributeError: On reading a quantity that the cell does not have; the message lists those
            that it has.

    >>> layer = LayerTrace(hidden=np.arange(6.0).reshape(2, 3, 1), mode="RNN_TANH")
    >>> layer.sequence(1).hidden.ravel()
    array([1., 4.])
    >>> gate = np.full((2, 1), 0.5)
    >>> layer = LayerTrace(reset=gate, update=gate, candidate=gate, hidden=gate, mode="GRU")
    >>> layer.forget
    Traceback (most recent call last):
    AttributeError: expected one of reset, update, candidate, hidden of a GRU, got 'forget'
    """

    quantities: Mapping[str, Array | None]
    hidden: Array
    mode: str | cells.Cell = "LSTM"
    reverse: bool = False
    layout: str = "TBH"
    initial_hidden: Array | None = None
    initial_cell: Array | None = None
    lengths: Array | None = None
    batch_sizes: Array | None = None
    anew: Array | None = None
    sorted_indices: Array | None = None
    starts: Array | None = None
    shown: Shown | None = None
    x: Array | None = None
    kept: tuple[Array, ...] = ()
    vectors: Mapping[str, Array] | None = None

    def __init__(
        self,
        *arrays: Array | None,
        quantities: Mapping[str, Array | None] | None = None,
        **more: Any,
    ) -> None:
        own = {each.name: each.default for each in fields(self) if each.name != "quantities"}
        given = dict(zip((*GATES, "hidden"), arrays, strict=False)) | more
        cell = cells.of(given.get("mode", own["mode"]))
        names = list(GATES) if {*GATES} == {*cell.quantities} else list(cell.quantities)
        values = dict.fromkeys(names) | dict(quantities or {})
        for name in list(given):
            if name in values or name not in (*own, "reset"):
                values[name] = given.pop(name)
        if "reset" in given:
            given["anew"] = given.pop("reset")
        others = [name for name, array in values.items() if name not in names and array is not None]
        if others or "hidden" not in given:
            raise TypeError(
                f"LayerTrace: expected hidden, and quantities of {cell.name} "
                f"({', '.join(names) or 'none'}), got {', '.join(others) or 'no hidden'}"
            )
        values = {name: values[name] for name in names}
        object.__setattr__(self, "quantities", values)
        for name, default in own.items():
            object.__setattr__(self, name, given.get(name, default))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Array | None:
            values = self.__dict__.get("quantities")
            if values is None or name.startswith("__"):
                raise AttributeError(name)
            if name in values:
                return values[name]
            if name == "reset":
                return self.anew
            if name == next(iter(self.recurrence.states.values())):
                return self.hidden  # which the cell calls otherwise
            if name in GATES and not values:
                return None
            raise AttributeError(
                f"expected one of {', '.join((*values, 'hidden'))} of a "
                f"{called(self.mode)}, got {name!r}"
            )

    else:  # quantities by name

        def __getattr__(self, name: str) -> Any: ...

    @property
    def recurrence(self) -> cells.Cell:
        """The cell whose steps these are."""
        return cells.of(self.mode)

    @property
    def units(self) -> int:
        """H."""
        arrays = (array for array in self.quantities.values() if array is not None)
        return int(next(arrays, self.hidden).shape[-1])

    def quantity(self, name: str) -> Array:
        """Give a gate or a state by its name.

        Raises:
            ValueError: The layer has none of that name.
        """
        hidden = {"hidden", next(iter(self.recurrence.states.values()))}
        array = self.hidden if name in hidden else self.quantities.get(name)
        if array is None:
            there = [one for one, values in self.quantities.items() if values is not None]
            raise ValueError(
                f"expected a trace that has {name}, got one of {called(self.mode)}, which has "
                f"{', '.join((*there, 'hidden'))}"
            )
        return array

    def by_step(self) -> list[Array]:
        """Give every array that has a row for each step, in the order in which `each` meets them.

        They are the quantities, the hidden state, `x`, `kept`.
        """
        arrays = (*self.quantities.values(), self.hidden, self.x, *self.kept)
        return [array for array in arrays if array is not None]

    def each(self, change: Callable[[Array], Array], **changes: Any) -> LayerTrace:
        """Give the same with every array that has a row for each step changed.

        Args:
            change: What to do with one array.
            **changes: Other attributes that are new.
        """
        values = {
            name: None if array is None else change(array)
            for name, array in self.quantities.items()
        }
        return replace(
            self,
            quantities=values,
            hidden=change(self.hidden),
            x=None if self.x is None else change(self.x),
            kept=tuple(change(array) for array in self.kept),
            **changes,
        )

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
        changed: dict[str, Any] = {}
        for name in ("initial_hidden", "initial_cell"):
            state = getattr(self, name)
            changed[name] = None if state is None else state[row : row + 1]
        changed["anew"] = None if self.anew is None else self.anew[steps, row : row + 1]
        changed |= dict.fromkeys(("lengths", "starts", "batch_sizes", "sorted_indices"))

        def one(array: Array) -> Array:
            return to_time_major(array, self.layout, self.batch_sizes)[steps, row]

        return self.each(one, **changed, layout="TH")

    @property
    def stored(self) -> Array:
        """What a step stores for the next ones: `cell` of an LSTM, `hidden` of a GRU or RNN."""
        path = direct_path(self.recurrence)
        stored = None if path is None else self.quantities.get(path.name)
        return self.hidden if stored is None else stored

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
            quantities: Names, of an LSTM out of "forget", "input", "candidate", "output", "cell",
                "hidden"; default all.
            sequence: Which one of the batch; default 0.
            ax: One Axes per quantity; default a new pyplot figure.
            **options: As `glasscell.report.plots.gate_wall` takes them.

        Returns:
            (quantities,) array of Axes.
        """
        return pictures.panels("gate_wall", self, quantities, sequence=sequence, ax=ax, **options)

    def __repr__(self) -> str:
        letters = {name: letter for letter, name in {
            **self.recurrence.gates, **self.recurrence.states
        }.items()}  # fmt: skip
        there = [letters[name] for name, array in self.quantities.items() if array is not None]
        hidden = next(iter(self.recurrence.states))
        shown = f"{' '.join(there)} {hidden}" if there else "hidden only"
        way = ", reverse" if self.reverse else ""
        part = f", {self.shown}" if self.shown else ""
        name = called(self.mode)
        return f"LayerTrace({name}{way}, {shown}, {self.layout} {self.hidden.shape}{part})"


def trace_of(
    record: Record, reverse: bool, vectors: Mapping[str, Array] | None = None
) -> LayerTrace:
    """Give a record as a trace of read-only views, laid out as the layer's own output.

    Args:
        record: What the layer did.
        reverse: Whether it read the sequence from its end.
        vectors: Those of the layer's weights; default not known.
    """
    # The tape is padded to whole vectors: units beyond H are not the layer's.
    layout, tape, size = _layout(record), record.tape, record.hidden_size
    slots = () if tape is None else [
        from_kernel(tape[..., place, :size], layout) for place in range(tape.shape[-2])
    ]  # fmt: skip
    names = cells.of(record.mode).quantities
    return LayerTrace(
        quantities=dict(zip(names, slots, strict=False)),
        kept=tuple(slots[len(names) :]),
        hidden=from_kernel(record.output, layout),
        mode=record.mode,
        reverse=reverse,
        layout=layout,
        initial_hidden=record.h0,
        initial_cell=record.c0,
        lengths=record.lengths,
        batch_sizes=record.batch_sizes,
        anew=record.reset,
        sorted_indices=record.sorted_indices,
        x=from_kernel(record.x, layout),
        vectors=vectors,
    )


def other_states(cell: cells.Cell, tape: Array, size: int) -> Array | None:
    """Give the states beside the hidden one out of some rows of a tape, as the kernels have them.

    Args:
        cell: Whose tape it is.
        tape: (..., K, Hp).
        size: H.

    Returns:
        (..., H) of one, (..., S, H) of several, contiguous; None of none.
    """
    at = [cell.quantities.index(name) for name in cell.state_names[1:]]
    if not at:
        return None
    return np.ascontiguousarray(tape[..., at[0] if len(at) == 1 else at, :size])


def _layout(record: Record) -> str:
    if record.batch_sizes is not None:
        return "NH"
    if record.unbatched:
        return "TH"
    return "BTH" if record.batch_first else "TBH"
