"""The words of the view on errors by step ahead and by origin."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.errors": ("Errors by step and by origin", "按步数与起点的误差"),
    "view.errors.how": (
        "Mean absolute error on the test part. Above by how many steps ahead: a method that is "
        "ahead at the first steps alone knows little of later ones. Below by when the forecast was "
        "made: where all lines rise together, the data were hard; where one rises alone, look "
        "there.",
        "测试部分的平均绝对误差。上图按预测步数：仅在最初几步领先的方法对之后所知甚少。"
        "下图按预测作出的时间：所有曲线一同上升处是数据难，只有一条上升处值得细看。",
    ),
    "errors.ahead": ("steps ahead", "预测步数"),
    "errors.origin": ("last value known", "最后已知值的时间"),
    "errors.error": ("mean abs. error", "平均绝对误差"),
}
