"""Words of the views on units and weights: match, dossier, what-if, weights."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

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
    "input.target less its last value": ("target less its last value", "目标减去其最近值"),
    "input.target": ("target", "目标"),
    "view.dossier.how.rnn": (
        "Everything about one unit: its state over time, the inputs that it goes with, the units "
        "that behave like it, and how much the loss grows without it.",
        "一个单元的全部信息：它的状态随时间的变化、与它相关的输入、与它相似的单元，"
        "以及去掉它后损失增加多少。",
    ),
    "view.whatif.how.rnn": (
        "Change the network and see it run again, here in the browser, from its own weights: cut a "
        "unit or an input (held at 0), or change what is read at one step.",
        "修改网络，并在浏览器中用它自己的权重重新运行：去掉某个单元或输入（固定为 0），"
        "或修改某一步的输入。",
    ),
    "view.weights.how.rnn": (
        "One row per unit, in the chosen order. U acts on the hidden state, W on the input. Is the "
        "initialisation sane, which inputs are read at all?",
        "每行一个单元，按所选顺序排列。U 作用于隐藏状态，W 作用于输入。"
        "初始化是否合理？哪些输入真正被读取？",
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
    "view.whatif": ("What if", "假设实验"),
    "view.whatif.how": (
        "Change the network and see it run again, here in the browser, from its own weights: shift "
        "the bias of the forget gate, hold a gate still, cut a unit or an input (held at 0).",
        "修改网络，并在浏览器中用它自己的权重重新运行：移动遗忘门偏置、固定某个门、"
        "去掉某个单元或输入（固定为 0）。",
    ),
    "whatif.absent": (
        "This network cannot run in the page: it is not one that glasscell.save can write "
        "(recurrent layers, Linear, Embedding, activations in a row), or it was not given.",
        "该网络无法在页面中运行：它不是 glasscell.save 能保存的网络（依次连接的循环层、Linear、"
        "Embedding、激活函数），"
        "或未提供模型。",
    ),
    "whatif.trace": (
        "This page was made of a trace: without the model there is nothing to run again. In "
        "Python: collect(model, x).",
        "本页只根据 trace 生成：没有模型就无法重新运行。在 Python 中：collect(model, x)。",
    ),
    "whatif.input": (
        "The page holds the input of this series only thinned out, or not at all: inspect a "
        "shorter series to run the network here.",
        "页面只保存了该序列稀疏化后的输入，或没有输入：请检查较短的序列以在此运行网络。",
    ),
    "whatif.weights": (
        "The weights are not in the page: the network is too large for it, or they were left out.",
        "页面中没有权重：网络过大，或权重未写入页面。",
    ),
    "whatif.scope": ("Which layers", "作用范围"),
    "whatif.one": ("this layer", "当前层"),
    "whatif.all": ("all layers", "所有层"),
    "whatif.shift": ("Forget bias", "遗忘门偏置"),
    "whatif.hold.forget": ("Hold the forget gate at", "固定遗忘门为"),
    "whatif.hold.input": ("Hold the input gate at", "固定输入门为"),
    "whatif.hold.output": ("Hold the output gate at", "固定输出门为"),
    "whatif.cut.inputs": ("Cut inputs:", "去掉输入："),
    "whatif.cut.units": ("Cut units:", "去掉的单元："),
    "whatif.cut.unit": ("Cut unit {unit} of {layer}", "去掉 {layer} 的单元 {unit}"),
    "whatif.mend.unit": ("Restore unit {unit} of {layer}", "恢复 {layer} 的单元 {unit}"),
    "whatif.cut.chip": ("{what} ×", "{what} ×"),
    "whatif.reset": ("As it was", "恢复原样"),
    "whatif.cut.picked": ("Cut the selected units", "去掉已选单元"),
    "whatif.input.which": ("At the cursor, input", "光标处的输入"),
    "whatif.input.value": ("reads", "读入"),
    "whatif.input.token": ("At the cursor read", "光标处读入"),
    "whatif.set.inputs": ("Changed inputs:", "修改的输入："),
    "whatif.proof.rounded": (
        "The numbers compared, or the weights, are rounded to {bits} bits here: they would not fit "
        "whole.",
        "此处的比较数值或权重舍入为 {bits} 位，否则无法放入页面。",
    ),
    "whatif.proof.stack": (
        "The model around its recurrent layers is not one that the page can run: these are the "
        "recurrent layers alone, and the output is the last one's hidden state.",
        "本页无法运行循环层之外的模型：这里只运行循环层，输出为最后一层的隐藏状态。",
    ),
    "whatif.run": ("Run", "运行"),
    "whatif.slow": (
        "This network is large: one run takes several seconds. Press Run.",
        "该网络较大，运行一次需要数秒。请按“运行”。",
    ),
    "whatif.channel": ("Output", "输出"),
    "whatif.output": ("What the network gives", "网络的输出"),
    "whatif.before": ("as it was", "原来"),
    "whatif.after": ("changed", "修改后"),
    "whatif.ahead": ("steps ahead", "向前预测的步数"),
    "whatif.truth": ("what happened", "真实值"),
    "whatif.map": ("Change of every unit", "各单元的变化"),
    "whatif.unchanged": (
        "Nothing is changed yet: both lines are the network as it is.",
        "尚未修改：两条线都是原来的网络。",
    ),
    "whatif.reading": ("The output changes by up to {most}.", "输出最大变化 {most}。"),
    "whatif.life": (
        "Median half-life of the forget gate: {before} → {after} steps.",
        "遗忘门半衰期中位数：{before} → {after} 步。",
    ),
    "whatif.proof": (
        "This page's own run of the unchanged network differs from Python's by at most {value}, "
        "over {count} numbers.",
        "本页自行运行未修改的网络，与 Python 结果在 {count} 个数上的最大差异为 {value}。",
    ),
    "whatif.proof.share": (
        "This page's own run of the unchanged network differs from Python's by at most {value} of "
        "the largest number ({top}), over {count} numbers.",
        "本页自行运行未修改的网络，与 Python 结果在 {count} 个数上的最大差异为最大数值（{top}）的 "
        "{value}。",
    ),
    "whatif.proof.exact": (
        "This page's own run of the unchanged network equals Python's to the last bit, in all "
        "{count} numbers (largest difference 0).",
        "本页自行运行未修改的网络，{count} 个数与 Python 结果逐位相同（最大差异为 0）。",
    ),
    "whatif.proof.none": (
        "The page holds no exact result of Python to compare this run with.",
        "页面中没有可供比较的 Python 精确结果。",
    ),
    "view.weights": ("Weights", "权重"),
    "view.weights.how": (
        "One row per unit, in the chosen order. U acts on the hidden state, W on the input. Is the "
        "initialisation sane, does a gate's bias hold its memory, which inputs are read at all?",
        "每行一个单元，按所选顺序排列。U 作用于隐藏状态，W 作用于输入。"
        "初始化是否合理？门的偏置能否保持记忆？哪些输入真正被读取？",
    ),
    "weights.absent": (
        "The weights are not in the page. In Python: collect(model, x) with a model; a trace alone "
        "has none.",
        "页面中没有权重。在 Python 中：collect(model, x)，需提供模型；仅有 trace 时没有权重。",
    ),
    "weights.large": (
        "These weights would make the page larger than 4 MB, so they are not in it; the what-if "
        "and the fan from any step need them too. Inspect a smaller network, or fewer layers and "
        "shorter series, to have them.",
        "这些权重会使页面超过 4 MB，因此没有写入；"
        "“假设实验”和从任意步开始的雅可比奇异值图也需要它们。"
        "如需使用，请检查较小的网络，或较少的层和较短的序列。",
    ),
    "weights.rounded": (
        "Rounded to {bits} bits, 1/{levels} of each row's range, so that the page stays below "
        "4 MB.",
        "已舍入为 {bits} 位（每行范围的 1/{levels}），以使页面小于 4 MB。",
    ),
    "weights.of.hidden": ("on the hidden state", "作用于隐藏状态"),
    "weights.of.input": ("on the input", "作用于输入"),
    "weights.bias": ("bias, {gate}", "{gate}偏置"),
    "weights.biases": ("Biases of all gates, unit by unit", "所有门的偏置（逐单元）"),
    "weights.bias.mean": ("mean bias", "平均偏置"),
    "weights.gate": ("gate", "门"),
    "weights.row": ("weights of", "权重"),
    "weights.reading": (
        "The forget gate's mean bias is {bias}: with nothing else to read it would stand at "
        "{gate}, and half of the memory would be left after {life} steps.",
        "遗忘门平均偏置为 {bias}：没有其他输入时门值为 {gate}，{life} 步后记忆剩一半。",
    ),
    "weights.reading.rnn": (
        "The largest singular value of U is {norm}.",
        "U 的最大奇异值为 {norm}。",
    ),
    "weights.no.bias": ("This layer has no biases.", "这一层没有偏置。"),
    "weights.warning.rnn": (
        "ρ, the spectral radius, decides nothing by itself: a tanh network with ρ(U) = 0 can "
        "explode, and one with ρ(U) > 1 can forget, because the slope of each unit, between 0 and "
        "1, stands between. Look at the Jacobian fan instead: it multiplies the Jacobians that "
        "really occurred.",
        "谱半径 ρ 本身不能作为判断依据：ρ(U) = 0 的 tanh 网络也可能爆炸，"
        "ρ(U) > 1 的网络也可能遗忘，因为每一步还要乘以各单元的斜率（0 到 1 之间）。"
        "请看雅可比奇异值图：它乘的是实际出现的雅可比矩阵。",
    ),
    "weights.warning": (
        "ρ, the spectral radius, decides nothing: a network with ρ(U) = 0 can explode, and one "
        "with ρ(U) > 1 can forget, because the gates stand between. Look at the Jacobian fan "
        "instead: it multiplies the Jacobians that really occurred.",
        "谱半径 ρ 不能作为判断依据：ρ(U) = 0 的网络也可能爆炸，ρ(U) > 1 的网络也可能遗忘，"
        "因为中间还有门。请看雅可比奇异值图：它乘的是实际出现的雅可比矩阵。",
    ),
}
