"""What every gate of every unit did at every step: the kernel's own tape, handed out as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import position
from glasscell.traces.chain import followed, last_chain
from glasscell.traces.joined import Joined
from glasscell.traces.layout import Array, alive_steps, to_time_major
from glasscell.traces.shown import Shown

if TYPE_CHECKING:
    import torch

__all__ = ["LayerTrace", "Trace", "trace"]

GATES = ("forget", "input", "candidate", "output", "cell")


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer in one direction: its gates, cell state and hidden state at every step.

    ``cell_t = forget_t * cell_{t-1} + input_t * candidate_t`` holds to the bit in the traced dtype,
    but for subnormal numbers, which the kernels flush to 0. For a reverse layer t - 1 is the step
    that it read before, which is t + 1 in the sequence's own time; index t of every array is the
    sequence's own time.

    Attributes:
        forget: forget gate f, 0 … 1. As the five arrays below None for an RNN; shape (T, B, H),
            (B, T, H), (T, H) or (N, H), see `layout`.
        input: input gate i, 0 … 1.
        candidate: candidate g, -1 … 1.
        output: output gate o, 0 … 1.
        cell: cell state c, before the tanh.
        hidden: hidden state h, what the layer puts out; the last axis is P with a projection.
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        reverse: whether the layer read the sequence from its end.
        layout: "TBH", "BTH", "TH" or "NH", as the layer's own output; see `inspect.layout`.
        initial_hidden: (B, P), or None for zeros.
        initial_cell: (B, H), or None for zeros.
        lengths: (B,) int64 steps of each sequence; None where all have T.
        starts: (B,) int64 first step of each sequence, of a loop whose batch grows; None where all
            begin at 0.
        batch_sizes: (T,) int64 of packed sequences, else None.
        reset: (T, B) bool, where the layer began anew, else None.
        sorted_indices: (B,) of packed sequences that were sorted: row b of a step belongs to
            sequence sorted_indices[b] of the batch; else None.
        shown: which of the layer's calls these steps are, where that is not all of them, or where
            something happens to the state between two of them; else None.
        x: what the layer read, in `layout`, last axis I; None where that was not kept.

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
            index: which sequence, in the order of the batch that the model was given.

        Returns:
            `LayerTrace` of layout "TH", without padding.

        Raises:
            IndexError: there is no such sequence.
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
            quantities: of "forget", "input", "candidate", "output", "cell", "hidden"; default all.
            sequence: which one of the batch; default 0.
            ax: one Axes per quantity; default a new pyplot figure.
            **options: as `glasscell.report.plots.gate_wall` takes them.

        Returns:
            (quantities,) array of Axes.
        """
        from glasscell.report.plots import gate_wall

        return gate_wall(self, quantities, sequence=sequence, ax=ax, **options)

    def __repr__(self) -> str:
        shown = "hidden only" if self.cell is None else "f i g o c h"
        way = ", reverse" if self.reverse else ""
        part = f", {self.shown}" if self.shown else ""
        return f"LayerTrace({self.mode}{way}, {shown}, {self.layout} {self.hidden.shape}{part})"


