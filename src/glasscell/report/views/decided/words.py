"""The words of the view on which steps decided."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.decided": ("Which steps decided", "哪些步起了决定作用"),
    "view.decided.how": (
        "What each step added to the score of what was said, against a sequence that is the mean "
        "at every step: orange for it, blue against it. All of them sum up to the score.",
        "与每一步都取均值的序列相比，各步为预测得分增加了多少：橙色为支持，蓝色为反对，总和等于得分。",
    ),
    "decided.absent": ("Not measured for this series.", "该序列没有测量。"),
    "decided.sum": ("all inputs", "全部输入"),
    "decided.attention": ("attention", "注意力"),
    "decided.what": ("what they added", "增加的得分"),
    "decided.weight": ("weight of the step", "该步的权重"),
    "decided.total.odds": (
        "Said: {of}. Its log-odds are {score}, and {base} if every step were the mean.",
        "预测：{of}。其对数几率为 {score}；若每一步都取均值，则为 {base}。",
    ),
    "decided.total.number": (
        "{of}: {score}, and {base} if every step were the mean.",
        "{of}：{score}；若每一步都取均值，则为 {base}。",
    ),
    "decided.checked": (
        "The {count} counting most ({steps}) added {said}; with the mean in their place the "
        "score changes by {change}, to {after}.",
        "作用最大的 {count}（{steps}）共增加 {said}；换成均值后，得分改变 {change}，变为 {after}。",
    ),
    "decided.apart": (
        "The two differ where steps stand in for each other, or count only together.",
        "当各步可以互相替代或须共同起作用时，两者会不同。",
    ),
    "decided.error": (
        "The sum misses the score by {error}: the network jumps on the way from the mean to this "
        "sequence.",
        "总和与得分相差 {error}：从均值到该序列的途中，网络有跳变。",
    ),
    "decided.rest": (
        "The {shown} of {all} inputs that added most.",
        "显示 {all} 个输入中作用最大的 {shown} 个。",
    ),
    "decided.step": ("step", "时间步"),
}
