"""Which gates move: the mean course of each quantity around the marked events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import LETTERS, escape, fixed
from glasscell.report.order import finite_mean
from glasscell.report.run_data import GATE_FIELDS, GateWindow
from glasscell.report.run_words import say

_CLEARLY: Final = 1.2
_SHIFTS: Final = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """What one quantity does around events.

    Args:
        curve: (K,) mean over events and units, at each lag.
        lower: (K,) 5 % quantile of such curves when all events are shifted together.
        upper: (K,) 95 % quantile.
        level_near: Mean value in the steps from an event on.
        level_elsewhere: Mean value in all other steps.
        move_near: Mean change per step |x_t - x_{t-1}| in the steps from an event on.
        move_elsewhere: The same in all other steps.
        unit: Index of the unit whose change per step grows most.
    """

    curve: Array
    lower: Array
    upper: Array
    level_near: float
    level_elsewhere: float
    move_near: float
    move_elsewhere: float
    unit: int

    @property
    def ratio(self) -> float:
        """How many times as much the quantity moves at events as elsewhere."""
        return self.move_near / self.move_elsewhere if self.move_elsewhere > 0 else float("nan")


def span(T: int) -> tuple[int, int]:
    """Return how many steps before and after an event are looked at."""
    after = int(np.clip(T // 12, 1, 18))
    return max(1, after // 2), after


def respond(values: Array, events: list[int]) -> Response:
    """Measure what one quantity does around events.

    Args:
        values: (T, H) the quantity.
        events: Steps of the events.

    Returns:
        Its course and its movement, near the events and elsewhere.

    Examples:
        >>> steps = np.repeat([[0.0], [1.0]], 12, axis=0)
        >>> respond(steps, [12]).curve.tolist()
        [0.0, 1.0, 1.0, 1.0]
    """
    values = np.asarray(values, float)
    T = len(values)
    before, after = span(T)
    at = np.asarray(sorted(set(events)))
    mean = finite_mean(values, axis=1)
    shifts = np.array(
        [_course(mean, (at + s) % T, before, after) for s in range(0, T, -(-T // _SHIFTS))]
    )
    near = np.zeros(T, bool)
    for event in at:
        near[event : event + after + 1] = True
    moves = np.abs(np.diff(values, axis=0, prepend=values[:1]))
    moves[0] = np.nan
    gain = finite_mean(moves[near], axis=0) - finite_mean(moves[~near], axis=0)
    return Response(
        curve=shifts[0],
        lower=_quantile(shifts, 0.05),
        upper=_quantile(shifts, 0.95),
        level_near=float(finite_mean(values[near])),
        level_elsewhere=float(finite_mean(values[~near])),
        move_near=float(finite_mean(moves[near])),
        move_elsewhere=float(finite_mean(moves[~near])),
        unit=int(np.argmax(np.where(np.isnan(gain), -np.inf, gain))),
    )


def build(window: GateWindow, lang: str) -> str:
    """Return the view as HTML, or "" where the window has no events or is too short."""
    T = window.shape[0]
    events = sorted({step for step, _ in window.events})
    if not events or T < 4:
        return ""
    found = {n: respond(window.quantity(n), events) for n in GATE_FIELDS}
    charts_html = "".join(_small(name, found[name], lang, T) for name in GATE_FIELDS)
    caveat = say(lang, "events.caveat", count=len(events))
    return (
        f'<p class="finding">{escape(_sentence(found, lang))} <small>{escape(caveat)}</small></p>'
        f'<div class="smalls">{charts_html}</div>{_table(found, lang)}'
    )


def how(window: GateWindow, lang: str) -> str:
    """Return the explanation of the view."""
    before, after = span(window.shape[0])
    count = len({step for step, _ in window.events})
    return say(lang, "events.how", count=count, before=before, after=after)


def _course(mean: Array, events: Array, before: int, after: int) -> Array:
    places = events[:, None] + np.arange(-before, after + 1)
    inside = (places >= 0) & (places < len(mean))
    return finite_mean(np.where(inside, mean[places.clip(0, len(mean) - 1)], np.nan), axis=0)


def _quantile(curves: Array, q: float) -> Array:
    out = np.full(curves.shape[1], np.nan)
    for k, column in enumerate(curves.T):
        finite = column[np.isfinite(column)]
        if finite.size:
            out[k] = np.quantile(finite, q)
    return out


def _sentence(found: dict[str, Response], lang: str) -> str:
    gates = {
        n: r.ratio for n, r in found.items() if n in ("forget", "input", "candidate", "output")
    }
    ratios = {name: ratio for name, ratio in gates.items() if np.isfinite(ratio)}
    best = max(ratios, key=lambda name: ratios[name], default="")
    if not best or ratios[best] < _CLEARLY:
        return say(lang, "events.none")
    return say(lang, "events.most", gate=say(lang, best), ratio=fixed(ratios[best], 2))


def _small(name: str, response: Response, lang: str, T: int) -> str:
    before, after = span(T)
    low, high = axes.padded_range([response.curve, response.lower, response.upper], 0.08)
    ticks = charts.y_ticks(low, high, 2)
    count = len(response.curve)
    zero = (before + 0.5) / count * charts.WIDTH
    extra = (
        f'<path class="band" d="{charts.band(response.lower, response.upper, low, high)}"/>'
        f'<path class="zero" d="M{zero:.1f} 0V100"/>'
    )
    drawing = charts.svg(
        [charts.Line(values=response.curve, css=name)], low, high, ticks=ticks, extra=extra
    )
    label = f'<b class="q {name}">{escape(say(lang, name))} <var>{LETTERS[name]}</var></b>'
    marks = [
        axes.Tick(
            at=(before + lag + 0.5) / count, text=f"{lag:+d}".replace("-", "−") if lag else "0"
        )
        for lag in (-before, 0, after)
    ]
    row = charts.row(
        label, drawing, charts.y_gutter(ticks, low, high), group="", height=84, css="series"
    )
    return f'<div class="small">{row}{charts.x_axis(marks)}</div>'


def _table(found: dict[str, Response], lang: str) -> str:
    heads = "".join(
        f"<th>{escape(text)}</th>"
        for text in (
            say(lang, "quantity"),
            f"{say(lang, 'level')}, {say(lang, 'near')}",
            say(lang, "elsewhere"),
            f"{say(lang, 'movement')}, {say(lang, 'near')}",
            say(lang, "elsewhere"),
            say(lang, "ratio"),
            say(lang, "top.unit"),
        )
    )
    rows = "".join(
        f'<tr><th scope="row" class="q {name}">{escape(say(lang, name))}</th>'
        f"<td>{fixed(r.level_near)}</td><td>{fixed(r.level_elsewhere)}</td>"
        f"<td>{fixed(r.move_near)}</td><td>{fixed(r.move_elsewhere)}</td>"
        f"<td><b>{fixed(r.ratio, 2)}</b></td><td>{r.unit}</td></tr>"
        for name, r in found.items()
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll">{table}</div>'
