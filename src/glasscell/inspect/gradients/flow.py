"""How far gradients travel back through time: |dL/dh_t| and |dL/dc_t| of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.direct import direct_path
from glasscell.inspect.gradients import belt
from glasscell.inspect.memory.timescales import half_life, holding_steps
from glasscell.inspect.verdict.judge import REACH, LayerVerdict, in_words, judge
from glasscell.traces import pictures
from glasscell.traces.layer import LayerTrace
from glasscell.traces.shown import Shown, notes
from glasscell.traces.slopes import belt as direct_belt
from glasscell.traces.slopes import mixes, reverse_inputs, shown_to, slopes_of
from glasscell.traces.steps import Order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.cells.parameters import LayerWeights

__all__ = ["GradientFlow", "LayerFlow", "flow_of", "into_state"]

Float64: TypeAlias = npt.NDArray[np.float64]

COLUMNS = 100
"""Width at which printed verdicts are wrapped."""
BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 20


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """One layer in one direction: how much of the loss's gradient is at each step.

    Index t is the sequence's own time, for reverse layers too: there the gradient starts at t = 0,
    the step that the layer read last, and travels towards T - 1.

    Attributes:
        hidden: (T,) float64, |dL/dh_t|: total derivative by the hidden state, through everything
            that comes after it; Euclidean norm over batch and units.
        cell: (T,) |dL/dc_t|, the same for the state beside the hidden one that the layer stores in,
            of an LSTM the cell state; None for a GRU or an RNN.
        cell_path: (T,) what of the gradient by the stored state (c of an LSTM, h of a GRU) arrives
            along its direct path alone, of an LSTM ``b_t = f_{t+1} * b_{t+1} + o_t (1 -
            tanh(c_t)^2) * dy_t``, of a GRU ``b_t = z_{t+1} * b_{t+1} + dy_t``, with dy_t the
            gradient that arrives at the output directly; recurrent weights pass nothing. None
            for an RNN.
        mode: Torch's name of the cell ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"), or the cell itself.
        reverse: Whether the layer read the sequence from its end.
        by_lag: (T,) the profile that verdicts are read off: `cell` (without one `hidden`) counted
            back from each sequence's own last step, root mean square over the sequences that are
            long enough. None: made from `cell` or `hidden`.
        direct_by_lag: (T,) as `by_lag`, what enters at that step directly: from the loss, or from
            the layer above. None: unknown.
        last_step_by_lag: (T,) as `by_lag`, if the last step alone had a gradient; None unless
            every step has one.
        half_life: (H,) steps, see `inspect.half_life`; None for a cell without a belt, as an RNN.
        shown: Which of the layer's calls were measured, see `LayerTrace`; None: all of them.
        breaks_at: First step, from 0, of hidden or cell states that are NaN or infinite; None: all
            are finite.

    Notes:
        Where the steps are calls of their own, of a cell in a loop, ``|dL/dh_t|`` is the total
        derivative by what call t gave, through everything that the loop does with it: a result
        that a mask throws away has 0. Such rows are left out of `by_lag` where a sequence has
        ended. `cell_path` and `direct_by_lag` need a state that each step takes over unchanged:
        where it is changed between the calls of a layer (`shown.altered`), they are None, and they
        are None for cells, whose output is their state.
    """

    hidden: Float64
    cell: Float64 | None
    cell_path: Float64 | None
    mode: str | cells.Cell = "LSTM"
    reverse: bool = False
    by_lag: Float64 | None = None
    direct_by_lag: Float64 | None = None
    last_step_by_lag: Float64 | None = None
    half_life: Float64 | None = None
    shown: Shown | None = None
    breaks_at: int | None = None

    @property
    def symbol(self) -> str:
        """What `profile` is the norm of: "|dL/dc_t|", for a GRU or an RNN "|dL/dh_t|"."""
        path = direct_path(cells.of(self.mode))
        return "|dL/dh_t|" if self.cell is None or path is None else path.symbol

    @property
    def stored(self) -> Float64:
        """(T,): norms of the gradient of what a step stores: `cell`, without one `hidden`."""
        return self.hidden if self.cell is None else self.cell

    @property
    def profile(self) -> Float64:
        """(T,): gradient by lag, index 0 the last step that the layer read."""
        if self.by_lag is not None:
            return self.by_lag
        return self.stored if self.reverse else self.stored[::-1]

    def judge(self, lag: int | None = None) -> LayerVerdict:
        """Say whether this layer's gradient vanishes, explodes or arrives over a lag.

        Args:
            lag: How many steps back the task needs it; default all there are.
        """
        return judge(self, lag)

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw log10 of the gradient norms over time; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.gradient_river` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("gradient_river", self, ax=ax, **options)


class GradientFlow(Mapping[str, LayerFlow]):
    """Layer name to `LayerFlow`, as `glasscell.gradient_flow` gives it; print it for a table.

    Args:
        layers: Layer name ("encoder.l0") to its flow, in the order in which the layers ran.
        loss: Value of the loss.
    """

    def __init__(self, layers: Mapping[str, LayerFlow], loss: float = float("nan")) -> None:
        self._layers = dict(layers)
        self.loss = loss

    @property
    def verdict(self) -> str:
        """One line per layer (vanishes, explodes, arrives, with numbers), then what to change.

        Before them a line for layers of whose calls only some are shown.
        """
        return self.said()

    def said(self, lang: str = "en") -> str:
        """Say the verdict in a language.

        Args:
            lang: "en" or "zh"; default "en".
        """
        return "\n".join((*notes(self, lang), in_words(self, lang)))

    def plot(self, ax: Any = None, **options: Any) -> npt.NDArray[np.object_]:
        """Draw the gradient river of each layer; needs matplotlib.

        Args:
            ax: One Axes per layer; default a new pyplot figure.
            **options: As `glasscell.report.plots.gradient_rivers` takes them.

        Returns:
            (layers,) array of Axes.
        """
        return pictures.panels("gradient_rivers", self, ax=ax, **options)

    def __getitem__(self, name: str) -> LayerFlow:
        if name not in self._layers:
            raise KeyError(f"no layer {name!r}; known: {', '.join(self._layers) or 'none'}")
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        return f"GradientFlow({', '.join(self)})"

    def __str__(self) -> str:
        paragraphs = (
            fill(line, COLUMNS, subsequent_indent="  ") for line in self.verdict.split("\n")
        )
        return "\n".join((flow_table(self), "", *paragraphs))


def flow_of(
    trace: LayerTrace,
    dh: Array,
    dc: Array | None,
    dy: Array | None,
    weights: LayerWeights | None = None,
) -> LayerFlow:
    """Measure the gradients that one layer's backward pass went through.

    Args:
        trace: What the layer did in its forward pass.
        dh: (T, B, P) or (N, P), total derivative of the loss by the hidden state.
        dc: (T, B, H) or (N, H), total derivative by the cell state; (T, B, S, H) of several states
            beside the hidden one, None of none.
        dy: As dh, gradient that arrives at the output directly; None where that is not known, and
            then the belt is not either.
        weights: The layer's; needed with a projection or vectors.

    Returns:
        `LayerFlow`.
    """
    order = Order(trace)
    hidden = order.kernel(dh)
    path = direct_path(trace.recurrence)
    cell = None
    if dc is not None and path is not None and path.index:
        cell = order.kernel(dc if dc.ndim == dh.ndim else dc[..., path.index - 1, :])
    carried = hidden if cell is None else cell
    entering = None if dy is None else _entering(order, order.kernel(dy), hidden, cell, weights)
    along, lives = None, None
    if path is not None:
        kept = direct_belt(trace, order, _vectors(weights))
        lives = half_life(kept, holding_steps(order))
        if entering is not None:
            # A reverse layer works on the padding first, and the belt runs on into it.
            along = belt.along_belt(kept, entering, order.cut)
            along = np.where(order.alive[..., None], along, 0.0)
    broken = order.not_finite(list(dict.fromkeys(("hidden", *trace.recurrence.state_names))))
    return LayerFlow(
        hidden=_norms(order, hidden),
        cell=None if cell is None else _norms(order, cell),
        cell_path=None if along is None else _norms(order, along),
        mode=trace.mode,
        reverse=trace.reverse,
        by_lag=belt.per_lag(carried, order.alive),
        direct_by_lag=None if entering is None else belt.per_lag(entering, order.alive),
        half_life=lives,
        shown=trace.shown,
        breaks_at=None if broken is None else broken[1],
    )


def _norms(order: Order, gradient: Array) -> Float64:
    """Norms over batch and units at each step, in the sequence's own time."""
    return belt.per_step(gradient)[:: order.step]


