"""Finds the step between the rows of a series, its regular grid of times, and its season."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from utilsforecast.validation import validate_freq

from glasscell.arrays import Array
from glasscell.data.wording import count
from glasscell.errors import DataError

Frequency = str | int
RHYTHMS = {
    "D": "daily",
    "B": "business-daily",
    "h": "hourly",
    "min": "minutely",
    "s": "secondly",
    "W": "weekly",
    "M": "monthly",
    "Q": "quarterly",
    "Y": "yearly",
}
DAY = pd.Timedelta(days=1)
SAME_QUARTERS = {
    f"{rule}-{later}": f"{rule}-{first}"
    for rule in ("QS", "BQS")
    for first, *others in (
        ("JAN", "APR", "JUL", "OCT"), ("FEB", "MAY", "AUG", "NOV"), ("MAR", "JUN", "SEP", "DEC"),
    )
    for later in others
}  # fmt: skip
"""Quarters that begin in the same months; some versions of pandas name them by the last."""


def find_frequency(times: Any) -> Frequency:
    """Find the frequency of sorted, distinct times, which may have gaps.

    Args:
        times: (n,) DatetimeIndex, or Index of integers.

    Returns:
        A pandas offset such as "5min", "D", "W-SUN" or "MS"; for integers the step.

    Raises:
        DataError: Fewer than two rows.

    >>> find_frequency(pd.DatetimeIndex(["2020-01-01", "2020-02-01", "2020-04-01"]))
    'MS'
    """
    if len(times) < 2:
        raise DataError(
            f"expected at least 2 time steps to find the frequency, got {len(times)}; add rows or "
            "give --freq"
        )
    steps = np.diff(times.to_numpy())
    if pd.api.types.is_integer_dtype(times.dtype):
        return _integer_step(steps)
    inferred = _inferred(times)
    if inferred is not None:
        return inferred
    median = pd.Timedelta(np.sort(steps)[(len(steps) - 1) // 2])
    for calendar in (*_weeks_and_workdays(times[0], median), *_months(times)):
        if on_grid(times, calendar).all():
            return calendar
    step = _common_step(times, steps, median)
    days = step / DAY
    if days == int(days):
        return "D" if days == 1 else f"{int(days)}D"
    return str(to_offset(step).freqstr)


def named_offset(freq: str, first: Any = None) -> str:
    """Write a named frequency as pandas does: H as h, and W, M, Q or Y on the calendar of the rows.

    Args:
        freq: What was named.
        first: The first time; None: W is W-SUN, and M, Q and Y start their periods.

    >>> named_offset("H"), named_offset("M", pd.Timestamp("2020-01-31"))
    ('h', 'ME')
    >>> named_offset("W", pd.Timestamp("2020-01-01"))
    'W-WED'
    """
    parts = re.fullmatch(r"(\d*)([A-Za-z]+)", freq.strip())
    if not parts:
        return freq
    count, letter = parts[1], parts[2]
    # pandas 2.2 renamed these; files and habits keep the old letters.
    letter = {"H": "h", "T": "min", "S": "s", "L": "ms", "A": "Y", "AS": "YS"}.get(letter, letter)
    if letter in ("M", "Q", "Y"):
        late = first is not None and first.is_month_end
        letter += "E" if late else "S"
    if first is not None and letter == "W":
        letter += f"-{first.strftime('%a').upper()}"
    if first is not None and letter in ("QS", "QE", "YS", "YE"):
        letter += f"-{first.strftime('%b').upper()}"
    return count + letter


def years_as_times(years: Any, freq: Frequency | None) -> Any:
    """Turn years into time stamps where a frequency of the calendar was named, else give None."""
    if freq is None or str(freq).isdecimal() or not pd.api.types.is_integer_dtype(years.dtype):
        return None
    if not len(years) or years.min() < 1678 or years.max() > 2261:
        return None
    return pd.to_datetime(years.astype(str), format="%Y").as_unit("ns")


def check_frequency(freq: Frequency, times: Any, origin: str = "--freq") -> Frequency:
    """Check a frequency that was named; whether every row lies on its grid is for `regular` to say.

    Args:
        freq: A pandas offset, or the step of integer times.
        times: (n,) sorted, distinct times, n >= 2.
        origin: Who named it, for messages.

    Returns:
        The frequency, an integer for integer times.

    Raises:
        DataError: It is no offset, not positive, of the wrong kind for the times, or that of a run
            and no two rows are one step apart.
    """
    integer = bool(pd.api.types.is_integer_dtype(times.dtype))
    if not integer:
        freq = named_offset(str(freq), times[0])
    if integer and str(freq).isdecimal():
        freq = int(freq)
    try:
        with warnings.catch_warnings():
            # pandas 2 warns of the case of letters before it says that the word is no offset.
            warnings.simplefilter("ignore", FutureWarning)
            validate_freq(pd.Series(times), freq)
            offset: Any = freq if integer else to_offset(str(freq))
    except (ValueError, TypeError) as error:
        kind = "a whole number" if integer else "a pandas offset such as 5min, h, D, W-SUN or MS"
        times_are = "numbers the steps" if integer else "holds dates"
        raise DataError(
            f"{origin} {freq!r}: expected {kind}, as the time column {times_are}"
        ) from error
    count: int = offset if integer else offset.n
    if count <= 0:
        raise DataError(f"{origin} {freq!r}: expected a positive step")
    checked: Frequency = freq if integer else str(offset.freqstr)
    if origin != "--freq":
        named = np.diff(_some_steps(times[0], checked).to_numpy()).astype(np.int64)
        steps = np.diff(times.to_numpy()).astype(np.int64)
        if not ((0.8 * named.min() <= steps) & (steps <= 1.25 * named.max())).any():
            raise DataError(
                f"{origin} has frequency {freq!r}, the data have {str(find_frequency(times))!r}; "
                "give data with the same step"
            )
    return checked


@lru_cache(maxsize=8)
def _some_steps(first: Any, freq: Frequency) -> Any:
    if isinstance(freq, int):
        return pd.Index(first + freq * np.arange(3))
    return pd.date_range(first, periods=8, freq=freq).as_unit(first.unit)


def months_of_days(times: Any) -> Any:
    """Turn times that name one day of each month, such as every fifteenth, into the months.

    Args:
        times: (n,) DatetimeIndex in any order.

    Returns:
        The starts of the months; None if they are that already, or several days occur.

    >>> list(months_of_days(pd.DatetimeIndex(["2020-01-15", "2020-02-15", "2020-03-15"])).day)
    [1, 1, 1]
    """
    if pd.api.types.is_integer_dtype(times.dtype) or times.nunique() < 3:
        return None
    if len(np.unique(times.day)) > 1 or times.day[0] == 1 or len(np.unique(times.month)) == 1:
        return None
    if times.is_month_end.all():
        return None
    return times - pd.to_timedelta(times.day - 1, unit="D")


def require_bounded(times: Any, freq: Frequency, who: str) -> None:
    """Refuse times so far apart that their grid would be mostly gaps and would not fit in memory.

    Raises:
        DataError: The grid would have more than 10 million rows and 100 times those of the data.
    """
    steps = _some_steps(times[0], freq).to_numpy()
    rows = (times.to_numpy()[-1] - times.to_numpy()[0]) / np.median(np.diff(steps))
    if rows > 1e7 and rows > 100 * len(times):
        raise DataError(
            f"{who}: from {times[0]} to {times[-1]} in steps of {freq} there are {rows:.3g} time "
            f"steps, but {count(len(times), 'row')}; name the frequency with --freq, or "
            "check the first and last times"
        )


@lru_cache(maxsize=1)
def grid(first: Any, last: Any, freq: Frequency) -> Any:
    """Give every time from first to last in steps of the frequency.

    Most series of a table share their grid, which pandas takes longer to make than to use.
    """
    if isinstance(freq, int):
        return pd.Index(np.arange(first, last + 1, freq, dtype=np.int64))
    return pd.date_range(first, last, freq=freq).as_unit("ns")


def on_grid(times: Any, freq: Frequency) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which times lie on the grid that starts at the first of them."""
    if len(times) == 0:
        return np.zeros(0, bool)
    whole = grid(times[0], times[-1], freq)
    if len(whole) == len(times) and (whole == times).all():
        return np.ones(len(times), bool)
    return np.asarray(times.isin(whole))