class Trace(Mapping[str, LayerTrace]):
    """Layer name to `LayerTrace`, filled while the model runs: what `glasscell.trace` yields.

    Names are the module's dotted name and torch's suffix: "encoder.l0", "encoder.l1_reverse", or
    "l0" where the model itself is the layer; an `LSTMCell` or `RNNCell` goes by its dotted name
    alone ("cell" where it is the model). Of a layer that ran several times in the block the last
    run is shown, together with those before it that handed it their state: a loop is one sequence.
    `calls` has all of them, and where some are not shown, `repr` says so.

    Args:
        known: dotted names of all recurrent modules of the model, for error messages.

    Notes:
        Which call handed its state to which is read off torch's graph where there is one, else off
        the numbers, see `inspect.chain`. What is put together along time is a copy. Gates and
        states are always those that each call computed; what the loop does with the state between
        two calls is in `LayerTrace.lengths` and `starts` (sequences that end or begin, under a
        padding mask or because the batch shrinks or grows), `LayerTrace.reset` (an episode that
        begins anew) and `LayerTrace.shown.altered` (all else).
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = tuple(known)
        self._calls: dict[str, list[LayerTrace]] = {}
        self._follows: dict[str, list[int | None]] = {}
        self._cells: set[str] = set()
        self._shown: dict[str, tuple[int, LayerTrace]] = {}

    @property
    def calls(self) -> Mapping[str, tuple[LayerTrace, ...]]:
        """Layer name to every run in the block, the first one first; every step of a cell."""
        return {name: tuple(calls) for name, calls in self._calls.items()}

    def add(self, name: str, run: LayerTrace, cell: bool = False) -> int:
        """Append one run of one layer.

        Args:
            name: the layer's name.
            run: what it did.
            cell: whether it was one step of an LSTMCell or RNNCell.

        Returns:
            Its index in `calls`.
        """
        calls = self._calls.setdefault(name, [])
        calls.append(run)
        self._follows.setdefault(name, []).append(None)
        if cell:
            self._cells.add(name)
        return len(calls) - 1

    def link(self, name: str, later: int, earlier: int) -> None:
        """Say which call of a layer another one of its calls got its state from.

        Args:
            name: the layer's name.
            later: index of a call.
            earlier: index of the call that it continues.
        """
        if earlier < later:
            self._follows[name][later] = earlier

    def joined(self, name: str, reached: Sequence[bool] | None = None) -> tuple[list[int], Joined]:
        """Find the last sequence of a layer.

        Args:
            name: the layer's name.
            reached: see `inspect.chain.last_chain`.

        Returns:
            Indices of its calls, and these put together.
        """
        calls = self._calls[name]
        found, presumed = followed(calls, self._follows[name], name in self._cells)
        chain = last_chain(found, reached)
        return chain, Joined([calls[k] for k in chain], len(calls), presumed)

    def __getitem__(self, name: str) -> LayerTrace:
        calls = self._calls.get(name)
        if calls is None:
            raise KeyError(self._unknown(name))
        count, shown = self._shown.get(name, (0, calls[0]))
        if count != len(calls):
            shown = self.joined(name)[1].trace()
            self._shown[name] = len(calls), shown
        return shown

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def to_html(
        self,
        x: Any = None,
        *,
        layers: Sequence[str] | None = None,
        title: str = "",
        lang: str = "en",
    ) -> str:
        """Give the inspect page of what was traced: one HTML text that opens offline.

        Args:
            x: what the model read, (T, B, I), (B, T, I) or (T, I), array or tensor, to be drawn
                above its gates; default not shown.
            layers: names of the layers to show, all of one length; default all.
            title: the page's heading.
            lang: "en" or "zh"; the page has a switch.

        Returns:
            HTML. No gradients: `glasscell.report.page.collect` measures those too.

        Raises:
            ValueError: nothing ran in the block yet.
            ShapeError: the layers ran over different numbers of steps, or `x` over others.
        """
        from glasscell.report.page.notebook import page

        return page(self, x, layers, title, lang)

    def plot(
        self,
        layers: Sequence[str] | str | None = None,
        *,
        sequence: int = 0,
        ax: Any = None,
        **options: Any,
    ) -> Array:
        """Draw the gate walls of the layers side by side; needs matplotlib.

        Args:
            layers: a name, or several; default all.
            sequence: which one of the batch; default 0.
            ax: quantities * layers Axes; default a new pyplot figure.
            **options: as `glasscell.report.plots.gate_walls` takes them.

        Returns:
            (quantities, layers) array of Axes.
        """
        from glasscell.report.plots import gate_walls

        return gate_walls(self, layers, sequence=sequence, ax=ax, **options)

    def _repr_html_(self) -> str | None:
        from glasscell.report.page.notebook import inline

        return inline(self) if self else None

    def __repr__(self) -> str:
        parts = ((name, self[name].shown) for name in self)
        return f"Trace({', '.join(f'{name}: {one}' if one else name for name, one in parts)})"

    def __str__(self) -> str:
        lines = [f"{name}  {self[name]}" for name in self]
        return "\n".join(lines) or "nothing ran in the block yet"

    def _unknown(self, name: str) -> str:
        ran = ", ".join(self) or "none"
        text = f"expected a layer that ran in the block ({ran}), got {name!r}"
        module = name if name in self._known else name.rpartition(".")[0]
        if not self._calls:
            text += "; call the model inside the block"
        if module in self._known and not any(key.rpartition(".")[0] == module for key in self):
            text += (
                "; the model has that module, but our kernels did not run it here (not called, a "
                "forward of its own, half precision, another device)"
            )
        return text


@contextmanager
def trace(model: torch.nn.Module) -> Iterator[Trace]:
    """Record every gate, cell state and hidden state of a model's recurrent layers.

    Args:
        model: any torch module with LSTM, RNN, LSTMCell or RNNCell layers, ours or torch's own, on
            the CPU. torch's are run by our kernels inside the block and are themselves again after
            it, errors included.

    Yields:
        `Trace`: layer name to `LayerTrace`, filled as the model runs.

    Raises:
        TypeError: `model` is no torch module.
        ValueError: it has no such layer.
        RuntimeError: a layer is not on the CPU.

    Notes:
        Arrays are read-only views of the buffers that the kernel wrote (and that a backward pass
        reads), nothing is copied: an in-place change of the layer's output shows in `hidden`. They
        stay valid after the block. Each call keeps 6 numbers per unit and step,
        and holds on to what the layer read.

    >>> import torch
    >>> model = torch.nn.LSTM(3, 4, bidirectional=True)
    >>> with trace(model) as seen:
    ...     output, _ = model(torch.zeros(7, 2, 3))
    >>> print(seen)
    l0  LayerTrace(LSTM, f i g o c h, TBH (7, 2, 4))
    l0_reverse  LayerTrace(LSTM, reverse, f i g o c h, TBH (7, 2, 4))
    >>> layer = seen["l0"]
    >>> kept, written = layer.forget[1:] * layer.cell[:-1], layer.input[1:] * layer.candidate[1:]
    >>> bool((kept + written == layer.cell[1:]).all())
    True
    """
    from glasscell.inspect.subjects.recorder import TraceRecorder
    from glasscell.inspect.subjects.watch import recurrent_modules, watching

    recorder = TraceRecorder(recurrent_modules(model))
    with watching(model, recorder):
        yield recorder.trace
