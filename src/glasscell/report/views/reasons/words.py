"""The words of the view on what moved a forecast."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.reasons": ("What moved the forecast", "是什么推动了预测"),
    "view.reasons.how": (
        "What each step of each column added to the last step of this window's forecast, in its "
        "unit: orange upwards, blue downwards. They sum up to what the forecast is above that of a "
        "window in which nothing moves: the target stays at its last value, numbers at their mean. "
        "A step of the target is its rise or fall there. What is named is then taken out for a "
        "check.",
        "每一列的每一步为该窗口预测的最后一步增加了多少（以其单位计）：橙色向上，蓝色向下。总和等于"
        "预测高出“什么都不动”的窗口（目标保持最后的值，数值取均值）的部分。目标的每一步指该步的上升"
        "或下降。随后把点名的部分去掉以作检验。",
    ),
    "reasons.absent": ("Not measured for this series.", "该序列没有测量。"),
    "reasons.sum": ("all columns", "全部列"),
    "reasons.added": ("what they added", "增加量"),
    "reasons.memory": ("memory", "记忆"),
    "reasons.written": ("added by what was written then", "由当时写入的内容增加"),
    "reasons.part": ("named", "点名的部分"),
    "reasons.said": ("attributed", "归因"),
    "reasons.fell": ("forecast falls without it", "去掉后预测下降"),
    "reasons.together": ("all of them at once", "全部同时去掉"),
    "reasons.error": (
        "The contributions miss the forecast by {error}.",
        "各项之和与预测相差 {error}。",
    ),
}
