"""Words of the unit dossier."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "input.target less its last value": ("target less its last value", "目标减去其最近值"),
    "input.target": ("target", "目标"),
    "view.dossier.how.rnn": (
        "Everything about one unit: its state over time, the inputs that it goes with, the units "
        "that behave like it, and how much the loss grows without it.",
        "一个单元的全部信息：它的状态随时间的变化、与它相关的输入、与它相似的单元，"
        "以及去掉它后损失增加多少。",
    ),
    "view.dossier": ("Unit dossier", "单元详情"),
    "view.dossier.how": (
        "Everything about one unit: its gates and contents over time, the inputs it goes with, "
        "the units that behave like it, and how much the loss grows without it.",
        "一个单元的全部信息：它的门和内容随时间的变化、与它相关的输入、与它相似的单元，"
        "以及去掉它后损失增加多少。",
    ),
    "dossier.unit": ("Unit {unit}.", "单元 {unit}："),
    "dossier.inputs": ("Inputs that it goes with", "与它相关的输入"),
    "dossier.inputs.none": (
        "The page has no numbers of the input.",
        "页面中没有输入的数值。",
    ),
    "dossier.near": ("Units like it", "与它相似的单元"),
    "dossier.near.none": ("No other unit varies.", "没有其他变化的单元。"),
    "dossier.ablation": ("What changes when a unit is cut", "去掉单元后的变化"),
    "dossier.ablation.loss": ("Loss added when a unit is cut", "去掉单元后增加的损失"),
    "dossier.ablation.output": (
        "Mean squared change of the output when a unit is cut",
        "去掉单元后输出的均方变化",
    ),
    "dossier.ablation.slow": (
        "Not measured: cutting every unit of this model takes too long here. "
        "glasscell.inspect.ablation(model, x, loss) does it.",
        "没有测量：逐个去掉该模型的单元耗时过长。可用 glasscell.inspect.ablation(model, x, loss)。",
    ),
    "dossier.ablation.trace": (
        "Not measured: this page was made of a trace, and without the model no unit can be cut. "
        "glasscell.inspect.ablation(model, x, loss) does it.",
        "没有测量：本页只根据 trace 生成，没有模型就无法去掉单元。"
        "可用 glasscell.inspect.ablation(model, x, loss)。",
    ),
    "dossier.ablation.unasked": (
        "Not measured, as nobody asked for it: collect(model, x, loss, ways=True).",
        "没有测量，因为没有要求：collect(model, x, loss, ways=True)。",
    ),
    "dossier.ablation.kind": (
        "Not measured: units are not cut in cells, nor in layers without biases.",
        "没有测量：不支持去掉 LSTMCell、RNNCell 或无偏置层中的单元。",
    ),
    "dossier.ablation.finite": (
        "Not measured: the output is not a finite number everywhere.",
        "没有测量：输出中有非有限数。",
    ),
    "dossier.pooled": (
        "This unit's steps are pooled in this page: each value stands for several steps. Unit "
        "{unit} is stored step by step.",
        "本页中该单元的时间步已合并：每个数值代表若干步。单元 {unit} 按步完整保存。",
    ),
    "dossier.lag": ("lag {lag}", "滞后 {lag} 步"),
    "dossier.half": (
        "In this series half of its memory is left after {life} steps.",
        "在该序列中，{life} 步后记忆剩下一半。",
    ),
    "dossier.never": ("In this series its memory never fades.", "在该序列中，它的记忆从不衰减。"),
    "dossier.follows": (
        "The input that it goes with most is {name} (correlation {value}; by chance up to "
        "{chance}).",
        "与它最相关的输入是 {name}（相关系数 {value}；偶然情况下最高 {chance}）。",
    ),
    "dossier.follows.none": (
        "It follows no input more than by chance (largest correlation {value}; by chance up to "
        "{chance}).",
        "它与任何输入的相关性都不超过偶然水平（最大相关系数 {value}；偶然情况下最高 {chance}）。",
    ),
    "dossier.costs.output": (
        "Without it the output changes by {value} (mean squared): place {place} of {count}.",
        "去掉它输出的均方变化为 {value}：在 {count} 个单元中排第 {place}。",
    ),
    "dossier.gains.loss": (
        "Without it the loss falls by {value}: place {place} of {count}.",
        "去掉它损失减少 {value}：在 {count} 个单元中排第 {place}。",
    ),
    "dossier.costs.loss": (
        "Without it the loss grows by {value}: place {place} of {count}.",
        "去掉它损失增加 {value}：在 {count} 个单元中排第 {place}。",
    ),
    "dossier.input": ("input", "输入"),
    "dossier.r": ("correlation", "相关系数"),
}
