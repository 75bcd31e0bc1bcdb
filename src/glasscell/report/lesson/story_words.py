"""The lesson's words in English and Chinese: the frame, and the chapters up to the conveyor belt.

The other chapters' are in words_….py beside this file. `CHAPTERS` is the order of the story. A
chapter has a title "lesson.ID", the student's question "lesson.ID.how", paragraphs "lesson.ID.p1",
"….p2" and so on, at most one equation "lesson.ID.eq", and checks "lesson.ID.ask1" with answers
"lesson.ID.answer1". A paragraph ".own" stands in for the one of its name where the page shows the
reader's own network.

In paragraphs ``**…**`` is bold, ``[[h_t]]`` a letter with its index, ``{name}`` a number.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import Final

__all__ = ["CHAPTERS", "WORDS", "table"]

CHAPTERS: Final = (
    "task", "rnn", "fading", "belt", "forget", "write", "update", "show", "break", "duel",
    "remember",
)  # fmt: skip

WORDS: Final[dict[str, tuple[str, str]]] = {
    "lesson.title": ("How an LSTM remembers", "LSTM 是怎样记住的"),
    "lesson.subtitle": (
        "Eleven short chapters, about fifteen minutes. Two small trained networks are inside this "
        "page; every number you see is theirs, computed while you look.",
        "十一个短章节，大约十五分钟。页面里有两个训练好的小网络，你看到的每个数都由它们当场算出。",
    ),
    "lesson.subtitle.run": (
        "Eleven short chapters, about fifteen minutes. From chapter 4 on you look into your own "
        "network, reading its own data: {name}.",
        "十一个短章节，大约十五分钟。从第 4 章起看到的是你自己的网络，读的是它自己的数据：{name}。",
    ),
    "lesson.subtitle.data": (
        "Eleven short chapters, about fifteen minutes. From chapter 4 on you look into your own "
        "network, reading the data that you gave: {name}.",
        "十一个短章节，大约十五分钟。从第 4 章起看到的是你自己的网络，读的是你给的数据：{name}。",
    ),
    "lesson.subtitle.random": (
        "Eleven short chapters, about fifteen minutes. From chapter 4 on you look into your own "
        "network. It came without data, so it reads random numbers here: {name}.",
        "十一个短章节，大约十五分钟。从第 4 章起看到的是你自己的网络。它没有附带数据，"
        "因此这里读的是随机数：{name}。",
    ),
    "lesson.contents": ("Chapters", "章节"),
    "lesson.progress": ("Chapter {n} of {N}: {title}", "第 {n} 章，共 {N} 章：{title}"),
    "lesson.check": ("Check yourself", "自测"),
    "lesson.next": ("Next: {title}", "下一章：{title}"),
    "lesson.lstm": ("LSTM", "LSTM"),
    "lesson.plain": ("plain RNN", "普通 RNN"),
    "lesson.truth": ("right answer", "正确答案"),
    "lesson.task": ("What has to be remembered", "要记住什么"),
    "lesson.task.how": (
        "What is the network supposed to do, and what is hard about it?",
        "网络要做什么？难在哪里？",
    ),
    "lesson.task.p1": (
        "The network reads {T} steps, one after the other. Each step shows a **value** between 0 "
        "and 1, and two of the steps carry a **mark**. After the last step it must answer the "
        "**sum of the two marked values**. All other values are noise.",
        "网络依次读入 {T} 个时间步。每一步给出一个 0 到 1 之间的**数值**，"
        "其中恰好有两步带**标记**。"
        "读完最后一步，它要回答**两个带标记的数值之和**。其余数值都是噪声。",
    ),
    "lesson.task.p2": (
        "So a number seen early has to survive dozens of noisy steps. How many is called the "
        "**lag**.",
        "所以，很早看到的一个数必须熬过几十步噪声。相隔的步数叫做**滞后**。",
    ),
    "lesson.task.p3": (
        "Two networks were trained on this: an **LSTM** and a **plain RNN**, with as many weights "
        "and on the same sequences. Move the marks and see which of them still knows the first "
        "number.",
        "有两个网络在这个任务上训练过：一个 **LSTM** 和一个**普通 RNN**，"
        "权重数量相当，训练序列相同。"
        "移动标记，看看谁还记得第一个数。",
    ),
    "lesson.task.first": ("First mark at step", "第一个标记在第几步"),
    "lesson.task.second": ("Second mark at step", "第二个标记在第几步"),
    "lesson.task.value1": ("First marked value", "第一个标记的数值"),
    "lesson.task.new": ("New noise", "换一组噪声"),
    "lesson.task.back": ("As it was", "恢复原样"),
    "lesson.task.reading": (
        "Right answer: {a} + {b} = {sum}. The LSTM says {lstm}; the plain RNN says {rnn}.",
        "正确答案：{a} + {b} = {sum}。LSTM 回答 {lstm}；普通 RNN 回答 {rnn}。",
    ),
    "lesson.task.aria": (
        "Bars of the values of all steps; the two marked ones stand out",
        "所有时间步的数值柱形图；两个带标记的突出显示",
    ),
    "lesson.task.line": ("The answers on a line from 0 to 2", "0 到 2 数轴上的各个答案"),
    "lesson.task.ask1": ("What is a long-term dependency?", "什么是长期依赖？"),
    "lesson.task.answer1": (
        "The right output depends on an input many steps ago. Here the answer after the last step "
        "depends on a value near the beginning. A network can only learn that if it keeps the "
        "value in its state, and if the error's gradient finds its way back there.",
        "正确的输出取决于很多步之前的输入。这里，最后一步的答案取决于开头附近的一个数值。"
        "网络要学会它，必须在状态中保留这个数值，并且误差的梯度要能传回到那里。",
    ),
    "lesson.rnn": ("The plain RNN", "普通 RNN"),
    "lesson.rnn.how": (
        "How does a network read a sequence at all?",
        "网络到底是怎样读一个序列的？",
    ),
    "lesson.rnn.p1": (
        "It keeps a list of numbers, the **hidden state** [[h]]. At every step it mixes the old "
        "state and the new input with a matrix of weights, and squeezes each result into −1 … 1 "
        "with tanh.",
        "它保存一串数，叫做**隐藏状态** [[h]]。每一步都用一个权重矩阵把旧状态和新输入混合起来，"
        "再用 tanh 把每个结果压到 −1 到 1 之间。",
    ),
    "lesson.rnn.eq": (
        "[[h_t]] = tanh( [[W]]·[ [[h_t−1]], [[x_t]] ] + [[b]] )",
        "[[h_t]] = tanh( [[W]]·[ [[h_t−1]], [[x_t]] ] + [[b]] )",
    ),
    "lesson.rnn.p2": (
        "The same [[W]] and [[b]] serve at every step. The hidden state is the only memory, and "
        "**all of it is rewritten at every step**. Nothing is ever just left alone.",
        "每一步用的都是同一个 [[W]] 和 [[b]]。隐藏状态是唯一的记忆，而且**每一步都被全部改写**，"
        "没有任何东西能原样留下。",
    ),
    "lesson.rnn.p3": (
        "The lower curve shows what that does: the first marked value is changed a little, and the "
        "network runs again. How much of the change is still in the hidden state, step after step?",
        "下方的曲线显示后果：把第一个带标记的数值改动一点点，让网络重新运行。"
        "这一改动在之后每一步的隐藏状态中还剩多少？",
    ),
    "lesson.rnn.states": (
        "Hidden state: a row per unit, a column per step",
        "隐藏状态：每行一个单元，每列一个时间步",
    ),
    "lesson.rnn.pick": ("Unit", "单元"),
    "lesson.rnn.parts": (
        "Unit {unit} at {step}: {x} from the input, {h} from the old state, bias {b}",
        "单元 {unit}，{step}：来自输入 {x}，来自旧状态 {h}，偏置 {b}",
    ),
    "lesson.rnn.left": (
        "What is left of a change of the first marked value (at its own step: 1)",
        "第一个标记数值的改动还剩多少（改动那一步记为 1）",
    ),
    "lesson.rnn.left.reading": (
        "{k} steps after the first mark, {share} of the change is left in the hidden state.",
        "第一个标记之后 {k} 步，隐藏状态中还剩改动的 {share}。",
    ),
    "lesson.rnn.left.before": (
        "Before the first mark there is no change yet.",
        "第一个标记之前还没有改动。",
    ),
    "lesson.rnn.go": ("Go to the first mark", "跳到第一个标记"),
    "lesson.rnn.on": ("20 steps later", "再过 20 步"),
    "lesson.rnn.ask1": (
        "What do the steps of an RNN share, and what differs between them?",
        "RNN 的各时间步共享什么？又有什么不同？",
    ),
    "lesson.rnn.answer1": (
        "They share the weights W and the bias b; the hidden state differs. So a fixed number of "
        "weights can read sequences of any length. Training it means backpropagation through "
        "time: the unrolled network is as deep as the sequence is long.",
        "共享的是权重 W 和偏置 b；不同的是隐藏状态。因此固定数量的权重可以读任意长的序列。"
        "训练时用随时间反向传播：展开后的网络有多深，取决于序列有多长。",
    ),
    "lesson.belt": ("The conveyor belt", "传送带"),
    "lesson.belt.how": (
        "What would a memory look like that does not fade?",
        "不会消退的记忆应该是什么样的？",
    ),
    "lesson.belt.p1": (
        "Do not rewrite the memory, **leave it alone**. The LSTM has a second state, the **cell "
        "state** [[C]], which runs through time like a conveyor belt. Every unit has one of its "
        "own.",
        "不要改写记忆，**让它留着**。LSTM 多了一个状态：**细胞状态** [[C]]（cell state，"
        "也译“细胞状态”），它像传送带一样贯穿时间。每个单元都有自己的一条。",
    ),
    "lesson.belt.eq": (
        "[[C_t]] = [[f_t]] · [[C_t−1]] + [[i_t]] · [[C̃_t]]",
        "[[C_t]] = [[f_t]] · [[C_t−1]] + [[i_t]] · [[C̃_t]]",
    ),
    "lesson.belt.p2": (
        "On the way there is **one multiplication and one addition**: the old content times a "
        "number [[f]] between 0 and 1, plus something new. No matrix, no tanh. So one step back "
        "along the belt multiplies the gradient by [[f_t]] alone, and k steps back by the "
        "**product of k forget gates**.",
        "路上只有**一次乘法和一次加法**：旧内容乘以 0 到 1 之间的数 [[f]]，再加上新内容。"
        "没有矩阵，也没有 tanh。因此沿传送带回传一步，梯度只乘以 [[f_t]]；"
        "回传 k 步，就乘以 **k 个遗忘门之积**。",
    ),
    "lesson.belt.p3": (
        "After ln 0.5 / ln [[f]] steps half is left: the **half-life**. For [[f]] = 0.5 that is "
        "one step, for 0.99 it is 69. Drag [[f]] and compare with the real gates.",
        "经过 ln 0.5 / ln [[f]] 步后剩下一半，这就是**半衰期**。"
        "[[f]] = 0.5 时是 1 步，0.99 时是 69 步。"
        "拖动 [[f]]，与真实的门比较。",
    ),
    "lesson.belt.f": ("A forget gate that is always", "恒定的遗忘门取值"),
    "lesson.belt.units": ("the LSTM's units: product of their gates", "LSTM 各单元：遗忘门之积"),
    "lesson.belt.unit": ("the chosen unit", "所选单元"),
    "lesson.belt.constant": ("a gate that is always {f}", "恒为 {f} 的门"),
    "lesson.belt.rnn": (
        "plain RNN: largest singular value (chapter 3)",
        "普通 RNN：最大奇异值（第 3 章）",
    ),
    "lesson.belt.reading": (
        "f = {f}: half-life {life} steps; {k} steps back {left} is left. Unit {unit} of the "
        "network, with its own gates: {own}. The plain RNN: {rnn}.",
        "f = {f}：半衰期 {life} 步；回传 {k} 步后剩 {left}。网络的单元 {unit} 用它自己的门：{own}。"
        "普通 RNN：{rnn}。",
    ),
    "lesson.belt.aria": (
        "Line chart: what is left of the gradient over the lag, on a log scale",
        "折线图：梯度随滞后步数剩下多少（对数刻度）",
    ),
    "lesson.belt.ask1": (
        "Why does the cell state help against the vanishing gradient?",
        "细胞状态为什么能缓解梯度消失？",
    ),
    "lesson.belt.answer1": (
        "The path from C at one step to C at the next is a multiplication by f, one number a "
        "unit, and the network can hold it near 1. A product of numbers near 1 stays near 1. In "
        "the plain RNN every step is a matrix and a tanh.",
        "从一步的 C 到下一步的 C，只是乘以 f：每个单元一个数，网络可以让它保持在 1 附近。"
        "许多接近 1 的数相乘仍接近 1。而普通 RNN 的每一步都要经过矩阵和 tanh。",
    ),
    "lesson.belt.ask2": (
        "Does the LSTM solve the problem completely?",
        "LSTM 彻底解决了梯度消失吗？",
    ),
    "lesson.belt.answer2": (
        "No. As long as f is below 1 the product shrinks, only much slower: the half-life is "
        "finite. And gradients also run through h and the gates, where they can vanish or explode "
        "as in any RNN. That is why LSTMs are still trained with gradient clipping.",
        "没有。只要 f 小于 1，乘积仍会变小，只是慢得多：半衰期是有限的。梯度还会经过 h 和各个门，"
        "在那里和普通 RNN 一样可能消失或爆炸。所以训练 LSTM 时仍然要做梯度裁剪。",
    ),
}


@cache
def table() -> dict[str, tuple[str, str]]:
    """Return every word of the lesson.

    Raises:
        ValueError: Two files define one key.

    >>> table()["lesson.forget"]
    ('The forget gate', '遗忘门')
    """
    words = dict(WORDS)
    for module in pkgutil.iter_modules(import_module(__package__).__path__):
        if not module.name.startswith("words_"):
            continue
        more = import_module(f"{__package__}.{module.name}").WORDS
        if twice := sorted(words.keys() & more.keys()):
            raise ValueError(f"expected each word once, got {', '.join(twice)} twice")
        words |= more
    return words
