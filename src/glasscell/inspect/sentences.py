"""Every sentence of a verdict, in English and Chinese: one table, one key a sentence.

`{name}` is filled by `say`; `{name:steps}`, `:lags`, `:units` and `:changes` write a number
with its word in the language, `{name:left}` the share that a log10 stands for; other specs are
Python's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from string import Formatter
from typing import Any, Final, Literal, TypeAlias

from glasscell.errors import DataError

__all__ = ["KINDS", "LANGUAGES", "Language", "Phrase", "say"]

Language: TypeAlias = Literal["en", "zh"]

LANGUAGES: Final = ("en", "zh")

KINDS: Final[dict[str, tuple[str, str]]] = {
    "healthy": ("healthy", "正常"),
    "vanishing": ("vanishing gradient", "梯度消失"),
    "short": ("short reach", "梯度传不远"),
    "exploding": ("exploding gradient", "梯度爆炸"),
    "cut off": ("cut off", "被截断"),
    "silent": ("no gradient", "没有梯度"),
    "not finite": ("not finite", "出现 NaN 或无穷"),
    "forgets": ("forgets", "遗忘过快"),
    "saturated": ("saturated", "饱和"),
    "dead": ("dead units", "死单元"),
}
"""What a verdict may be called."""

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "vanishing": (
        "vanishes after {reach:steps}: {symbol} {rate:changes} and stays below 1/10000 of its "
        "start from lag {reach} on; judged over {lag:lags}",
        "梯度在 {reach:steps}后消失：{symbol} {rate:changes}，"
        "从第 {reach} 步滞后起一直低于起点的万分之一；按 {lag:lags}滞后判断",
    ),
    "short": (
        "reaches back {reach:steps} only: every step has a gradient of its own (from the loss "
        "or from the layer above), but of what the last step alone sends back {symbol} "
        "{rate:changes} and stays below 1/10000 of its start from lag {reach} on; judged "
        "over {lag:lags}",
        "梯度只能回传 {reach:steps}：每一步都有自己的梯度（来自损失或上一层），"
        "但仅由最后一步传回的 {symbol} {rate:changes}，"
        "从第 {reach} 步滞后起一直低于起点的万分之一；按 {lag:lags}滞后判断",
    ),
    "one step": (
        "there is one step, and nothing for {symbol} to be carried over",
        "只有一个时间步，{symbol} 无需跨步传递",
    ),
    "healthy": (
        "arrives: over {lag:lags} {symbol} becomes x {change:.3g} ({rate:changes})",
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
    "exploding": (
        "explodes by x {rate:.3g} per step: {symbol} grows to x {largest:.3g} of its start over "
        "{lag:lags}",
        "梯度爆炸，每步乘以 {rate:.3g}：经过 {lag:lags}，{symbol} 增长到起点的 {largest:.3g} 倍",
    ),
    "overflowing": (
        "explodes by x {rate:.3g} per step: {symbol} grows to x {largest:.3g} of its start and "
        "overflows at lag {overflows}",
        "梯度爆炸，每步乘以 {rate:.3g}："
        "{symbol} 增长到起点的 {largest:.3g} 倍，并在滞后 {overflows} 步时溢出",
    ),
    "exploding.do": (
        "Clip the gradient norm (torch.nn.utils.clip_grad_norm_, at about its median over "
        "training), start with a smaller or orthogonal weight_hh, or lower the learning rate; "
        "the eigenvalues of weight_hh tell nothing about this",
        "裁剪梯度范数（torch.nn.utils.clip_grad_norm_，阈值取训练中梯度范数的中位数左右），"
        "用更小的或正交的 weight_hh 初始化，或降低学习率；weight_hh 的特征值说明不了这个问题",
    ),
    "silent": (
        "receives no gradient: {symbol} is 0 at every step",
        "没有收到梯度：{symbol} 在每一步都是 0",
    ),
    "silent.do": (
        "Check that the loss reads this layer's output, and that no detach, argmax or dead ReLU "
        "lies between",
        "检查损失是否读取了该层的输出，以及中间是否有 detach、argmax 或失活的 ReLU",
    ),
    "not finite": (
        "is not finite: {symbol} is NaN or infinite at the step where the loss reads it",
        "数值异常：损失读取的那一步，{symbol} 是 NaN 或无穷大",
    ),
    "not finite.do": (
        "Look for NaN in the data, log or division by 0 in the loss, or weights that overflowed",
        "检查数据中的 NaN、损失中的 log(0) 或除以 0，以及是否有权重溢出",
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
    "rnn": (
        "A plain RNN multiplies the gradient by weight_hh and by {slope} at each step",
        "普通 RNN 每一步都把梯度乘以 weight_hh 和 {slope}",
    ),
    "relu slope": ("0 or 1", "0 或 1"),
    "rnn.do": (
        "Use an LSTM (forget bias {bias:.2g} for {lag} steps), start from an orthogonal "
        "weight_hh, or bring what matters within {reach:steps}",
        "改用 LSTM（{lag} 步对应遗忘门偏置 {bias:.2g}），用正交的 weight_hh 初始化，"
        "或把重要信息放到 {reach:steps}以内",
    ),
    "longer.do": (
        "Raise the forget bias to about {bias:.2g} (half-life {lag:steps}), or use chrono "
        "initialisation: b_f = ln u with u uniform in 1 … {span}, b_i = -b_f; where such "
        "lags do not matter, cut the window",
        "把遗忘门偏置提高到约 {bias:.2g}（半衰期 {lag:steps}），或使用 chrono 初始化：b_f = ln u，"
        "u 在 1 … {span} 上均匀分布，b_i = -b_f；如果这么长的滞后并不重要，就缩短窗口",
    ),
    "half of units": (
        "Half of its units lose half of their cell state within {median:steps}",
        "一半单元的记忆在 {median:steps}内就减半",
    ),
    "long enough": (
        "{share:.0%} of its units keep half of their cell state for {lag:steps}",
        "{share:.0%} 的单元能把一半记忆保持 {lag:steps}",
    ),
    "not the forget gates.do": (
        "Forget gates are not the cause: look for output gates that stay closed, or for a step at "
        "which the forget gates close (a reset)",
        "原因不在遗忘门：请查看是否有一直关闭的输出门，或某一步遗忘门全部关闭（重置）",
    ),
    "forgets": (
        "forgets too early: nine units in ten lose half of their cell state within "
        "{memory:steps}, so that over {lag:lags} the forget gates leave {left:left} of it",
        "遗忘过快：九成单元的记忆在 {memory:steps}内减半，"
        "经过 {lag:lags}，遗忘门只留下 {left:left}",
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
    "gates": (
        "the values of its input gates, output gates and candidates",
        "输入门、输出门和候选值的取值",
    ),
    "states": ("the values of its hidden states", "隐藏状态的取值"),
    "dead": (
        "has dead units: the output of {count} of {units} ({dead:.0%}) never changes",
        "有死单元：{units} 个单元中有 {count} 个（{dead:.0%}）的输出从不变化",
    ),
    "dead.LSTM": (
        "Start again with output and input gate biases near 0 and a lower learning rate, or take "
        "about {enough:units}: the dead ones cost time and learn nothing",
        "把输出门和输入门的偏置重新初始化到 0 附近，并降低学习率；或只用约 {enough:units}："
        "死单元只耗时间，学不到东西",
    ),
    "dead.RNN_TANH": (
        "Look for biases or weights that hold these units still and start them again, or take "
        "about {enough:units}: the dead ones cost time and learn nothing",
        "查找使这些单元静止的偏置或权重并重新初始化，"
        "或只用约 {enough:units}：死单元只耗时间，学不到东西",
    ),
    "dead.RNN_RELU": (
        "A ReLU below 0 for every input learns no more: lower the learning rate, start the biases "
        "at a small positive value, or use tanh or an LSTM",
        "对所有输入都小于 0 的 ReLU 不再学习："
        "降低学习率，把偏置初始化为小的正数，或改用 tanh 或 LSTM",
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


_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class _Words(Formatter):
    """Knows how a language counts."""

    def __init__(self, chinese: bool) -> None:
        self.chinese = chinese

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in _WORDS:
            one, many, chinese = _WORDS[format_spec]
            number = f"{value:.2g}" if isinstance(value, float) and value < 100 else f"{value:.0f}"
            if self.chinese:
                return chinese.format(number)
            return one if number == "1" else many.format(number)
        if format_spec == "left":
            return self._left(value)
        if format_spec == "changes":
            return self._changes(value)
        if isinstance(value, Phrase):
            return value.say("zh" if self.chinese else "en")
        return str(super().format_field(value, format_spec))

    def _left(self, log: float) -> str:
        if not isfinite(log):
            return "0" if self.chinese else "nothing"
        if log >= -4:
            return f"{100 * 10**log:.1g} %"
        power = f"{log if self.chinese else -log:.0f}".translate(_RAISED)
        return f"10{power}" if self.chinese else f"1 part in 10{power}"

    def _changes(self, rate: float) -> str:
        if not isfinite(rate):
            return "骤降" if self.chinese else "drops at once"
        return f"每步乘以 {rate:.3g}" if self.chinese else f"changes by x {rate:.3g} per step"


@dataclass(frozen=True)
class Phrase:
    """A sentence that can still be said in any language.

    Args:
        key: of `SENTENCES`.
        values: for its places; a `Phrase` among them is said in the same language.

    >>> Phrase("long enough", {"share": 0.5, "lag": 8}).say("zh")
    '50% 的单元能把一半记忆保持 8 步'
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def say(self, lang: str = "en") -> str:
        """Say it.

        Args:
            lang: "en" or "zh"; default "en".
        """
        return say(self.key, lang, **self.values)


def say(key: str, lang: str = "en", **values: Any) -> str:
    """Give one sentence.

    Args:
        key: of `SENTENCES`.
        lang: "en" or "zh".
        **values: for its places.

    Raises:
        DataError: no such language.
    """
    if lang not in LANGUAGES:
        raise DataError(f"expected lang as one of {', '.join(LANGUAGES)}, got {lang!r}")
    chinese = lang == "zh"
    return _Words(chinese).format(SENTENCES[key][chinese], **values)
