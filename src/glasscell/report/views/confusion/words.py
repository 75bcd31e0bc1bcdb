"""The words of the view on right and wrong."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.confusion": ("Right and wrong", "对与错"),
    "view.confusion.how": (
        "Every prediction here is by a network that has not seen the sequence. In a matrix a row "
        "is what is true, a column what was said; press a cell to see its sequences.",
        "这里的每个预测都由没有见过该序列的网络作出。矩阵中行是真实类别，列是预测类别；点按格子可查看其中的序列。",
    ),
    "confusion.true": ("true ↓   said →", "真实 ↓   预测 →"),
    "confusion.recall": ("recall", "召回率"),
    "confusion.precision": ("precision", "精确率"),
    "confusion.count": ("number", "数量"),
    "confusion.label": ("label", "标签"),
    "confusion.of": (
        "{truth}, said to be {said}: {count}",
        "真实为 {truth}，预测为 {said}：{count}",
    ),
    "confusion.none": (
        "None of these is on this page; metrics.json lists the surest mistakes.",
        "本页没有这样的序列；metrics.json 列出了最有把握的错误。",
    ),
    "confusion.press": ("Press a cell of the table.", "请点按表中的一格。"),
    "confusion.part": (
        "The {shown} of {all} classes with the most mistakes; metrics.json has all.",
        "显示 {all} 个类别中错误最多的 {shown} 个；全部见 metrics.json。",
    ),
    "confusion.calibration": ("How sure, and how often right", "把握与正确率"),
    "confusion.confidence": ("probability of what was said", "预测结果的概率"),
    "confusion.accuracy": ("part that is right", "正确的比例"),
    "confusion.calibrated": (
        "On the dashed line a network is right as often as it says; below it, it is too sure. A "
        "larger dot is more predictions; so few of them as a dot has may move it along its bar by "
        "chance (95 %).",
        "虚线表示正确率与所说概率一致；低于虚线表示过于自信。点越大，预测越多；"
        "竖线是点在该数量的预测下可能的随机范围（95 %）。",
    ),
    "confusion.bin": (
        "said {confidence}, right {accuracy}, {count} predictions",
        "所说概率 {confidence}，正确率 {accuracy}，{count} 个预测",
    ),
    "confusion.residuals": ("Predicted against true", "预测值与真实值"),
    "confusion.truth": ("true", "真实值"),
    "confusion.predicted": ("predicted", "预测值"),
    "confusion.dashed": (
        "On the dashed line the prediction is right. Large dots are the sequences of this page.",
        "虚线上预测与真实一致。大点是本页中的序列。",
    ),
}
