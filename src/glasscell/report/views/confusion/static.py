"""Right and wrong without script: the matrix with precision and recall, the calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from glasscell.report.draw.markup import escape, fixed
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 0.4
TITLE: Final = "view.confusion"
MOST: Final = 30
"""Classes that a matrix shows whole."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without predictions of classes."""
    found = shown.measures.get("confusion")
    if found is None:
        return ""
    body = _matrix(found, lang) if "counts" in found else _each(found, lang)
    sure = shown.measures.get("calibration")
    return body + ("" if sure is None else _calibration(sure, lang))


def _matrix(found: Mapping[str, Any], lang: str) -> str:
    classes, counts = found["classes"], found["counts"]
    if len(classes) > MOST:
        return _each(found, lang)
    heads = [_say("true", lang), *map(escape, classes), _say("recall", lang)]
    rows = [
        "".join(
            f'<td class="{"right" if i == j else ""}">{count}</td>' for j, count in enumerate(row)
        )
        + f"<td class=sum>{_number(found['recall'][i], 2)}</td>"
        for i, row in enumerate(counts)
    ]
    last = "".join(f"<td class=sum>{_number(value, 2)}</td>" for value in found["precision"])
    named = zip([*map(escape, classes), _say("precision", lang)], [*rows, last], strict=True)
    return (
        '<div class="scroll whole"><table class="matrix"><thead><tr>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + "</tr></thead><tbody>"
        + "".join(f"<tr><th>{name}</th>{row}</tr>" for name, row in named)
        + "</tbody></table></div>"
    )


def _each(found: Mapping[str, Any], lang: str) -> str:
    columns = [found[key] for key in ("precision", "recall", "number")]
    heads = "".join(
        f"<th>{_say(key, lang)}</th>" for key in ("label", "precision", "recall", "count")
    )
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{_number(p)}</td><td>{_number(r)}</td><td>{n}</td></tr>"
        for name, p, r, n in zip(found["classes"], *columns, strict=True)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _calibration(sure: Mapping[str, Any], lang: str) -> str:
    rows = "".join(
        f"<tr><td>{fixed(confidence)}</td><td>{fixed(accuracy)}</td><td>{count}</td></tr>"
        for confidence, accuracy, count in zip(
            sure["confidence"], sure["accuracy"], sure["count"], strict=True
        )
    )
    heads = "".join(f"<th>{_say(key, lang)}</th>" for key in ("confidence", "accuracy", "count"))
    return (
        f"<h3>{_say('calibration', lang)}</h3>"
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else fixed(value, digits)


def _say(key: str, lang: str) -> str:
    return escape(words()[f"confusion.{key}"][lang == "zh"])
