"""The words of the view of curves."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.curves": ("Curves", "曲线"),
    "view.curves.how": (
        "The course of what the results sum up. Lines of one colour and dash are several trials of "
        "one thing; a shaded band lies around its line; dotted levels are to compare with.",
        "结果背后的变化过程。颜色与线型相同的线是同一对象的多次试验；阴影带围绕其曲线；水平点线供比较。",
    ),
    "curves.chart": ("Chart", "图"),
    "curves.line": ("Line", "线"),
    "curves.over": ("{y} over {x}", "{y}（横轴：{x}）"),
}
