"""How far back the data help and the network reads, as the page gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from glasscell.arrays import Array
from glasscell.report.page.measured import Measured

__all__ = ["lag"]

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


def lag(
    steps: Sequence[int],
    lines: Mapping[str, Array],
    backs: Sequence[int],
    back: int,
    said: tuple[str, str],
) -> Measured:
    """Give the page what was measured.

    Args:
        steps: (n,) numbers of steps.
        lines: "linear", "trees" or the network's name to (n,) relative errors.
        backs: Steps back that are enough, of each.
        back: Steps back that the data help.
        said: It in words, English and Chinese.
    """
    names = [NAMES.get(model, [text.format(name=model) for text in NETWORK]) for model in lines]
    numbers = {
        "steps": list(steps),
        "names": [list(pair) for pair in names],
        "backs": list(backs),
        "back": back,
        "said": list(said),
    }
    arrays = {f"lag/{k}": line for k, line in enumerate(lines.values())}
    return Measured(arrays=arrays, numbers={"reach": numbers})
