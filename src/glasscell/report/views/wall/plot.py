"""Gate wall: heat-maps of what every gate of every unit did at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.inspect.units.order import slow_first
from glasscell.report.draw.canvas import AxesArray, fits, grid, plain
from glasscell.report.draw.colours import COLOURS
from glasscell.report.draw.curves import STEP, steps
from glasscell.report.draw.heat import heat, pooled_label, symmetric
from glasscell.report.draw.recurrence import Look, look
from glasscell.traces.slopes import belt
from glasscell.traces.steps import Order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.traces.layer import LayerTrace

__all__ = [
    "NAMES",
    "chosen",
    "colour_in",
    "gate_wall",
    "gate_walls",
    "quantities_of",
    "single",
    "step_label",
    "title_of",
    "titled",
]

NAMES: Final = {
    "forget": "forget gate",
    "input": "input gate",
    "output": "output gate",
    "update": "update gate",
    "reset": "reset gate",
    "cell": "cell state",
    "hidden": "hidden state",
}
"""Of quantities that are called otherwise than their name."""
TEX: Final = {"C": "c", "C̃": r"\tilde{c}"}
"""Letters that formulas of papers have otherwise than a page."""
ROW: Final = 0.98
"""Inches of one heat-map with its title."""


def gate_wall(
    layer: LayerTrace,
    quantities: Sequence[str] | None = None,
    *,
    sequence: int = 0,
    units: Sequence[int] | None = None,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw gates, cell state and hidden state of one layer: x is time, a row is a unit.

    Args:
        layer: Of any layout.
        quantities: Names, in this order from the top: of an LSTM out of "forget", "input",
            "candidate", "output", "cell", "hidden"; default all that the layer has.
        sequence: Which one of the batch; default 0.
        units: Rows, from the top; default all, longest half-life first.
        ax: One Axes per quantity; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (n,) array of Axes.

    Raises:
        ValueError: The layer has no such quantity: an RNN has no gates.
        IndexError: There is no such sequence or unit.
        ShapeError: The sequence has no steps, or `ax` another number of Axes.

    Notes:
        Gates are drawn from 0 to 1, what else is bounded within its bounds (candidate and hidden
        state from -1 to 1), the rest up to the 98 % quantile of its size. NaN is grey. Where
        there are more steps or units than pixels, of those that share a cell the value farthest
        from the usual one is shown, never a mean. Time is the sequence's own, for reverse layers
        too.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from glasscell.traces.layer import LayerTrace
    >>> gate = np.array([[0.5, 0.99]] * 3)
    >>> layer = LayerTrace(gate, gate, gate, gate, gate, hidden=gate, layout="TH")
    >>> axes = gate_wall(layer, ["forget", "cell"], ax=Figure().subplots(2))
    >>> axes[0].get_title("left"), axes[0].images[0].get_array()[:, 0].data
    ('forget gate $f$', array([0.99, 0.5 ]))
    """
    one = single(layer, sequence)
    names = quantities_of(one) if quantities is None else tuple(quantities)
    chosen(one, names)
    shape = (len(names), 1)
    axes = grid(
        ax, shape, ", ".join(names), width=width, height=ROW * len(names) + 0.35, sharex=True
    )
    _draw(axes[:, 0], one, names, units)
    return axes[:, 0]


