"""Words of the chapters on the gates, one after the other."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "lesson.go.keep": ("Where it keeps most", "保留最多的一步"),
    "lesson.go.drop": ("Where it drops most", "丢掉最多的一步"),
    "lesson.go.open": ("Where the input gate opens", "输入门打开的一步"),
    "lesson.go.open2": ("… and next", "……再往后"),
    "lesson.go.shut": ("A step it ignores", "被忽略的一步"),
    "lesson.go.last": ("The last step", "最后一步"),
    "lesson.go.shown": ("Where it shows most", "输出最多的一步"),
    "lesson.go.hides": ("Where it hides most", "输出最少的一步"),
    "lesson.go.play": ("Play all steps", "播放所有时间步"),
    "lesson.over.time": ("Unit {unit} over time", "单元 {unit} 随时间的变化"),
    "lesson.forget": ("The forget gate", "遗忘门"),
    "lesson.forget.how": ("Who decides what stays on the belt?", "谁决定传送带上留下什么？"),
    "lesson.forget.p1": (
        "The **forget gate** looks at the last hidden state and the new input, and gives every "
        "unit a number between 0 (drop it) and 1 (keep it).",
        "**遗忘门**查看上一步的隐藏状态和新的输入，给每个单元一个 0（丢掉）到 1（保留）之间的数。",
    ),
    "lesson.forget.eq": (
        "[[f_t]] = σ( [[W_f]]·[ [[h_t−1]], [[x_t]] ] + [[b_f]] )",
        "[[f_t]] = σ( [[W_f]]·[ [[h_t−1]], [[x_t]] ] + [[b_f]] )",
    ),
    "lesson.forget.p2": (
        "σ is the **sigmoid**: it squeezes any number into 0 … 1. That makes the gate a valve. A "
        "large bias [[b_f]] holds it open unless something speaks against it.",
        "σ 是 **sigmoid** 函数：把任意数压到 0 到 1 之间，于是门就像一个阀门。"
        "偏置 [[b_f]] 较大时，除非有反对的理由，门一直开着。",
    ),
    "lesson.forget.p3": (
        "Only this gate is lit in the drawing. At noisy steps it stays near 1, and the memory "
        "passes as it is. Only at a mark does it move, to make room for the new number.",
        "图中只点亮了这个门。遇到噪声时它保持在 1 附近，记忆原样通过；只有遇到标记时它才动一下，"
        "为新的数腾出位置。",
    ),
    "lesson.forget.p3.own": (
        "Only this gate is lit in the drawing. Go through the steps and the units of your network: "
        "where does it stay near 1, and where does it drop what it held?",
        "图中只点亮了这个门。逐步查看你的网络的各个单元：它在哪里保持在 1 附近，"
        "又在哪里丢掉原来的内容？",
    ),
    "lesson.forget.ask1": (
        "Why is the forget gate's bias often set to 1 or more before training?",
        "训练前为什么常把遗忘门的偏置设为 1 或更大？",
    ),
    "lesson.forget.answer1": (
        "With bias 0 the gate starts near σ(0) = 0.5: half of the memory is gone after one step, "
        "and the gradient with it, before anything is learnt. Bias 1 gives 0.73 (half-life 2.2 "
        "steps), bias 5 gives 0.993 (103 steps). For a lag of k steps a bias near ln k is right; "
        "chrono initialisation spreads the units over all time scales.",
        "偏置为 0 时，门从 σ(0) = 0.5 附近开始：还没学到任何东西，一步之后记忆和梯度就都只剩一半。"
        "偏置 1 对应 0.73（半衰期 2.2 步），偏置 5 对应 0.993（103 步）。"
        "滞后为 k 步时，偏置取 ln k 左右为宜；chrono 初始化让各单元分布在所有时间尺度上。",
    ),
    "lesson.write": ("Input gate and candidate", "输入门与候选值"),
    "lesson.write.how": ("Who decides what is put on the belt?", "谁决定往传送带上放什么？"),
    "lesson.write.p1": (
        "Two parts work together. The **candidate** [[C̃]] proposes what to write, a number between "
        "−1 and 1. The **input gate** [[i]] says how much of it gets onto the belt.",
        "两部分配合工作。**候选值** [[C̃]] 提出要写入的内容，是 −1 到 1 之间的数；"
        "**输入门** [[i]] 决定其中有多少能上传送带。",
    ),
    "lesson.write.eq": (
        "[[i_t]] = σ( [[W_i]]·[ [[h_t−1]], [[x_t]] ] + [[b_i]] )\n"
        "[[C̃_t]] = tanh( [[W_C]]·[ [[h_t−1]], [[x_t]] ] + [[b_C]] )",
        "[[i_t]] = σ( [[W_i]]·[ [[h_t−1]], [[x_t]] ] + [[b_i]] )\n"
        "[[C̃_t]] = tanh( [[W_C]]·[ [[h_t−1]], [[x_t]] ] + [[b_C]] )",
    ),
    "lesson.write.p2": (
        "Why two? So that **what** and **whether** can be learnt apart. Noise may propose what it "
        "likes: with the input gate shut it leaves no trace.",
        "为什么要两个？这样**写什么**和**写不写**就能分开学。噪声提出什么都无妨：输入门关着，"
        "就不留痕迹。",
    ),
    "lesson.write.p3": (
        "Press the buttons. At a mark the input gate opens, at all other steps it is almost shut. "
        "Nobody programmed that: training found it.",
        "按下按钮看看。遇到标记时输入门打开，其他时间步几乎全关。没有人这样编程，是训练自己找到的。",
    ),
    "lesson.write.p3.own": (
        "Press the buttons: where does the input gate of this unit open widest, and where is it "
        "most shut? What did the network read there?",
        "按下按钮：这个单元的输入门在哪里开得最大，在哪里关得最紧？网络在那里读到了什么？",
    ),
    "lesson.write.ask1": (
        "Why σ for the gates, and tanh for the candidate?",
        "为什么门用 σ，候选值用 tanh？",
    ),
    "lesson.write.answer1": (
        "A gate answers “how much”, from none to all: that is 0 … 1. The candidate is content and "
        "must be able to raise the memory or lower it: that is −1 … 1, centred on 0. And tanh "
        "keeps each single write bounded.",
        "门回答“多少”，从零到全部：所以是 0 到 1。候选值是内容，既要能增加记忆，也要能减少："
        "所以是以 0 为中心的 −1 到 1。tanh 还保证每次写入都有界。",
    ),
    "lesson.update": ("The update of the memory", "更新记忆"),
    "lesson.update.how": (
        "What does the memory hold now, and who wrote it?",
        "记忆里现在有什么？是谁写进去的？",
    ),
    "lesson.update.p1": (
        "First keep, then write: what is kept, [[f]]·[[C_t−1]], plus what is written, "
        "[[i]]·[[C̃]], is the new memory.",
        "先保留，再写入：保留的 [[f]]·[[C_t−1]] 加上写入的 [[i]]·[[C̃]]，就是新的记忆。",
    ),
    "lesson.update.p2": (
        "As × and + are all there is, the memory can be taken apart **exactly**: every write, "
        "times all the forget gates after it. The bars show how much of each step's write is in "
        "the memory now; their sum is [[C]].",
        "因为只有 × 和 +，记忆可以**精确地**拆开：每一次写入乘以它之后的所有遗忘门。"
        "柱形显示每一步写入的内容现在还剩多少，它们的和就是 [[C]]。",
    ),
    "lesson.update.p3": (
        "Find the two marks: long bars, still there at the last step. Each noisy step has left a "
        "sliver; together these come to nearly the same in every sequence, so that the answer can "
        "subtract them.",
        "找到两个标记：长长的柱形，直到最后一步都还在。每一步噪声只留下一丝痕迹；"
        "它们加起来在每条序列中几乎相同，所以答案可以把它减掉。",
    ),
    "lesson.update.p3.own": (
        "Which steps of your data have left long bars at the last step? Those are what this unit "
        "remembers.",
        "你的数据中，哪些时间步到最后一步还留着长柱形？那就是这个单元记住的东西。",
    ),
    "lesson.update.ask1": (
        "Why can C grow beyond 1, when h cannot?",
        "为什么 C 可以超过 1，而 h 不可以？",
    ),
    "lesson.update.answer1": (
        "C is a sum of writes, each at most 1 in size; with f near 1 they add up, step after step. "
        "h = o · tanh(C) is squeezed into −1 … 1 again.",
        "C 是多次写入之和，每次大小不超过 1；f 接近 1 时会逐步累加。"
        "而 h = o · tanh(C) 又被压回 −1 到 1 之间。",
    ),
    "lesson.show": ("Output gate and hidden state", "输出门与隐藏状态"),
    "lesson.show.how": (
        "What does the rest of the network get to see?",
        "网络的其他部分能看到什么？",
    ),
    "lesson.show.p1": (
        "To hold something is not to say it. tanh brings the memory into −1 … 1, and the **output "
        "gate** [[o]] decides how much of it is shown.",
        "记住不等于说出来。tanh 把记忆压到 −1 到 1 之间，**输出门** [[o]] 决定放出多少。",
    ),
    "lesson.show.eq": (
        "[[o_t]] = σ( [[W_o]]·[ [[h_t−1]], [[x_t]] ] + [[b_o]] )\n"
        "[[h_t]] = [[o_t]] · tanh( [[C_t]] )",
        "[[o_t]] = σ( [[W_o]]·[ [[h_t−1]], [[x_t]] ] + [[b_o]] )\n"
        "[[h_t]] = [[o_t]] · tanh( [[C_t]] )",
    ),
    "lesson.show.p2": (
        "The result is the **hidden state** [[h]]. The next layer and the answer read it, and so "
        "do all four gates at the next step.",
        "得到的就是**隐藏状态** [[h]]。下一层和最终答案读它，下一步的各个门也读它。",
    ),
    "lesson.show.p3": (
        "Now see the whole cell at work: press “Walk me through it” and all parts light up in "
        "turn, step after step; or play all steps.",
        "现在看整个单元工作：按“逐步讲解”，各部分会依次点亮，一步接一步；也可以播放所有时间步。",
    ),
    "lesson.show.ask1": ("What is the difference between C and h?", "C 和 h 有什么区别？"),
    "lesson.show.answer1": (
        "C is the memory: it is only kept and added to, and no weight reads it directly. h is what "
        "is shown of it, through tanh and the output gate: the next step's gates, the next layer "
        "and the answer read h.",
        "C 是记忆：只做保留和相加，没有权重直接读它。h 是经过 tanh 和输出门放出来的部分："
        "下一步的门、下一层和答案读的都是 h。",
    ),
    "lesson.show.ask2": ("How many weights has an LSTM layer?", "一个 LSTM 层有多少参数？"),
    "lesson.show.answer2": (
        "Four times those of a plain RNN layer, for f, i, C̃ and o: with I inputs and H units "
        "4·H·(I + H) weights and 4·H biases (PyTorch keeps two biases a gate, 8·H). For I = 2 and "
        "H = 8, as in the network that this lesson carries, that is 320 + 32.",
        "是普通 RNN 层的四倍，分别用于 f、i、C̃ 和 o：I 个输入、H 个单元时，有 4·H·(I + H) 个权重"
        "和 4·H 个偏置（PyTorch 每个门有两组偏置，共 8·H）。"
        "I = 2、H = 8（本课自带的网络）时是 320 + 32。",
    ),
}
