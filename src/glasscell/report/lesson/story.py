"""What the lesson's page shows: the carried pair, or the reader's own LSTM, as an `Exploration`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.model import modelfile
from glasscell.report.lesson.pair import ALWAYS_ONE, Pair, carried
from glasscell.report.lesson.story_words import CHAPTERS
from glasscell.report.page.collect import collect
from glasscell.report.page.exploration import Exploration

__all__ = ["SOURCES", "lesson"]

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
            f"expected a network with an LSTM layer to explain, got {shown.layers[0].mode} alone; "
            "leave the run out to see the lesson on the network that glasscell carries"
        )
    order = shown.measures["orders"][f"0/{first}"]["half_life"]
    start = {"series": 0, "layer": first, "t": shown.series[0].steps // 2}
    return replace(shown, start=start | {"unit": order[len(order) // 8]})


def _duel(shown: Exploration) -> dict[str, Any]:
    """Which two layers the view of the duel sets side by side; nothing without a plain RNN."""
    modes = [layer.mode for layer in shown.layers]
    plain = next((k for k, mode in enumerate(modes) if mode != "LSTM"), None)
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
