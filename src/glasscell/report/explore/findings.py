"""The verdict as the page states it: each layer's gradient and memory, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from glasscell.inspect.flow import GradientFlow
from glasscell.inspect.timescales import forget_bias
from glasscell.inspect.verdict import LayerVerdict
from glasscell.report.explore.data import Finding, Layer, Pair
from glasscell.report.markup import fixed

__all__ = ["of_gradients", "of_memory"]

_TEXT: Final = {
    "vanishing": (
        "{name}: the gradient vanishes. It falls by × {rate} per step and is below 1/10000 of its "
        "start after {reach} of {lag} steps.",
        "{name}：梯度消失。每步乘以 {rate}，在 {lag} 步中的第 {reach} 步后已不足起点的万分之一。",
    ),
    "short": (
        "{name}: each step learns from its own loss, but what the last step sends back vanishes "
        "after {reach} of {lag} steps (× {rate} per step).",
        "{name}：每一步都从自己的损失中学习，但最后一步传回的梯度在 {reach} 步后消失"
        "（共 {lag} 步，每步乘以 {rate}）。",
    ),
    "exploding": (
        "{name}: the gradient explodes. It grows by × {rate} per step over {lag} steps.",
        "{name}：梯度爆炸。在 {lag} 步内每步乘以 {rate}。",
    ),
    "cut off": (
        "{name}: the loss reads only the step that this layer worked on first.",
        "{name}：损失只用到了该层最先处理的那一步。",
    ),
    "silent": ("{name}: no gradient arrives at all.", "{name}：完全没有梯度到达。"),
    "not finite": (
        "{name}: the gradient is NaN or infinite from the start.",
        "{name}：梯度从一开始就是 NaN 或无穷大。",
    ),
}

_HEALTHY: Final = (
    "{names}: the gradient arrives. Over {lag} steps back it changes by {changes}.",
    "{names}：梯度能够到达。向前回溯 {lag} 步，梯度变为原来的 {changes}。",
)
_MEMORY: Final = (
    "Units whose forget gate alone keeps half of what they store for {lag} steps: {counts}.",
    "仅靠遗忘门就能把所存内容的一半保留 {lag} 步的单元：{counts}。",
)

_ADVICE: Final = {
    "vanishing": (
        "Start the forget gate's bias near {bias} (half-life {lag} steps), or spread it over time "
        "scales (chrono initialisation).",
        "将遗忘门偏置初始化为约 {bias}（半衰期 {lag} 步），或按不同时间尺度分布（chrono 初始化）。",
    ),
    "exploding": (
        "Clip the gradient's norm, lower the learning rate, or start weight_hh smaller or "
        "orthogonal.",
        "裁剪梯度范数、降低学习率，或用更小或正交的 weight_hh 初始化。",
    ),
    "cut off": (
        "Read the layer's last step (for a reverse layer that is step 0).",
        "请读取该层的最后一步（反向层为第 0 步）。",
    ),
    "silent": (
        "Look for detach(), a ReLU that never fires, or an output that the loss does not read.",
        "请检查 detach()、从不激活的 ReLU，或损失没有用到的输出。",
    ),
    "not finite": (
        "Look for NaN in the data, a division or logarithm of 0 in the loss, or weights that have "
        "already diverged.",
        "请检查数据中的 NaN、损失中对 0 的除法或对数，或已经发散的权重。",
    ),
}
_PLAIN_RNN: Final = (
    "Use an LSTM (forget bias {bias} for {lag} steps), or start weight_hh orthogonal.",
    "改用 LSTM（{lag} 步对应遗忘门偏置 {bias}），或用正交的 weight_hh 初始化。",
)


def of_gradients(flow: GradientFlow, layers: Sequence[Layer]) -> list[Finding]:
    """Give one finding for each layer that has a fault, then one for all that have none."""
    names = [layer.name for layer in layers]
    judged = [(names.index(name), one.judge()) for name, one in flow.items() if name in names]
    found = [_finding(layers[k], verdict, k) for k, verdict in judged if verdict.kind != "healthy"]
    sound = [(k, verdict) for k, verdict in judged if verdict.kind == "healthy"]
    if sound:
        values = {
            "names": ", ".join(names[k] for k, _ in sound),
            "lag": sound[0][1].lag,
            "changes": ", ".join(f"× {fixed(verdict.change, 2)}" for _, verdict in sound),
        }
        found.append(Finding(text=_filled(_HEALTHY, values), layer=sound[0][0]))
    return found


def of_memory(layers: Sequence[Layer], half_life: Mapping[str, Any], lag: int) -> list[Finding]:
    """Say how many units of the LSTM layers hold a memory over a lag, on the first series."""
    counts = [
        f"{layer.name} {sum(1 for half in halves if half == 'never' or (half or 0) >= lag)}"
        f"/{len(halves)}"
        for k, layer in enumerate(layers)
        if (halves := half_life.get(f"0/{k}")) is not None
    ]
    if not counts or lag < 1:
        return []
    values = {"counts": ", ".join(counts), "lag": lag}
    return [Finding(text=_filled(_MEMORY, values), kind="memory", evidence="ladder")]


def _filled(texts: Pair, values: Mapping[str, Any]) -> Pair:
    return texts[0].format(**values), texts[1].format(**values)


def _finding(layer: Layer, verdict: LayerVerdict, place: int) -> Finding:
    lag = max(1, verdict.lag)
    values = {
        "name": layer.name,
        "lag": verdict.lag,
        "rate": fixed(verdict.rate, 2),
        "reach": verdict.reach,
        "bias": fixed(forget_bias(lag), 1),
    }
    kind = verdict.kind
    fades = kind in ("vanishing", "short")
    advice = _ADVICE.get("vanishing" if fades else kind, ("", ""))
    if fades and layer.mode != "LSTM":
        advice = _PLAIN_RNN
    return Finding(
        text=_filled(_TEXT[kind], values),
        advice=_filled(advice, values),
        kind=kind,
        good=False,
        layer=place,
    )
