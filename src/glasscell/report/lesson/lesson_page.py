"""The lesson's page: what it shows, of the carried pair or the reader's own LSTM, and as HTML.

Without script it has every chapter's words, its equation, its questions with answers.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from importlib import resources
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import of
from glasscell.errors import DataError
from glasscell.files import write_text
from glasscell.model import modelfile
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.draw.recurrence import look
from glasscell.report.lesson.pair import ALWAYS_ONE, Pair, carried
from glasscell.report.lesson.story_words import CHAPTERS, WORDS
from glasscell.report.page import frame_words, without_script
from glasscell.report.page.collect import collect
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.render import assemble

__all__ = ["SOURCES", "chapters", "lesson", "render", "rich", "write"]

_BOLD = re.compile(r"\*\*(.+?)\*\*")
_LETTER = re.compile(r"\[\[([^\]_]+)(?:_([^\]]+))?\]\]")
SOURCES: Final = ("carried", "run", "data", "random")
TITLE: Final = "How an LSTM remembers"
PLAIN: Final = "RNN"
"""The same word in both languages."""


def lesson(own: Exploration | None = None, source: str = "run") -> Exploration:
    """Put together what the lesson shows.

    Args:
        own: The reader's network on its data, from `glasscell.report.page.collect`; the chapters
            on the gates show its first LSTM layer. Default the LSTM that glasscell carries.
        source: What `own` reads, which the page says: "run", the run's own windows, "data", what
            the reader gave, or "random" numbers.

    Returns:
        `Exploration` for `glasscell.report.lesson.render`.

    Raises:
        DataError: `own` has no LSTM layer, or no such source.

    Notes:
        The chapters on the plain RNN are always about the carried pair, and so are the answers in
        the duel; its other pictures are of `own` where that has a plain RNN beside it.
    """
    if source not in SOURCES:
        raise DataError(f"expected a source of {', '.join(SOURCES)}, got {source!r}")
    pair = carried()
    shown = _carried(pair) if own is None else _own(own)
    about = {"carried": own is None, "source": "carried" if own is None else source}
    return replace(
        shown,
        title=TITLE,
        subtitle="" if own is None else f"{shown.heading('en')} ({shown.subtitle})",
        measures={**shown.measures, "lesson": about | _facts(pair), **_duel(shown)},
        arrays={**shown.arrays, **_arrays(pair)},
        run=[of("LSTM"), of("RNN_TANH")],
    )


def _carried(pair: Pair) -> Exploration:
    marks = [np.flatnonzero(row[:, 1]) for row in pair.x]
    shown = collect(
        pair.folder / "lstm",
        pair.x,
        names=[f"t = {a}, {b}" for a, b in marks],
        inputs=("value", "marker"),
        rival=(PLAIN, pair.folder / "rnn"),
    )
    # The unit that the answer is read off most, at the first number that it has to keep.
    unit = int(np.abs(shown.parameters["head.weight"]).argmax())
    return replace(shown, start={"series": 0, "layer": 0, "t": int(marks[0][0]), "unit": unit})


def _own(shown: Exploration) -> Exploration:
    first = next((k for k, layer in enumerate(shown.layers) if layer.mode == "LSTM"), None)
    if first is None:
        raise DataError(
            f"expected a network with an LSTM layer to explain, got {shown.layers[0].cell.name} "
            "alone; leave the run out to see the lesson on the network that glasscell carries"
        )
    order = shown.measures["orders"][f"0/{first}"]["half_life"]
    start = {"series": 0, "layer": first, "t": shown.series[0].steps // 2}
    return replace(shown, start=start | {"unit": order[len(order) // 8]})


def _duel(shown: Exploration) -> dict[str, Any]:
    """Which two layers the view of the duel sets side by side; nothing without a plain RNN."""
    modes = [layer.mode for layer in shown.layers]
    plain = next((k for k, layer in enumerate(shown.layers) if look(layer.cell).belt is None), None)
    return {} if plain is None else {"duel": {"layers": [modes.index("LSTM"), plain]}}


def _facts(pair: Pair) -> dict[str, Any]:
    """What the chapters say about the pair in numbers; all of it measured here."""
    answers = pair.answers()
    return {
        "chapters": CHAPTERS,
        "T": pair.steps,
        "targets": pair.targets(),
        "count": len(answers.truth),
        "errors": {
            "lstm": answers.error("lstm"),
            "rnn": answers.error("rnn"),
            "always": ALWAYS_ONE,
        },
        "weights": {"lstm": pair.lstm.parameters, "rnn": pair.rnn.parameters},
    }


def _arrays(pair: Pair) -> dict[str, Array]:
    """Sequences, weights and answers of the pair under the page's keys."""
    answers = pair.answers()
    arrays: dict[str, Array] = {f"lesson/{s}/x": row.T for s, row in enumerate(pair.x)}
    arrays["lesson/answers"] = np.stack([answers.truth, answers.lstm, answers.rnn])
    for name in ("lstm", "rnn"):
        _, tensors = modelfile.read(pair.folder / name)
        own = {part: tensors[f"{name}.{part}_l0"] for part in ("weight_ih", "weight_hh")}
        own["bias"] = tensors[f"{name}.bias_ih_l0"] + tensors[f"{name}.bias_hh_l0"]
        own |= {f"head_{part}": tensors[f"head.{part}"] for part in ("weight", "bias")}
        arrays |= {f"lesson/{name}/{part}": array for part, array in own.items()}
    return arrays


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
        words={**frame_words.table(), **WORDS},
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
    """Give the static part of the page as HTML.

    Args:
        shown: From `lesson`.
        lang: "en" or "zh".
    """
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
    def say(key: str) -> str:
        return rich(WORDS[key][column].format(**values))

    def all_of(stem: str) -> list[str]:
        keys = (f"lesson.{name}.{stem}{n}" for n in count(1))
        return [_variant(key, facts) for key in takewhile(WORDS.__contains__, keys)]

    equation = f"lesson.{name}.eq"
    questions = [(key, key.replace(".ask", ".answer")) for key in all_of("ask")]
    return (
        f'<section class="view"><header><h2>{say(f"lesson.{name}")}</h2>'
        f'<p class="how">{say(f"lesson.{name}.how")}</p></header><div class="body lesson-text">'
        + "".join(f"<p>{say(key)}</p>" for key in all_of("p"))
        + (f'<p class="eqn">{say(equation)}</p>' if equation in WORDS else "")
        + "".join(f"<li>{say(key)}</li>" for key in all_of("r"))
        + (_errors(column, facts) if name == "duel" else "")
        + "".join(f"<p><b>{say(ask)}</b></p><p>{say(answer)}</p>" for ask, answer in questions)
        + "</div></section>"
    )


def _variant(key: str, facts: dict[str, Any]) -> str:
    own = f"{key}.own"
    return own if own in WORDS and not facts["carried"] else key


def _errors(column: int, facts: dict[str, Any]) -> str:
    errors = {name: fixed(value, 4) for name, value in facts["errors"].items()}
    return f"<p>{rich(WORDS['lesson.duel.reading'][column].format(**errors))}</p>"
