"""The page's own words in English and Chinese: one table, one key per string.

Text that comes from data (titles, captions, series names) is never translated. `{name}` parts are
filled by `say`.
"""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "forget": ("forget gate", "遗忘门"),
    "input": ("input gate", "输入门"),
    "candidate": ("candidate", "候选值"),
    "output": ("output gate", "输出门"),
    "cell": ("cell state", "细胞状态"),
    "hidden": ("hidden state", "隐藏状态"),
    "forget.what": ("how much of the memory is kept", "保留多少旧记忆"),
    "input.what": ("how much of the candidate is written", "写入多少候选值"),
    "candidate.what": ("what could be written", "可以写入的新内容"),
    "output.what": ("how much of the memory is shown", "输出多少记忆"),
    "cell.what": ("the memory itself", "记忆本身"),
    "hidden.what": ("what the next layer sees", "下一层看到的内容"),
    "verdict": ("In short", "结论"),
    "contents": ("On this page", "本页内容"),
    "results": ("Results", "结果"),
    "results.how": (
        "Every method is scored on the same held-out data. The highlighted row is the network that "
        "this page opens; read it against the rows beside it, baselines included.",
        "所有方法都在同一份留出数据上评分。高亮行是本页所展示的网络；请与其他行（包括基线）对照阅读。",
    ),
    "forecast": ("Forecast and truth", "预测与真实值"),
    "forecast.how": (
        "The heaviest line is what happened, the coloured ones are what was forecast. Look at the "
        "turns: a forecast that is merely late repeats each turn a little to the right.",
        "最粗的线是真实值，彩色线是预测值。请注意拐点：如果预测只是滞后，每个拐点都会在稍右处重复出现。",
    ),
    "truth": ("what happened", "真实值"),
    "mae": ("mean abs. error here {value}", "此段平均绝对误差 {value}"),
    "gates": ("Inside the LSTM: {name}", "LSTM 内部：{name}"),
    "gates.how": (
        "Each picture has one row per unit and one column per time step; all share one time axis. "
        "Units whose forget gate stays open, and which therefore remember longest, are on top. "
        "Bright gates are open (1), dark ones closed (0). Signed quantities are orange where "
        "positive, blue where negative; zero has the colour of the page.",
        "每幅图一行对应一个单元，一列对应一个时间步，所有图共用同一时间轴。遗忘门常开、记忆最长的单元排在最上面。"
        "门的颜色越亮表示越开放（1），越暗表示越关闭（0）。带符号的量：橙色为正，蓝色为负，零与页面同色。",
    ),
    "gates.try": (
        "Move over a picture to read values; click a row to choose a unit; arrow keys move on.",
        "在图上移动可读取数值；点击某一行可选择单元；方向键可移动。",
    ),
    "input.series": ("What the network reads", "网络的输入"),
    "unit": ("unit", "单元"),
    "unit.alone": ("One unit alone", "单个单元"),
    "unit.choose": ("Unit", "单元"),
    "unit.gates": ("its gates", "它的门"),
    "unit.contents": ("its contents", "它的内容"),
    "step": ("step", "时间步"),
    "memories": (
        "{H} units, from the longest memory on top (half-life {slow}) to the shortest at the foot "
        "({fast}); the half-life is that of the forget gate alone.",
        "共 {H} 个单元，从上到下记忆由长（半衰期 {slow}）到短（{fast}）；半衰期只按遗忘门计算。",
    ),
    "half.life": ("half-life {value}", "半衰期 {value}"),
    "steps": ("{value} steps", "{value} 步"),
    "never": ("never fades", "永不衰减"),
    "thinned": (
        "{units} of {H} units and {steps} of {T} steps are drawn: every k-th unit of the order; of "
        "several steps the one with the largest magnitude, so that spikes stay.",
        "共 {H} 个单元、{T} 步，图中画出 {units} 个单元、{steps} 步：单元按顺序等间隔抽取；"
        "相邻几步取绝对值最大者，以保留尖峰。",
    ),
    "events.at": ("{label} at {when}", "{label}：{when}"),
    "events": ("Which gates move", "哪些门在动"),
    "events.how": (
        "Each curve is the mean over units, and over the events ({count}), of the steps around "
        "one (dashed line; {before} steps before, {after} after). The grey band holds nine in "
        "ten of the curves that one gets by shifting all events together to other times: a curve "
        "that stays inside the band does nothing special at the events.",
        "每条曲线是事件前后（虚线处为事件，之前 {before} 步，之后 {after} 步）"
        "对所有单元和 {count} 个事件的平均。"
        "灰色带：把所有事件一起平移到其他时间，所得曲线有九成落在带内。曲线若一直在带内，说明事件处没有特别的变化。",
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
    "elsewhere": ("elsewhere", "其他时候"),
    "near": ("at events", "事件处"),
    "movement": ("movement per step", "每步变化量"),
    "level": ("mean value", "平均值"),
    "ratio": ("ratio", "比值"),
    "quantity": ("quantity", "量"),
    "top.unit": ("unit that moves most", "变化最大的单元"),
    "river": ("The gradient river", "梯度回传图"),
    "river.how": (
        "Learning flows backwards: from the loss, at the right edge, to earlier steps on the left. "
        "The height is how much of it arrives (log scale: one line down is ten times less, or "
        "more where marked). A bed that dries up is the vanishing gradient: those steps cannot be "
        "learned. One that swells is the exploding gradient.",
        "学习信号向后流动：从右端的损失流向左边更早的时间步。高度表示有多少信号到达（对数刻度：每降一格少十倍，"
        "或按标注）。曲线降到底就是梯度消失：那些时间步无法被学到；曲线上升则是梯度爆炸。",
    ),
    "river.hidden": ("hidden state |dL/dh|", "隐藏状态 |dL/dh|"),
    "river.cell": ("cell state |dL/dC|", "细胞状态 |dL/dC|"),
    "river.cell_path": ("along the belt alone", "仅沿传送带"),
    "river.back": ("lag {lag}", "滞后 {lag} 步"),
    "river.only": (
        " This is a fault only if the task needs all {lag} lags.",
        "仅当任务需要全部 {lag} 步滞后时，这才是问题。",
    ),
    "river.round": (
        "lost in float32 rounding (2^−24 of the strongest)",
        "被 float32 舍入淹没（最强处的 2^−24）",
    ),
    "river.floor": ("smallest float32 (1.2·10^−38)", "float32 最小值（1.2·10^−38）"),
    "lag": ("steps before the loss", "距损失的步数"),
    "loss": ("loss", "损失"),
    "schematic": ("One cell, with its numbers", "一个单元的全部数字"),
    "schematic.how": (
        "The cell as textbooks draw it, with the real numbers of {unit} at {when}. The memory "
        "travels along the belt on top, where it meets only one multiplication and one addition. "
        "The forget gate says how much of it stays; the input gate and the candidate say what is "
        "added; the output gate says how much of it is shown. Thick wires carry large values.",
        "教科书中的单元图，标注了{unit} 在 {when} 的真实数值。"
        "记忆沿上方的传送带前进，途中只有一次乘法和一次加法。"
        "遗忘门决定保留多少，输入门和候选决定加入什么，输出门决定输出多少。线越粗，数值越大。",
    ),
    "schematic.live": ("Follow the cursor of the gate pictures", "跟随上方门图的光标"),
    "schematic.aria": (
        "Diagram of one LSTM cell with its values",
        "一个 LSTM 单元及其数值的示意图",
    ),
    "equations": ("The same in equations", "用公式表示"),
    "equations.fixed": (
        "These equations are of {unit} at {when}. Numbers are rounded for display, not in the "
        "computation.",
        "以下公式对应{unit} 在 {when} 的数值。数字仅在显示时四舍五入，计算中没有。",
    ),
    "step.read": ("1 · What the gates read", "1 · 各个门读取的内容"),
    "step.forget": ("2 · What is kept", "2 · 保留什么"),
    "step.write": ("3 · What is written", "3 · 写入什么"),
    "step.cell": ("4 · The new memory", "4 · 新的记忆"),
    "step.show": ("5 · What is shown", "5 · 输出什么"),
    "terms.rest": ("{count} smaller terms", "其余 {count} 个较小的项"),
    "terms.all": ("All {count} terms of the four sums", "四个加和的全部 {count} 项"),
    "terms.name": ("read from", "读取自"),
    "terms.value": ("value", "数值"),
    "belt": ("memory", "记忆"),
    "notes": ("How this was made, and what it does not show", "说明与局限"),
    "made": (
        "Made by glasscell. This file is complete: it loads nothing from any network.",
        "由 glasscell 生成。本文件自成一体，不从网络加载任何内容。",
    ),
    "nothing": ("nothing to draw", "没有可画的内容"),
    "missing": ("missing", "缺失"),
}


def say(lang: str, key: str, **values: object) -> str:
    """Return the string of a key in a language, with its parts filled in.

    Args:
        lang: "en" or "zh".
        key: A key of `WORDS`.
        values: What stands in the braces.

    Returns:
        Plain text, not yet escaped for HTML.

    Examples:
        >>> say("zh", "forget")
        '遗忘门'
        >>> say("en", "steps", value=12)
        '12 steps'
    """
    return WORDS[key][lang == "zh"].format(**values)