@lru_cache(maxsize=8)
def future(last: Any, freq: Frequency, steps: int) -> Any:
    """Give the next times after the last one; most series of a table end together.

    >>> list(future(10, 2, 3))
    [12, 14, 16]
    """
    if isinstance(freq, int):
        return pd.Index(last + freq * np.arange(1, steps + 1, dtype=np.int64))
    offset = to_offset(freq)
    return pd.DatetimeIndex([last + (k + 1) * offset for k in range(steps)])


def at_least_a_day(freq: Frequency | None) -> bool:
    """Tell whether a frequency is one of days, weeks, months or years.

    >>> at_least_a_day("h"), at_least_a_day("D"), at_least_a_day("MS")
    (False, True, True)
    """
    try:
        offset: Any = to_offset(named_offset(str(freq)))
    except ValueError:
        return False
    first = pd.Timestamp("2024-01-01")
    return bool(first + offset + offset - first >= 2 * DAY)


def rhythm(freq: Frequency) -> str:
    """Say what times a frequency stands for.

    >>> rhythm("MS"), rhythm("5min"), rhythm(1)
    ('monthly dates', 'dates every 5min', 'whole numbers')
    """
    if isinstance(freq, int):
        return "whole numbers" if freq == 1 else f"whole numbers every {freq}"
    try:
        offset = to_offset(freq)
    except ValueError:
        return f"dates every {freq}"
    known = RHYTHMS.get(_unit(offset))
    return f"{known} dates" if known and offset.n == 1 else f"dates every {freq}"


def _unit(offset: Any) -> str:
    """Give the letters of an offset's unit: M for MS, ME, BMS and BME, W for W-SUN."""
    unit = str(offset.rule_code.split("-")[0]).removesuffix("S").removesuffix("E")
    return unit.removeprefix("B") or "B"


