"""The words of the view on mistakes."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.mistakes": ("Mistakes to look at first", "首先要看的错误"),
    "view.mistakes.how": (
        "What the network was surest of and got wrong, of numbers what is farthest off: often the "
        "label is at fault, or the sequence is unlike all others. Those underlined are on this "
        "page; press one to see it.",
        "网络最有把握却出错（对数值而言则是误差最大）的序列：常常是标签有误，或该序列与众不同。带下划线的在本页中，点按即可查看。",
    ),
    "mistakes.sequence": ("sequence", "序列"),
    "mistakes.step": ("step", "时间步"),
    "mistakes.truth": ("true", "真实"),
    "mistakes.predicted": ("said", "预测"),
    "mistakes.probability": ("probability", "概率"),
    "mistakes.wrong": ("wrong in", "错误次数"),
    "mistakes.steps": ("wrong steps", "错误步数"),
    "mistakes.off": ("off by", "误差"),
    "mistakes.none": ("Not one.", "没有错误。"),
    "mistakes.first": ("The first {shown} of {all}.", "共 {all} 个，显示前 {shown} 个。"),
}