def _vectors(weights: LayerWeights | None) -> Mapping[str, Array]:
    return getattr(weights, "vectors", {})


def _entering(
    order: Order, direct: Array, hidden: Array, cell: Array | None, weights: LayerWeights | None
) -> Array:
    """What comes in at each step from outside; at the last one, from h_n and c_n too: all of it."""
    ends = belt.last_steps(order.alive)[..., None]
    if cell is None:
        return np.where(ends, hidden, direct)
    path = direct_path(order.trace.recurrence)
    assert path is not None
    return np.where(ends, cell, into_state(order, path.index, direct, weights))


def into_state(order: Order, state: int, direct: Array, weights: LayerWeights | None) -> Array:
    """Give what a gradient on the output brings into a state beside the hidden one, in its step.

    Of an LSTM ``o_t (1 - tanh(c_t)^2) dy_t``, with ``dy_t W_hr`` in place of dy_t under a
    projection.

    Args:
        order: Of the run.
        state: Which of the cell's states.
        direct: (T, B, P), gradient on the output, in the order of work.
        weights: The layer's.

    Returns:
        (T, B, H) float64.
    """
    trace = order.trace
    projection = None if weights is None else weights.weight_hr
    by_unit = direct if projection is None else direct @ projection
    if mixes(trace.recurrence):
        given = reverse_inputs(trace, order.worked, order.before, _vectors(weights))
        through = shown_to(trace.recurrence, given, by_unit, state)
        return np.where(order.alive[..., None], through, 0.0)
    place = (0, "after", state)
    shown = slopes_of(trace, order.worked, order.before, _vectors(weights), [place]).get(place)
    if shown is None:
        return np.zeros(by_unit.shape)
    return np.where(order.alive[..., None], shown * by_unit, 0.0)


