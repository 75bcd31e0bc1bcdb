"""The lesson as one HTML file: the inspect page's data, script and style, and the chapters'."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from glasscell.files import write_text
from glasscell.report.lesson import plain, story_words
from glasscell.report.page import frame_words as explore_words
from glasscell.report.page import without_script
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.render import assemble

__all__ = ["render", "write"]


def render(shown: Exploration, lang: str = "en") -> str:
    """Give the lesson as one HTML text that opens offline.

    Args:
        shown: From `lesson`.
        lang: Language at first, "en" or "zh"; the page has a switch.

    Raises:
        DataError: Another language.
    """
    return assemble(
        shown,
        lang,
        words={**explore_words.table(), **story_words.table()},
        static=lambda: plain.build(shown, lang) + without_script.build(shown, lang),
        more=resources.files(__package__) / "web",
    )


def write(
    shown: Exploration, path: str | os.PathLike[str], lang: str = "en", force: bool = False
) -> Path:
    """Write the lesson.

    Args:
        shown: From `lesson`.
        path: The HTML file.
        lang: "en" or "zh".
        force: Replace a file that is there; default False.

    Raises:
        FileExistsError: The file is there and `force` is False.
        DataError: Another language.
    """
    return write_text(path, render(shown, lang), force)
