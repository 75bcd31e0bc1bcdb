"""The results without script: the answer, its tables, how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from glasscell.report.draw.markup import escape
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build", "table"]

ORDER: Final = 0
TITLE: Final = "view.results"


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without results."""
    found = shown.measures.get("results")
    if found is None:
        return ""
    column = lang == "zh"
    said = "".join(f'<p class="says">{escape(text[column])}</p>' for text in found["said"])
    tables = "".join(table(one, lang) for one in found["tables"])
    notes = "".join(f"<li>{escape(text[column])}</li>" for text in found["notes"])
    heading = escape(words()["results.notes"][column])
    return f"{said}{tables}" + (
        f'<h3>{heading}</h3><ul class="notes">{notes}</ul>' if notes else ""
    )


def table(record: Mapping[str, Any], lang: str) -> str:
    """Return a table that `Table.record` gave; it needs no colour to be read."""
    column = lang == "zh"
    css = [" class=n" if numeric else "" for numeric in record["numeric"]]
    head = "".join(
        f"<th{c}>{escape(name[column])}</th>"
        for c, name in zip(css, record["columns"], strict=True)
    )
    body = "".join(
        f"<tr{' class=marked' if place in record['highlight'] else ''}>"
        + "".join(f"<td{c}>{escape(text)}</td>" for c, text in zip(css, row, strict=True))
        + "</tr>"
        for place, row in enumerate(record["rows"])
    )
    note = record["note"][column]
    return (
        f'<div class="scroll whole"><table class="results"><caption>'
        f"{escape(record['caption'][column])}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
        + (f'<p class="note">{escape(note)}</p>' if note else "")
    )
