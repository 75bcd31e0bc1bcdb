"""The chart: how many times ours the best peer needs, row by row, as one SVG file.

It stands alone: no script, no font, nothing fetched; it follows the reader's light or dark scheme.
Bars to the right are wins, bars to the left, in the other colour, are losses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any

from glasscell.bench.engines import ENGINES, OURS
from glasscell.bench.readable import amount, best_peer, loses, sizes, times

__all__ = ["chart"]

WIDTH, LEFT, RIGHT = 960, 424, 785  # of the axis; labels stand left and right of it
TOP, LINE, GAP, BAR = 96, 19, 14, 11
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
STYLE = """
svg { --paper: #ffffff; --ink: #1b1f24; --faint: #5c6670; --rule: #dfe3e8; --win: #2b6cb0;
  --lose: #c2410c; font: 12px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3; --faint: #9aa5b1;
  --rule: #2b323b; --win: #6cb2f5; --lose: #ff9d5c; } }
.paper { fill: var(--paper); } text { fill: var(--ink); } .faint { fill: var(--faint); }
.title { font-size: 16px; font-weight: 600; } .head { font-weight: 600; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.rule { stroke: var(--rule); } .one { stroke: var(--ink); stroke-width: 1.5; }
.win { fill: var(--win); } .lose { fill: var(--lose); } text.lose { font-weight: 600; }
"""


def chart(result: dict[str, Any]) -> str:
    """Draw a result.

    Args:
        result: What `run.run` gives.

    Returns:
        The text of an SVG file.
    """
    rows = [row for row in result["rows"] if best_peer(row)]
    groups = [(mode, list(part)) for mode, part in groupby(rows, key=lambda row: row["mode"])]
    foot = TOP + len(rows) * LINE + len(groups) * (LINE + GAP)
    axis = _Axis([ratio for row in rows for _, ratio in [best_peer(row) or ("", 1.0)]])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {foot + 28}" '
        f'width="{WIDTH}" height="{foot + 28}" role="img" aria-labelledby="t d">',
        '<title id="t">glasscell beside the fastest other engine</title>',
        f'<desc id="d">{escape(_summary(rows))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{foot + 28}"/>',
        *_heading(result, rows),
        *_grid(axis, foot),
        *_bars(axis, groups),
        _text(WIDTH / 2, foot + 20, _caption(result), "faint middle"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axis:
    """Ratios to pixels, by their logarithms; from a tick at or below the least to one above all."""

    def __init__(self, ratios: list[float]) -> None:
        low, high = min([0.8, *ratios]), max([2.0, *ratios])
        self.low = max((tick for tick in TICKS if tick <= low), default=low)
        self.high = high * 1.05
        self.ticks = [tick for tick in TICKS if self.low <= tick <= self.high]

    def __call__(self, ratio: float) -> float:
        share = math.log(ratio / self.low) / math.log(self.high / self.low)
        return LEFT + share * (RIGHT - LEFT)


def _heading(result: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[str]:
    peers = ", ".join(ENGINES[name].title for name in result["engines"] if name != OURS)
    about = result["environment"]
    threads = f"{about['threads']} thread{'s' if about['threads'] != 1 else ''}"
    yield _text(16, 28, "How many times ours the fastest other engine needs", "title")
    yield _text(16, 48, f"glasscell beside {peers}; {_summary(rows)}")
    machine = f"{about['cpu']} ({about['cpu_family_model']}), {about['isa']}, {threads}"
    yield _text(16, 66, f"{machine}; {about['date']}; rows are (T, B, I, H)", "faint")


def _summary(rows: list[dict[str, Any]]) -> str:
    """Count wins and losses."""
    lost = sum(loses((best_peer(row) or ("", 1.0))[1]) for row in rows)
    return f"ahead in {len(rows) - lost} rows, behind in {lost}"


def _caption(result: dict[str, Any]) -> str:
    turns = max((row["turns"] for row in result["rows"]), default=0)
    return (
        f"medians of up to {turns} blocks, engines in turns; logarithmic axis; left of ×1 we lose"
    )


def _grid(axis: _Axis, foot: int) -> Iterator[str]:
    for tick in axis.ticks:
        at, kind = axis(tick), "one" if tick == 1 else "rule"
        yield f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{foot}"/>'
        yield _text(at, TOP - 6, f"×{tick:g}", "faint middle")


def _bars(axis: _Axis, groups: list[tuple[str, list[dict[str, Any]]]]) -> Iterator[str]:
    y = TOP
    for mode, rows in groups:
        y += GAP + LINE
        yield _text(16, y - 5, "plain RNN" if mode == "RNN" else mode, "head")
        for row in rows:
            y += LINE
            yield from _bar(axis, row, y - 5)


def _bar(axis: _Axis, row: dict[str, Any], base: float) -> Iterator[str]:
    name, ratio = best_peer(row) or ("", 1.0)
    kind = "lose" if loses(ratio) else "win"
    low, high = sorted((axis(1), axis(ratio)))
    yield _text(28, base, row["name"])
    yield _text(LEFT - 80, base, sizes(row), "faint end")
    yield _text(LEFT - 8, base, amount(row["median"][OURS], row["unit"]), "end")
    yield (
        f'<rect class="{kind}" x="{low:.1f}" y="{base - BAR + 1:.1f}" '
        f'width="{max(high - low, 1):.1f}" height="{BAR}" rx="1.5"/>'
    )
    said = f"{times(ratio)} {ENGINES[name].title}"
    yield _text(high + 5, base, said, "lose" if kind == "lose" else "")


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
