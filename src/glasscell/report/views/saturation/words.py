"""Words of the saturation map."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "saturation": ("Saturation map", "饱和图"),
    "saturation.how": (
        "Each dot is a unit: how much of its time its gate is closed (below 0.1) and open (above "
        "0.9). A forget gate in the upper corner is what memory needs. An output or input gate in "
        "the right corner is a dead unit. Dots at the origin never commit. Drag a box around dots, "
        "or press a count below, to select their units in all views.",
        "每个点是一个单元：它的门有多少时间关闭（小于 0.1）、多少时间打开（大于 0.9）。"
        "遗忘门位于上角正是记忆所需；"
        "输入门或输出门位于右角则是死单元；位于原点的门始终半开半闭。"
        "框选若干点，或按下方的计数，可在所有视图中选中这些单元。",
    ),
    "saturation.how.any": (
        "Each dot is a unit: how much of its time its gate is closed (below 0.1) and open (above "
        "0.9). A gate that keeps the state in the upper corner is what memory needs. Dots at the "
        "origin never commit. Drag a box around dots, or press a count below, to select their "
        "units in all views.",
        "每个点是一个单元：它的门有多少时间关闭（小于 0.1）、多少时间打开（大于 0.9）。"
        "负责保留状态的门位于上角正是记忆所需；位于原点的门始终半开半闭。"
        "框选若干点，或按下方的计数，可在所有视图中选中这些单元。",
    ),
    "saturation.closed": ("% of time closed", "关闭时间（%）"),
    "saturation.open": ("% of time open", "打开时间（%）"),
    "saturation.count.open": ("Open almost always: {n}", "几乎总是打开：{n}"),
    "saturation.count.closed": ("Closed almost always: {n}", "几乎总是关闭：{n}"),
    "saturation.count.middle": ("Hardly ever either: {n}", "几乎从不饱和：{n}"),
    "saturation.then": ("mean at {step}", "{step} 的平均"),
}
