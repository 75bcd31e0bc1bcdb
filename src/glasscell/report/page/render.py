"""An `Exploration` as one HTML file: data, script, style, and what it shows without script."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template

from glasscell.errors import DataError
from glasscell.files import write_text
from glasscell.report import views
from glasscell.report.draw.markup import escape
from glasscell.report.page import without_script
from glasscell.report.page.budget import PAGE_BYTES
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table
from glasscell.report.page.pack import pack

__all__ = ["assemble", "render", "write"]

_FIRST = ("core.js", "draw.js", "frame.js")
_LAST = "boot.js"
_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*$", re.MULTILINE | re.DOTALL)


def render(exploration: Exploration, lang: str = "en") -> str:
    """Give the page as one HTML text that opens offline.

    Args:
        exploration: What to show, from `collect` or filled by hand.
        lang: Language at first, "en" or "zh"; the page has a switch.

    Returns:
        HTML; asks no network for anything and refuses to, by its content security policy.

    Raises:
        DataError: Another language.
    """
    return assemble(exploration, lang, table(), lambda: without_script.build(exploration, lang))


def assemble(
    exploration: Exploration,
    lang: str,
    words: Mapping[str, tuple[str, str]],
    static: Callable[[], str],
    more: resources.abc.Traversable | None = None,
) -> str:
    """Put a page together.

    Args:
        exploration: What to show.
        lang: Language at first, "en" or "zh".
        words: Every word of the page.
        static: Gives what is there without script, as HTML.
        more: A folder of further scripts and styles, put in before the page starts.

    Raises:
        DataError: Another language.
    """
    if lang not in ("en", "zh"):
        raise DataError(f'expected lang "en" or "zh", got {lang!r}')
    column = 1 if lang == "zh" else 0
    shown, style, script = static(), _joined(".css", more), _joined(".js", more)
    drawings = "".join(module.drawings(exploration.cells) for _, module in views.modules("drawing"))
    parts = (shown, style, script, drawings, _web("template.html"))
    others = sum(len(part.encode()) for part in parts)
    data, blob = pack(exploration, words, lang, PAGE_BYTES - others)
    return Template(_web("template.html")).substitute(
        lang="zh-Hans" if lang == "zh" else "en",
        title=escape(exploration.heading(lang)),
        subtitle=escape(exploration.subtitle),
        skip=escape(words["skip"][column]),
        contents=escape(words["contents"][column]),
        made=escape(words["made"][column]),
        fallback=shown,
        style=style,
        script=script,
        drawings=drawings,
        data=_json(data),
        blob=base64.b64encode(blob).decode(),
    )


def write(
    exploration: Exploration, path: str | os.PathLike[str], lang: str = "en", force: bool = False
) -> Path:
    """Write the page.

    Args:
        exploration: What to show.
        path: The HTML file.
        lang: "en" or "zh".
        force: Replace a file that is there; default False.

    Returns:
        The path.

    Raises:
        FileExistsError: The file is there and `force` is False.
        DataError: Another language.
    """
    return write_text(path, render(exploration, lang), force)


def _json(value: object) -> str:
    """Give JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _joined(ending: str, more: resources.abc.Traversable | None) -> str:
    """Put all files of a kind together, in the order that README.md gives."""
    names = sorted(name for name in _names(_folder()) if name.endswith(ending))
    middle = [name for name in names if name not in (*_FIRST, _LAST)]
    first = [name for name in _FIRST if name in names]
    last = [name for name in (_LAST,) if name in names]
    added = [] if more is None else sorted(more.iterdir(), key=lambda file: file.name)
    texts = [*map(_web, [*first, *middle]), *views.sources(ending)]
    texts += [file.read_text("utf-8") for file in added if file.name.endswith(ending)]
    return "\n".join(map(_compact, [*texts, *map(_web, last)]))


def _names(folder: resources.abc.Traversable, above: str = "") -> Iterator[str]:
    for file in folder.iterdir():
        if file.is_dir():
            yield from _names(file, f"{above}{file.name}/")
        else:
            yield above + file.name


def _compact(source: str) -> str:
    """Leave out indentation, empty lines and lines that are comments: a fifth of the bytes."""
    lines = (line.strip() for line in _COMMENT.sub("", source).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def _web(name: str) -> str:
    return (_folder() / name).read_text(encoding="utf-8")


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__) / "web"
