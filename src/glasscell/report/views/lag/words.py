"""The words of the view on how far back."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.lag": ("How far back", "回看多远"),
    "view.lag.how": (
        "Error of forecasts of held-out data, from training and validation alone, with more and "
        "more steps of the past; 1 is the error with one step. Where a line is flat, older steps "
        "no longer help. The network's own line shows what it loses when all older steps are "
        "exchanged with those of another window: where it is flat, it does not read them.",
        "仅用训练与验证数据：给出越来越多的历史步数时，留出数据上的预测误差；1 为只给一步时的误差。"
        "曲线变平之处，更早的步不再有帮助。网络自己的曲线表示把更早的步与另一窗口交换后的损失："
        "变平之处，它并不读取。",
    ),
    "lag.steps": ("steps back", "回看步数"),
    "lag.error": ("error, with one step 1", "误差（一步时为 1）"),
    "lag.back": ("enough: {steps}", "足够：{steps}"),
}
