"""Words of memory provenance."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "provenance": ("Memory provenance", "记忆溯源"),
    "provenance.how": (
        "Which step wrote what is in the cell now? Every write is multiplied by all the forget "
        "gates after it, and the sum of what is left is the cell state itself: nothing here is an "
        "estimate. Drag the upper curve to choose when “now” is; move over the bars to choose a "
        "writing step.",
        "单元里现在的内容是哪一步写入的？每次写入都会乘以其后的所有遗忘门，剩余部分之和正是细胞状态本身："
        "这里没有任何估计。拖动上方曲线选择“现在”，在柱形上移动选择写入的时间步。",
    ),
    "provenance.how.any": (
        "Which step wrote what is in the unit now? Every write is multiplied by what is kept at "
        "each step after it, and the sum of what is left is the state itself: nothing here is an "
        "estimate. Drag the upper curve to choose when “now” is; move over the bars to choose a "
        "writing step.",
        "单元里现在的内容是哪一步写入的？每次写入都会乘以其后每一步的保留比例，剩余部分之和正是状态本身："
        "这里没有任何估计。拖动上方曲线选择“现在”，在柱形上移动选择写入的时间步。",
    ),
    "provenance.mixed": (
        "How much this cell keeps depends on what it holds, so what it holds is no sum of what "
        "each step wrote.",
        "该单元保留多少取决于它当前的内容，因此其内容不是各步写入量之和。",
    ),
    "provenance.now": ("Now", "现在"),
    "provenance.drag": ("drag to choose when", "拖动选择时刻"),
    "provenance.close": ("Only steps that still count", "只看仍有影响的步"),
    "provenance.left": ("what is left", "剩余"),
    "provenance.left.what": ("outline: what was written", "轮廓：当时写入的量"),
    "provenance.kept": ("still kept", "保留比例"),
    "provenance.map": ("every “now”", "所有时刻"),
    "provenance.map.what": ("down: now, across: written", "纵：现在；横：写入"),
    "provenance.cell.aria": ("Line chart of what is stored", "所存内容的折线图"),
    "provenance.left.aria": (
        "Bars: what each step's write still contributes",
        "柱形图：每一步写入的剩余量",
    ),
    "provenance.kept.aria": ("Share of each write that is left", "每次写入的保留比例"),
    "provenance.map.aria": (
        "Triangle: contribution of each writing step to the cell at each later step",
        "三角图：每个写入步对之后各步记忆的贡献",
    ),
    "provenance.says": (
        "At {T} unit {unit} holds {value}. Most of it was written at {list}.",
        "{T} 时单元 {unit} 的值为 {value}。主要写入于{list}。",
    ),
    "provenance.says.parts": (
        "At {T} unit {unit} holds {value}, written at many steps; the largest parts are from "
        "{list}.",
        "{T} 时单元 {unit} 的值为 {value}，由许多步写入；其中最大的部分来自{list}。",
    ),
    "provenance.says.none": (
        "At {T} unit {unit} holds {value}; no step's write weighs as much as 0.0005.",
        "{T} 时单元 {unit} 的值为 {value}；没有任何一步的写入超过 0.0005。",
    ),
    "provenance.says.nan": (
        "At {T} unit {unit} is not a finite number; the first step at which it is none is {first}.",
        "{T} 时单元 {unit} 不是有限数；首次出现在 {first}。",
    ),
    "provenance.from": ("{step} ({part})", "{step}（{part}）"),
    "provenance.check": (
        "Initial state {initial} plus all writes: {total}; the state itself: {value}; difference "
        "{difference}.",
        "初始状态 {initial} 加上所有写入：{total}；状态本身：{value}；差 {difference}。",
    ),
    "provenance.table": ("What unit {unit} holds at {T}", "{T} 时单元 {unit} 的内容"),
    "provenance.pooled": (
        "This unit's steps are pooled in this page, and the identity needs each of them. Choose a "
        "unit that is stored step by step.",
        "本页中该单元的时间步已合并，而溯源需要每一步。请选择按步完整保存的单元。",
    ),
}
