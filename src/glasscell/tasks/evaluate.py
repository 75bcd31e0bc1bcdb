"""Scores forecasts on the test part, and says in one sentence whether the LSTM was worth it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from utilsforecast.losses import mae, mase, rmse

from glasscell.tasks.windows import Dataset, Windows, boundaries

Array = np.ndarray[Any, Any]
METRICS = ("mae", "rmse", "mase")
LSTM, PLAIN_RNN = "LSTM", "plain RNN"
BLOCKS = 20


@dataclass(frozen=True, kw_only=True)
class Method:
    """Test results of one method.

    Args:
        name: "naive", "ridge", "LSTM" ...
        mae: Mean absolute error in the data's unit, mean over series and seeds.
        rmse: Root mean squared error, likewise.
        mase: MAE over the in-sample MAE of the seasonal naive forecast, likewise; NaN if that is 0.
        mae_sd: Standard deviation of the MAE between seeds; NaN with one seed.
        seeds: How many seeds; 0 for a method without chance.
        parameters: Numbers that were fitted.
        seconds: Time to fit, mean over seeds.
        errors: (M,) mean absolute error of each test window, mean over seeds.
    """

    name: str
    mae: float
    rmse: float
    mase: float
    mae_sd: float = math.nan
    seeds: int = 0
    parameters: int = 0
    seconds: float = 0.0
    errors: Array

    def record(self) -> dict[str, Any]:
        """Give the numbers for metrics.json; what is not a number becomes None."""
        numbers = {key: getattr(self, key) for key in (*METRICS, "mae_sd", "seconds")}
        finite = {k: float(v) if math.isfinite(v) else None for k, v in numbers.items()}
        return {"name": self.name, **finite, "seeds": self.seeds, "parameters": self.parameters}


class Scoreboard:
    """The truth of the test windows, against which forecasts are scored.

    Args:
        dataset: Series and scalers.
        windows: The test windows.
        season: Rows of one season, for MASE.
    """

    def __init__(self, dataset: Dataset, windows: Windows, season: int) -> None:
        self.dataset, self.windows, self.season = dataset, windows, season
        self.owners = dataset.owner(windows.origins)
        self.rows = windows.origins - dataset.offsets[self.owners]
        steps = self.rows[:, None] + np.arange(windows.horizon)
        self.truth = np.empty(steps.shape)
        self.measured = np.empty(steps.shape, bool)
        for owner, series in enumerate(dataset.series):
            mine = self.owners == owner
            self.truth[mine] = series.target[steps[mine]]
            self.measured[mine] = series.measured[steps[mine]]

    def restore(self, scaled: Array) -> Array:
        """Bring (M, horizon) scaled forecasts back to the data's unit."""
        scale = np.array([s.scale[0] for s in self.dataset.scalers])[self.owners, None]
        mean = np.array([s.mean[0] for s in self.dataset.scalers])[self.owners, None]
        restored: Array = scaled.astype(np.float64) * scale + mean
        return restored

    def score(
        self, name: str, forecasts: Sequence[Array], *, parameters: int = 0, seconds: float = 0.0
    ) -> Method:
        """Score one method.

        Args:
            name: Its name.
            forecasts: (M, horizon) forecasts in the data's unit: one, or one per seed.
            parameters: Numbers that were fitted.
            seconds: Time to fit.

        Returns:
            Its metrics over measured values only.
        """
        columns = {f"run{i}": forecast for i, forecast in enumerate(forecasts)}
        table = self._metrics(columns)
        spread = float(np.std(table["mae"], ddof=1)) if len(forecasts) > 1 else math.nan
        absolute = [np.abs((f - self.truth) * self.measured) for f in forecasts]
        counts = np.maximum(self.measured.sum(axis=1), 1)
        windows = [error.sum(axis=1) / counts for error in absolute]
        return Method(
            name=name,
            **{key: float(np.mean(values)) for key, values in table.items()},
            mae_sd=spread,
            seeds=len(forecasts) if name in (LSTM, PLAIN_RNN) else 0,
            parameters=parameters,
            seconds=seconds,
            errors=np.mean(windows, axis=0),
        )

    def _metrics(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Give each metric of each column, mean over series."""
        known = self.measured.ravel()
        names = np.array([s.unique_id for s in self.dataset.series])
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(names[self.owners], self.windows.horizon)[known],
                "y": self.truth.ravel()[known],
                **{name: values.ravel()[known] for name, values in columns.items()},
            }
        )
        models = list(columns)
        scores = {
            "mae": mae(frame, models),
            "rmse": rmse(frame, models),
            "mase": mase(frame, models, seasonality=self.season, train_df=self._training()),
        }
        return {key: scores[key][models].mean().to_numpy(np.float64) for key in METRICS}

    def _training(self) -> Any:
        parts = [
            pd.DataFrame({"unique_id": s.unique_id, "y": s.target[: boundaries(len(s.ds))[0]]})
            for s in self.dataset.series
        ]
        return pd.concat(parts, ignore_index=True)

    def weights(self) -> Array:
        """Give each test window's share in the mean over series."""
        counts = np.bincount(self.owners, minlength=len(self.dataset.series))
        return 1.0 / (np.count_nonzero(counts) * counts[self.owners])


def verdict(methods: Sequence[Method], weights: Array, horizon: int, unit: str = "") -> str:
    """Say whether the LSTM beat the best baseline.

    Args:
        methods: All results; the LSTM is among them.
        weights: (M,) share of each test window in the mean.
        horizon: Steps of a forecast: neighbouring windows closer than this share targets.
        unit: Unit of the values.

    Returns:
        One sentence. A difference counts as clear if it exceeds two standard errors, of the seeds
        and of the test windows (in blocks of neighbours) together.
    """
    lstm = next(m for m in methods if m.name == LSTM)
    others = [m for m in methods if m.name != LSTM]
    best = min(others, key=lambda m: m.mae)
    lead = best.mae - lstm.mae
    ours, theirs = _figure(lstm, unit), _figure(best, "")
    if abs(lead) <= _margin(lstm, best, weights, horizon):
        text = (
            f"No clear difference between the LSTM (MAE {ours}) and the best baseline, {best.name} "
            f"({theirs})"
        )
    elif lead > 0:
        text = (
            f"The LSTM (MAE {ours}) beats the best baseline, {best.name} ({theirs}), by "
            f"{_percent(lead, best.mae)}"
        )
    elif best.mae == 0:
        text = f"The LSTM (MAE {ours}) does not beat {best.name}, which makes no error"
    else:
        text = (
            f"The LSTM (MAE {ours}) does not beat the best baseline, {best.name} ({theirs}): its "
            f"error is {_percent(-lead, best.mae)} larger"
        )
    return text + _beside(lstm, best, others, weights, horizon) + "."


def _beside(
    lstm: Method, best: Method, others: Sequence[Method], weights: Array, horizon: int
) -> str:
    """Say how the LSTM stands to the best method without recurrence, if the best one has it."""
    plain = [m for m in others if m.name != PLAIN_RNN]
    if best.name != PLAIN_RNN or not plain:
        return ""
    rival = min(plain, key=lambda m: m.mae)
    lead = rival.mae - lstm.mae
    if abs(lead) <= _margin(lstm, rival, weights, horizon):
        return f"; no clear difference to {rival.name} ({_number(rival.mae)}) either"
    word = "smaller" if lead > 0 else "larger"
    return (
        f"; the LSTM's error is {_percent(abs(lead), rival.mae)} {word} than that of {rival.name} "
        f"({_number(rival.mae)})"
    )


def _margin(one: Method, other: Method, weights: Array, horizon: int) -> float:
    """Give the difference in MAE up to which two methods count as equal."""
    return max(0.01 * other.mae, 2 * _standard_error(one, other, weights, horizon))


def _standard_error(one: Method, other: Method, weights: Array, horizon: int) -> float:
    """Standard error of the difference of two MAEs, from the seeds and from blocks of windows."""
    between_seeds = sum(
        m.mae_sd**2 / m.seeds for m in (one, other) if m.seeds > 1 and math.isfinite(m.mae_sd)
    )
    difference = (one.errors - other.errors) * weights
    blocks = min(BLOCKS, len(difference) // horizon)
    if blocks < 2:
        return math.inf
    sums = np.array([part.sum() for part in np.array_split(difference, blocks)])
    return math.sqrt(between_seeds + blocks * float(np.var(sums, ddof=1)))


def _figure(method: Method, unit: str) -> str:
    text = _number(method.mae) + (f" {unit}" if unit else "")
    if method.seeds > 1:
        text += f" ± {method.mae_sd:.2g} over {method.seeds} seeds"
    return text


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %"


def _number(value: float) -> str:
    return f"{value:.4g}"
