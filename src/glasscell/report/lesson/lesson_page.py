"""The lesson as one HTML file: the inspect page's data, script and style, and the chapters'.

Without script it has every chapter's words, its equation, and its questions with their answers.
"""

from __future__ import annotations

import os
import re
from importlib import resources
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from glasscell.files import write_text
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.lesson.story_words import CHAPTERS, table
from glasscell.report.page import frame_words as explore_words
from glasscell.report.page import without_script
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.render import assemble

__all__ = ["chapters", "render", "rich", "write"]

_BOLD = re.compile(r"\*\*(.+?)\*\*")
_LETTER = re.compile(r"\[\[([^\]_]+)(?:_([^\]]+))?\]\]")


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
        words={**explore_words.table(), **table()},
        static=lambda: chapters(shown, lang) + without_script.build(shown, lang),
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


def chapters(shown: Exploration, lang: str) -> str:
    """Give the part of the lesson that needs no script, as HTML."""
    facts = shown.measures["lesson"]
    values = {
        "T": facts["T"],
        "count": facts["count"],
        "lstm": facts["weights"]["lstm"],
        "rnn": facts["weights"]["rnn"],
    }
    column = 1 if lang == "zh" else 0
    return "".join(_chapter(name, column, values, facts) for name in CHAPTERS)


def rich(text: str) -> str:
    """Turn a paragraph's signs into HTML.

    >>> rich("**C** is [[C_t]] < 1")
    '<b>C</b> is <var>C</var><sub>t</sub> &lt; 1'
    """
    bold = _BOLD.sub(r"<b>\1</b>", escape(text))
    return _LETTER.sub(
        lambda m: f"<var>{m[1]}</var>" + (f"<sub>{m[2]}</sub>" if m[2] else ""), bold
    )


def _chapter(name: str, column: int, values: dict[str, Any], facts: dict[str, Any]) -> str:
    words = table()

    def say(key: str) -> str:
        return rich(words[key][column].format(**values))

    def all_of(stem: str) -> list[str]:
        keys = (f"lesson.{name}.{stem}{n}" for n in count(1))
        return [_variant(key, facts) for key in takewhile(lambda key: key in words, keys)]

    equation = f"lesson.{name}.eq"
    questions = [(key, key.replace(".ask", ".answer")) for key in all_of("ask")]
    return (
        f'<section class="view"><header><h2>{say(f"lesson.{name}")}</h2>'
        f'<p class="how">{say(f"lesson.{name}.how")}</p></header><div class="body lesson-text">'
        + "".join(f"<p>{say(key)}</p>" for key in all_of("p"))
        + (f'<p class="eqn">{say(equation)}</p>' if equation in words else "")
        + "".join(f"<li>{say(key)}</li>" for key in all_of("r"))
        + (_errors(column, facts) if name == "duel" else "")
        + "".join(f"<p><b>{say(ask)}</b></p><p>{say(answer)}</p>" for ask, answer in questions)
        + "</div></section>"
    )


def _variant(key: str, facts: dict[str, Any]) -> str:
    own = f"{key}.own"
    return own if own in table() and not facts["carried"] else key


def _errors(column: int, facts: dict[str, Any]) -> str:
    errors = {name: fixed(value, 4) for name, value in facts["errors"].items()}
    return f"<p>{rich(table()['lesson.duel.reading'][column].format(**errors))}</p>"
