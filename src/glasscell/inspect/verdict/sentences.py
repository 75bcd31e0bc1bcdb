"""Every sentence of a verdict, in English and Chinese: one table, one key a sentence.

`{name}` is filled by `say`, `{name.plural}` with a form of a `Term`; `{name:steps}`, `:lags`,
`:units` and `:changes` write a number with its word in the language, `{name:within}` the time that
something takes, `{name:left}` the share that a log10 stands for; other specs are Python's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from string import Formatter
from typing import Any, Final, Literal, TypeAlias

from glasscell.errors import DataError

__all__ = ["KINDS", "LANGUAGES", "Language", "Phrase", "Term", "Terms", "say"]

Language: TypeAlias = Literal["en", "zh"]

LANGUAGES: Final = ("en", "zh")

KINDS: Final[dict[str, tuple[str, str]]] = {
    "healthy": ("healthy", "健康"),
    "vanishing": ("vanishing gradient", "梯度消失"),
    "short": ("short reach", "梯度传不远"),
    "exploding": ("exploding gradient", "梯度爆炸"),
    "cut off": ("cut off", "被截断"),
    "silent": ("no gradient", "没有梯度"),
    "not finite": ("not finite", "出现 NaN 或无穷大"),
    "ignores": ("ignores its input", "不理会输入"),
    "forgets": ("forgets", "遗忘过快"),
    "saturated": ("saturated", "饱和"),
    "shut": ("gates shut", "门一直关闭"),
    "dead": ("dead units", "死单元"),
}
"""What a verdict may be called."""

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "vanishing": (
        "vanishes after {reach:steps}: {symbol} {rate:changes} and stays below 1/10000 of its "
        "start from lag {reach} on; judged over {lag:lags}",
        "梯度在 {reach:steps}后消失：{symbol} {rate:changes}，"
        "从滞后 {reach} 步起一直低于起点的万分之一；按 {lag:lags}滞后判断",
    ),
    "short": (
        "reaches back {reach:steps} only: every step has a gradient of its own (from the loss "
        "or from the layer above), but of what the last step alone sends back {symbol} "
        "{rate:changes} and stays below 1/10000 of its start from lag {reach} on; judged "
        "over {lag:lags}",
        "梯度只能回传 {reach:steps}：每一步都有自己的梯度（来自损失或上一层），"
        "但仅由最后一步传回的 {symbol} {rate:changes}，"
        "从滞后 {reach} 步起一直低于起点的万分之一；按 {lag:lags}滞后判断",
    ),
    "vanishing, stops": (
        "vanishes after {reach:steps}: {symbol} still is × {kept:.3g} of its start at lag {last}, "
        "falls below 1/10000 at lag {reach} and stays there; judged over {lag:lags}",
        "梯度在 {reach:steps}后消失：{symbol} 在滞后 {last} 步时仍为起点的 {kept:.3g} 倍，"
        "到滞后 {reach} 步时降到万分之一以下，此后不再恢复；按 {lag:lags}滞后判断",
    ),
    "short, stops": (
        "reaches back {reach:steps} only: every step has a gradient of its own (from the loss "
        "or from the layer above), but of what the last step alone sends back {symbol} still is "
        "× {kept:.3g} of its start at lag {last}, falls below 1/10000 at lag {reach} and stays "
        "there; judged over {lag:lags}",
        "梯度只能回传 {reach:steps}：每一步都有自己的梯度（来自损失或上一层），"
        "但仅由最后一步传回的 {symbol} 在滞后 {last} 步时仍为起点的 {kept:.3g} 倍，"
        "到滞后 {reach} 步时降到万分之一以下，此后不再恢复；按 {lag:lags}滞后判断",
    ),
    "dips": (
        "vanishes on the way: {symbol} first is below 1/10000 of its start at lag {dips}, falls to "
        "× {least:.3g} at lag {lowest}, and is × {change:.3g} at lag {lag}, so the steps between "
        "learn next to nothing",
        "梯度在途中消失：{symbol} 在滞后 {dips} 步时首次低于起点的万分之一，"
        "在滞后 {lowest} 步时降到 {least:.3g} 倍，到滞后 {lag} 步时为 {change:.3g} 倍，"
        "因此中间那些步几乎学不到东西",
    ),
    "one step": (
        "ran for one step that the loss reads, so {symbol} had nothing to be carried over",
        "只运行了损失读取的那一步，{symbol} 无需跨步传递",
    ),
    "no lag": (
        "was judged over lag 0: {symbol} had nothing to be carried over",
        "按滞后 0 步判断：{symbol} 无需跨步传递",
    ),
    "healthy": (
        "arrives: over {lag:lags} {symbol} becomes × {change:.3g} ({rate:changes})",
        "梯度能够传到：经过 {lag:lags}，{symbol} 变为起点的 {change:.3g} 倍（{rate:changes}）",
    ),
    "healthy, spread": (
        ", with a gradient of its own at every step",
        "，且每一步都有自己的梯度",
    ),
    "healthy, alone": (
        ", of what the last step alone sends back (every step has a gradient of its own)",
        "，这里只算最后一步传回的部分（每一步都有自己的梯度）",
    ),
    "healthy, until": (
        "; at this rate 1/10000 is reached at lag {until}",
        "；按此速率，滞后 {until} 步时降到万分之一",
    ),
    "holds": (
        "remembers through a loop: with another sequence's past before lag {lag} its hidden state "
        "at the end changes by {held:.0%} of what it varies by, although {symbol} falls below "
        "1/10000 of its start at lag {reach}",
        "通过循环回路记住：把滞后 {lag} 步之前换成另一条序列的过去，最后的隐藏状态随之改变，"
        "改变量为其自身变化幅度的 {held:.0%}，"
        "尽管 {symbol} 在滞后 {reach} 步时已低于起点的万分之一",
    ),
    "holds, loop": (
        "A loop that pulls the state back to one of a few places holds it and undoes small "
        "changes, so the gradient says nothing about this memory. What has been learnt is kept; "
        "longer lags cannot be learnt through it",
        "这种回路把状态拉回少数几个稳定位置之一，从而保持记忆并抹去微小变化，"
        "所以梯度反映不出这段记忆。已经学到的会保留；但无法借它学会更长的滞后",
    ),
    "holds, cut": (
        "remembers: with another sequence's past before lag {lag} its hidden state at the end "
        "changes by {held:.0%} of what it varies by; but {symbol} is exactly 0 from lag {reach} "
        "on, cut by a detach between the steps (truncated backpropagation), so training does not "
        "see those lags",
        "能够记住：把滞后 {lag} 步之前换成另一条序列的过去，最后的隐藏状态随之改变，"
        "改变量为其自身变化幅度的 {held:.0%}；但 {symbol} 从滞后 {reach} 步起恰好为 0，"
        "被步间的 detach 截断（截断的反向传播），因此训练看不到更长的滞后",
    ),
    "solved": (
        "receives no gradient because the loss is 0, its least value: the answers are right, and "
        "when sequences exchange their inputs the loss is {exchanged:.3g}",
        "没有收到梯度，因为损失已降到最小值 0：回答正确；把各序列的输入互换后，"
        "损失为 {exchanged:.3g}",
    ),
    "carried": (
        "carries little over the lag itself, but {layers} does, and the answers are right: the "
        "loss is × {factor:.3g} when sequences exchange their inputs",
        "自身几乎不跨越该滞后传递信息，但 {layers} 能够做到，而且回答正确："
        "把各序列的输入互换后，损失变为 {factor:.3g} 倍",
    ),
    "shorter than the lag": (
        "The data has {most:lags} of the {lag} that were asked for: longer sequences would show "
        "the rest",
        "所要求的滞后为 {lag} 步，数据只有 {most:lags}：需要更长的序列才能判断其余部分",
    ),
    "exploding": (
        "explodes by × {rate:.3g} per step: {symbol} grows to × {largest:.3g} of its start over "
        "{lag:lags}",
        "梯度爆炸，每步乘以 {rate:.3g}：经过 {lag:lags}，{symbol} 增长到起点的 {largest:.3g} 倍",
    ),
    "overflowing": (
        "explodes by × {rate:.3g} per step: {symbol} grows to × {largest:.3g} of its start and "
        "overflows at lag {overflows}",
        "梯度爆炸，每步乘以 {rate:.3g}："
        "{symbol} 增长到起点的 {largest:.3g} 倍，并在滞后 {overflows} 步时溢出",
    ),
    "overflowing at once": (
        "explodes: {symbol} overflows at lag {overflows}",
        "梯度爆炸：{symbol} 在滞后 {overflows} 步时溢出",
    ),
    "exploding.do": (
        "Clip the gradient norm (torch.nn.utils.clip_grad_norm_, at about its median over "
        "training), start with a smaller or orthogonal weight_hh, or lower the learning rate; "
        "the eigenvalues of weight_hh tell nothing about this",
        "裁剪梯度范数（torch.nn.utils.clip_grad_norm_，阈值取训练中梯度范数的中位数左右），"
        "用更小的或正交的 weight_hh 初始化，或降低学习率；weight_hh 的特征值说明不了这个问题",
    ),
    "exploding.relu": (
        "Clip the gradient norm (torch.nn.utils.clip_grad_norm_, at about its median over "
        "training), start with a smaller weight_hh (the identity, or orthogonal), or lower the "
        "learning rate",
        "裁剪梯度范数（torch.nn.utils.clip_grad_norm_，阈值取训练中梯度范数的中位数左右），"
        "用更小的 weight_hh 初始化（单位矩阵或正交矩阵），或降低学习率",
    ),
    "silent": (
        "receives no gradient: {symbol} is 0 at every step",
        "没有收到梯度：{symbol} 在每一步都是 0",
    ),
    "silent.do": (
        "Check that the loss reads this layer's output and has not reached its least value, and "
        "that no detach, argmax or dead ReLU lies between",
        "检查损失是否读取了该层的输出、是否已降到最小值，"
        "以及中间是否有 detach、argmax 或失活的 ReLU",
    ),
    "not finite": (
        "is not finite: {symbol} is NaN or infinite at the step where the loss reads it",
        "数值异常：损失读取的那一步，{symbol} 是 NaN 或无穷大",
    ),
    "not finite.do": (
        "Look for NaN in the data, log or division by 0 in the loss, or weights that overflowed",
        "检查数据中的 NaN、损失中的 log(0) 或除以 0，以及是否有权重溢出",
    ),
    "states break": (
        "is not finite: its states are NaN or infinite from t = {step} on (steps count from 0), so "
        "that no gradient can be judged",
        "数值异常：状态从 t = {step} 起变成 NaN 或无穷大（步数从 0 开始），因此无法判断梯度",
    ),
    "breaks": (
        "is not finite: {symbol} is NaN from lag {lag} on, without having grown before",
        "数值异常：{symbol} 从滞后 {lag} 步起变成 NaN，而此前并未增长",
    ),
    "not finite, input": (
        "reads values that are not finite: {count} NaN or infinite, the first at "
        "t = {step} (steps count from 0)",
        "读到了非有限的数值：有 {count} 个 NaN 或无穷大，最早出现在 t = {step}（步数从 0 开始）",
    ),
    "not finite, input.do": (
        "Find them in the data, or in what the layer below gives out, and decide what stands in "
        "their place; glasscell inspect --nan show draws them",
        "在数据或下一层的输出中找到它们，并决定用什么代替；glasscell inspect --nan show 会画出来",
    ),
    "not finite, weights": (
        "has weights that are not finite: {count} NaN or infinite",
        "权重数值异常：有 {count} 个是 NaN 或无穷大",
    ),
    "not finite, weights.do": (
        "Start again from weights saved before, with the gradient norm clipped or a lower learning "
        "rate, and look for NaN in the data and in the loss",
        "从之前保存的权重重新开始，裁剪梯度范数或降低学习率，并检查数据和损失中的 NaN",
    ),
    "not finite, start": (
        "begins from a state that is not finite: {count} NaN or infinite",
        "起始状态数值异常：有 {count} 个值是 NaN 或无穷大",
    ),
    "not finite, start.do": (
        "Look at where the initial state comes from, or leave it out to begin at 0",
        "检查初始状态的来源，或不提供初始状态而从 0 开始",
    ),
    "not finite, states": (
        "is not finite: its states overflow, the first at t = {step} (steps count from 0), though "
        "its input and its weights are finite",
        "数值异常：输入和权重都是有限的，状态却溢出，最早在 t = {step}（步数从 0 开始）",
    ),
    "not finite, states.do": (
        "Start with a smaller weight_hh (of a ReLU network the identity, or orthogonal), bound the "
        "states with tanh or an LSTM, or shorten the sequences; then train again",
        "用更小的 weight_hh 初始化（ReLU 网络用单位矩阵或正交矩阵），"
        "用 tanh 或 LSTM 限制状态，或缩短序列；然后重新训练",
    ),
    "not finite, loss": (
        "is not finite: its value is {value}",
        "数值异常：其值为 {value}",
    ),
    "not finite, loss.do": (
        "Look for log or division by 0, or an exponential that overflows, in the loss",
        "检查损失中是否有 log(0)、除以 0，或指数溢出",
    ),
    "ignores": (
        "ignores its input: with another input its hidden states are the same at every step",
        "不理会输入：换成别的输入，每一步的隐藏状态都不变",
    ),
    "ignores, nearly": (
        "ignores its input: with another input its hidden states change by {reads:left} of their "
        "size",
        "几乎不理会输入：换成别的输入，隐藏状态只改变自身大小的{reads:left}",
    ),
    "ignores.do": (
        "Look for weight_ih at 0, or an input scaled to next to nothing: scale it to mean 0 and "
        "deviation 1, start weight_ih again, and train again",
        "检查 weight_ih 是否为 0，或输入是否被缩放到几乎为零："
        "把输入缩放到均值 0、标准差 1，重新初始化 weight_ih，并重新训练",
    ),
    "ignores, constant": (
        "never sees the input: what it reads is the same at every step of every sequence, while "
        "the model's input varies",
        "看不到输入：模型的输入在变，该层读到的却在每条序列的每一步都相同",
    ),
    "ignores, constant.do": (
        "Look at what lies between the input and this layer: weights at 0, a dead ReLU, a mask",
        "检查输入与该层之间的部分：为 0 的权重、失活的 ReLU、掩码",
    ),
    "cut off": (
        "carries nothing: the loss reads it only at the first of the {steps} steps that it worked "
        "on, so no gradient goes through its recurrence",
        "什么也没有传递：损失只读取了它所处理的 {steps} 步中的第一步，梯度没有经过循环连接",
    ),
    "cut off.reverse": (
        "A reverse direction has read the whole sequence at t = 0, not at the last step: take "
        "h_n, or the output at t = 0 for that half",
        "反向层在 t = 0（而不是最后一步）才读完整个序列：请取 h_n，或该方向在 t = 0 的输出",
    ),
    "cut off.do": ("Read a later step, or h_n", "请读取更靠后的时间步，或 h_n"),
    "no path": (
        "Nothing of its state stays from step to step by itself: each multiplies the gradient by "
        "weight_hh and by the slopes of its gates",
        "它的状态没有任何部分能自行保留到下一步：每一步都把梯度乘以 weight_hh 和各门的斜率",
    ),
    "rnn": (
        "A plain RNN multiplies the gradient by weight_hh and by {slope} at each step",
        "普通 RNN 每一步都把梯度乘以 weight_hh 和 {slope}",
    ),
    "relu slope": ("0 or 1", "0 或 1"),
    "rnn.do": (
        "Use an LSTM (forget bias {bias:.2g} for {lag} steps), start from an orthogonal "
        "weight_hh, or bring what matters within {reach:steps}; then train again",
        "改用 LSTM（{lag} 步对应遗忘门偏置 {bias:.2g}），用正交的 weight_hh 初始化，"
        "或把重要信息放到 {reach:steps}以内；然后重新训练",
    ),
    "longer.do": (
        "Raise the {keeps.bias} to about {bias:.2g} (half-life {lag:steps}) and train again, or "
        "use chrono initialisation: b_{keeps.letter} = ln u with u uniform in 1 … {span}, "
        "b_{writes.letter} = -b_{keeps.letter}; where such lags do not matter, cut the window",
        "把{keeps}偏置提高到约 {bias:.2g}（半衰期 {lag:steps}）并重新训练，"
        "或使用 chrono 初始化：b_{keeps.letter} = ln u，u 在 1 … {span} 上均匀分布，"
        "b_{writes.letter} = -b_{keeps.letter}；如果这么长的滞后并不重要，就缩短窗口",
    ),
    "longer.open.do": (
        "Raise the {keeps.bias} to about {bias:.2g} (half-life {lag:steps}) and train again, or "
        "use chrono initialisation: b_{keeps.letter} = ln u with u uniform in 1 … {span}; where "
        "such lags do not matter, cut the window",
        "把{keeps}偏置提高到约 {bias:.2g}（半衰期 {lag:steps}）并重新训练，"
        "或使用 chrono 初始化：b_{keeps.letter} = ln u，u 在 1 … {span} 上均匀分布；"
        "如果这么长的滞后并不重要，就缩短窗口",
    ),
    "longer.shut.do": (
        "Lower the {keeps.bias} to about -{bias:.2g} (half-life {lag:steps}) and train again, or "
        "use chrono initialisation: b_{keeps.letter} = -ln u with u uniform in 1 … {span}; where "
        "such lags do not matter, cut the window",
        "把{keeps}偏置降低到约 -{bias:.2g}（半衰期 {lag:steps}）并重新训练，"
        "或使用 chrono 初始化：b_{keeps.letter} = -ln u，u 在 1 … {span} 上均匀分布；"
        "如果这么长的滞后并不重要，就缩短窗口",
    ),
    "longer.path.do": (
        "Let more of each unit's {state} stay from step to step (a half-life of {lag:steps} takes "
        "{stays:.4g} of it) and train again; where such lags do not matter, cut the window",
        "让每个单元的{state}在每一步保留得更多（半衰期 {lag:steps}需要每步保留 {stays:.4g}）"
        "并重新训练；如果这么长的滞后并不重要，就缩短窗口",
    ),
    "half of units": (
        "Half of its units lose half of their {state} {median:within}",
        "一半单元的{state}在{median:within}就减半",
    ),
    "long enough": (
        "{share:.0%} of its units keep half of their {state} for {lag:steps}",
        "{share:.0%} 的单元能把{state}的一半保持 {lag:steps}",
    ),
    "cut.do": (
        "The {state.holders} carry further, but the gradient is exactly 0 from lag {reach} on: "
        "look for a detach between the steps (truncated backpropagation), or for a reset of the "
        "state",
        "{state}能保持更久，但梯度从滞后 {reach} 步起恰好为 0："
        "检查步间是否有 detach（截断的反向传播），或是否重置了状态",
    ),
    "stops.do": (
        "The gradient is exactly 0 from lag {reach} on and was not small before: look first for a "
        "detach between the steps (truncated backpropagation), or for a reset of the state",
        "梯度从滞后 {reach} 步起恰好为 0，而此前并不小："
        "请先检查步间是否有 detach（截断的反向传播），或是否重置了状态",
    ),
    "not the path.do": (
        "What stays of the {state} by itself is not the cause: look for a step at which it drops "
        "to 0 (a reset)",
        "原因不在{state}本身的保留：请查看是否有某一步它降到 0（重置）",
    ),
    "not the path, gate.do": (
        "{keeps.many} are not the cause: look for a step at which the {keeps.plural} {drop} (a "
        "reset)",
        "原因不在{keeps}：请查看是否有某一步{keeps}全部{drop}（重置）",
    ),
    "not the path, shown.do": (
        "{keeps.many} are not the cause: look for {shows.plural} that stay closed, or for a step "
        "at which the {keeps.plural} {drop} (a reset)",
        "原因不在{keeps}：请查看是否有一直关闭的{shows}，或某一步{keeps}全部{drop}（重置）",
    ),
    "closes": ("close", "关闭"),
    "opens": ("open", "打开"),
    "forgets": (
        "forgets too early: nine units in ten lose half of their {state} {memory:within}, so that "
        "over {lag:lags} the {keeps.plural} leave {left:left} of it",
        "遗忘过快：九成单元的{state}在{memory:within}就减半，"
        "经过 {lag:lags}，{keeps}只留下{left:left}",
    ),
    "forgets, path": (
        "forgets too early: nine units in ten lose half of their {state} {memory:within}, so that "
        "over {lag:lags} {left:left} of it stays by itself",
        "遗忘过快：九成单元的{state}在{memory:within}就减半，经过 {lag:lags}只剩下{left:left}",
    ),
    "forgets, held": (
        "With another sequence's past before lag {lag} the hidden state at the end changes by "
        "{held:left} of what it varies by",
        "把滞后 {lag} 步之前换成另一条序列的过去，最后的隐藏状态只改变其变化幅度的{held:left}",
    ),
    "forgets, nothing held": (
        "With another sequence's past before lag {lag} the hidden state at the end stays the same",
        "把滞后 {lag} 步之前换成另一条序列的过去，最后的隐藏状态毫无变化",
    ),
    "forgets, arrives": (
        "Of the gradient × {change:.3g} still arrives",
        "梯度仍有 {change:.3g} 倍能够传到",
    ),
    "saturated": (
        "is saturated: {stuck:.0%} of {what} lie where their curve is flat and passes less than "
        "6% of a gradient",
        "已饱和：{what}中有 {stuck:.0%} 处在曲线平坦处，传回的梯度不到 6%",
    ),
    "saturated.do": (
        "Scale the inputs to mean 0 and deviation 1, start with smaller weights, or lower the "
        "learning rate and clip the gradient; then train from the start, for a saturated gate "
        "hardly learns",
        "把输入缩放到均值 0、标准差 1，用更小的权重初始化，或降低学习率并裁剪梯度；"
        "然后从头训练，因为饱和的门几乎学不动",
    ),
    "saturated.rnn": (
        "Scale the inputs to mean 0 and deviation 1, start with smaller weights, or lower the "
        "learning rate and clip the gradient; then train from the start, for a saturated unit "
        "hardly learns",
        "把输入缩放到均值 0、标准差 1，用更小的权重初始化，或降低学习率并裁剪梯度；"
        "然后从头训练，因为饱和的单元几乎学不动",
    ),
    "saturated.cell": (
        "Lower the {keeps.bias} or the {writes.bias} so that the {state.holder} cannot only grow, "
        "reset the state between sequences or shorten them, and train again",
        "降低{keeps}或{writes}的偏置，使{state}不会只增不减；"
        "在序列之间重置状态或缩短序列，并重新训练",
    ),
    "saturated.path": (
        "Let less of the {state} stay or write less into it so that it cannot only grow, reset the "
        "state between sequences or shorten them, and train again",
        "减少{state}的保留或写入，使其不会只增不减；在序列之间重置状态或缩短序列，并重新训练",
    ),
    "values": ("the values of its {names.plural}", "{names}的取值"),
    "states": ("the values of its hidden states", "隐藏状态的取值"),
    "candidates": ("the values of its candidates", "候选值"),
    "cells": (
        "the values of tanh({state.letter}_t) in its {state.holders}",
        "{state}的 tanh({state.letter}_t)",
    ),
    "shut.written": (
        "has its {gate.plural} shut: in {count} of {units} they open so little that the "
        "{state.holder} could nowhere exceed {open:g}, so that next to nothing is ever written",
        "{gate}一直关闭：{units} 个单元中有 {count} 个，其{gate}打开得太小，"
        "{state}在任何一步都不可能超过 {open:g}，几乎什么也写不进去",
    ),
    "shut.kept": (
        "has its {gate.plural} open: in {count} of {units} they stand so near 1 that the "
        "{state.holder} could nowhere exceed {open:g}, so that next to nothing is ever written",
        "{gate}一直打开：{units} 个单元中有 {count} 个，其{gate}太接近 1，"
        "{state}在任何一步都不可能超过 {open:g}，几乎什么也写不进去",
    ),
    "shut.shown": (
        "has its {gate.plural} shut: those of {count} of {units} stay below {open:g} at every "
        "step, so that next to nothing of the {state.holder} is ever shown",
        "{gate}一直关闭：{units} 个单元中有 {count} 个，其{gate}在每一步都低于 {open:g}，"
        "{state}几乎从不输出",
    ),
    "shut.do": (
        "Raise the {gate} bias (it opens by {open:.2g} at most; a bias of 0 opens it by half) and "
        "train again",
        "提高{gate}的偏置（目前最多打开 {open:.2g}；偏置为 0 时打开一半）并重新训练",
    ),
    "shut.kept.do": (
        "Lower the {gate} bias (it leaves {open:.2g} for what is new at most; a bias of 0 leaves "
        "half) and train again",
        "降低{gate}的偏置（目前最多只给新内容留下 {open:.2g}；偏置为 0 时留下一半）并重新训练",
    ),
    "dead": (
        "has dead units: the output of {count} of {units} ({dead:.0%}) never changes",
        "有死单元：{units} 个单元中有 {count} 个（{dead:.0%}）的输出从不变化",
    ),
    "dead.gated": (
        "Start again with {gates} biases near 0 and a lower learning rate, or take about "
        "{enough:units}: the dead ones cost time and learn nothing",
        "把{gates}的偏置重新初始化到 0 附近，并降低学习率；或只用约 {enough:units}："
        "死单元只耗时间，学不到东西",
    ),
    "dead.shut": (
        "Raise the {gate} bias of these units ({shut} of the {count} keep that gate shut at every "
        "step) and train again, or take about {enough:units}: the dead ones cost time and learn "
        "nothing",
        "提高这些单元{gate}的偏置（{count} 个中有 {shut} 个的该门始终关闭）并重新训练，"
        "或只用约 {enough:units}：死单元只耗时间，学不到东西",
    ),
    "dead.kept": (
        "Lower the {gate} bias of these units ({shut} of the {count} keep that gate open at every "
        "step) and train again, or take about {enough:units}: the dead ones cost time and learn "
        "nothing",
        "降低这些单元{gate}的偏置（{count} 个中有 {shut} 个的该门始终打开）并重新训练，"
        "或只用约 {enough:units}：死单元只耗时间，学不到东西",
    ),
    "dead.tanh": (
        "Look for biases or weights that hold these units still and start them again, or take "
        "about {enough:units}: the dead ones cost time and learn nothing",
        "查找使这些单元静止的偏置或权重并重新初始化，"
        "或只用约 {enough:units}：死单元只耗时间，学不到东西",
    ),
    "dead.relu": (
        "A ReLU below 0 for every input learns no more: lower the learning rate, start the biases "
        "at a small positive value, or use tanh or an LSTM",
        "对所有输入都小于 0 的 ReLU 不再学习："
        "降低学习率，把偏置初始化为小的正数，或改用 tanh 或 LSTM",
    ),
    "dead.all": (
        "No unit does anything: start the weights again (at 0 they all learn alike, or nothing), "
        "with a lower learning rate, and train again",
        "没有一个单元在起作用：请重新初始化权重（全为 0 时各单元学得一样，或什么也学不到），"
        "降低学习率，并重新训练",
    ),
    "advice for": ("For {names}: ", "对于 {names}："),
    "assumed": (
        "If the task needs all the steps there are (say how many it needs: lag=):",
        "若任务需要全部时间步（可用 lag= 说明实际需要多少步）：",
    ),
}

_WORDS: Final[dict[str, tuple[str, str, str]]] = {
    "steps": ("1 step", "{} steps", "{} 步"),
    "lags": ("1 lag", "{} lags", "{} 步"),
    "units": ("1 unit", "{} units", "{} 个单元"),
}


_CHINESE: Final = {
    "forget": "遗忘门", "input": "输入门", "output": "输出门", "update": "更新门",
    "reset": "重置门", "candidate": "候选值", "cell": "细胞状态", "hidden": "隐藏状态",
}  # fmt: skip
"""Names of gates and states."""

_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


SOON: Final = 0.05
"""Half-lives in steps below this are no time at all."""

SUDDEN: Final = 1e-9
"""A factor per step below this is no decay but an end."""


class _Words(Formatter):
    """Knows how a language counts."""

    def __init__(self, chinese: bool) -> None:
        self.chinese = chinese

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        name, _, form = field_name.partition(".")
        value = kwargs[name]
        return (value.said(form, "zh" if self.chinese else "en") if form else value), name

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in _WORDS:
            return self._counted(value, format_spec)
        if format_spec == "within":
            return self._within(value)
        if format_spec == "left":
            return self._left(value)
        if format_spec == "changes":
            return self._changes(value)
        if isinstance(value, Phrase):
            return value.say("zh" if self.chinese else "en")
        return str(super().format_field(value, format_spec))

    def _counted(self, value: float, word: str) -> str:
        one, many, chinese = _WORDS[word]
        number = f"{value:.2g}" if isinstance(value, float) and value < 100 else f"{value:.0f}"
        if self.chinese:
            return chinese.format(number)
        return one if number == "1" else many.format(number)

    def _within(self, steps: float) -> str:
        if steps >= SOON:
            counted = self._counted(float(steps), "steps")
            return f" {counted}内" if self.chinese else f"within {counted}"
        return "一步之内" if self.chinese else "at the next step"

    def _left(self, log: float) -> str:
        if log == -inf:
            return " 0" if self.chinese else "nothing"
        if log >= -4:
            return f"{' ' * self.chinese}{100 * 10**log:.1g} %"
        if log < -9:  # anything smaller is as good as zero
            return "不到十亿分之一" if self.chinese else "less than a billionth"
        power = f"{log if self.chinese else -log:.0f}".translate(_RAISED)
        return f" 10{power}" if self.chinese else f"1 part in 10{power}"

    def _changes(self, rate: float) -> str:
        if not rate > SUDDEN:
            return "骤降" if self.chinese else "drops at once"
        return f"每步乘以 {rate:.3g}" if self.chinese else f"changes by × {rate:.3g} per step"


@dataclass(frozen=True)
class Phrase:
    """A sentence that can still be said in any language.

    Args:
        key: Of `SENTENCES`.
        values: For its places; a `Phrase` among them is said in the same language.

    >>> values = {"share": 0.5, "lag": 8, "state": Term("cell", state=True)}
    >>> Phrase("long enough", values).say("zh")
    '50% 的单元能把细胞状态的一半保持 8 步'
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def say(self, lang: str = "en") -> str:
        """Say it.

        Args:
            lang: "en" or "zh"; default "en".
        """
        return say(self.key, lang, **self.values)


