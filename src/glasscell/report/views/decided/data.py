"""What decided each of the shown sequences, as the page gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.dynamics.attribution import Attribution
from glasscell.report.page.measured import Measured

__all__ = ["decided"]

ARRAYS: Final = {
    "s/decided": "(I, T) what each input at each step added to the score, see measures.decided",
    "s/added": "(1, T) what all inputs of each step added",
    "s/attention": "(1, T) the weight that attention gave each step; absent without",
}
MEASURES: Final = {
    "answers": "[pooling] through which one answer reads every step; [] where each has its own, "
    "absent where only the last step is read, or it is not known",
    "decided": "{series: {of, odds, score, base, error, said, fell, steps}}; `of` what was said, "
    "`odds` whether the score is log-odds, `steps` those that count most",
}


def decided(
    found: Sequence[Attribution],
    of: Sequence[str],
    odds: bool,
    attention: Mapping[int, Array] | None = None,
) -> Measured:
    """Give the page what was measured, a sequence each.

    Args:
        found: What each input added.
        of: What was said of each sequence, or which number.
        odds: Whether the scores are log-odds of that.
        attention: Which sequence to (T,) weights.
    """
    numbers: dict[str, Any] = {
        str(place): {
            "of": name,
            "odds": odds,
            "score": one.score,
            "base": one.base,
            "error": one.error,
            "said": one.said,
            "fell": one.fell,
            "steps": one.steps.tolist(),
        }
        for place, (one, name) in enumerate(zip(found, of, strict=True))
    }
    weights = {f"{s}/attention": np.asarray(one)[None] for s, one in (attention or {}).items()}
    arrays = {f"{s}/decided": one.contribution.T for s, one in enumerate(found)}
    arrays |= {f"{s}/added": one.by_step[None] for s, one in enumerate(found)}
    return Measured(arrays={**arrays, **weights}, numbers={"decided": numbers})
