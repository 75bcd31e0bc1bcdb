"""What moved a forecast: contributions of steps and columns that add up to it, and their check."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.frequency import future as times_after
from glasscell.data.wording import few, number, time_text
from glasscell.errors import DataError
from glasscell.inspect.dynamics.attribution import attribute, one_output
from glasscell.inspect.memory.provenance import layer_provenance
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.model import nodes
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.predict import Forecaster
from glasscell.traces import pictures

__all__ = ["Part", "Reasons", "of_window", "reasons"]

NAMED = 3
"""Parts that the sentence names, at most."""
WORTH = 0.05
"""Part of the largest one below which a part is not named."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Neighbouring steps of one column that moved the forecast the same way.

    Args:
        column: The column.
        change: Of the target: by how much it rises over these steps; None of other columns.
        first: First step: -1 is the last row before the forecast, 1 the first ahead.
        last: Last step.
        added: What they added, in the data's unit.
        fell: By how much the forecast falls when they alone are taken out.
    """

    column: str
    first: int
    last: int
    added: float
    fell: float
    change: float | None = None

    def in_words(self, lang: str = "en") -> str:
        """Name it: "promo 2 steps ahead (+3.1)".

        Args:
            lang: "en" or "zh"; default "en".
        """
        steps = sorted({abs(self.first), abs(self.last)})
        span = "–".join(map(str, steps))
        if lang == "zh":
            where = f"预测区间第 {span} 步" if self.first > 0 else f"回看第 {span} 步"
            moved = "" if self.change is None else " 的上升" if self.change > 0 else " 的下降"
            return f"{self.column}{moved}（{where}，{_signed(self.added)}）"
        word = "step" if steps == [1] else "steps"
        where = f"{span} {word} {'ahead' if self.first > 0 else 'back'}"
        moved = "" if self.change is None else "rise of " if self.change > 0 else "fall of "
        return f"{moved}{self.column} {where} ({_signed(self.added)})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasons:
    """What moved one forecast.

    Args:
        series: Whose.
        time: Of which time.
        step: Which step of the horizon, from 1.
        forecast: In the data's unit.
        last: The last value before it.
        base: The forecast of what says nothing: a target that stays at its last value, numbers at
            their mean, flags off, of categories all alike.
        columns: (K,) names; the target first.
        steps: (T,) -1 for the last row, -2 for the one before it, 1 for the first ahead.
        added: (T, K) what each step of each column added; they sum up to ``forecast - base`` but
            for `error`. A step of the target is its change from the step before.
        remembered: (T,) what the recurrent network's memory added, by the step at which it was
            written: an identity of its gates; None for a network without such gates.
        parts: What moved it most.
        said: What the parts added together.
        fell: By how much the forecast falls when all of them are taken out at once.
    """

    series: str
    time: str
    step: int
    forecast: float
    last: float
    base: float
    columns: tuple[str, ...]
    steps: tuple[int, ...]
    added: Array
    remembered: Array | None
    parts: tuple[Part, ...]
    said: float
    fell: float

    @property
    def by_step(self) -> Array:
        """(T,) what all columns of each step added."""
        return np.asarray(self.added.sum(axis=1))

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Draw what each step and each column added; needs matplotlib.

        Args:
            ax: Two Axes; default a new pyplot figure.
            **options: As `glasscell.report.plots.reasons` takes them.

        Returns:
            (2,) array of Axes.
        """
        drawn = (self.added, self.by_step, self.columns, self.steps)
        return pictures.plot("reasons", *drawn, ax=ax, **options)

    @property
    def error(self) -> float:
        """What the contributions miss of ``forecast - base``."""
        return float(self.added.sum()) - (self.forecast - self.base)

    def in_words(self, lang: str = "en") -> str:
        """Say it in a sentence, and what became of the forecast without the parts that it names.

        Args:
            lang: "en" or "zh"; default "en".
        """
        named = [part.in_words(lang) for part in self.parts]
        told, change = _short(self.forecast, self.scale), self.forecast - self.last
        flat = self.base - self.last
        rest = change - flat - self.said
        if lang == "zh":
            opening = f"{self.series}，{self.time}：{told}，比最后的值变化 {_signed(change)}"
            opening += f"；若此前一直不变，则为 {_signed(flat)}"
            if not named:
                return f"{opening}，窗口中没有任何内容推动它。"
            return (
                f"{opening}，其余来自{'、'.join(named)}，以及 {_signed(rest)}。"
                f"去掉点名的部分后预测改变 {_signed(-self.fell)}（归因为 {_signed(-self.said)}）。"
            )
        opening = f"{self.series}, {self.time}: {told}, {_signed(change)} from the last value"
        opening += f"; {_signed(flat)} if nothing had moved"
        if not named:
            return f"{opening}, and nothing in the window does."
        return (
            f"{opening}, the rest from {_listed(named)}, and {_signed(rest)} from all else. "
            f"Without what is named the forecast changes by {_signed(-self.fell)} "
            f"({_signed(-self.said)} was attributed)."
        )

    @property
    def scale(self) -> float:
        """The size of what is told, which decides how many digits a number has."""
        return max(abs(self.forecast - self.last), 1e-9)


