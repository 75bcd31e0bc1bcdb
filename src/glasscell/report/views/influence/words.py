"""Words of the influence triangle."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.influence": ("Influence triangle", "输入影响图"),
    "view.influence.how": (
        "Row: an output step. Column: an input step. Dark or bright means that this output still "
        "changes when that input does, on a log scale of six decades at most. A narrow diagonal "
        "band is a network that only knows the recent past.",
        "行：输出时间步；列：输入时间步。颜色越强，表示该输入变化时该输出变化越大（对数刻度，"
        "最多六个数量级）。"
        "如果只有对角线附近的窄带，网络只知道最近的过去。",
    ),
    "influence.absent": (
        "Influences were not measured here. It takes the layer's weights and finite values, and "
        "a network on which it takes seconds; with large ones only the first series is "
        "measured: choose that, or look at fewer steps: --steps FIRST:END.",
        "这里没有测量影响。测量需要该层的权重和有限的数值，并且网络不能太大；"
        "网络较大时只测量第一个序列：请选择它，或只看较少的时间步：--steps FIRST:END。",
    ),
    "influence.part": (
        "Of so long a sequence through so wide a layer, {from} to {to} were measured.",
        "序列过长、网络过大，这里只测量了 {from} 到 {to}。",
    ),
    "influence.row": ("Output step", "输出时间步"),
    "influence.x": ("input step", "输入时间步"),
    "influence.aria": ("The strongest is {top}.", "最强处为 {top}。"),
    "influence.profile": (
        "Influence of every input on output {step}",
        "各输入对输出 {step} 的影响",
    ),
    "influence.reading": (
        "A small change of the input at {in} changes what the layer gives at {out} by {value} "
        "times as much. The strongest there is the input at {best}: {most} times.",
        "{in} 处输入的微小变化，使该层在 {out} 的输出变化 {value} 倍。"
        "影响最强的是 {best} 处的输入：{most} 倍。",
    ),
    "influence.none": (
        "No input changes what the layer gives at {out}.",
        "没有任何输入会影响该层在 {out} 的输出。",
    ),
    "influence.later": (
        "What the layer gives at {out} comes before it reads the input at {in}. The strongest "
        "there is the input at {best}: {most} times.",
        "该层在 {out} 的输出早于读取 {in} 处的输入。影响最强的是 {best} 处的输入：{most} 倍。",
    ),
}
