"""`LSTMForecaster` as sktime has its own: series in, forecasts and intervals out."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.estimators.forecaster import OF_RUNS, OWN, LSTMForecaster
from glasscell.estimators.hyperparameters import storing
from glasscell.tasks.forecast.options import ForecastOptions

__all__ = ["SktimeLSTMForecaster"]

SETTLED = ("time", "target", "series", "future_covariates", "static", "warm_start")
"""What sktime says by the form of its data, or by its methods."""

STORE = storing(
    ForecastOptions,
    (*OF_RUNS, *SETTLED),
    {name: default for name, default in OWN.items() if name not in SETTLED},
)


class SktimeLSTMForecaster(BaseForecaster):  # type: ignore[misc]
    """Forecasts a time series with an LSTM, a GRU or a plain RNN.

    Its arguments are those of `LSTMForecaster`. The columns of X are known ahead, up to the last
    step that is forecast, but for those that `covariates` names, of which the past alone is read.
    The fitted one is `estimator_`.

    Notes:
        Without `horizon` the network forecasts as far as the horizon that `fit` is given. `update`
        goes on training from the weights; with ``update_params=False`` it moves the cutoff alone.

    >>> import numpy as np, pandas as pd
    >>> from glasscell.estimators import SktimeLSTMForecaster
    >>> y = pd.Series(np.arange(90) % 7.0, pd.period_range("2024-01-01", periods=90, freq="D"))
    >>> model = SktimeLSTMForecaster(lookback=7, epochs=2, random_state=0).fit(y, fh=[1, 2, 3])
    >>> model.predict().round(1)
    2024-03-31    6.0
    2024-04-01    0.0
    2024-04-02    1.0
    Freq: D, dtype: float64
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": ["glasscell"],
        "maintainers": ["glasscell"],
        "python_dependencies": "torch",
        "y_inner_mtype": "pd.Series",
        "X_inner_mtype": "pd.DataFrame",
        "capability:multivariate": False,
        "capability:exogenous": True,
        "capability:missing_values": False,
        "capability:insample": False,
        "capability:non_contiguous_X": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:categorical_in_X": False,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": False,
    }

    def __init__(self, **given: Any) -> None:
        STORE(self, **given)
        with warnings.catch_warnings():
            # Of a default of sktime 1.3 about estimators without an update of their own.
            warnings.filterwarnings("ignore", "The default of config", FutureWarning)
            super().__init__()

    __init__.__signature__ = STORE.__signature__  # type: ignore[attr-defined]

    def _fit(self, y: pd.Series, X: pd.DataFrame | None, fh: Any) -> SktimeLSTMForecaster:
        parameters = self.get_params(deep=False)
        if self.horizon is None and fh is not None:
            parameters["horizon"] = max(1, int(self._steps(fh).max()))
        past = self.covariates or []
        names = [] if X is None else list(X.columns)
        if unknown := [name for name in past if name not in names]:
            raise DataError(
                f"covariates: expected columns of X ({', '.join(map(str, names)) or 'none'}), got "
                f"{', '.join(map(str, unknown))}"
            )
        parameters["covariates"] = [_inside(name) for name in past]
        ahead = [_inside(name) for name in names if name not in past]
        self.estimator_ = LSTMForecaster(
            **parameters, time="ds", target="y", future_covariates=ahead or None, warm_start=True
        ).fit(_frame(y, X))
        return self

    def _update(
        self, y: pd.Series, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> SktimeLSTMForecaster:
        if update_params:
            self.estimator_.fit(_frame(self._y, self._X))
        return self

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.Series:
        told = self._told(fh, X)
        times = fh.to_absolute_index(self.cutoff)
        return pd.Series(told[self.cell.upper()].to_numpy(), times, name=self._y.name)

    def _predict_quantiles(self, fh: Any, X: pd.DataFrame | None, alpha: list[float]) -> Any:
        levels = sorted({_level(one) for one in alpha} - {0.0})
        told = self._told(fh, X, levels or None)
        name = self.cell.upper()
        columns = {
            one: name
            if _level(one) == 0
            else f"{name}-{'lo' if one < 0.5 else 'hi'}-{_level(one):g}"
            for one in alpha
        }
        return pd.DataFrame(
            np.stack([told[column].to_numpy() for column in columns.values()], axis=1),
            fh.to_absolute_index(self.cutoff),
            pd.MultiIndex.from_product([self._get_varnames(), alpha]),
        )

    def _told(self, fh: Any, X: pd.DataFrame | None, level: list[float] | None = None) -> Any:
        """Forecast from the end of all that was seen, and keep the steps that are asked for."""
        steps = self._steps(fh)
        if steps.min() < 1:
            raise NotImplementedError(
                f"fh: expected steps after the cutoff, got {steps.min()}; in-sample forecasts are "
                "not made"
            )
        horizon, future = int(steps.max()), None
        if self.estimator_.future_covariates:
            if X is None:
                raise DataError(
                    f"X: expected {', '.join(self.estimator_.future_covariates)} of the steps to "
                    "forecast, as in fit, got None"
                )
            times = type(fh)(np.arange(1, horizon + 1), is_relative=True)
            future = _frame(None, X.loc[X.index.isin(times.to_absolute_index(self.cutoff))])
        frame = _frame(self._y, self._X)
        told = self.estimator_.predict(frame, horizon=horizon, level=level, future=future)
        return told.iloc[steps - 1]

    def _steps(self, fh: Any) -> Array:
        return np.asarray(fh.to_relative(self.cutoff).to_numpy(), np.int64)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Give the hyper-parameters that sktime's checks try."""
        small = {"lookback": 2, "epochs": 1, "hidden_size": 2, "random_state": 0}
        return [small, {**small, "show_level": True, "seeds": 2}]


def _level(alpha: float) -> float:
    """Give the percent of the interval that a quantile is an end of."""
    return round(abs(1 - 2 * alpha) * 100, 10)


def _inside(name: Any) -> str:
    """Name a column of X so that it is neither the time nor the target."""
    return f"X {name}"


def _frame(y: pd.Series | None, X: pd.DataFrame | None) -> pd.DataFrame:
    """Lay a series and the columns beside it out with the time as a column."""
    index: Any = next(one.index for one in (y, X) if one is not None)
    columns: dict[str, Any] = {}
    columns["ds"] = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if y is not None:
        columns["y"] = y.to_numpy(np.float64)
    if X is not None:
        beside = X.reindex(index)
        columns |= {_inside(name): beside[name].to_numpy() for name in X.columns}
    return pd.DataFrame(columns).reset_index(drop=True)
