"""Frames as they came: forecasts go back in the library, with the names and kinds of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from glasscell.data.columns import Roles
from glasscell.errors import DataError

__all__ = ["Frame", "collected"]


def collected(data: Any) -> Any:
    """Give a frame in memory: of a lazy one, what it comes to; anything else stays.

    Raises:
        DataError: It is no frame, series or path.
    """
    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        return frame.collect().to_native()
    if isinstance(data, dict | list | tuple | int | float) or data is None:
        raise DataError(
            f"df: expected a data frame with a row for each time step, got {type(data).__name__}; "
            "make one with pandas.DataFrame(...)"
        )
    return data


@dataclass(frozen=True)
class Frame:
    """What a frame was like: its library, and the columns that name series and time.

    Args:
        backend: "pandas", "polars", "pyarrow" ...
        time: Name of the time column, and of the forecast's.
        series: Name of the column that names the series, and of the forecast's.
        time_type: Dtype of the time column; None: it was the index, or no column.
        series_type: Dtype of the series column; None: there was none.
        names: Name of each series as text to its name as it was given.
    """

    backend: str
    time: str
    series: str
    time_type: Any
    series_type: Any
    names: dict[str, Any]

    @classmethod
    def of(cls, data: Any, roles: Roles) -> Frame:
        """Look at data that were read.

        Args:
            data: A frame, a pandas Series, or the path of a file.
            roles: What its columns were taken for.
        """
        frame = nw.from_native(data, pass_through=True, eager_only=True)
        time, series = "ds", "unique_id"
        if not isinstance(frame, nw.DataFrame):
            index = getattr(data, "index", None)
            return cls("pandas", time, series, getattr(index, "dtype", None), None, {})
        backend = frame.implementation.value
        time_type = series_type = None
        names: dict[str, Any] = {}
        if roles.time in frame.columns:
            time = roles.time
            time_type = data[time].dtype if backend == "pandas" else frame.schema[time]
        elif backend == "pandas":
            time_type = data.index.dtype if data.index.nlevels == 1 else None
        if roles.series is not None and roles.series in frame.columns:
            series = roles.series
            series_type = data[series].dtype if backend == "pandas" else frame.schema[series]
            names = {str(one).strip(): one for one in frame[series].unique().to_list()}
        return cls(backend, time, series, time_type, series_type, names)

    def like(self, forecasts: pd.DataFrame) -> Any:
        """Give forecasts in the library, and with the kinds of time and name, of this frame.

        Args:
            forecasts: unique_id, ds and further columns, as pandas has them.
        """
        told = forecasts.rename(columns={"unique_id": self.series, "ds": self.time})
        if self.names:
            told[self.series] = [self.names.get(name, name) for name in told[self.series]]
        return self._in_pandas(told) if self.backend == "pandas" else self._elsewhere(told)

    def _in_pandas(self, told: pd.DataFrame) -> pd.DataFrame:
        kind, times = self.time_type, told[self.time]
        if isinstance(kind, pd.PeriodDtype):
            told[self.time] = times.dt.to_period(kind.freq)
        elif isinstance(kind, pd.DatetimeTZDtype) and times.dt.tz is not None:
            told[self.time] = times.dt.tz_convert(kind.tz)
        elif (_is_time(kind) and _is_time(times.dtype)) or (
            pd.api.types.is_integer_dtype(kind) and pd.api.types.is_integer_dtype(times.dtype)
        ):
            told[self.time] = times.astype(kind)
        if self.series_type is not None and set(told[self.series]) <= set(self.names.values()):
            told[self.series] = told[self.series].astype(self.series_type)
        return told

    def _elsewhere(self, told: pd.DataFrame) -> Any:
        times = told[self.time]
        aware = isinstance(times.dtype, pd.DatetimeTZDtype)
        plain = times.dt.tz_convert("UTC").dt.tz_localize(None) if aware else times
        columns: dict[str, Any] = {name: told[name].to_numpy() for name in told.columns}
        columns |= {self.time: plain.to_numpy(), self.series: told[self.series].to_list()}
        frame = nw.from_dict(columns, backend=nw.Implementation.from_backend(self.backend))  # type: ignore[arg-type]
        time = nw.col(self.time)
        if aware:
            zone = getattr(self.time_type, "time_zone", None) or "UTC"
            time = time.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        if self.time_type is not None and self.time_type.is_temporal() == _is_time(plain.dtype):
            time = time.cast(self.time_type)
        series = nw.col(self.series)
        if self.series_type is not None:
            series = series.cast(self.series_type)
        return frame.with_columns(time, series).to_native()


def _is_time(kind: Any) -> bool:
    return kind is not None and bool(pd.api.types.is_datetime64_dtype(kind))
