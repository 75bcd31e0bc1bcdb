"""The words of the view on units that keep track of a text."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.tracks": ("Units that keep track", "跟踪文本结构的单元"),
    "view.tracks.how": (
        "For each thing that a reader keeps in mind, the unit that goes with it most closely over "
        "all stretches; press a unit to colour the text above by it. Not found: no unit is above "
        "what chance brings.",
        "对读者会记住的每一件事，列出在所有片段上与之相关性最强的单元；点按单元可用它给上方文本着色。"
        "“未发现”表示没有单元超过随机水平。",
    ),
    "tracks.what": ("what is tracked", "跟踪的内容"),
    "tracks.unit": ("unit", "单元"),
    "tracks.r": ("correlation", "相关系数"),
    "tracks.chance": ("by chance", "随机水平"),
    "tracks.next": ("next", "其次"),
    "tracks.none": ("not found", "未发现"),
    "tracks.named": ("{layer}, unit {unit}", "{layer} 单元 {unit}"),
}
