"""Words of the chapter on why the plain RNN forgets."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
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
}
