"""Words of the verdict and the headline."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "verdict": ("In short", "结论"),
    "verdict.how": (
        "What was measured, and what to change if something is wrong.",
        "测量到的结果，以及出现问题时应如何调整。",
    ),
    "verdict.change": ("What to change", "如何调整"),
    "verdict.see": ("See", "查看"),
    "verdict.more": ("and {n} more: {layers}", "另有 {n} 层：{layers}"),
    "verdict.none": (
        "Whether it can learn is not judged here: that takes gradients, and so a model and a loss. "
        "In Python: collect(model, x, loss).",
        "这里没有判断它能否学习：判断需要梯度，即需要模型和损失函数。"
        "在 Python 中：collect(model, x, loss)。",
    ),
    "verdict.assumed": (
        "If the task needs all {lags}: {said}",
        "若任务需要全部 {lags}：{said}",
    ),
    "verdict.pooled": (
        "The answer reads every step, through {pools} over time: none has to be remembered to the "
        "end.",
        "答案通过各步的{pools}读取每一步：没有哪一步必须记到最后。",
    ),
    "verdict.each": (
        "Every step has an answer of its own; what lies far back is forgotten, a fault only if "
        "answers need it.",
        "每一步都有自己的答案；较早的内容会被遗忘，只有答案需要它时才是问题。",
    ),
    "verdict.mean": ("mean", "平均"),
    "verdict.max": ("maximum", "最大值"),
    "verdict.attention": ("attention", "注意力"),
    "verdict.and": (" and ", "和"),
    "verdict.maybe": (
        "?: a fault only if the task needs all {lag} lags. If it needs fewer, say so: --lag N, or "
        "lag= in Python.",
        "?：仅当任务需要全部 {lag} 步滞后时才是问题；若只需更少，请说明：--lag N，"
        "或在 Python 中用 lag=。",
    ),
    "verdict.arrives": (
        "The gradient arrives over {lags} all the same.",
        "不过梯度仍能传过 {lags}。",
    ),
    "verdict.head.other": ("{n} of {N} layers: {kind}.", "{N} 层中有 {n} 层：{kind}。"),
    "verdict.head.traced": (
        "What {N} layers did over {T} steps.",
        "{N} 个层在 {T} 个时间步中的全部活动。",
    ),
    "verdict.head.traced.one": (
        "What one layer did over {T} steps.",
        "一个层在 {T} 个时间步中的全部活动。",
    ),
    "verdict.head.traced.memory": (
        "Of {N} layers {layer} remembers longest: in one unit in ten the {gate} keeps half "
        "of what is stored for {slow} steps or more.",
        "{N} 个层中 {layer} 记得最久：每十个单元中有一个，"
        "其{gate}能把一半内容保留 {slow} 步或更久。",
    ),
    "verdict.head.traced.memory.one": (
        "In one unit in ten the {gate} keeps half of what is stored for {slow} steps or more.",
        "每十个单元中有一个，其{gate}能把一半内容保留 {slow} 步或更久。",
    ),
    "verdict.head.traced.never": (
        "Of {N} layers {layer} remembers longest: in one unit in ten the {gate} lets go of "
        "nothing.",
        "{N} 个层中 {layer} 记得最久：每十个单元中有一个，其{gate}从不丢弃内容。",
    ),
    "verdict.head.traced.never.one": (
        "In one unit in ten the {gate} lets go of nothing.",
        "每十个单元中有一个，其{gate}从不丢弃内容。",
    ),
    "verdict.head.healthy": (
        "The gradient arrives over {lags} in every layer: the network can learn from what "
        "lies so far back.",
        "每一层的梯度都能传过 {lags}：该网络能够学到这么早的内容。",
    ),
    "verdict.head.healthy.one": (
        "The gradient arrives over {lags}: the network can learn from what lies so far back.",
        "梯度能够传过 {lags}：该网络能够学到这么早的内容。",
    ),
    "verdict.head.remembers": (
        "The network remembers over {lags}, although not every layer's gradient arrives.",
        "该网络的记忆能跨越 {lags}，尽管并非每一层的梯度都能传到。",
    ),
    "verdict.head.ignores": (
        "{n} of {N} layers ignore their input.",
        "{N} 层中有 {n} 层不理会输入。",
    ),
    "verdict.head.ignores.one": ("The network ignores its input.", "该网络不理会输入。"),
    "verdict.head.shut": (
        "In {n} of {N} layers many gates stay shut.",
        "{N} 层中有 {n} 层的许多门一直关闭。",
    ),
    "verdict.head.shut.one": ("Many gates stay shut.", "许多门一直关闭。"),
    "verdict.head.step": (
        "There is one step: nothing has to be carried over time.",
        "只有一个时间步，无需跨步传递。",
    ),
    "verdict.head.vanishing.one": ("The gradient vanishes.", "梯度消失。"),
    "verdict.head.exploding.one": ("The gradient explodes.", "梯度爆炸。"),
    "verdict.head.short.one": (
        "The last step's gradient does not reach far back.",
        "最后一步的梯度传不远。",
    ),
    "verdict.head.silent.one": ("No gradient arrives.", "没有梯度到达。"),
    "verdict.head.cut off.one": (
        "The loss reads only the step that the layer worked on first.",
        "损失只用到了该层最先处理的那一步。",
    ),
    "verdict.head.not finite.one": (
        "Not all of its numbers are finite.",
        "其中有 NaN 或无穷大。",
    ),
    "verdict.head.saturated.one": ("The gates are saturated.", "门已饱和。"),
    "verdict.head.dead.one": ("Many units are dead.", "许多单元已经失活。"),
    "verdict.head.forgets.one": ("The network forgets too early.", "网络遗忘过快。"),
    "verdict.head.saturated": ("{n} of {N} layers are saturated.", "{N} 层中有 {n} 层饱和。"),
    "verdict.head.dead": (
        "Many units are dead in {n} of {N} layers.",
        "{N} 层中有 {n} 层有许多死单元。",
    ),
    "verdict.head.forgets": (
        "{n} of {N} layers forget too early.",
        "{N} 层中有 {n} 层遗忘过快。",
    ),
    "verdict.head.vanishing": (
        "The gradient vanishes in {n} of {N} layers.",
        "{N} 层中有 {n} 层梯度消失。",
    ),
    "verdict.head.exploding": (
        "The gradient explodes in {n} of {N} layers.",
        "{N} 层中有 {n} 层梯度爆炸。",
    ),
    "verdict.head.short": (
        "In {n} of {N} layers the last step's gradient does not reach far back.",
        "{N} 层中有 {n} 层，最后一步的梯度传不远。",
    ),
    "verdict.head.silent": (
        "No gradient arrives in {n} of {N} layers.",
        "{N} 层中有 {n} 层没有梯度到达。",
    ),
    "verdict.head.cut off": (
        "In {n} of {N} layers the loss reads only one step.",
        "{N} 层中有 {n} 层，损失只用到了一个时间步。",
    ),
    "verdict.head.not finite": (
        "Not all numbers are finite in {n} of {N} layers.",
        "{N} 层中有 {n} 层出现 NaN 或无穷大。",
    ),
}
