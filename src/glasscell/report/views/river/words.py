"""Words of the views on gradients and memory: river, influence, path, fan, duel, film."""

from __future__ import annotations

from typing import Final

from glasscell.inspect.verdict.sentences import KINDS
from glasscell.report.flow_sentences import SHAPES

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "axis.step": ("step", "时间步"),
    "axis.lag": ("lag (steps back)", "滞后（回溯的步数）"),
    "axis.lag.from": ("lag (steps after {step})", "滞后（自 {step} 起的步数）"),
    "view.river": ("Gradient river", "梯度回传图"),
    "view.river.how": (
        "Learning flows backwards, from the loss to earlier steps. The height is how much of it "
        "arrives, on a log scale. A bed that dries up is the vanishing gradient: those steps "
        "cannot be learned. One that swells is the exploding gradient.",
        "学习信号从损失向更早的时间步回流。高度表示有多少到达（对数刻度）。"
        "曲线降到底就是梯度消失：那些时间步学不到；曲线上升则是梯度爆炸。",
    ),
    "river.absent": (
        "No gradient was measured here. It needs a loss: in Python collect(model, x, loss), or on "
        "the command line glasscell inspect on a run folder that glasscell fit wrote.",
        "这里没有测量梯度。测量需要损失函数：在 Python 中用 collect(model, x, loss)，"
        "或在命令行对 glasscell fit 生成的运行目录使用 glasscell inspect。",
    ),
    "river.trace": (
        "No gradient was measured: this page was made of a trace. In Python, with the model and a "
        "loss: collect(model, x, loss).",
        "没有测量梯度：本页只根据 trace 生成。在 Python 中，提供模型和损失函数："
        "collect(model, x, loss)。",
    ),
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
    "river.by.lag": ("Count steps from the loss", "从损失处计步"),
    "river.loss": ("Loss", "损失"),
    "river.loss.own": ("the one that was given", "给定的损失"),
    "river.loss.step": ("sum of this layer's h at one step", "该层某一步的 h 之和"),
    "river.at": ("at", "位于"),
    "river.then": ("over the lag at {step}", "{step} 时随滞后步数的变化"),
    "river.hidden": ("hidden state |dL/dh|", "隐藏状态 |dL/dh|"),
    "river.cell": ("cell state |dL/dC|", "细胞状态 |dL/dC|"),
    "river.cell_path": ("along the conveyor belt alone", "仅沿传送带"),
    "river.round": ("lost in float32 rounding below this", "低于此线会被 float32 舍入淹没"),
    "river.floor": ("smallest float32", "float32 最小值"),
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
    "view.path": ("Path split", "路径分解"),
    "view.path.how": (
        "The memory of a step reaches a later one on two ways: along the conveyor belt, multiplied "
        "by forget gates only, and through the hidden state and the gates. Which of them carries "
        "the gradient? The belt is what made the LSTM; the other way is that of the plain RNN.",
        "某一步的记忆通过两条路到达后面：沿传送带（只乘以遗忘门），以及经过隐藏状态和各个门。"
        "梯度主要走哪一条？传送带正是 LSTM 的发明，另一条就是普通 RNN 的路。",
    ),
    "path.absent": (
        "The two paths were not measured here. It takes the layer's weights and finite values, "
        "and a network on which it takes seconds; with large ones only the first series is "
        "measured: choose that, or look at fewer steps: --steps FIRST:END.",
        "这里没有测量两条路径。测量需要该层的权重和有限的数值，并且网络不能太大；"
        "网络较大时只测量第一个序列：请选择它，或只看较少的时间步：--steps FIRST:END。",
    ),
    "path.rnn": (
        "A plain RNN has no conveyor belt: all of its gradient goes through the weights. Choose an "
        "LSTM layer.",
        "普通 RNN 没有传送带，梯度全部经过权重。请选择一个 LSTM 层。",
    ),
    "path.total": ("both together", "两者合计"),
    "path.belt": ("conveyor belt", "传送带"),
    "path.gates": ("through the gates", "经过各个门"),
    "path.sizes": ("Size of each path", "两条路径的大小"),
    "path.reading": (
        "At lag {lag} the belt carries {belt} of the gradient; both paths together: {total}.",
        "滞后 {lag} 步处，传送带承载梯度的 {belt}；两条路径合计：{total}。",
    ),
    "path.none": (
        "At lag {lag} nothing is left of the gradient, on either path.",
        "滞后 {lag} 步处，两条路径上都没有剩余的梯度。",
    ),
    "view.fan": ("Jacobian fan", "雅可比奇异值图"),
    "view.fan.how": (
        "How the network stretches a small change of its state (h, c) over more and more steps: "
        "each line is a singular value of the product of the actual Jacobians. Lines that all "
        "fall: everything is forgotten. One line high above the others: only one direction is "
        "remembered. Dashed: the Lyapunov exponents, the slope in the long run.",
        "状态 (h, c) 的微小变化经过越来越多步后被放大或缩小多少："
        "每条线是实际雅可比矩阵之积的一个奇异值。"
        "所有线都下降：一切都被遗忘；只有一条线高出许多：只记住一个方向。虚线：李雅普诺夫指数，"
        "即长期斜率。",
    ),
    "fan.absent": (
        "Products of Jacobians were not measured here. It takes the layer's weights and finite "
        "values, and a network on which it takes seconds; with large ones only the first series "
        "is measured: choose that, or look at fewer steps: --steps FIRST:END.",
        "这里没有测量雅可比矩阵之积。测量需要该层的权重和有限的数值，并且网络不能太大；"
        "网络较大时只测量第一个序列：请选择它，或只看较少的时间步：--steps FIRST:END。",
    ),
    "fan.short": (
        "There is one step: no change of the state goes on to another one.",
        "只有一个时间步，状态的变化没有下一步可传。",
    ),
    "fan.origin": ("From step", "起点"),
    "fan.cursor": ("From the cursor", "从光标处开始"),
    "fan.fixed": (
        "This state is too large for the page to follow, or its weights are not in it: Python "
        "measured the fan from {steps}.",
        "该状态过大，或页面中没有权重，因此本页无法自行计算：Python 已从 {steps} 测量。",
    ),
    "fan.sigma": ("singular values", "奇异值"),
    "fan.lyapunov": ("Lyapunov exponents", "李雅普诺夫指数"),
    "fan.one": ("unchanged size", "大小不变"),
    "fan.reading": (
        "At lag {lag} the largest singular value is {first}, the smallest shown {last}; "
        "{alive} of {k} are within a factor of ten of the largest.",
        "滞后 {lag} 步处，最大奇异值为 {first}，所示最小的为 {last}；"
        "{k} 个中有 {alive} 个与最大值相差不到十倍。",
    ),
    "fan.fades": (
        "Over these {steps} steps the largest Lyapunov exponent is {rate} per step: a change fades "
        "to 1/e in {memory} steps.",
        "在这 {steps} 步中，最大李雅普诺夫指数为每步 {rate}：变化在 {memory} 步内衰减到 1/e。",
    ),
    "fan.grows": (
        "Over these {steps} steps the largest Lyapunov exponent is {rate} per step: small changes "
        "grew here. Whether they grow for good takes some hundred steps to tell.",
        "在这 {steps} 步中，最大李雅普诺夫指数为每步 {rate}：微小变化在此期间增大。"
        "是否长期增大，需要几百步才能判断。",
    ),
    "fan.chaos": (
        "Over these {steps} steps the largest Lyapunov exponent is {rate} per step: small changes "
        "grow, the network is chaotic.",
        "在这 {steps} 步中，最大李雅普诺夫指数为每步 {rate}：微小变化不断增大，网络处于混沌状态。",
    ),
    "fan.unclear": (
        "Over these {steps} steps the largest Lyapunov exponent is {rate} per step: it is not "
        "clear whether small changes grow or fade.",
        "在这 {steps} 步中，最大李雅普诺夫指数为每步 {rate}：无法断定微小变化是增大还是衰减。",
    ),
    "view.duel": ("RNN against LSTM", "RNN 与 LSTM 对比"),
    "view.duel.how": (
        "The two networks read the same data. Why was the LSTM invented? Compare how far back the "
        "gradient reaches.",
        "两个网络读取相同的数据。为什么要发明 LSTM？请比较梯度能回传多远。",
    ),
    "duel.silent": (
        "No gradient reaches {layer}: nothing to compare there.",
        "没有梯度到达 {layer}：无从比较。",
    ),
    "duel.absent": (
        "This page has only one kind of network. A page over a model that holds both an LSTM and a "
        "plain RNN layer shows them side by side; so does glasscell explain.",
        "本页只有一种网络。若模型同时包含 LSTM 层和普通 RNN 层，本页会将两者并排显示；"
        "glasscell explain 也是如此。",
    ),
    "duel.hidden": ("Hidden states", "隐藏状态"),
    "duel.influence": ("Influence of each input on each output", "各输入对各输出的影响"),
    "duel.river": (
        "Gradient, relative to its strongest step",
        "梯度（相对于最强的时间步）",
    ),
    "duel.reading": ("Of the gradient, {step} gets: {values}", "{step} 处到达的梯度：{values}"),
    "view.film": ("Training film", "训练回放"),
    "view.film.how": (
        "The same measures while the network learned. When did memory appear, when did it break? "
        "Move over a picture, or the slider, to choose a moment.",
        "网络学习过程中的同一组测量。记忆何时出现，又何时损坏？在图上移动或拖动滑块选择时刻。",
    ),
    "film.absent": (
        "No training film was recorded. Record one with glasscell fit --film N, or in your own "
        "loop with glasscell.inspect.Film.",
        "没有录制训练回放。可用 glasscell fit --film N 录制，"
        "或在自己的训练循环中使用 glasscell.inspect.Film。",
    ),
    "film.layer": (
        "The film has nothing on this layer. Choose another one.",
        "回放中没有这一层。请选择其他层。",
    ),
    "film.frame": ("Moment", "时刻"),
    "film.step": ("training step {step}", "训练第 {step} 步"),
    "film.axis": ("training step", "训练步数"),
    "film.loss": ("Loss", "损失"),
    "film.half_life": ("Half-life of the units, steps", "单元的半衰期（步）"),
    "film.median": ("median", "中位数"),
    "film.middle": ("middle 50 % and 90 % of units", "中间 50% 和 90% 的单元"),
    "film.lag": ("lag that the data asks for: {lag}", "数据所需的滞后：{lag} 步"),
    "film.saturation": ("Gates that are open or closed", "打开或关闭的门"),
    "film.rate": ("Gradient, decades per step", "梯度（每步数量级）"),
    "film.rate.factor": ("gradient, × per step", "梯度（每步倍数）"),
    "film.kept": ("kept whole", "完整保留"),
    "film.profile": ("Gradient over the lag, at this moment", "此刻梯度随滞后步数的变化"),
    "film.reading": ("Training step {step}: loss {loss}.", "训练第 {step} 步：损失 {loss}。"),
    "film.reading.life": ("Median half-life {life} steps.", "半衰期中位数 {life} 步。"),
    "film.reading.rate": ("Gradient × {rate} per step.", "梯度每步变为 {rate} 倍。"),
    "film.reading.kind": (
        "The gradient on the film's own sequences, over all their steps: {kind}.",
        "回放所用序列上的梯度（按全部时间步判断）：{kind}。",
    ),
    **{f"kind.{name}": words for name, words in KINDS.items()},
    **SHAPES,
}
