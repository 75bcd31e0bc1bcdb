"""Where axis ticks go and what they say: round numbers, round clock times, short labels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from glasscell.arrays import Array

_MINUTE: Final = 60
_DAY: Final = 86_400
_ROUND_SECONDS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * m for m in (1, 2, 5, 10, 15, 30)),
    *(3600 * h for h in (1, 2, 3, 6, 12)),
    *(_DAY * d for d in (1, 2, 7, 14, 30, 91, 182, 365, 730, 1825, 3650)),
)
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One tick: its place as a fraction 0 … 1 of the axis, and its text."""

    at: float
    text: str


def number_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return about `count` round numbers inside [low, high].

    Examples:
        >>> number_ticks(0.0, 1.0)
        [0.0, 0.25, 0.5, 0.75, 1.0]
        >>> number_ticks(63.0, 287.0)
        [100.0, 150.0, 200.0, 250.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / count
    scale = 10.0 ** math.floor(math.log10(raw))
    step = min((m * scale for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(math.log(s / raw)))
    ticks = _multiples(low, high, step)
    return ticks if len(ticks) > 1 else _multiples(low, high, step / 2)


def log_ticks(low: float, high: float) -> list[float]:
    """Return the logarithms of round numbers whose log10 lies inside [low, high].

    Examples:
        >>> log_ticks(-2.1, 1.1), [round(tick, 2) for tick in log_ticks(0.0, 1.0)]
        ([-2, -1, 0, 1], [0.0, 0.3, 0.7, 1.0])
    """
    decades = range(math.floor(low), math.ceil(high) + 1)
    if high - low > 2.5:
        every = math.ceil((high - low) / 6)
        return [decade for decade in decades if decade % every == 0 and low <= decade <= high]
    ticks = [decade + math.log10(m) for decade in decades for m in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    if len(inside) > 1:
        return inside
    return [math.log10(v) for v in number_ticks(10.0**low, 10.0**high) if v > 0]


def log_texts(ticks: Sequence[float]) -> list[str]:
    """Return the numbers at `log_ticks`: themselves, or all as powers of ten where they are far.

    Examples:
        >>> log_texts([-2, 0, math.log10(2000)]), log_texts([-6, -3, 0])
        (['0.01', '1', '2000'], ['10⁻⁶', '10⁻³', '10⁰'])
    """
    if all(tick == int(tick) for tick in ticks) and any(abs(tick) > 4 for tick in ticks):
        return [f"10{str(int(tick)).translate(_RAISED)}" for tick in ticks]
    return [f"{float(f'{10.0**tick:.3g}'):g}" for tick in ticks]


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def padded_range(arrays: Sequence[Array], pad: float = 0.06) -> tuple[float, float]:
    """Return (low, high) of all finite values, a little wider, and never empty."""
    finite = [a[np.isfinite(a)] for a in (np.asarray(a, float) for a in arrays)]
    joined = np.concatenate(finite) if finite else np.empty(0)
    if joined.size == 0:
        return 0.0, 1.0
    low, high = float(joined.min()), float(joined.max())
    margin = (high - low) * pad or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def step_labels(times: Any, steps: int) -> list[str]:
    """Return one readable label per step, for the cursor: a clock time, or the label given."""
    if len(times) == 0:
        return [str(t) for t in range(steps)]
    stamps = as_datetimes(times)
    if stamps is None:
        return [str(t) for t in times]
    text = [str(t).replace("T", " ") for t in stamps.astype("datetime64[s]")]
    for tail, length in ((" 00:00:00", 9), (":00", 3)):
        if all(t.endswith(tail) for t in text):
            return [t[:-length] for t in text]
    return text


def time_ticks(times: Any, steps: int, count: int = 6) -> list[Tick]:
    """Return about `count` ticks for a time axis whose step t covers [t/T, (t+1)/T].

    Args:
        times: (T,) labels as `data.Labels`; empty means step numbers.
        steps: T.
        count: About how many ticks.

    Returns:
        Ticks from left to right: round clock times where `times` holds dates, labels elsewhere.
    """
    stamps = as_datetimes(times) if len(times) else None
    if stamps is not None and steps > 1:
        return _clock_ticks(stamps, count)
    labels = step_labels(times, steps)
    if len(times) == 0:
        chosen = [int(v) for v in number_ticks(0, steps - 1, count) if v == int(v)]
    else:
        chosen = sorted(set(np.linspace(0, steps - 1, min(count, steps)).astype(int).tolist()))
    return [Tick(at=(t + 0.5) / steps, text=labels[t]) for t in chosen]


def as_datetimes(times: Any) -> NDArray[np.datetime64] | None:
    """Return `times` as datetime64[s] when they are dates in order (ISO text counts), else None."""
    array = np.asarray(times)
    if array.dtype.kind in "UO" and all(_ISO.fullmatch(str(t)) for t in array):
        array = np.array([str(t) for t in array], "datetime64[s]")
    if array.dtype.kind != "M" or bool(np.isnat(array).any()):
        return None
    stamps = array.astype("datetime64[s]")
    return stamps if bool((np.diff(stamps) > np.timedelta64(0, "s")).all()) else None


def _clock_ticks(stamps: NDArray[np.datetime64], count: int) -> list[Tick]:
    seconds = stamps.astype(np.int64)
    span = int(seconds[-1] - seconds[0])
    every = next((s for s in _ROUND_SECONDS if s * count >= span * 0.75), _ROUND_SECONDS[-1])
    marks = np.arange(-(-int(seconds[0]) // every), int(seconds[-1]) // every + 1) * every
    places = np.interp(marks, seconds, np.arange(len(seconds)) + 0.5) / len(seconds)
    return [
        Tick(at=float(at), text=_clock_text(int(mark), every, first=k == 0))
        for k, (at, mark) in enumerate(zip(places, marks, strict=True))
    ]


def _clock_text(second: int, every: int, *, first: bool) -> str:
    date, clock = str(np.datetime64(second, "s")).split("T")
    if every >= 30 * _DAY:
        return date[:7]
    if every >= _DAY:
        return date if first else date[5:]
    clock = clock if every < _MINUTE else clock[:5]
    return date[5:] if clock.startswith("00:00") and every >= _MINUTE else clock
