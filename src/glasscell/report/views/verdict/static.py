"""The verdict without script: the headline, the findings, a table of the layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Final

from glasscell.report.draw.markup import escape, fixed
from glasscell.report.page.exploration import Exploration, Finding
from glasscell.report.page.frame_words import table as words
from glasscell.report.page.headline import headline

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 1
TITLE: Final = "verdict"
_HEAD: Final = ("layer", "kind", "units", "steps", "median", "slowest", "start", "end")


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section."""
    column = lang == "zh"
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for one in shown.findings:
        alike.setdefault((one.mark, one.kind, one.advice[column]), []).append(one)
    cards = "".join(_card(findings, column) for findings in alike.values())
    note = ""
    if any(one.assumed for one in shown.findings):
        maybe = words()["verdict.maybe"][column].format(lag=shown.measures["lag"])
        note = f'<p class="note">{escape(maybe)}</p>'
    return (
        f'<p class="headline">{escape(headline(shown)[column])}</p>'
        f'<ol class="findings">{cards}</ol>{note}{_table(shown, column)}'
    )


def _card(findings: Sequence[Finding], column: int) -> str:
    """Findings that ask for the same change."""
    seen = "".join(f'<p class="seen">{escape(one.text[column])}</p>' for one in findings)
    advice = findings[0].advice[column]
    said = f'<p class="advice">{escape(advice)}</p>' if advice else ""
    many = " many" if len(findings) > 1 else ""
    mark = findings[0].mark
    return f'<li class="finding {mark}{many}"><div class="all">{seen}</div>{said}</li>'


def _table(shown: Exploration, column: int) -> str:
    head = "".join(f"<th>{escape(words()[f'static.{key}'][column])}</th>" for key in _HEAD)
    rows = [
        f"<tr><th>{escape(layer.name)}</th><td>{escape(layer.cell.name)}</td>"
        + "".join(f"<td>{text}</td>" for text in _numbers(shown, k))
        + "</tr>"
        for k, layer in enumerate(shown.layers)
    ]
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _numbers(shown: Exploration, k: int) -> list[str]:
    series = shown.series[shown.through(k)]
    known = shown.measures.get("memory", {}).get(str(k), {})
    flow = series.flow(k)
    norms = None if flow is None else flow.stored
    return [
        str(shown.units(k)),
        str(series.steps),
        *(_life(known.get(name)) for name in ("median", "longest")),
        *(["–", "–"] if norms is None else [fixed(norms[-1]), fixed(norms[0])]),
    ]


def _life(steps: float | str | None) -> str:
    return "∞" if steps == "never" else fixed(nan if steps is None else float(steps), 1)
