"""The lesson's words in English and Chinese: the frame, and chapter after chapter.

`CHAPTERS` is the order of the story. A chapter has a title "lesson.ID", the student's question
"lesson.ID.how", paragraphs "lesson.ID.p1", "….p2" and so on, at most one equation "lesson.ID.eq",
and checks "lesson.ID.ask1" with answers "lesson.ID.answer1". A paragraph ".own" stands in for the
one of its name where the page shows the reader's own network.

In paragraphs ``**…**`` is bold, ``[[h_t]]`` a letter with its index, ``{name}`` a number.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CHAPTERS", "WORDS"]

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
    "lesson.fading": ("Why it forgets", "它为什么会忘"),
    "lesson.fading.how": (
        "Why can it not simply learn to look further back?",
        "它为什么学不会往更早的地方看？",
    ),
    "lesson.fading.p1": (
        "Learning needs the **gradient**: by how much would the answer change if an early state "
        "changed a little? In a network of one unit, each step back multiplies it by one number.",
        "学习靠的是**梯度**：如果较早的状态变一点点，答案会变多少？在只有一个单元的网络里，"
        "每往回走一步，就乘上一个数。",
    ),
    "lesson.fading.p2": (
        "If each of these numbers is 0.7, twenty of them leave 0.7²⁰ = 0.0008: the **vanishing "
        "gradient**. If each is 1.3, they make 1.3²⁰ = 190: the **exploding gradient**. Either "
        "way the early steps cannot be learnt.",
        "如果每个数都是 0.7，二十个乘起来只剩 0.7²⁰ = 0.0008：这就是**梯度消失**。"
        "如果每个都是 1.3，就成了 1.3²⁰ = 190：这就是**梯度爆炸**。"
        "无论哪种，早期的时间步都学不到。",
    ),
    "lesson.fading.p3": (
        "With many units the number becomes a table, one row for each unit after the step and one "
        "column for each unit before it: the **Jacobian** [[J]]. How much a table can stretch a "
        "small change at most is its largest **singular value**; it plays the part of the 0.7.",
        "单元多了以后，这个数就变成一张表：每行对应这一步之后的一个单元，每列对应之前的一个单元，"
        "这就是**雅可比矩阵** [[J]]。一张表最多能把微小变化放大多少倍，就是它的最大**奇异值**，"
        "相当于上面的 0.7。",
    ),
    "lesson.fading.p4": (
        "Drag the number of steps back, k. The product of the k tables is made here, from this "
        "network's own weights and states.",
        "拖动往回的步数 k。这 k 张表的乘积就在这里用该网络自己的权重和状态算出。",
    ),
    "lesson.fading.eq": (
        "[[J_t]] = ∂[[h_t]] / ∂[[h_t−1]] = diag(1 − [[h_t]]²) · [[W_h]]\n"
        "∂[[h_T]] / ∂[[h_T−k]] = [[J_T]] · [[J_T−1]] ··· [[J_T−k+1]]",
        "[[J_t]] = ∂[[h_t]] / ∂[[h_t−1]] = diag(1 − [[h_t]]²) · [[W_h]]\n"
        "∂[[h_T]] / ∂[[h_T−k]] = [[J_T]] · [[J_T−1]] ··· [[J_T−k+1]]",
    ),
    "lesson.fading.which": ("Network", "网络"),
    "lesson.fading.trained": ("The trained RNN", "训练好的 RNN"),
    "lesson.fading.linear": ("… without its tanh", "……去掉 tanh"),
    "lesson.fading.two": ("Two units, ρ = 0", "两个单元，ρ = 0"),
    "lesson.fading.k": ("Steps back, k", "往回的步数 k"),
    "lesson.fading.gain": ("Recurrent weights times", "循环权重乘以"),
    "lesson.fading.cells": (
        "Row: a unit after. Column: a unit before. Orange: they change in the same direction, "
        "blue: against each other; pale: hardly at all. Both tables have one scale, ± {top}.",
        "行：之后的单元；列：之前的单元。橙色：同向变化；蓝色：反向变化；颜色浅：几乎无关。"
        "两张表用同一刻度，± {top}。",
    ),
    "lesson.fading.one": ("One step: J", "一步：J"),
    "lesson.fading.many": ("{k} steps: the product", "{k} 步：乘积"),
    "lesson.fading.largest": (
        "most that a change is stretched (largest singular value)",
        "变化最多被放大的倍数（最大奇异值）",
    ),
    "lesson.fading.others": ("the other singular values", "其余奇异值"),
    "lesson.fading.answer": ("gradient of the answer", "答案的梯度"),
    "lesson.fading.axis": ("steps back, k", "往回的步数 k"),
    "lesson.fading.one.level": ("unchanged", "不变"),
    "lesson.fading.reading": (
        "Over {k} steps a small change is stretched × {sigma} at most.",
        "经过 {k} 步，微小变化最多变为 {sigma} 倍。",
    ),
    "lesson.fading.reading.rho": (
        "The spectral radius of its weights is {rho}: by that number alone one would expect "
        "another course.",
        "其权重的谱半径为 {rho}：只看这个数，会以为结果不同。",
    ),
    "lesson.fading.reading.gradient": (
        "Of the gradient of the answer {gradient} is left there.",
        "答案的梯度在那里为最初的 {gradient}。",
    ),
    "lesson.fading.vanishes": (
        "It vanishes: what happened {k} steps ago teaches next to nothing.",
        "梯度消失：{k} 步之前发生的事几乎学不到任何东西。",
    ),
    "lesson.fading.explodes": (
        "It explodes: a tiny change becomes a huge one, and training jumps about.",
        "梯度爆炸：极小的变化变得极大，训练会剧烈震荡。",
    ),
    "lesson.fading.fades": ("It is fading.", "它正在消退。"),
    "lesson.fading.between": ("So far most of it arrives.", "到此为止，大部分还能到达。"),
    "lesson.fading.show1": ("20 steps back", "往回 20 步"),
    "lesson.fading.show2": ("70 steps back", "往回 70 步"),
    "lesson.fading.show3": ("Make it explode", "让它爆炸"),
    "lesson.fading.show4": ("Spectral radius 0, and yet …", "谱半径为 0，然而……"),
    "lesson.fading.aria": (
        "Line chart: singular values of the product of Jacobians over the number of steps",
        "折线图：雅可比矩阵之积的奇异值随步数的变化",
    ),
    "lesson.fading.matrix.aria": ("Heat map of a matrix", "矩阵的热图"),
    "lesson.fading.ask1": (
        "Where do vanishing and exploding gradients come from?",
        "梯度消失和梯度爆炸从何而来？",
    ),
    "lesson.fading.answer1": (
        "From a product: the gradient over k steps is a product of k Jacobians. Products of things "
        "below 1 shrink exponentially in k, products of things above 1 grow exponentially. tanh "
        "adds to the shrinking, as its slope 1 − h² is at most 1 and near 0 where a unit is "
        "saturated.",
        "来自连乘：k 步的梯度是 k 个雅可比矩阵之积。小于 1 的因子连乘随 k 指数缩小，"
        "大于 1 的随 k 指数增大。tanh 还会加剧缩小：它的斜率 1 − h² 不超过 1，单元饱和时接近 0。",
    ),
    "lesson.fading.ask2": (
        "Does the spectral radius of W decide whether gradients vanish?",
        "能用 W 的谱半径判断梯度是否消失吗？",
    ),
    "lesson.fading.answer2": (
        "No. The spectral radius is the size of the largest eigenvalue of W. What is multiplied, "
        "though, are the Jacobians of the steps that really occurred, and tanh is "
        "in them. The trained RNN has a spectral radius above 1, and its gradient vanishes. The "
        "network of two units has spectral radius 0, and its gradient explodes. Multiply the real "
        "Jacobians instead.",
        "不能。谱半径是 W 的特征值的最大模。但相乘的是实际经过的各步的雅可比矩阵，其中包含 tanh。"
        "训练好的 RNN 谱半径大于 1，"
        "梯度却消失；两个单元的那个网络谱半径为 0，梯度却爆炸。应当把真实的雅可比矩阵乘起来看。",
    ),
    "lesson.fading.ask3": (
        "What is done against each of the two?",
        "这两种情况各有什么对策？",
    ),
    "lesson.fading.answer3": (
        "Against exploding: clipping, the gradient is shortened when its norm passes a limit. A "
        "vanished gradient cannot be made longer, as what it said about early steps is lost; it "
        "takes another architecture (LSTM, GRU), or an orthogonal W at the start.",
        "对付爆炸用梯度裁剪：范数超过上限时把梯度缩短。消失的梯度无法再放大，"
        "因为关于早期时间步的信息已经丢失；需要换结构（LSTM、GRU），或者用正交的 W 初始化。",
    ),
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
