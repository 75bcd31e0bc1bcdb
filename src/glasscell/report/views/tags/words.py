"""The words of the view on labels over time."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.tags": ("Label by label", "逐步标签"),
    "view.tags.how": (
        "The upper band is what is true of each step, the lower one what the network said; where "
        "the colours differ, it was wrong. Below: how sure it was.",
        "上方色带是每一步的真实标签，下方是网络的预测；颜色不同处即为错误。再下方是它的把握。",
    ),
    "tags.absent": ("This series has no label a step.", "该序列没有逐步标签。"),
    "tags.right": ("true", "真实"),
    "tags.said": ("said", "预测"),
    "tags.sure": ("how sure", "把握"),
    "tags.wrong": ("{wrong} of {T} steps are wrong.", "{T} 步中有 {wrong} 步错误。"),
    "tags.many": (
        "There are more classes than colours: the value at the cursor says which.",
        "类别多于颜色：光标处的文字说明是哪一类。",
    ),
}