def reasons(
    run: str | os.PathLike[str],
    data: Any,
    *,
    series: str | None = None,
    step: int | None = None,
    future: Any = None,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> list[Reasons]:
    """Say of every series, or one, what moved the forecast from its last row on.

    Args:
        run: A run folder written by `fit`.
        data: Path of a file or a frame, as for `predict`.
        series: Which one; default all that are long enough.
        step: Step of the horizon, from 1; default the last.
        future: What is known ahead, as for `predict`.
        say: Called with each sentence on what was done; None: silent.
        **reading: How the data are read, as for `predict`.

    Returns:
        `Reasons` of each, in the order of the data.

    Raises:
        DataError: The run or the data cannot be used, or there is no such series or step.
    """
    forecaster = Forecaster.load(run)
    settings, subject = forecaster.settings, SavedModel.read(forecaster.model)
    panel = forecaster.read(data, say, future=future, **reading)
    ready, scalers = forecaster.ready(panel, say)
    names = [one.unique_id for one in ready]
    if series is not None and series not in names:
        raise DataError(f"series: expected one of {few(names)}, got {series!r}")
    # A recursive run explains what it tells at once.
    horizon = settings.get("at_once", settings["horizon"])
    if step is not None and not 1 <= step <= horizon:
        raise DataError(f"step: expected 1 to {horizon}, what the run tells at once, got {step}")
    told = [
        pair for pair in zip(ready, scalers, strict=True) if series in (None, pair[0].unique_id)
    ]
    windows = forecaster.windows(panel, *map(list, zip(*told, strict=True)))
    layout, found = Layout.read(settings), []
    for x, (one, scaler) in zip(replace(windows, horizon=horizon).inputs(), told, strict=True):
        ahead = panel.stamps(times_after(one.ds[-1], panel.freq, horizon))
        found.append(
            of_window(
                subject,
                x,
                layout,
                (float(scaler.mean[0]), float(scaler.scale[0])),
                step=step,
                series=str(one.unique_id),
                target=target_of(settings, str(one.unique_id)),
                times=[time_text(time) for time in ahead],
            )
        )
    return found


def target_of(settings: Mapping[str, Any], series: str) -> str:
    """Name the column that is forecast: of a wide table each series is one."""
    targets = settings["columns"]["targets"]
    return str(targets[0]) if len(targets) == 1 else series


def of_window(
    subject: SavedModel,
    x: Array,
    layout: Layout,
    scale: tuple[float, float],
    *,
    step: int | None = None,
    series: str = "y",
    target: str = "target",
    times: Sequence[str] = (),
) -> Reasons:
    """Say what moved the forecast of one window.

    Args:
        subject: The network.
        x: (T, C) what it reads.
        layout: Of the run: which channel is which column's.
        scale: What 0 of the target stands for, and what 1 is more than that, in the data's unit.
        step: Step of the horizon, from 1; default the last.
        series: Whose window it is.
        target: What the target is called.
        times: Of the steps of the horizon; default none.

    Notes:
        Integrated gradients (Sundararajan, Taly and Yan 2017) from the baseline to the window,
        through the recurrent network and the linear path, so that the sum is the forecast less that
        of the baseline. The target's deviations from its last value are told as the rises and falls
        that they are sums of, each with what it adds to all steps before it. Codes of rare
        categories have no in-between and stay as they are. A part is taken out by putting the
        baseline in its place, or a rise by lifting all before it: an experiment and no derivative;
        where steps stand in for each other, the two differ.
    """
    root = subject.model.root
    assert isinstance(root, nodes.Forecaster)
    past, horizon, (mean, unit) = root.lookback, root.writes, scale
    place = horizon - 1 if step is None else step - 1
    base = _baseline(x, past, layout)
    score = one_output(place)
    found = attribute(subject, x, score, base)
    kinds = tuple(dict.fromkeys(name for name in layout.owners if name))
    columns, owners = (target, *kinds[1:]), np.array(layout.owners)
    assert found.slope is not None
    added = unit * np.stack(
        [found.contribution[:, owners == name].sum(axis=1) for name in kinds], axis=1
    )
    # What lies before a rise lies lower for it: sum_j g_j (x_j - last) is a sum over rises, too.
    slope = found.slope[:past, owners == kinds[0]].sum(axis=1)
    rises = np.diff(x[:past, 0].astype(np.float64))
    added[:past, 0] = unit * np.concatenate([[0.0], -np.cumsum(slope[:-1]) * rises])
    steps = (*range(-past, 0), *range(1, len(x) - past + 1))

    def without(some: Sequence[tuple[int, int, int]]) -> Array:
        changed = x.copy()
        for column, first, last in some:
            for row in range(max(first, 1), last + 1) if column == 0 else ():
                changed[:row, owners == kinds[0]] += x[row, 0] - x[row - 1, 0]
            if column:
                mask = np.zeros(x.shape, bool)
                mask[first : last + 1] = owners == kinds[column]
                changed[mask] = base[mask]
        return changed

    runs = _runs(added, past)
    told = score(subject.outputs(np.stack([x, *(without([one]) for one in runs), without(runs)])))
    fell = unit * (told[0][0] - told[0][1:])
    parts = tuple(
        Part(
            column=columns[column],
            first=steps[first],
            last=steps[last],
            added=float(added[first : last + 1, column].sum()),
            fell=float(alone),
            change=float(rises[max(first - 1, 0) : last].sum()) if column == 0 else None,
        )
        for (column, first, last), alone in zip(runs, fell, strict=False)
    )
    return Reasons(
        series=series,
        time=times[place] if len(times) else f"step {place + 1}",
        step=place + 1,
        forecast=unit * found.score + mean,
        last=unit * float(x[past - 1, 0]) + mean,
        base=unit * found.base + mean,
        columns=columns,
        steps=steps,
        added=added,
        remembered=_remembered(subject, root, x, place, unit),
        parts=parts,
        said=sum(part.added for part in parts),
        fell=float(fell[-1]),
    )


def _baseline(x: Array, past: int, layout: Layout) -> Array:
    """Give what says nothing: a flat target, numbers at their mean, of categories all alike."""
    base = np.zeros_like(x)
    base[:past, : 1 + layout.level] = x[past - 1, : 1 + layout.level]
    for channel, alike in enumerate(layout.alike):
        if alike is None:
            base[:, channel] = x[:, channel]
        elif channel > layout.level:
            base[:, channel] = alike
    if layout.known:  # a row ahead tells nothing of what is past alone
        base[past:, : x.shape[1] - 1 - layout.known] = x[past:, : x.shape[1] - 1 - layout.known]
    return base


def _runs(added: Array, past: int) -> list[tuple[int, int, int]]:
    """Find neighbouring steps of a column that moved the forecast one way, the most telling ones.

    Args:
        added: (T, K) what each step of each column added.
        past: Rows that are past: what is ahead is told apart.

    Returns:
        (column, first row, last row) each.
    """
    found, least = [], WORTH * float(abs(added).max(initial=0.0))
    for column, values in enumerate(added.T):
        signs = np.where(abs(values) > least, np.sign(values), 0.0)
        edges = np.unique([*(np.flatnonzero(np.diff(signs)) + 1), *range(past, len(values))[:1]])
        for part in np.split(np.arange(len(values)), edges):
            if signs[part[0]]:
                found.append((float(values[part].sum()), column, int(part[0]), int(part[-1])))
    found.sort(key=lambda one: (-abs(one[0]), one[1:]))
    return [one[1:] for one in found[:NAMED] if abs(one[0]) >= WORTH * abs(found[0][0])]


def _remembered(
    subject: SavedModel, root: nodes.Forecaster, x: Array, place: int, unit: float
) -> Array | None:
    """Split what the memory adds to the forecast by the step at which it was written.

    With h = r c, r = h / c of each unit, and c the sum of what every step left in it, the head's
    product with h is a sum over steps: ``w · h = sum_s w · (r * left_s)``.
    """
    traced = subject.model.run(x[None], trace=True).trace
    if traced is None or len(traced) > 1:
        return None
    layer = next(iter(traced.values())).sequence(0)
    arrays = subject.arrays
    reads = [(root.lookback - 1, arrays["head.weight"][place])]
    if root.known is not None and root.known.ahead is not None:
        reads.append((root.lookback + place, arrays["ahead.weight"][place]))
    total = np.zeros(len(x))
    for row, weight in reads:
        try:
            split = layer_provenance(layer, row)
        except ValueError:  # no gates that keep
            return None
        stored, hidden = split.total, layer.hidden[row].astype(np.float64)
        shown = np.divide(hidden, stored, out=np.zeros_like(hidden), where=stored != 0)
        total += (split.written * shown) @ weight.astype(np.float64)
    return unit * total


def _signed(value: float) -> str:
    """Write a change with its sign and three digits."""
    size = abs(value)
    return f"{'−' if value < 0 else '+'}{f'{size:.3g}' if 1e-4 <= size < 1000 else number(size)}"


def _short(value: float, change: float) -> str:
    """Write a value with the digits in which a change of it shows."""
    digits = int(np.clip(2 - np.floor(np.log10(change)), 0, 6))
    return f"{value:.{digits}f}" if abs(value) < 1e9 else number(value)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