def gate_walls(
    trace: Mapping[str, LayerTrace],
    layers: Sequence[str] | str | None = None,
    quantities: Sequence[str] | None = None,
    *,
    sequence: int = 0,
    units: Sequence[int] | None = None,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw the gate walls of several layers side by side.

    Args:
        trace: Layer name to what it did.
        layers: A name, or several; default all.
        quantities: As in `gate_wall`; default those that all the layers have.
        sequence: Which one of the batch; default 0.
        units: Rows, from the top; default all, longest half-life first.
        ax: Quantities * layers Axes; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (quantities, layers) array of Axes.

    Raises:
        ValueError: No layer ran, or one has no such quantity.
        KeyError: There is no such layer.
        IndexError: There is no such sequence or unit.
        ShapeError: The sequence has no steps, or `ax` another number of Axes.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from glasscell.traces.layer import LayerTrace
    >>> layer = LayerTrace(*[None] * 5, hidden=np.zeros((3, 2)), mode="RNN_TANH", layout="TH")
    >>> axes = gate_walls({"l0": layer, "l1": layer}, ax=Figure().subplots(1, 2))
    >>> print(axes.shape, axes[0, 1].get_title("left"))
    (1, 2) l1
    hidden state $h$
    """
    wanted = list(trace) if layers is None else [layers] if isinstance(layers, str) else [*layers]
    if not wanted:
        raise ValueError("expected a trace of at least one layer, got none; run the model first")
    runs = [single(trace[name], sequence) for name in wanted]
    names = tuple(quantities or ())
    if quantities is None:
        known = quantities_of(runs[0])
        names = tuple(n for n in known if all(n in quantities_of(run) for run in runs))
    for run in runs:
        chosen(run, names)
    shape, height = (len(names), len(wanted)), ROW * len(names) + 0.35
    what = f"{', '.join(names)} of {', '.join(wanted)}"
    axes = grid(ax, shape, what, width=width, height=height, sharex="col")
    for column, name, run in zip(axes.T, wanted, runs, strict=True):
        _draw(column, run, names, units)
        column[0].set_title(
            f"{plain(name)}\n{title_of(run, names[0])}", loc="left",
            color=colour_in(run, names[0]),
            fontsize="small",
        )  # fmt: skip
    return axes


def single(layer: LayerTrace, sequence: int) -> LayerTrace:
    """Give one sequence of a batch, of at least one step.

    Args:
        layer: Of any layout.
        sequence: which.

    Raises:
        IndexError: There is no such sequence.
        ShapeError: It has no steps.
    """
    count = layer.alive().shape[1]
    if not -count <= sequence < count:
        raise IndexError(f"expected sequence in 0 … {count - 1}, the batch, got {sequence}")
    one = layer.sequence(sequence)
    if not len(one.hidden):
        raise ShapeError(
            f"expected a sequence of at least one step, got sequence {sequence} with none; "
            "choose another with sequence="
        )
    return one


def quantities_of(layer: LayerTrace) -> tuple[str, ...]:
    """Give what a layer has, in the order in which it is drawn."""
    there = [name for name, array in layer.quantities.items() if array is not None]
    return tuple(name for name in look(layer.recurrence).names if name in (*there, "hidden"))


def title_of(layer: LayerTrace, name: str) -> str:
    """Name a quantity, with its letter: "forget gate $f$"."""
    return titled(look(layer.recurrence), name)


def titled(how: Look, name: str) -> str:
    """As `title_of`, of a cell."""
    letter = how.letters[name]
    return f"{plain(NAMES.get(name, name))} ${TEX.get(letter, letter)}$"


def colour_in(layer: LayerTrace, name: str) -> str:
    """Give the colour of a layer's quantity."""
    return COLOURS[look(layer.recurrence).colours[name]]


def chosen(layer: LayerTrace, names: Sequence[str]) -> None:
    """Refuse quantities that a layer does not have.

    Raises:
        ValueError: One of them is none of the layer's.
    """
    has = quantities_of(layer)
    for name in names:
        if name not in has:
            raise ValueError(
                f"expected quantities out of {', '.join(has)}, which a {layer.recurrence.name} "
                f"has, got {name!r}"
            )


def step_label(layer: LayerTrace, size: int = 1) -> str:
    """Name the time axis of a layer, on which `size` steps may share a column."""
    label = f"{STEP}, read from the end" if layer.reverse else STEP
    return pooled_label(label, size)


def _draw(
    axes: AxesArray, one: LayerTrace, names: Sequence[str], units: Sequence[int] | None
) -> None:
    size = 1
    for ax, name in zip(axes, names, strict=True):
        values = one.quantity(name)
        rows = _rows(one, values.shape[1], units)
        drawn = heat(ax, values[:, rows].T, _limits(one, name, values), _kind(one, name))
        size = max(size, drawn.columns)
        title = title_of(one, name)
        ax.set_title(title, loc="left", color=colour_in(one, name), fontsize="small")
        _unit_axis(ax, rows, units, drawn.rows)
        steps(ax, len(values), "")
        ax.tick_params(labelbottom=False)
    axes[-1].tick_params(labelbottom=True)
    axes[-1].set_xlabel(step_label(one, size))
    sorted_by_memory = units is None and _keeps(one) and one.units > 1
    if sorted_by_memory and fits(axes[0], 38):
        axes[0].set_title("longest memory on top", loc="right", fontsize="x-small")


def _rows(one: LayerTrace, count: int, units: Sequence[int] | None) -> list[int]:
    """Which unit is in which row; the entries of a projected hidden state have no half-life."""
    if units is not None:
        return [_unit(unit, count) for unit in units]
    if not _keeps(one) or one.units != count:
        return list(range(count))
    return [int(unit) for unit in slow_first(belt(one, Order(one))[:, 0])]


def _keeps(one: LayerTrace) -> bool:
    """Whether the trace alone shows what its units keep by themselves."""
    own, vectors = look(one.recurrence).belt, one.recurrence.program.vectors
    there = all(array is not None for array in one.quantities.values())
    return own is not None and (own.adds or not vectors) and there


def _unit(unit: int, count: int) -> int:
    if not -count <= unit < count:
        raise IndexError(f"expected a unit in 0 … {count - 1}, got {unit}")
    return unit % count


def _limits(one: LayerTrace, name: str, values: Array) -> tuple[float, float]:
    bound = float(max(abs(end) for end in look(one.recurrence).ranges[name]))
    if not np.isfinite(bound):
        bound = symmetric(values)[1]
    return (-bound if _kind(one, name) == "diverging" else 0.0), bound


def _kind(one: LayerTrace, name: str) -> str:
    return "sequential" if name in look(one.recurrence).rising else "diverging"


def _unit_axis(ax: Axes, rows: list[int], units: Sequence[int] | None, size: int) -> None:
    label = f"{len(rows)} unit{'' if len(rows) == 1 else 's'}"
    ax.set_ylabel(label if size == 1 else f"{label},\n{size} a row", fontsize="small")
    places = sorted({0, len(rows) // 2, len(rows) - 1}) if units is not None else []
    ax.set_yticks(places, labels=[str(rows[place]) for place in places], fontsize="small")
