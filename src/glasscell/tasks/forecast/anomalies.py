"""Which measured values were not to be expected, by the forecast of one step before; no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.panel import Series
from glasscell.data.wording import count, few
from glasscell.errors import DataError
from glasscell.tasks.forecast.history import past
from glasscell.tasks.forecast.intervals import Tracker, interval, level_name, scores
from glasscell.tasks.forecast.predict import Forecaster
from glasscell.tasks.forecast.preprocessing import scaler_of
from glasscell.tasks.forecast.told import point_of

__all__ = ["anomalies", "discoveries"]


def anomalies(
    run: str | os.PathLike[str] | Forecaster,
    data: Any,
    *,
    level: Sequence[float] | None = None,
    fdr: float | None = None,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """Score every measured value that has a whole lookback before it.

    The p-value is the share of the run's one-step errors that are at least so large, with the value
    itself among them (Vovk et al. 2005, sec. 2.2).

    Args:
        run: A run folder written by `fit`, or a loaded run.
        data: Path of a file or a frame, read as the run's data were.
        level: Percent; a value outside the outermost interval is an anomaly. None: as in the run.
        fdr: Flag instead the values that Benjamini & Hochberg's rule finds, such that at most this
            share of them is expected by chance, in (0, 1). None: by the interval.
        say: Called with each sentence on what was done; None: silent.
        **reading: How the data are read, as for `Forecaster.predict`.

    Returns:
        A frame with unique_id, ds, y, forecast, lo, hi, p and anomaly; y as it was measured.

    Raises:
        DataError: The run has no intervals, no series is long enough, or an option is wrong.

    Notes:
        Values that the network was trained on are forecast better than others, so that fewer of
        them are flagged than by chance. Intervals that are adaptive go on from the fit's.
    """
    tell = say or (lambda _: None)
    forecaster = run if isinstance(run, Forecaster) else Forecaster.load(run)
    if fdr is not None and not 0 < fdr < 1:
        raise DataError(f"--fdr: expected a share between 0 and 1, got {fdr!r}")
    sure = forecaster.levels(level, say)
    if sure is None:
        raise DataError(
            "--anomalies: expected a run with intervals and a --level, there is none; fit with "
            "--level, or name one that there are errors enough for"
        )
    widest = sure.levels[-1]
    one = sure.first()
    settings = forecaster.settings
    parts, short = [], []
    panel = forecaster.read(data, say, **reading)
    for series in panel.series:
        rows, told, truth = past(forecaster.model, settings, series, panel)
        there = rows < len(series.ds)
        if not there.any() or np.isnan(truth[there, 0]).all():
            short.append(series.unique_id)
            continue
        rows, told, truth = rows[there], told[there][:, :1], truth[there][:, :1]
        tracker = Tracker(one, series.unique_id)
        found = np.stack([scores(told, one.tells, level, truth)[:, 0] for level in one.levels], 1)
        margins, p = _followed(tracker, found)
        parts.append(_frame(forecaster, series, rows, told, margins, p, widest))
    if short:
        need = count(settings["lookback"] + 1, "time step")
        if not parts:
            raise DataError(
                f"--anomalies: expected a series with {need} in a row without a gap, the lookback "
                f"of the run and a value after it, found none of {len(panel.series):,}"
            )
        tell(f"Left out, without {need} in a row and a value after them: {few(short)}.")
    told_all = pd.concat(parts, ignore_index=True)
    told_all["ds"] = panel.stamps(pd.Index(told_all["ds"]))
    if fdr is None:
        chance = len(told_all) * (1 - widest / 100)
        by = f"beyond the {level_name(widest)} % interval; by chance about {chance:,.0f} would be"
    else:
        told_all["anomaly"] = discoveries(told_all["p"].to_numpy(), fdr)
        by = f"at a false discovery rate of {fdr:g}"
        least = 1 / (one.known + 1)
        if not told_all["anomaly"].any() and least > fdr / len(told_all):
            by += f" (with {one.known:,} errors to compare with no p-value is below {least:.2g})"
    flagged = int(told_all["anomaly"].sum())
    tell(f"{flagged:,} of {count(len(told_all), 'value')} are {by}.")
    return told_all


def discoveries(p: Array, rate: float) -> Array:
    """Give which p-values Benjamini & Hochberg's rule (1995) rejects: p_(k) ≤ rate k / n.

    Args:
        p: (n,) p-values.
        rate: Share of false ones that is accepted among them.

    >>> discoveries(np.array([0.001, 0.9, 0.03, 0.02]), 0.05).tolist()
    [True, False, True, True]
    """
    ordered = np.sort(p)
    passing = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / len(p))
    rejected: Array = p <= (ordered[passing[-1]] if len(passing) else -1.0)
    return rejected


def _followed(tracker: Tracker, found: Array) -> tuple[Array, Array]:
    """Give (m,) margins and p-values of (m, levels) scores, each of what was known before."""
    margins, p = np.empty(len(found)), np.empty(len(found))
    for place, each in enumerate(found.tolist()):
        now = tracker.margins()[:, 0]
        margins[place], p[place] = now[-1], tracker.p_value(each[-1])
        tracker.learn(0, each, now.tolist())
    return margins, p


def _frame(
    forecaster: Forecaster,
    series: Series,
    rows: Array,
    told: Array,
    margins: Array,
    p: Array,
    level: float,
) -> pd.DataFrame:
    """Lay out one series, in the data's unit, the rows that were measured."""
    assert forecaster.calibration is not None
    tells, scaler = forecaster.calibration.tells, scaler_of(series, forecaster.settings)
    low, high = interval(told, tells, level, margins[:, None])
    point, low, high = (
        scaler.restore(values[:, 0].astype(np.float64), column=0)
        for values in (point_of(told, tells), low, high)
    )
    y = series.target[rows]
    frame = pd.DataFrame(
        {
            "unique_id": series.unique_id,
            "ds": series.ds[rows],
            "y": y,
            "forecast": point,
            "lo": low,
            "hi": high,
            "p": p,
            "anomaly": (y < low) | (y > high),
        }
    )
    return frame[series.measured[rows]]