def flow_table(flows: Mapping[str, LayerFlow]) -> str:
    """Draw one row per layer: the gradient at both ends, its rate, its reach, its profile.

    Args:
        flows: Layer name to its flow.

    Returns:
        Lines of at most 100 columns for names of up to 16 letters.
    """
    head = (
        "layer",
        "steps",
        "norm of",
        "at lag 0",
        "at the end",
        "per step",
        "reach",
        f"lag 0 {'.' * 6} end",
    )
    rows = [head, *(_row(name, flow) for name, flow in flows.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    left = {0, 2, 7}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(name: str, flow: LayerFlow) -> tuple[str, ...]:
    verdict, profile = flow.judge(), flow.profile
    return (
        name,
        str(len(profile)),
        flow.symbol[1:6],
        f"{profile[0]:.1e}",
        f"{profile[-1]:.1e}",
        "-" if np.isnan(verdict.rate) else f"× {verdict.rate:.3g}",
        "all" if verdict.reach is None else str(verdict.reach),
        sparkline(profile),
    )


def sparkline(profile: Array, width: int = WIDTH) -> str:
    """Draw a profile as bars, on a logarithmic scale from 1/10000 of its largest value up.

    Args:
        profile: (T,) values >= 0.
        width: Columns at most; default 20. Several steps share a column by their largest.

    Returns:
        One character per column; a blank is below 1/10000, "?" is NaN or infinite.

    >>> sparkline(np.array([1.0, 0.1, 0.01, 0.001, 0.0]))
    '█▆▅▃ '
    """
    columns = [part.max() for part in np.array_split(profile, min(width, len(profile)))]
    largest = max((value for value in columns if np.isfinite(value)), default=0.0)
    return "".join(_bar(value / largest if largest > 0 else 0.0) for value in columns)


def _bar(share: float) -> str:
    if not np.isfinite(share):
        return "?"
    if share < REACH:
        return BARS[0]
    return BARS[1 + round((len(BARS) - 2) * (1 - np.log10(share) / np.log10(REACH)))]
