"""One report as one HTML file: it loads nothing, and shows everything without its script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

from glasscell.files import write_text
from glasscell.report import equations, events, run_river, run_wall, schematic, tables
from glasscell.report.cell import CellNumbers
from glasscell.report.draw import palette
from glasscell.report.draw.axes import step_labels
from glasscell.report.draw.markup import escape
from glasscell.report.run_data import GateWindow, Page
from glasscell.report.run_words import say


def render(page: Page) -> str:
    """Return the whole page as HTML text.

    Args:
        page: What to show; every text in it is escaped.

    Returns:
        One HTML document with its style, script, pictures and data inside. It asks no network for
        anything, and its content security policy forbids it to.

    Examples:
        >>> html = render(Page(title="Tides", verdict="The LSTM beats ridge."))
        >>> "The LSTM beats ridge." in html
        True
    """
    sections: list[Section] = []
    data: dict[str, Any] = {}
    if page.tables:
        body = "".join(tables.build_table(table) for table in page.tables)
        sections.append(_section("results", page.lang, body))
    if page.forecast is not None:
        body, data["forecast"] = tables.build_forecast(page.forecast, page.lang)
        sections.append(_section("forecast", page.lang, body))
    for index, window in enumerate(page.gates):
        sections += _gate_sections(window, index, page, data)
    if page.river is not None and page.river.lines:
        body, found = run_river.build(page.river, "river", page.lang)
        data |= found
        sections.append(_section("river", page.lang, body, caption=page.river.caption))
    if page.cell is not None:
        sections.append(_cell_section(page.cell, page))
    return _document(page, sections, data)


def write(page: Page, path: str | PathLike[str], force: bool = False) -> Path:
    """Write the page to a file.

    Args:
        page: What to show.
        path: The file, e.g. "report.html"; its folder must exist.
        force: Overwrite a file that is there; default False.

    Returns:
        The path written.

    Raises:
        FileExistsError: The file is there and `force` is False.
    """
    return write_text(path, render(page), force)


class Section(str):
    """HTML of one section, with the id and the heading that the list of contents needs."""

    anchor: str
    heading: str


def _section(
    key: str,
    lang: str,
    body: str,
    *,
    anchor: str = "",
    heading: str = "",
    how: str = "",
    hint: str = "",
    caption: str = "",
) -> Section:
    heading = heading or say(lang, key)
    anchor = anchor or key
    parts = [f"<p>{escape(how or say(lang, f'{key}.how'))}</p>"]
    parts += [f'<p class="caption">{escape(caption)}</p>'] if caption else []
    parts += [f'<p class="js try">{escape(hint)}</p>'] if hint else []
    section = Section(
        f'<section class="view" id="{anchor}"><header><h2>{escape(heading)}</h2>{"".join(parts)}'
        f'</header><div class="body">{body}</div></section>'
    )
    section.anchor, section.heading = anchor, heading
    return section


def _gate_sections(
    window: GateWindow, index: int, page: Page, data: dict[str, Any]
) -> list[Section]:
    group, lang = f"gates{index}", page.lang
    unit, step = _start(window, page.cell)
    made = run_wall.build(window, group, lang, unit, step)
    data[group] = made.data
    sections = [
        _section(
            "gates",
            lang,
            made.html,
            anchor=group,
            heading=say(lang, "gates", name=window.name),
            hint=say(lang, "gates.try"),
            caption=window.caption,
        )
    ]
    moves = events.build(window, lang)
    if moves:
        how = events.how(window, lang)
        sections.append(_section("events", lang, moves, anchor=f"events{index}", how=how))
    return sections


def _start(window: GateWindow, cell: CellNumbers | None) -> tuple[int | None, int | None]:
    """Start the cursor at the unit and step of the schematic, where they are of this window."""
    if cell is None or cell.layer != window.name:
        return None, None
    steps, units = window.trace.cell.shape if window.trace.cell is not None else (0, 0)
    return (cell.unit, cell.step) if cell.unit < units and cell.step < steps else (None, None)


def _cell_section(cell: CellNumbers, page: Page) -> Section:
    lang = page.lang
    unit = f"{say(lang, 'unit')} {cell.unit}"
    when = step_labels([cell.when], 1)[0] if cell.when else f"{say(lang, 'step')} {cell.step}"
    groups = [f"gates{k}" for k, window in enumerate(page.gates) if window.name == cell.layer]
    follow = (
        f'<label class="js follow"><input type="checkbox" data-follow="{groups[0]}"> '
        f"{escape(say(lang, 'schematic.live'))} <output></output></label>"
        if groups
        else ""
    )
    fixed_note = say(lang, "equations.fixed", unit=unit, when=when)
    body = (
        f'<figure class="schematic">{schematic.build(cell, lang)}{follow}</figure>'
        f'<h3>{escape(say(lang, "equations"))}</h3><p class="aside">{escape(fixed_note)}</p>'
        f"{equations.build(cell, lang)}"
    )
    how = say(lang, "schematic.how", unit=unit, when=when)
    return _section("schematic", lang, body, anchor="cell", how=how)


def _document(page: Page, sections: Sequence[Section], data: dict[str, Any]) -> str:
    contents = "".join(
        f'<li><a href="#{section.anchor}">{escape(section.heading)}</a></li>'
        for section in sections
    )
    verdict = (
        f'<section class="verdict"><h2>{escape(say(page.lang, "verdict"))}</h2>'
        f"<p>{escape(page.verdict)}</p></section>"
        if page.verdict
        else ""
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in page.notes)
    footer = (
        f"<h2>{escape(say(page.lang, 'notes'))}</h2><ul>{notes}</ul>" if notes else ""
    ) + f"<p>{escape(say(page.lang, 'made'))}</p>"
    return Template(_file("template.html")).substitute(
        lang="zh-Hans" if page.lang == "zh" else "en",
        title=escape(page.title),
        subtitle=escape(page.subtitle),
        verdict=verdict,
        contents=contents,
        contents_name=escape(say(page.lang, "contents")),
        sections="".join(sections),
        footer=footer,
        colours=palette.css_variables(),
        style=_file("style.css"),
        script=_file("cursor.js"),
        data=_json({"words": _script_words(page.lang), "groups": data}),
    )


def _script_words(lang: str) -> dict[str, str]:
    return {key: say(lang, key) for key in ("unit", "lag", "missing")}


def _json(value: object) -> str:
    """Give JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
