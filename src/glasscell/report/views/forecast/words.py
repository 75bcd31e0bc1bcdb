"""The words of the view on the forecast."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.forecast": ("Forecast and truth", "预测与真实值"),
    "view.forecast.how": (
        "The heaviest line is what happened, the coloured ones are what was forecast. Look at the "
        "turns: a forecast that is merely late repeats each turn a little to the right.",
        "最粗的线是真实值，彩色线是预测值。请注意拐点：如果预测只是滞后，每个拐点都会在稍右处重复出现。",
    ),
    "forecast.truth": ("what happened", "真实值"),
    "forecast.error": ("mean abs. error here {value}", "此段平均绝对误差 {value}"),
    "forecast.band": (
        "{level} % interval of the first forecast: holds {inside} % here",
        "第一个预测的 {level}% 区间：此段含 {inside}%",
    ),
    "forecast.none": ("nothing to draw", "没有可画的内容"),
}
