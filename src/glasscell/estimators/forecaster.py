"""`LSTMForecaster`: forecasts of one series or of many, by the rules of scikit-learn."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import yaml
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from glasscell.arrays import Array
from glasscell.data.columns import Roles
from glasscell.data.future_rows import with_future
from glasscell.data.panel import Panel
from glasscell.data.read import ReadOptions, read_panel
from glasscell.errors import DataError
from glasscell.estimators.frames import Frame, collected
from glasscell.estimators.hyperparameters import named_as_parameters, storing
from glasscell.model import modelfile
from glasscell.tasks.forecast.evaluation import evaluate
from glasscell.tasks.forecast.intervals import level_name
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.predict import Forecaster
from glasscell.training.run_folder import SETTINGS, RunFolder

__all__ = ["OF_RUNS", "OWN", "LSTMForecaster"]

OF_RUNS = ("seed", "seeds", "level", "baselines", "compare", "windows", "step", "refit", "film")
"""Options that only a run with a test part has, or that have another name here."""

MADE = ("horizon", "lookback", "season", "show_level", "calendar")
"""Options that data decide, on which the size of the network depends."""

OWN = {"seeds": 1, "random_state": None, "warm_start": False, "verbose": 0}
"""Parameters that a run has not, or with another default."""

OfForecasts = storing(ForecastOptions, OF_RUNS, OWN)
"""The hyper-parameters of a forecaster: options of `glasscell fit` by the same names."""


@dataclass(frozen=True, eq=False)
class FittedRun:
    """A run folder in memory: it pickles and forecasts without torch, and no code is in it.

    Args:
        files: Name of each file of the folder to its bytes.
        panel: The end of the series, from which a forecast goes on.
        reading: How the data were read, with what was found in them.
        frame: What the frame was like.
        history: One entry per epoch.
        best_epoch: The epoch whose weights these are.
    """

    files: Mapping[str, bytes]
    panel: Panel
    reading: ReadOptions
    frame: Frame
    history: tuple[dict[str, float], ...]
    best_epoch: int

    @cached_property
    def forecaster(self) -> Forecaster:
        """What forecasts, made when it is first asked for."""
        with tempfile.TemporaryDirectory() as place:
            return Forecaster.load(self.save(Path(place) / "run", force=False))

    def save(self, out: str | os.PathLike[str], force: bool) -> Path:
        """Write the run folder."""
        with RunFolder(out, force=force) as folder:
            for name, content in self.files.items():
                folder.write_bytes(name, content)
            return folder.commit()

    def weights(self) -> Mapping[str, Array]:
        """Give the weights of the network by name."""
        with tempfile.TemporaryDirectory() as place:
            return modelfile.read(self.save(Path(place) / "run", force=False))[1]

    def going_on(self, options: ForecastOptions) -> ForecastOptions:
        """Fill in what the data decided when the network was made, and has to stay."""
        kept = yaml.safe_load(self.files[SETTINGS])
        open_ones = [name for name in MADE if getattr(options, name) in (None, "auto")]
        return replace(options, **{name: kept[name] for name in open_ones})

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "forecaster"}


class LSTMForecaster(BaseEstimator):  # type: ignore[misc]
    """Forecasts one series or many with one LSTM, frames of Nixtla's form in and out.

    A frame has a row for each time step of each series: unique_id, ds, y, and columns that are read
    beside it; or one column per series beside the time. pandas, polars and Arrow go in, and the
    same comes out. The arguments are those of `glasscell fit`, by the same names (``horizon=24``,
    ``covariates=["price"]``, ``gaps="interpolate"`` ...), but for `seeds`, which is 1 here.

    Args:
        random_state: Seed of the initial weights and of the order of the windows.
        warm_start: Whether a further `fit` begins with the weights of the last one; data may grow.
        verbose: Whether to tell of every epoch on standard error.

    Attributes:
        forecaster_: The fitted `glasscell.Forecaster`, which needs NumPy and pandas alone.
        history_: One entry per epoch: "epoch", "train" and "validation" error, "seconds".
        best_epoch_: The epoch whose weights were kept; 0 is the linear model that training starts
            from.

    Notes:
        The last fifth of each series, and one horizon at least, decides which epoch is kept;
        nothing is held back for a test: see `cross_validation`, or `glasscell fit`, which also
        compares with honest baselines. What is fitted pickles without torch, as a run folder in
        memory.

    >>> times = pd.date_range("2024-01-01", periods=90)
    >>> days = pd.DataFrame({"unique_id": "a", "ds": times, "y": np.arange(90) % 7.0})
    >>> model = LSTMForecaster(horizon=3, lookback=7, epochs=2, random_state=0).fit(days)
    >>> model.predict().round(1)
      unique_id         ds  LSTM
    0         a 2024-03-31   6.0
    1         a 2024-04-01   0.0
    2         a 2024-04-02   1.0
    """

    __init__ = OfForecasts
    _run: FittedRun

    def fit(self, df: Any, y: None = None) -> Self:
        """Train one network on all series, afresh or, with `warm_start`, from where the last ended.

        Args:
            df: A frame, a pandas Series with a time index, or the path of a file.
            y: Nothing; it stands here for pipelines. The target is a column of `df`.

        Returns:
            The estimator.

        Raises:
            DataError: The data or a hyper-parameter cannot be used.
        """
        if y is not None:
            raise DataError(
                "y: expected None, as the target is a column of df; name it with target"
            )
        df = collected(df)
        goes_on = bool(self.warm_start) and self.__sklearn_is_fitted__()
        from glasscell.estimators.forecast_training import train

        with named_as_parameters():
            options = self._options()
            weights: Mapping[str, Array] = {}
            if goes_on:
                options, weights = self._run.going_on(options), self._run.weights()
            files, panel, best = train(df, options, weights, verbose=bool(self.verbose))
        history = tuple(
            {"epoch": e.epoch, "train": e.train, "validation": e.validation, "seconds": e.seconds}
            for e in best.history
        )
        ends = tuple(one.last(best.network.lookback) for one in panel.series)
        panel, frame = replace(panel, series=ends), Frame.of(df, panel.roles)
        reading = replace(options, **panel.detected).reading()
        self._run = FittedRun(files, panel, reading, frame, history, best.best_epoch)
        return self

    def predict(
        self,
        df: Any = None,
        horizon: int | None = None,
        level: Sequence[float] | None = None,
        future: Any = None,
    ) -> Any:
        """Forecast every series from its last row on.

        Args:
            df: A frame like that of `fit`, with at least `lookback` rows of each series, which may
                be others; None: from the end of the data of `fit`.
            horizon: Time steps to forecast. Default: those of `fit`.
            level: Percent of the intervals that are told, each in (0, 100); one that too few rows
                validate is infinite. Default: none.
            future: A frame of what is known ahead, one row for each step to forecast; needed if
                `future_covariates` are.

        Returns:
            A frame of the library of `df`, with the names of its columns for series and time (else
            unique_id and ds), and the forecast under the name of the cell: LSTM, LSTM-lo-90 ...

        Raises:
            NotFittedError: `fit` was not called.
            DataError: The data cannot be used.
        """
        check_is_fitted(self)
        if horizon is not None and horizon < 1:
            raise DataError(f"horizon: expected at least 1, got {horizon}")
        run = self._run
        future = None if future is None else collected(future)
        forecaster, frame = run.forecaster, run.frame
        steps = max(horizon or 0, forecaster.settings["horizon"])
        wanted = list(level or [])
        with named_as_parameters():
            if df is not None:
                df = collected(df)
                panel = forecaster.read(df, future=future, horizon=steps)
                frame = Frame.of(df, panel.roles)
            elif future is not None:
                panel = with_future(run.panel, future, run.reading, steps, [])
            else:
                panel = run.panel
            sure = forecaster.levels(wanted)
            told = forecaster.forecast(panel, horizon=steps, sure=sure)
        for end, beyond in (("lo", -np.inf), ("hi", np.inf)):
            for name in (f"forecast-{end}-{level_name(one)}" for one in wanted):
                told[name] = told.get(name, beyond)
        told = told if horizon is None else told[told["horizon"] <= horizon]
        name = self.cell.upper()
        renamed = {c: c.replace("forecast", name, 1) for c in told.columns}
        return frame.like(told.drop(columns="horizon").rename(columns=renamed))

    def cross_validation(
        self,
        df: Any,
        windows: int = 1,
        step: int | None = None,
        refit: bool = False,
        level: Sequence[float] | None = None,
    ) -> Any:
        """Forecast the end of every series from several origins, as it would have been done then.

        Args:
            df: A pandas frame as of `fit`.
            windows: Origins; the last one is one horizon before the end.
            step: Time steps between two origins. Default: the horizon.
            refit: Train anew at every origin; else once, on what was there at the first.
            level: As of `predict`.

        Returns:
            unique_id, ds, cutoff (the last time that was known), y and the forecast.

        Raises:
            DataError: The data cannot be used, or are too short.
        """
        if min(windows, step or 1) < 1:
            raise DataError(f"windows, step: expected at least 1, got {windows}, {step}")
        rows, roles = _rows(df, self)
        owner = rows[roles.series] if roles.series else pd.Series(0, rows.index)
        left = owner.groupby(owner, sort=False).cumcount(ascending=False)
        told: list[pd.DataFrame] = []
        horizon = self.horizon
        if horizon is None:
            raise DataError("horizon: expected how far to forecast, got None; name it")
        for number in reversed(range(windows)):
            back = horizon + number * (step or horizon)
            past = rows[left >= back]
            if refit or not told:
                model = clone(self).fit(past)
            ahead = rows[(left < back) & (left >= back - horizon)]
            known = [*([roles.series] if roles.series else []), roles.time]
            known += [*(self.future_covariates or ()), *(self.static or ())]
            said = model.predict(
                past, level=level, future=ahead[known] if self._reads_ahead else None
            )
            keys = [name for name in (model._run.frame.series, roles.time) if name in rows]
            last = past.groupby(owner[past.index], sort=False)[roles.time].transform("max")
            cutoffs = past.assign(cutoff=last).drop_duplicates(keys[:-1] or ["cutoff"])
            truth = ahead[[*keys, roles.targets[0]]]
            if roles.series:
                said = said.merge(cutoffs[[roles.series, "cutoff"]], on=roles.series)
            else:
                said["cutoff"] = cutoffs["cutoff"].iloc[0]
            told.append(said.merge(truth, on=keys, how="left"))
        both = pd.concat(told, ignore_index=True)
        first = [model._run.frame.series, roles.time, "cutoff", roles.targets[0]]
        return both[[*first, *(name for name in both if name not in first)]]

    def score(self, df: Any, y: None = None) -> float:
        """Measure forecasts from every row of a frame: 1 is exact, 0 no better than the last value.

        Args:
            df: A frame as of `predict`, with a lookback before and a horizon after some row.
            y: Nothing.

        Returns:
            1 - MAE / MAE of the naive forecast, each a mean over series.
        """
        check_is_fitted(self)
        with named_as_parameters():
            found = evaluate(self._run.forecaster, collected(df))
        naive, ours = (method["mae"] for method in found["methods"][:2])
        return 1 - ours / naive if naive else float(ours == 0)

    def save(self, folder: str | os.PathLike[str], force: bool = False) -> Path:
        """Write a run folder that `glasscell predict` and `glasscell.Forecaster.load` read.

        Args:
            folder: A new folder.
            force: Replace a run that is there; default False.

        Returns:
            The folder.
        """
        check_is_fitted(self)
        return self._run.save(folder, force)

    @property
    def forecaster_(self) -> Forecaster:
        """What forecasts."""
        return self._fitted("forecaster_").forecaster

    @property
    def history_(self) -> tuple[dict[str, float], ...]:
        """What each epoch gave."""
        return self._fitted("history_").history

    @property
    def best_epoch_(self) -> int:
        """The epoch whose weights were kept."""
        return self._fitted("best_epoch_").best_epoch

    @property
    def _reads_ahead(self) -> bool:
        return bool(self.future_covariates)

    def _fitted(self, name: str) -> FittedRun:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"expected {name} of a fitted {type(self).__name__}; fit it first")
        return self._run

    def _options(self) -> ForecastOptions:
        """Take the hyper-parameters as options of a run."""
        chosen = self.random_state
        whole = isinstance(chosen, int | np.integer) and not isinstance(chosen, bool)
        seed = int(chosen) if whole else int(check_random_state(chosen).randint(2**31 - 1))
        return replace(self._unseeded(), seed=seed)

    def _unseeded(self) -> ForecastOptions:
        """Do so without a draw from the user's `random_state`, which only training may move."""
        own = ("random_state", "warm_start", "verbose")
        given = {
            name: value for name, value in self.get_params(deep=False).items() if name not in own
        }
        return ForecastOptions(**given)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_run")


def _rows(df: pd.DataFrame, model: LSTMForecaster) -> tuple[pd.DataFrame, Roles]:
    """Give a frame with its time as dates or numbers, sorted by it, and what its columns are."""
    if not isinstance(df, pd.DataFrame):
        raise DataError(f"df: expected a pandas frame, got {type(df).__name__}; convert it")
    with named_as_parameters():
        panel = read_panel(df, model._unseeded().reading())
    roles = panel.roles
    if roles.series is None and len(panel.series) > 1:
        raise DataError(
            "df: expected one series, or many one below the other with a column that names them, "
            f"got {len(panel.series)} columns; bring it in that form with df.melt"
        )
    rows = df if roles.time in df else df.rename_axis(index=roles.time).reset_index()
    if rows[roles.time].dtype == object:
        rows = rows.assign(**{roles.time: pd.to_datetime(rows[roles.time])})
    return rows.sort_values(roles.time, kind="stable", ignore_index=True), roles
