"""Tables of results, and the forecast beside what then happened."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import column_decimals, escape, fixed, grouped, short
from glasscell.report.order import finite_mean
from glasscell.report.run_data import ForecastPlot, Table
from glasscell.report.run_words import say


def build_table(table: Table) -> str:
    """Return one table as HTML; a table of numbers alone needs no script and no colour to read."""
    columns = [[row[k] for row in table.rows] for k in range(len(table.columns))]
    numeric = [bool(column) and all(_is_number(v) for v in column) for column in columns]
    decimals = [column_decimals([float(v) for v in c if _is_number(v)]) for c in columns]
    head = "".join(
        f"<th{_css(numeric[k])}>{escape(name)}</th>" for k, name in enumerate(table.columns)
    )
    body = "".join(
        f"<tr{' class=mark' if index in table.highlight else ''}>"
        + "".join(_cell(value, k, numeric[k], decimals[k]) for k, value in enumerate(row))
        + "</tr>"
        for index, row in enumerate(table.rows)
    )
    note = f'<p class="aside">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="scroll"><table class="results"><caption>{escape(table.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}"
    )


def build_forecast(plot: ForecastPlot, lang: str) -> tuple[str, dict[str, Any]]:
    """Return the forecast chart as HTML, and what the script needs to read values from it."""
    truth = np.asarray(plot.truth, float)
    named = {name: np.asarray(values, float) for name, values in plot.forecasts.items()}
    if truth.size == 0:
        return f'<p class="aside">{escape(say(lang, "nothing"))}</p>', {}
    low, high = axes.padded_range([truth, *named.values()])
    ticks = charts.y_ticks(low, high, 4)
    lines = [charts.Line(values=values, css=f"s{k % 5}") for k, values in enumerate(named.values())]
    drawing = charts.svg(
        [*lines[::-1], charts.Line(values=truth, css="truth")], low, high, ticks=ticks
    )
    keys = [f'<span class="key truth">{escape(say(lang, "truth"))}<output></output></span>']
    keys += [
        _key(name, values, truth, k, plot.unit, lang)
        for k, (name, values) in enumerate(named.items())
    ]
    row = charts.row(
        "",
        drawing,
        charts.y_gutter(ticks, low, high, escape(plot.unit)),
        group="forecast",
        height=260,
        css="series wide",
    )
    axis = charts.x_axis(axes.time_ticks(plot.times, len(truth))).replace(
        "row axis", "row axis wide"
    )
    caption = f"<figcaption>{escape(plot.caption)}</figcaption>" if plot.caption else ""
    data = {
        "T": len(truth),
        "labels": axes.step_labels(plot.times, len(truth)),
        "series": [[_plain(v) for v in values] for values in (truth, *named.values())],
    }
    html = (
        f'<figure class="forecast">{caption}<div class="keys" data-keys="forecast">{"".join(keys)}'
        f'<span class="key when"><output></output></span></div>{row}{axis}</figure>'
    )
    return html, data


def _key(name: str, values: Array, truth: Array, k: int, unit: str, lang: str) -> str:
    error = float(finite_mean(np.abs(values - truth)))
    tail = f" {unit}" if unit else ""
    text = (
        say(lang, "mae", value=f"{grouped(error, column_decimals([error], 3))}{tail}")
        if np.isfinite(error)
        else ""
    )
    small = f"<small>{escape(text)}</small>" if text else ""
    return f'<span class="key s{k % 5}">{short(name)}<output></output> {small}</span>'


def _cell(value: str | float, k: int, numeric: bool, decimals: int) -> str:
    text = grouped(float(value), decimals) if _is_number(value) else escape(value)
    if k == 0:
        return f'<th scope="row"{_css(numeric)}>{text}</th>'
    return f"<td{_css(_is_number(value))}>{text}</td>"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _css(numeric: bool) -> str:
    return " class=n" if numeric else ""


def _plain(value: float) -> float | str | None:
    return fixed(value, 2) if np.isfinite(value) else None
