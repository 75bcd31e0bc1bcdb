"""What a reader keeps in mind of a text, symbol by symbol: to find the units that do so too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glasscell.arrays import Array

__all__ = ["text_features"]

OPEN, SHUT = "([{（【《「", ")]}）】》」"


def text_features(symbols: Sequence[str]) -> dict[str, Array]:
    """Give what is so after each symbol was read.

    Args:
        symbols: T characters, words or other pieces of text.

    Returns:
        Name to (T,) float64: `double` and `single`, 1 inside such quotes; `bracket`, how many are
        open; `line` and `word`, symbols since it began; `indent`, blanks that the line begins
        with; `upper`, `digit`, `blank`, 1 where the symbol is one. A feature that never changes is
        left out.

    Notes:
        An apostrophe within a word is no quote. A blank line closes what is open, and the end of a
        line single quotes, so that one stray sign does not turn all that follows around.

    >>> found = text_features(list('say "it (now)" '))
    >>> "".join(str(int(v)) for v in found["double"])
    '000011111111100'
    >>> "".join(str(int(v)) for v in found["bracket"])
    '000000001111000'
    """
    names = ("double", "single", "bracket", "line", "indent", "word", "upper", "digit", "blank")
    rows = np.zeros((len(symbols), len(names)))
    double = single = leading = False
    depth = line = indent = word = 0
    for t, symbol in enumerate(symbols):
        before = symbols[t - 1][-1:] if t else ""
        after = symbols[t + 1][:1] if t + 1 < len(symbols) else ""
        if symbol == "\n":
            if before == "\n":
                double, depth = False, 0
            single, leading, line, indent, word = False, True, 0, 0, 0
        else:
            line += 1
            leading = leading and symbol.isspace()
            indent += leading
            word = word + 1 if symbol.isalnum() else 0
        if symbol in ('"', "“", "”"):
            double = symbol == "“" or (symbol == '"' and not double)
        elif symbol == "'" and not (before.isalnum() and after.isalnum()):
            single = not single
        elif symbol in OPEN:
            depth += 1
        elif symbol in SHUT:
            depth = max(0, depth - 1)
        rows[t] = (
            double, single, depth, line, indent, word,
            symbol.isupper(), symbol.isdigit(), symbol.isspace(),
        )  # fmt: skip
    return {name: rows[:, k] for k, name in enumerate(names) if np.ptp(rows[:, k]) > 0}
