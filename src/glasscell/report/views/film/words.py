"""Words of the training film."""

from typing import Final

from glasscell.inspect.verdict.sentences import KINDS

WORDS: Final[dict[str, tuple[str, str]]] = {
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
}
