"""The words of the view on events."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.events": ("Which gates move", "哪些门在动"),
    "view.events.how": (
        "Each curve is the mean over units and events of the steps around one (dashed line). The "
        "band holds nine in ten of the curves that one gets by shifting all events together to "
        "other times: a curve that stays inside it does nothing special at the events.",
        "每条曲线是事件前后（虚线处为事件）对所有单元和事件的平均。"
        "色带：把所有事件一起平移到其他时间，所得曲线有九成落在带内。曲线若一直在带内，说明事件处没有特别的变化。",
    ),
    "events.at": ("{label} at {when}", "{label}：{when}"),
    "events.absent": (
        "No step of this series is marked, or its layer has no gates.",
        "此序列没有标记任何时间步，或该层没有门。",
    ),
    "events.most": (
        "At the events the {gate} moves most: {ratio} times as much per step as elsewhere.",
        "事件处变化最大的是{gate}：每步变化量是其他时候的 {ratio} 倍。",
    ),
    "events.none": (
        "No quantity moves clearly more at the events than elsewhere.",
        "没有任何量在事件处的变化明显大于其他时候。",
    ),
    "events.caveat": (
        "Events in this window: {count}. Read it as a hint, not as a test.",
        "本窗口共有 {count} 个事件：只作提示，不是检验。",
    ),
    "events.quantity": ("quantity", "量"),
    "events.level": ("mean value, at events", "平均值，事件处"),
    "events.elsewhere": ("elsewhere", "其他时候"),
    "events.movement": ("movement per step, at events", "每步变化量，事件处"),
    "events.ratio": ("ratio", "比值"),
    "events.unit": ("unit that moves most", "变化最大的单元"),
}
