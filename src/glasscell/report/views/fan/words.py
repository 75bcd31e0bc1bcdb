"""Words of the Jacobian fan."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
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
}
