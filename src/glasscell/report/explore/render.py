"""An `Exploration` as one HTML file: data, script, style, and what it shows without script."""

from __future__ import annotations

import base64
import json
import os
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template

from glasscell.errors import DataError
from glasscell.report.explore import fallback
from glasscell.report.explore.budget import PAGE_BYTES
from glasscell.report.explore.compact import joined
from glasscell.report.explore.data import Exploration
from glasscell.report.explore.pack import pack
from glasscell.report.explore.words import table
from glasscell.report.markup import escape

__all__ = ["render", "write"]


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
    if lang not in ("en", "zh"):
        raise DataError(f'expected lang "en" or "zh", got {lang!r}')
    words = table()
    column = 1 if lang == "zh" else 0
    static = fallback.build(exploration, lang)
    style, script = _joined(".css"), _joined(".js")
    others = sum(len(part.encode()) for part in (static, style, script, _web("template.html")))
    data, blob = pack(exploration, words, lang, PAGE_BYTES - others)
    return Template(_web("template.html")).substitute(
        lang="zh-Hans" if lang == "zh" else "en",
        title=escape(exploration.title),
        subtitle=escape(exploration.subtitle),
        skip=escape(words["skip"][column]),
        contents=escape(words["contents"][column]),
        made=escape(words["made"][column]),
        fallback=static,
        style=style,
        script=script,
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
    target = Path(path)
    text = render(exploration, lang)
    try:
        with target.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise FileExistsError(
            f"{target}: expected a new file, got one that is there; "
            "choose another name or pass force=True"
        ) from None
    return target


def _json(value: object) -> str:
    """Give JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _joined(ending: str) -> str:
    return joined(_folder(), ending)


@cache
def _web(name: str) -> str:
    return (_folder() / name).read_text(encoding="utf-8")


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__) / "web"