@dataclass(frozen=True)
class Term(Phrase):
    """A gate or a state of a cell; in a sentence's places also `{name.plural}` and so on.

    Args:
        key: Its name, "forget".
        letter: Of it, "f".
        state: Whether it is a state; default a gate.

    >>> Term("forget", letter="f").say("zh"), Term("update", letter="z").said("plural", "en")
    ('遗忘门', 'update gates')
    """

    letter: str = ""
    state: bool = False

    def say(self, lang: str = "en") -> str:
        """Say it: "forget gate", "cell state", "candidate"."""
        if lang == "zh":
            return _CHINESE.get(self.key, f" {self.key} {'状态' if self.state else '门'}")
        if self.state:
            return f"{self.key} state"
        return self.key if self.key == "candidate" else f"{self.key} gate"

    def said(self, form: str, lang: str) -> str:
        """Say it in a form of English; Chinese has one.

        Args:
            form: "plural" ("forget gates"), "many" ("Forget gates"), "bias" ("forget bias"),
                "letter", and of a state what holds it: "holder" ("cell", else "unit"), "holders".
            lang: "en" or "zh".
        """
        holder = "cell" if self.key == "cell" else "unit"
        plural = f"{self.say()}s"
        english = {
            "plural": plural, "many": plural.capitalize(), "bias": f"{self.key} bias",
            "letter": self.letter, "holder": holder, "holders": f"{holder}s",
        }  # fmt: skip
        return self.say(lang) if lang == "zh" and form != "letter" else english[form]