def season_length(freq: Frequency, values: Array) -> int:
    """Find the number of rows in one season: of the calendar, or from the autocorrelation.

    Args:
        freq: Frequency of the series.
        values: (n,) training part, NaN where missing; read only for integer times.

    Returns:
        Rows per season; 1 where there is none.

    >>> season_length("MS", np.zeros(0)), season_length("5min", np.zeros(0))
    (12, 288)
    """
    if isinstance(freq, int):
        return _autocorrelation_peak(values)
    offset = to_offset(freq)
    calendar = {"W": 52, "M": 12, "B": 5, "Q": 4, "Y": 1}
    if _unit(offset) in calendar:
        return max(calendar[_unit(offset)] // int(offset.n), 1)
    step = _tick(offset)
    if step is None:
        return 1
    for period in (pd.Timedelta(minutes=1), DAY, 7 * DAY):
        rows = period / step
        if rows >= 2 and rows == int(rows) and (step < pd.Timedelta(seconds=30) or period >= DAY):
            return int(rows)
    return 1


def _inferred(times: Any) -> str | None:
    """Ask pandas, which knows every calendar but wants three times and no gap."""
    if len(times) < 3:
        return None
    with warnings.catch_warnings():
        # pandas announces that its answer will be an offset one day; both kinds are read here.
        warnings.simplefilter("ignore")
        inferred = pd.infer_freq(times)
    freq = None if inferred is None else str(getattr(inferred, "freqstr", inferred))
    return freq if freq is None else SAME_QUARTERS.get(freq, freq)


def _tick(offset: Any) -> Any:
    try:
        return pd.Timedelta(offset)
    except (ValueError, TypeError):
        return DAY * offset.n if offset.rule_code == "D" else None


def _weeks_and_workdays(first: Any, median: Any) -> list[str]:
    """Name the calendars of weeks and working days that rows with this median step may have."""
    if median == DAY and first.day_of_week < 5:
        return ["B"]
    if median == 7 * DAY:
        return [f"W-{first.strftime('%a').upper()}"]
    return ["BMS", "BME"] if 28 * DAY <= median <= 31 * DAY else []


def _months(times: Any) -> list[str]:
    """Name the calendar of rows that all start or end a month, however many are missing."""
    month = times[0].strftime("%b").upper()
    numbers = 12 * times.year + times.month
    apart = int(np.gcd.reduce(np.diff(numbers)))
    if not apart:
        return []
    for edge, letter in ((times.is_month_start, "S"), (times.is_month_end, "E")):
        if edge.all():
            if apart % 12 == 0:
                return [f"{apart // 12 if apart > 12 else ''}Y{letter}-{month}"]
            if apart % 3 == 0:
                return [f"{apart // 3 if apart > 3 else ''}Q{letter}-{month}"]
            return [f"{apart if apart > 1 else ''}M{letter}"]
    return []


def _common_step(times: Any, steps: Any, median: Any) -> Any:
    """Give the median step, or a finer one that every row lies on and that fills a tenth of it."""
    if (steps % median.to_timedelta64() == np.timedelta64(0)).all():
        return median
    common = pd.Timedelta(int(np.gcd.reduce(steps.astype("timedelta64[ns]").astype(np.int64))))
    return common if len(times) > 0.1 * ((times[-1] - times[0]) / common) else median


def _integer_step(steps: Any) -> int:
    median = int(np.median(steps))
    common = int(np.gcd.reduce(steps))
    return common if (steps % median).any() and len(steps) > 0.1 * steps.sum() / common else median


def _autocorrelation_peak(values: Array, limit: int = 400) -> int:
    """Find the lag of the highest peak of the autocorrelation of the differences above noise.

    The differences of white noise have autocorrelation -1/2 at lag 1, so by Bartlett's formula the
    estimate at a later lag k has variance (1 + 2/4) (n - k) / n². A peak counts if it is higher
    than the highest of all m lags is by chance in 1 of 20 such series (Bonferroni), and at least
    0.3.
    """
    steps = np.diff(values)
    known = int(np.isfinite(steps).sum())
    m = min(len(steps) // 3, limit)
    if m < 3 or known < 3:
        return 1
    # Ranks, so that one outlier makes no season.
    ranks = pd.Series(steps).rank().to_numpy()
    steps = np.where(np.isnan(ranks), 0.0, ranks - np.nanmean(ranks))
    power = float(steps @ steps)
    if power == 0.0:
        return 1
    acf = np.array([steps[k:] @ steps[: len(steps) - k] for k in range(m + 1)]) / power
    deviation = np.sqrt(1.5 * (1 - np.arange(m + 1) / len(steps)) / known)
    height = np.maximum(0.3, NormalDist().inv_cdf(1 - 0.05 / m) * deviation)
    peaks = [k for k in range(2, m) if acf[k] >= max(acf[k - 1], acf[k + 1], height[k])]
    return max(peaks, key=lambda k: float(acf[k])) if peaks else 1
