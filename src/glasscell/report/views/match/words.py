"""Words of the match."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.match": ("Match", "相似片段"),
    "view.match.how": (
        "Drag over the picture, or use the two sliders, to choose a range of steps. The units that "
        "stay above the threshold all through it are the pattern; below are the other ranges where "
        "at least three quarters of them are on together.",
        "在图上拖动，或用两个滑块选择一段时间步。在整段中都高于阈值的单元构成模式；"
        "下方列出其他至少四分之三的这些单元同时激活的片段。",
    ),
    "match.absent": (
        "This layer's hidden states are not in the page.",
        "页面中没有这一层的隐藏状态。",
    ),
    "match.quantity": ("Compare", "比较"),
    "match.threshold": ("On above", "激活阈值"),
    "match.from": ("First step", "起始步"),
    "match.to": ("Last step", "结束步"),
    "match.cursor": ("Around the cursor", "光标附近"),
    "match.level": ("on above this", "高于此线为激活"),
    "match.reading": (
        "On all through the range: {count} of the units ({units}). Other ranges like it: {ranges}.",
        "该段中始终激活的单元有 {count} 个（{units}）；另有 {ranges} 个相似片段。",
    ),
    "match.none": (
        "No unit is on all through this range: lower the threshold or choose a shorter range.",
        "没有单元在整段中保持激活：请降低阈值或选择更短的片段。",
    ),
    "match.score": ("score {score}", "得分 {score}"),
    "match.score.head": ("score", "得分"),
    "match.share": ("units on", "激活比例"),
    "match.where": ("range", "片段"),
}
