"""What the data were taken for: printed before training, and kept in metrics.json."""

from __future__ import annotations

from typing import Any

from glasscell.data.frequency import rhythm
from glasscell.data.panel import Panel, Series
from glasscell.data.wording import count, few, time_text
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.windows import TEST, TRAIN, VALIDATION, Dataset


def data_summary(plan: Plan) -> dict[str, Any]:
    """Give what was understood as plain values, for metrics.json."""
    panel, dataset, roles = plan.panel, plan.dataset, plan.panel.roles
    return {
        "source": panel.source,
        "layout": roles.layout,
        "time": {
            "column": roles.time,
            "first": _first(panel),
            "last": _last(panel),
            "utc": panel.utc,
            "zone": panel.zone,
        },
        "series_column": ", ".join(roles.labels) or roles.series,
        "targets": list(roles.targets),
        "covariates": list(roles.covariates),
        "future_covariates": list(roles.ahead),
        "static": list(roles.static),
        "calendar": list(dataset.layout.calendar),
        "not_read": list(roles.ignored),
        "series": len(dataset.series),
        "series_names": [series.unique_id for series in dataset.series],
        "series_left_out": list(dataset.left_out),
        "frequency": str(panel.freq),
        "season": plan.season,
        "lookback": plan.lookback,
        "horizon": plan.horizon,
        "rows_read": panel.rows,
        "rows": _steps(dataset.series),
        "rows_left_out": _steps(panel.series) - _steps(dataset.series),
        "rows_without_value": _missing(dataset.series),
        "split": _split(dataset),
        "windows": {part: len(windows) for part, windows in dataset.parts.items()},
        "test_windows_scored": len(plan.test),
        "backtest": plan.options.windows is not None,
    }


def summary_lines(plan: Plan) -> list[str]:
    """Say what was understood, a line each."""
    known = data_summary(plan)
    time, split = known["time"], known["split"]
    facts = {
        "forecast": _forecast(plan),
        "time": (
            f"{time['column']}, {time['first']} … {time['last']}, {rhythm(plan.panel.freq)} "
            f"(--freq {known['frequency']})"
        ),
        "season": count(plan.season, "step") if plan.season > 1 else "none",
        "covariates": few(known["covariates"]) or "none",
        "ahead": few([*known["future_covariates"], *known["calendar"]], 9) or "nothing",
        "static": few(known["static"]),
        "lag": "" if plan.lag is None else plan.lag.in_words(),
        "rows": _rows(known),
        "windows": (
            f"lookback {count(plan.lookback, 'step')}, horizon {count(plan.horizon, 'step')}"
        ),
        **{part: _part(part, split, known) for part in (TRAIN, VALIDATION, TEST)},
    }
    return [
        f"What was understood of {known['source']}:",
        *(f"  {name:<10}  {text}" for name, text in facts.items() if text),
        "  To change it: --target, --time, --series, --covariates, --calendar, --freq, --season, "
        "--horizon, --lookback",
    ]


def _forecast(plan: Plan) -> str:
    names, roles = [s.unique_id for s in plan.dataset.series], plan.panel.roles
    if roles.series is not None:
        series = count(len(names), "series", "series")
        labels = ", ".join(roles.labels) or roles.series
        return f"{roles.targets[0]} of {series} named by {labels}: {few(names)}"
    return f"{count(len(names), 'series', 'series')}: {few(names, 12)}"


def _rows(known: dict[str, Any]) -> str:
    parts = [
        f"{known['rows_read']:,} read",
        f"{count(known['rows'], 'time step')} of {count(known['series'], 'series', 'series')} used",
    ]
    if known["rows_without_value"]:
        parts.append(f"{known['rows_without_value']:,} of them without a value")
    if known["series_left_out"]:
        parts.append(f"{known['rows_left_out']:,} left out")
    return ", ".join(parts)


def _part(part: str, split: dict[str, Any], known: dict[str, Any]) -> str:
    where = f"{split[part]['first']} … {split[part]['last']}"
    shares = {TRAIN: "the first 70 %", VALIDATION: "the next 10 %", TEST: "the last 20 %"}
    if known["backtest"]:
        of_backtest = ("7/8 of what lies before the origins", "the last 1/8 of it", "the origins")
        shares = dict(zip(shares, of_backtest, strict=True))
    share = shares[part]
    longest = f" of the longest series, {split['series']}" if known["series"] > 1 else ""
    return f"{share}, {where}{longest}: {count(known['windows'][part], 'window')}"


def _split(dataset: Dataset) -> dict[str, Any]:
    """Give the times at which the parts of the longest series begin and end."""
    longest = max(range(len(dataset.series)), key=lambda owner: len(dataset.series[owner].ds))
    series = dataset.series[longest]
    ends = (0, *dataset.boundaries[longest], len(series.ds))
    parts = {
        part: {"first": time_text(series.ds[first]), "last": time_text(series.ds[end - 1])}
        for part, first, end in zip((TRAIN, VALIDATION, TEST), ends, ends[1:], strict=False)
    }
    return {"series": series.unique_id, **parts}


def _first(panel: Panel) -> str:
    return time_text(min(series.ds[0] for series in panel.series))


def _last(panel: Panel) -> str:
    return time_text(max(series.ds[-1] for series in panel.series))


def _steps(series: tuple[Series, ...]) -> int:
    return sum(len(one.ds) for one in series)


def _missing(series: tuple[Series, ...]) -> int:
    return sum(int((~one.measured).sum()) for one in series)
