"""Words of the gate wall."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "wall.memories": (
        "{H} units, from the longest memory on top (half-life {slow}) to the shortest at the foot "
        "({fast}); the half-life is that of the forget gate alone.",
        "共 {H} 个单元，从上到下记忆由长（半衰期 {slow}）到短（{fast}）；半衰期只按遗忘门计算。",
    ),
    "wall": ("The gate wall", "门控热图"),
    "wall.how": (
        "What every gate of every unit did at every step. A row is a unit, a column a step. Gates "
        "are the darker the wider they are open (on a dark page: the brighter); signed quantities "
        "are orange above zero and blue below. Click a row to choose a unit.",
        "每个单元的每个门在每一步做了什么。一行是一个单元，一列是一个时间步。门的颜色越深表示打开越大"
        "（深色页面上越亮）；带符号的量橙色为正，蓝色为负。点击某一行可选择单元。",
    ),
    "wall.memories.any": (
        "{H} units, from the longest memory on top (half-life {slow}) to the shortest at the foot "
        "({fast}); the half-life is that of what is kept by itself alone.",
        "共 {H} 个单元，从上到下记忆由长（半衰期 {slow}）到短（{fast}）；"
        "半衰期只按自身保留比例计算。",
    ),
    "wall.rnn": ("All units", "所有单元"),
    "wall.how.rnn": (
        "What every unit did at every step. A row is a unit, a column a step; orange is above "
        "zero, blue below. Click a row to choose a unit.",
        "每个单元在每一步的活动。一行是一个单元，一列是一个时间步；橙色为正，蓝色为负。点击某一行可选择单元。",
    ),
    "wall.missing": (
        "Series {series}: {count} numbers of the input are not finite, the first of them {name} at "
        "{step}.",
        "序列 {series}：输入中有 {count} 个数不是有限数，第一个是 {step} 处的 {name}。",
    ),
    "wall.missing.one": (
        "Series {series}: one number of the input is not finite, {name} at {step}.",
        "序列 {series}：输入中有一个数不是有限数，即 {step} 处的 {name}。",
    ),
    "wall.inputs": ("{I} inputs", "{I} 个输入"),
    "wall.inputs.aria": ("Heat map of all inputs over time", "所有输入随时间变化的热图"),
    "wall.input.aria": ("Line chart of the input {name}", "输入 {name} 的折线图"),
    "wall.aria": (
        "Heat map of the {name}: {H} units by {T} steps",
        "{name}的热图：{H} 个单元 × {T} 步",
    ),
    "wall.alone.aria": ("Line chart of one unit: {names}", "单个单元的折线图：{names}"),
    "wall.alone": ("its state", "它的状态"),
    "wall.alone.gates": ("its gates", "它的门"),
    "wall.alone.memory": ("its memory", "它的记忆"),
    "wall.alone.contents": ("in and out", "进与出"),
    "wall.time": ("Steps", "时间步"),
    "wall.time.all": ("All", "全部"),
    "wall.time.near": ("200 around the cursor", "光标附近 200 步"),
    "wall.contrast": ("Contrast", "对比度"),
    "wall.contrast.shared": ("One scale", "统一刻度"),
    "wall.contrast.own": ("Each unit's own", "各单元自己的刻度"),
    "wall.alone.title": ("Unit {unit} alone", "单独看单元 {unit}"),
    "wall.max": ("max", "最大"),
    "wall.min": ("min", "最小"),
    "wall.table": ("Every unit at {step}", "{step} 时的所有单元"),
    "wall.refined": (
        "This page computed these numbers itself, from the weights in it: Python's would not all "
        "fit.",
        "这些数值由本页用其中的权重自行计算，因为 Python 的结果无法全部放入页面。",
    ),
    "wall.pooled": (
        "So long a sequence is drawn with one column for {pool} steps: of these the value farthest "
        "from the unit's median, so that spikes stay. {units} units are stored step by step.",
        "序列很长，因此每 {pool} 步画成一列，取其中离该单元中位数最远的值，以保留尖峰。"
        "另有 {units} 个单元按步完整保存。",
    ),
}
