"""How far back the data help and the network reads, as the page gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from glasscell.report.page.measured import Measured

__all__ = ["lag", "of_curves"]

ARRAYS: Final = {
    "lag/k": "(n,) error of the k-th model with so many steps, over its error with one; NaN beyond "
    "those that it was tried with"
}
MEASURES: Final = {
    "reach": "{steps: [n], names: [[en, zh]], backs: [steps back of each], back, said: [en, zh]}"
}
NAMES: Final = {
    "linear": ("linear model, by steps that it is given", "线性模型（给定步数）"),
    "trees": ("small trees, likewise", "小型树模型（同上）"),
}
NETWORK: Final = (
    "{name}, by steps whose own past it is left (the rest exchanged)",
    "{name}（只保留这些步数自己的历史，其余被交换）",
)


def lag(curves: Sequence[Mapping[str, Any]], back: int, said: tuple[str, str]) -> Measured:
    """Give the page what was measured.

    Args:
        curves: Records of the models: `model`, `steps`, `errors`, `back`; the network's last.
        back: Steps back that the data help.
        said: It in words, English and Chinese.
    """
    steps, lines = of_curves(curves)
    names = [NAMES.get(one["model"], [text.format(name=one["model"]) for text in NETWORK])
             for one in curves]  # fmt: skip
    numbers = {
        "steps": steps,
        "names": [list(pair) for pair in names],
        "backs": [one["back"] for one in curves],
        "back": back,
        "said": list(said),
    }
    arrays = {f"lag/{k}": line for k, line in enumerate(lines)}
    return Measured(arrays=arrays, numbers={"reach": numbers})


def of_curves(curves: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[Any]]:
    """Put several curves on one axis: every number of steps that any was tried with.

    Args:
        curves: As for `lag`.

    >>> one, two = {"steps": [1, 4], "errors": [2.0, 1.0]}, {"steps": [1, 2], "errors": [1.0, 0.5]}
    >>> of_curves([one, two])
    ([1, 2, 4], [array([1.  , 0.75, 0.5 ]), array([1. , 0.5, nan])])
    """
    every = sorted({int(k) for one in curves for k in one["steps"]})
    lines = []
    for one in curves:
        first = one["errors"][0] or 1.0
        at = np.interp(np.log2(every), np.log2(one["steps"]), np.array(one["errors"]) / first)
        lines.append(np.where(np.array(every) <= one["steps"][-1], at, np.nan))
    return every, lines
