"""Words of the gradient river."""

from typing import Final

from glasscell.inspect.gradients.extremes import SHAPES

WORDS: Final[dict[str, tuple[str, str]]] = {
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
    "river.by.lag": ("Count steps from the loss", "从损失处计步"),
    "river.loss": ("Loss", "损失"),
    "river.loss.own": ("the one that was given", "给定的损失"),
    "river.loss.step": ("sum of this layer's h at one step", "该层某一步的 h 之和"),
    "river.at": ("at", "位于"),
    "river.then": ("over the lag at {step}", "{step} 时随滞后步数的变化"),
    "river.hidden": ("hidden state |dL/dh|", "隐藏状态 |dL/dh|"),
    "river.cell": ("cell state |dL/dC|", "细胞状态 |dL/dC|"),
    "river.stored": ("stored state", "所存状态"),
    "river.cell_path": ("along the conveyor belt alone", "仅沿传送带"),
    "river.round": ("lost in float32 rounding below this", "低于此线会被 float32 舍入淹没"),
    "river.floor": ("smallest float32", "float32 最小值"),
    **SHAPES,
}