@dataclass(frozen=True)
class Terms(Phrase):
    """Several gates: "output and input gate", "input gates, output gates and candidates".

    Args:
        key: Their names, with a blank between.
    """

    def say(self, lang: str = "en") -> str:
        """Say them as one: "output and input gate"."""
        terms = [Term(name) for name in self.key.split()]
        if lang == "zh":
            return _listed([term.say("zh") for term in terms], "zh")
        return _listed([*(one.key for one in terms[:-1]), terms[-1].say()], "en")

    def said(self, form: str, lang: str) -> str:
        """Say each in a form, see `Term`."""
        return _listed([Term(name).said(form, lang) for name in self.key.split()], lang)


def _listed(words: list[str], lang: str) -> str:
    between, last = ("、", "和") if lang == "zh" else (", ", " and ")
    return last.join(filter(None, (between.join(words[:-1]), words[-1])))


def say(key: str, lang: str = "en", **values: Any) -> str:
    """Give one sentence.

    Args:
        key: Of `SENTENCES`.
        lang: "en" or "zh".
        **values: For its places.

    Raises:
        DataError: No such language.
    """
    if lang not in LANGUAGES:
        raise DataError(f"expected lang as one of {', '.join(LANGUAGES)}, got {lang!r}")
    chinese = lang == "zh"
    return _Words(chinese).format(SENTENCES[key][chinese], **values)
