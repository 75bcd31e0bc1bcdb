"""The words of the duel that is told here alone; the others are with the river's."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "duel.back": ("lag {lag}", "滞后 {lag} 步"),
    "duel.only": (
        " This is a fault only if the task needs all {lag} lags.",
        "仅当任务需要全部 {lag} 步滞后时，这才是问题。",
    ),
    "duel.contest": ("The contest", "对决"),
    "duel.gradients": ("How much of the gradient arrives", "有多少梯度到达"),
    "whatif.other": (
        "This page holds the models of its first series only. Look at this network alone: "
        "glasscell inspect, with its own folder.",
        "本页只含第一个序列的模型。请单独查看该网络：对其文件夹运行 glasscell inspect。",
    ),
}
