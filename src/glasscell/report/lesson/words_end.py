"""Words of the chapters that break the network, fight the duel and sum up."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "lesson.break": ("Break it", "弄坏它试试"),
    "lesson.break.how": (
        "How do I know that the gates do what you say?",
        "我怎么知道这些门真的像你说的那样？",
    ),
    "lesson.break.p1": (
        "Change one thing and run the network again. All of it is computed here, from its own "
        "weights.",
        "改动一处，重新运行网络。全部计算都在本页用它自己的权重完成。",
    ),
    "lesson.break.p2": (
        "Lower the forget bias: the belt leaks, and the first number is gone before the answer is "
        "asked for. Hold the input gate open: all the noise is written too.",
        "降低遗忘门的偏置：传送带开始漏，还没等到提问，第一个数就没了。"
        "让输入门一直开着：噪声也全写进来了。",
    ),
    "lesson.break.p2.own": (
        "Lower the forget bias: the belt leaks. Hold the input gate open: everything is written. "
        "How much of your network's output depends on it?",
        "降低遗忘门的偏置：传送带开始漏。让输入门一直开着：什么都写进来。"
        "你的网络的输出有多依赖它？",
    ),
    "lesson.break.shift": ("Forget bias", "遗忘门偏置"),
    "lesson.break.forget": ("Hold the forget gate at", "固定遗忘门为"),
    "lesson.break.input": ("Hold the input gate at", "固定输入门为"),
    "lesson.break.free": ("free", "自由"),
    "lesson.break.show1": ("Let the belt leak", "让传送带漏"),
    "lesson.break.show2": ("Forget gate at 0.9", "遗忘门固定为 0.9"),
    "lesson.break.show3": ("Input gate wide open", "输入门全开"),
    "lesson.break.show4": ("Never forget", "从不遗忘"),
    "lesson.break.undo": ("As it was", "恢复原样"),
    "lesson.break.reading": (
        "Right answer {truth}. The LSTM as it was: {before}. Changed: {after}.",
        "正确答案 {truth}。原来的 LSTM：{before}。修改后：{after}。",
    ),
    "lesson.break.unchanged": (
        "Nothing is changed yet. The LSTM answers {before}; right is {truth}.",
        "尚未改动。LSTM 回答 {before}；正确答案是 {truth}。",
    ),
    "lesson.break.reading.own": (
        "The output changes by up to {most}.",
        "输出最大变化 {most}。",
    ),
    "lesson.break.memory": ("What unit {unit} holds", "单元 {unit} 的记忆"),
    "lesson.break.output": (
        "What the network would answer after each step",
        "网络在每一步之后会给出的答案",
    ),
    "lesson.break.ask1": (
        "If f = 1 is perfect memory, why have a forget gate at all?",
        "既然 f = 1 记得最牢，为什么还要遗忘门？",
    ),
    "lesson.break.answer1": (
        "Because nothing could ever be removed: a counter could not be set back to zero, and over "
        "a long stream C would fill up until tanh(C) is stuck at ±1. The LSTM of 1997 had no "
        "forget gate and had to be reset from outside; Gers, Schmidhuber and Cummins added it in "
        "2000.",
        "否则什么都删不掉：计数器无法清零；在很长的数据流上 C 会越积越多，直到 tanh(C) 卡在 ±1。"
        "1997 年的 LSTM 没有遗忘门，只能从外部重置；2000 年 Gers、Schmidhuber 和 Cummins "
        "加上了遗忘门。",
    ),
    "lesson.duel": ("The duel", "对比"),
    "lesson.duel.how": ("Does all this really make a difference?", "这一切真的有区别吗？"),
    "lesson.duel.p1": (
        "Same task, same sequences, same seed, and about as many weights: {lstm} against {rnn}. "
        "The RNN had three tries at different learning rates; its best is shown.",
        "任务、序列、随机种子都相同，权重数量也相当：{lstm} 对 {rnn}。"
        "RNN 用不同的学习率试了三次，这里展示最好的一次。",
    ),
    "lesson.duel.p2": (
        "Each dot is one of {count} sequences that neither has seen: the right answer to the "
        "right, the network's answer upwards. A network that knows puts all dots on the line.",
        "每个点是两者都没见过的 {count} 条序列之一：横轴是正确答案，纵轴是网络的回答。"
        "真正记住了的网络，所有点都在线上。",
    ),
    "lesson.duel.p3": (
        "Below: their hidden states, which inputs each later state still depends on, and the "
        "gradient. Where the RNN's curve has dropped away, no error of the answer can teach it "
        "anything.",
        "下面是它们的隐藏状态、之后的状态还依赖哪些输入，以及梯度。"
        "RNN 的曲线跌下去的地方，答案的误差再也教不了它任何东西。",
    ),
    "lesson.duel.scatter": ("{name}: mean squared error {error}", "{name}：均方误差 {error}"),
    "lesson.duel.truth": ("right answer", "正确答案"),
    "lesson.duel.answer": ("answer", "回答"),
    "lesson.duel.reading": (
        "Mean squared error: LSTM {lstm}, plain RNN {rnn}. Always answering 1 would have {always}.",
        "均方误差：LSTM {lstm}，普通 RNN {rnn}。永远回答 1 的误差是 {always}。",
    ),
    "lesson.duel.p3.own": (
        "These are the two networks that this lesson carries. Below them, where there is one: your "
        "own network beside a plain RNN that learnt the same data.",
        "上面是本课自带的两个网络。下面（如果有）是你自己的网络和学过同样数据的普通 RNN。",
    ),
    "lesson.duel.own": (
        "Your network has no plain RNN beside it that learnt the same data, so the duel stays with "
        "the two networks that this lesson carries; glasscell explain without a run shows their "
        "states, influences and gradients side by side too. A run of glasscell fit keeps such an "
        "RNN.",
        "你的网络旁边没有学过同样数据的普通 RNN，因此这里仍对比本课自带的两个网络；"
        "不带运行目录的 glasscell explain 还会并排显示它们的状态、影响和梯度。"
        "glasscell fit 的运行目录会保存这样一个 RNN。",
    ),
    "lesson.duel.ask1": (
        "An LSTM unit has four times the weights of an RNN unit. Is the comparison fair?",
        "LSTM 单元的权重是 RNN 单元的四倍，这样比较公平吗？",
    ),
    "lesson.duel.answer1": (
        "Not unit against unit. That is why the RNN has more than twice as many units here, so "
        "that both have about as many weights. With much more training an RNN of this size can "
        "learn lags of some dozens of steps too; the LSTM learns them at once, and far longer "
        "ones.",
        "按单元数比不公平。所以这里 RNN 的单元数是 LSTM 的两倍多，使两者的权重数量相当。"
        "训练得久得多时，这种大小的 RNN 也能学会几十步的滞后；LSTM 很快就能学会，"
        "而且能学会长得多的滞后。",
    ),
    "lesson.remember": ("What to remember", "要记住的"),
    "lesson.remember.how": ("Could I explain it to somebody tomorrow?", "明天我能讲给别人听吗？"),
    "lesson.remember.r1": (
        "A plain RNN rewrites its whole memory at every step. Its gradient over k steps is a "
        "product of k Jacobians: it **vanishes or explodes**.",
        "普通 RNN 每一步都改写全部记忆。k 步的梯度是 k 个雅可比矩阵之积：会**消失或爆炸**。",
    ),
    "lesson.remember.r2": (
        "The LSTM's **cell state** is only multiplied by [[f]] and added to. The gradient along it "
        "is the product of the forget gates.",
        "LSTM 的**细胞状态**只乘以 [[f]]、再做加法。沿它的梯度就是遗忘门之积。",
    ),
    "lesson.remember.r3": (
        "**Forget gate**: what stays. **Input gate**: how much is written. **Candidate**: what is "
        "written. **Output gate**: how much is shown.",
        "**遗忘门**：留下什么。**输入门**：写入多少。**候选值**：写入什么。**输出门**：放出多少。",
    ),
    "lesson.remember.r4": (
        "Gates are σ, 0 … 1: how much. Contents are tanh, −1 … 1: what.",
        "门用 σ，0 到 1：多少。内容用 tanh，−1 到 1：什么。",
    ),
    "lesson.remember.r5": (
        "[[C]] is the memory; [[h]] is what the others see of it.",
        "[[C]] 是记忆；[[h]] 是别人能看到的部分。",
    ),
    "lesson.remember.r6": (
        "Half-life = ln 0.5 / ln [[f]]. To remember over a lag of k steps from the start, set the "
        "forget bias near ln k.",
        "半衰期 = ln 0.5 / ln [[f]]。要一开始就能记住 k 步以前的内容，把遗忘门偏置设为 ln k 左右。",
    ),
    "lesson.remember.questions": (
        "Questions you can answer now",
        "现在你能回答的问题",
    ),
    "lesson.remember.hint": (
        "As they are asked in interviews. Say your answer aloud, then open it; the link leads to "
        "where you saw it.",
        "面试中常这样问。先说出你的答案，再展开；链接指向你看到它的地方。",
    ),
    "lesson.remember.seen": ("seen in chapter {n}", "见第 {n} 章"),
}
