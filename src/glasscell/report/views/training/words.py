"""The words of the view on training."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.training": ("The training log", "训练记录"),
    "view.training.how": (
        "The error of every network that was trained, on a log scale: solid on validation, dotted "
        "on what it was trained on. What was kept is each network's lowest point on validation.",
        "每个训练过的网络的误差（对数刻度）：实线为验证集，点线为训练集。保留的是各网络在验证集上的最低点。",
    ),
    "training.epoch": ("epoch", "轮次"),
    "training.step": ("training step", "训练步"),
    "training.train": ("training", "训练"),
    "training.validation": ("validation", "验证"),
    "training.first": ("first, on validation", "最初（验证集）"),
    "training.best": ("lowest", "最低"),
    "training.last": ("last", "最后"),
}
