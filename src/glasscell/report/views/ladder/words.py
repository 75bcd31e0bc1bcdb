"""Words of the half-life ladder."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "ladder": ("Half-life ladder", "半衰期排序图"),
    "ladder.how": (
        "After how many steps has the forget gate alone halved what a unit holds? Units right of "
        "the dashed line remember over the lag that your data asks for. Drag the line to ask for "
        "another lag; drag over units to select them in all views (keys: Shift with up and down, "
        "Enter, Escape).",
        "仅由遗忘门决定，一个单元的内容经过多少步减半？虚线右侧的单元能记住数据所需的步数。"
        "拖动虚线可改变滞后步数；在单元上拖动可在所有视图中选中它们"
        "（键盘：Shift 加上下键、回车、Esc）。",
    ),
    "ladder.how.any": (
        "After how many steps has what a unit keeps by itself halved what it holds? Units right of "
        "the dashed line remember over the lag that your data asks for. Drag the line to ask for "
        "another lag; drag over units to select them in all views (keys: Shift with up and down, "
        "Enter, Escape).",
        "只看单元自身的保留比例，其内容经过多少步减半？虚线右侧的单元能记住数据所需的步数。"
        "拖动虚线可改变滞后步数；在单元上拖动可在所有视图中选中它们"
        "（键盘：Shift 加上下键、回车、Esc）。",
    ),
    "ladder.over": ("Measured over", "测量范围"),
    "ladder.over.all": ("All sequences", "全部序列"),
    "ladder.over.one": ("This series", "当前序列"),
    "ladder.of.all": ("Over all {n} sequences:", "对全部 {n} 个序列："),
    "ladder.of.one": ("In {name}:", "在 {name} 中："),
    "ladder.tenth": (
        "Nine units in ten fall to half within {life}.",
        "十分之九的单元在 {life}内减半。",
    ),
    "ladder.pick": ("Select those beyond the lag", "选中超过该滞后的单元"),
    "ladder.then": ("then: quantiles at {step}", "当时：{step} 的分位数"),
    "ladder.lag": ("Lag that the data asks for", "数据所需的滞后"),
    "ladder.line": ("lag {lag}", "滞后 {lag} 步"),
    "ladder.axis": ("half-life in steps (log scale)", "半衰期（步，对数刻度）"),
    "ladder.says": (
        "{slow} of {H} units hold half of what they store for {lag} or longer.",
        "{H} 个单元中有 {slow} 个能把一半内容保留 {lag} 或更久。",
    ),
    "ladder.says.none": (
        "none of the {H} units holds half of what it stores for {lag}; the slowest: {best}.",
        "{H} 个单元都不能把一半内容保留 {lag}；最慢的为 {best}。",
    ),
}
