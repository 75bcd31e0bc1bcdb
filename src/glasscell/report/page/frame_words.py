"""Words of the page's frame, and those that several views say, in English and Chinese.

A view's own are in its folder's words.py; `table` puts all of them together. Text that comes from
data (titles, names of layers, series and inputs) is never translated. `{name}` is filled by the
script's `GC.say`.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from glasscell.cells import Cell
from glasscell.report.draw.recurrence import look
from glasscell.report.views import modules

__all__ = ["WORDS", "keeper", "quantity", "table", "what"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "contents": ("On this page", "本页内容"),
    "skip": ("To the views", "跳到视图"),
    "made": (
        "Made by glasscell. This file holds everything it shows and asks no network for anything.",
        "由 glasscell 生成。本文件包含全部内容，不访问任何网络。",
    ),
    "cli.written": (
        "{path} ({size} MB, {seconds} s): open it in a browser",
        "{path}（{size} MB，{seconds} 秒）：请用浏览器打开",
    ),
    "language": ("Language", "语言"),
    "lang.en": ("EN", "EN"),
    "lang.zh": ("中文", "中文"),
    "theme": ("Theme", "主题"),
    "theme.light": ("Light", "浅色"),
    "theme.dark": ("Dark", "深色"),
    "series": ("Series", "序列"),
    "layer": ("Layer", "层"),
    "unit": ("unit", "单元"),
    "unit.up": ("previous unit", "上一个单元"),
    "unit.down": ("next unit", "下一个单元"),
    "step": ("step", "时间步"),
    "step.back": ("one step back", "后退一步"),
    "step.on": ("one step on", "前进一步"),
    "play": ("play", "播放"),
    "sort": ("Units by", "单元排序"),
    "sort.half_life": ("half-life", "半衰期"),
    "sort.index": ("index", "编号"),
    "sort.saturation": ("saturation", "饱和程度"),
    "sort.similarity": ("similarity", "相似度"),
    "sort.input": ("correlation with inputs", "与输入的相关性"),
    "numbers": ("The numbers behind this picture", "图中数据"),
    "view.failed": (
        "This view could not be drawn from this page's data; the browser's console says why.",
        "无法用本页数据绘制此视图；原因见浏览器控制台。",
    ),
    "forget": ("forget gate", "遗忘门"),
    "input": ("input gate", "输入门"),
    "candidate": ("candidate", "候选值"),
    "output": ("output gate", "输出门"),
    "cell": ("cell state", "细胞状态"),
    "hidden": ("hidden state", "隐藏状态"),
    "reset": ("reset gate", "重置门"),
    "update": ("update gate", "更新门"),
    "forget.what": ("how much memory is kept", "保留多少旧记忆"),
    "input.what": ("how much is written", "写入多少"),
    "candidate.what": ("what could be written", "可写入的内容"),
    "output.what": ("how much is shown", "输出多少"),
    "cell.what": ("the memory itself", "记忆本身"),
    "reset.what": ("how much the candidate sees of the last state", "候选值能看到多少上一状态"),
    "update.what": ("how much of the last state stays", "保留多少上一状态"),
    "hidden.what": ("what the next layer sees", "下一层看到的"),
    "belt.path": ("direct path", "直接通路"),
    "open": ("open", "打开"),
    "closed": ("closed", "关闭"),
    "needs.gates": (
        "This layer's cell has no gates between 0 and 1, as a plain RNN. Choose another layer to "
        "see this view.",
        "该层的单元没有取值在 0 到 1 之间的门，例如普通 RNN。请选择其他层。",
    ),
    "needs.belt": (
        "Nothing passes by itself from step to step in this layer's cell, as in a plain RNN. "
        "Choose another layer to see this view.",
        "该层的单元没有能直接从一步传到下一步的状态，例如普通 RNN。请选择其他层。",
    ),
    "static.note": (
        "Switch scripts on to explore: one cursor through all views, every unit and every step.",
        "启用脚本即可交互探索：一个光标贯穿所有视图，可查看每个单元的每一步。",
    ),
    "static.layer": ("layer", "层"),
    "static.kind": ("kind", "类型"),
    "static.units": ("units", "单元数"),
    "static.steps": ("steps", "步数"),
    "static.median": ("median half-life", "半衰期中位数"),
    "static.slowest": ("longest half-life", "最长半衰期"),
    "static.start": ("gradient at the last step", "最后一步的梯度"),
    "static.end": ("gradient at the first step", "第一步的梯度"),
    "static.gradient": ("log10 of the gradient", "梯度的 log10"),
    "comma": (", ", "、"),
    "never": ("never fades", "永不衰减"),
    "steps": ("{value} steps", "{value} 步"),
    "lags": ("{lag} lags", "{lag} 步滞后"),
    "lags.one": ("1 lag", "1 步滞后"),
    "steps.one": ("1 step", "1 步"),
    "go.unit": ("Go to unit {unit}", "转到单元 {unit}"),
    "picked.count": ("{n} units selected", "已选 {n} 个单元"),
    "picked.only": ("Show only these", "只显示这些"),
    "picked.none": ("Select none", "取消选择"),
    "axis.step": ("step", "时间步"),
    "axis.lag": ("lag (steps back)", "滞后（回溯的步数）"),
    "axis.lag.from": ("lag (steps after {step})", "滞后（自 {step} 起的步数）"),
    "unmeasured.weights": (
        "Not measured: it takes the layer's weights, and this page has none, as one made of a "
        "trace alone. In Python: collect(model, x).",
        "没有测量：需要该层的权重，而本页没有（例如只根据 trace 生成）。"
        "在 Python 中：collect(model, x)。",
    ),
    "unmeasured.finite": (
        "Not measured: the states of this layer are not all finite numbers in this series.",
        "没有测量：该层在此序列中的状态不全是有限数。",
    ),
    "unmeasured.unasked": (
        "Not measured, as nobody asked for it: collect(model, x, ways=True).",
        "没有测量，因为没有要求：collect(model, x, ways=True)。",
    ),
    "unmeasured.first": (
        "Not measured in this series: with a network of this size only the first one is. Choose "
        "that.",
        "此序列没有测量：对于这么大的网络，只测量第一个序列。请选择它。",
    ),
}


def quantity(name: str, lang: str) -> str:
    """Name a quantity of a cell; a cell of the user's own names its own.

    >>> quantity("update", "en"), quantity("fast weights", "en")
    ('update gate', 'fast weights')
    """
    return table()[name][lang == "zh"] if f"{name}.what" in table() else name


def keeper(cell: Cell, lang: str) -> str:
    """Name what keeps the memory of a cell: its forget or update gate, or what stands for one."""
    belt = look(cell).belt
    gate = None if belt is None else belt.gate
    return table()["belt.path"][lang == "zh"] if gate is None else quantity(gate, lang)


def what(name: str, lang: str) -> str:
    """Say what a quantity is for; "" of one that is not known."""
    return table().get(f"{name}.what", ("", ""))[lang == "zh"]


@cache
def table() -> dict[str, tuple[str, str]]:
    """Return every word of the page.

    Raises:
        ValueError: Two files define one key.

    >>> table()["forget"]
    ('forget gate', '遗忘门')
    """
    words = dict(WORDS)
    for _, module in modules("words"):
        if twice := sorted(words.keys() & module.WORDS.keys()):
            raise ValueError(f"expected each word once, got {', '.join(twice)} twice")
        words |= module.WORDS
    return words
