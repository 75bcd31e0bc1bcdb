"""Finds the units that track quotation marks, brackets, line length, by the dossier's measure.

Beside each stands what chance alone brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.text.vocabulary import Vocabulary
from glasscell.inspect.units.dossier import by_chance, dossier
from glasscell.model.model import load

MEASURED = 10_000
"""Steps of the test text on which units are correlated with what is in it: by chance alone the
largest of 256 correlations is then near 0.03 for signals that change at every step."""

UNITS = 5
"""Units that are told of each feature."""

OPEN, CLOSE = "([{（［｛【「『《〈", ")]}）］｝】」』》〉"
QUOTES = '"“”„«»'

FEATURES: dict[str, tuple[str, str]] = {
    "quotes": ("inside quotation marks", "在引号内"),
    "brackets": ("depth of open brackets", "未闭合括号的层数"),
    "line": ("characters since the line began", "行内位置"),
    "word": ("letters since the word began", "词内位置"),
    "capital": ("capital letter", "大写字母"),
    "digit": ("digit", "数字"),
}
"""What is looked for: name to its words in English and Chinese."""


def features(text: Sequence[str]) -> dict[str, Array]:
    """Give what stands at each of T characters, (T,) float64 each.

    Straight quotation marks open and close in turn, and a blank line closes what is open, as a mark
    may be missing.

    >>> found = features('(a "b c")')
    >>> found["quotes"].tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    >>> found["brackets"].tolist(), found["line"].tolist()[:4], found["word"].tolist()[:3]
    ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0])
    """
    quoted, depth, column, letters, before = False, 0, 0, 0, ""
    rows = np.zeros((len(text), len(FEATURES)))
    for place, symbol in enumerate(text):
        if symbol in QUOTES:
            quoted = symbol in "“„«" or (symbol == '"' and not quoted)
        depth = max(depth + (symbol in OPEN) - (symbol in CLOSE), 0)
        column = 0 if symbol == "\n" else column + 1
        if symbol == "\n" == before:
            quoted, depth = False, 0
        letters = letters + 1 if symbol.isalpha() else 0
        rows[place] = quoted, depth, column, letters, symbol.isupper(), symbol.isdigit()
        before = symbol
    return dict(zip(FEATURES, rows.T, strict=True))


def tracking_units(run: Path, vocabulary: Vocabulary, test: Array) -> list[dict[str, Any]]:
    """Find the units of a saved run that go together with what is in the test text.

    Args:
        run: The run folder, or its draft.
        vocabulary: What the run knows.
        test: Indices of the test part.

    Returns:
        For each layer and feature that occurs: feature, in_words (English, Chinese), layer,
        quantity (the cell state, or the hidden state where there is none), steps, by_chance (the
        correlation that 39 of 40 shifted texts stay below for the best unit), and units: up to 5
        with a larger one, each {unit, correlation}, the strongest first. Empty for tokens.
    """
    if vocabulary.reading.unit == "token":
        return []
    text = np.asarray(test[:MEASURED], np.int64)
    known = {n: v for n, v in features(vocabulary.shown(text)).items() if np.ptp(v) > 0}
    if not known or len(text) < 50:
        return []
    traces = load(run).run(text, trace=True).trace or {}
    found = []
    for layer, trace in traces.items():
        quantity = "cell" if "cell" in trace.recurrence.state_names else "hidden"
        for name, values in known.items():
            column = values[:, None]
            about = dossier(trace, column, names=[name], neighbours=0, quantity=quantity)
            correlation = np.nan_to_num(about.correlation[:, 0])
            chance = float(np.nanmax(by_chance(trace, column, quantity=quantity), initial=0.0))
            best = [int(u) for u in np.argsort(-abs(correlation), kind="stable")[:UNITS]]
            found.append(
                {
                    "feature": name,
                    "in_words": list(FEATURES[name]),
                    "layer": layer,
                    "quantity": quantity,
                    "steps": len(text),
                    "by_chance": round(chance, 4),
                    "units": [
                        {"unit": u, "correlation": round(float(correlation[u]), 4)}
                        for u in best
                        if abs(correlation[u]) > chance
                    ],
                }
            )
    return found
