"""The sentences of a verdict: what was measured, and what to change."""

from __future__ import annotations

from math import isfinite, log
from typing import TYPE_CHECKING

import numpy as np

from glasscell.inspect.timescales import forget_bias

if TYPE_CHECKING:
    from glasscell.inspect.flow import LayerFlow

__all__ = [
    "cut_off",
    "exploding",
    "healthy",
    "not_finite",
    "remember",
    "short",
    "silent",
    "vanishing",
]

ENOUGH_UNITS = 0.1
"""Share of units with a half-life as long as the lag from which on forget gates are not blamed."""


def vanishing(symbol: str, rate: float, reach: int, lag: int) -> str:
    """Say after how many steps the gradient is gone."""
    return (
        f"vanishes after {_steps(reach)}: {symbol} {_changes(rate)} and stays below 1/10000 of its "
        f"start from lag {reach} on; the window has {_lags(lag)}"
    )


def short(symbol: str, rate: float, reach: int, lag: int) -> str:
    """Say that fresh gradients at every step hide a short reach."""
    return (
        f"reaches back {_steps(reach)} only: every step has a gradient of its own (from the loss "
        f"or from the layer above), but of what the last step alone sends back {symbol} "
        f"{_changes(rate)} and stays below 1/10000 of its start from lag {reach} on; the window "
        f"has {_lags(lag)}"
    )


def healthy(symbol: str, rate: float, change: float, lag: int, spread: bool) -> str:
    """Say how much arrives at the far end."""
    if lag == 0:
        return f"there is one step, and nothing for {symbol} to be carried over"
    ending = ", with a gradient of its own at every step" if spread else ""
    if isfinite(rate) and 0 < rate < 0.999:
        ending += f"; at this rate 1/10000 is reached at lag {round(log(1e-4) / log(rate))}"
    return f"arrives: over {_lags(lag)} {symbol} becomes x {change:.3g} ({_changes(rate)}){ending}"


def exploding(
    symbol: str, rate: float, largest: float, lag: int, overflows: int | None
) -> tuple[str, str]:
    """Say how fast the gradient grows, and how to hold it."""
    summary = f"explodes by x {rate:.3g} per step: {symbol} grows to x {largest:.3g} of its start"
    summary += f" over {_lags(lag)}" if overflows is None else f" and overflows at lag {overflows}"
    return summary, (
        "Clip the gradient norm (torch.nn.utils.clip_grad_norm_, at about its median over "
        "training), start with a smaller or orthogonal weight_hh, or lower the learning rate; "
        "the eigenvalues of weight_hh tell nothing about this"
    )


def silent(symbol: str) -> tuple[str, str]:
    """Say that no gradient arrives at all."""
    return f"receives no gradient: {symbol} is 0 at every step", (
        "Check that the loss reads this layer's output, and that no detach, argmax or dead ReLU "
        "lies between"
    )


def not_finite(symbol: str) -> tuple[str, str]:
    """Say that the gradient is broken before it travels."""
    return f"is not finite: {symbol} is NaN or infinite at the step where the loss reads it", (
        "Look for NaN in the data, log or division by 0 in the loss, or weights that overflowed"
    )


def cut_off(steps: int, reverse: bool) -> tuple[str, str]:
    """Say that the loss reads a layer only where it has not yet seen anything."""
    summary = (
        f"carries nothing: the loss reads it only at the first of the {steps} steps that it worked "
        "on, so no gradient goes through its recurrence"
    )
    if reverse:
        return summary, (
            "A reverse direction has read the whole sequence at t = 0, not at the last step: take "
            "h_n, or the output at t = 0 for that half"
        )
    return summary, "Read a later step, or h_n"


def remember(flow: LayerFlow, lag: int, reach: int) -> tuple[str, str]:
    """Say why a layer does not carry gradients over a lag, and how to make it."""
    bias = forget_bias(max(lag, 1))
    if flow.cell is None:
        slope = "1 - h_t^2" if flow.mode == "RNN_TANH" else "0 or 1"
        return f"A plain RNN multiplies the gradient by weight_hh and by {slope} at each step", (
            f"Use an LSTM (forget bias {bias:.2g} for {lag} steps), start from an orthogonal "
            f"weight_hh, or bring what matters within {_steps(reach)}"
        )
    longer = (
        f"Raise the forget bias to about {bias:.2g} (half-life {_steps(lag)}), or use chrono "
        f"initialisation: b_f = ln u with u uniform in 1 … {max(lag, 2)}, b_i = -b_f; where such "
        "lags do not matter, cut the window"
    )
    if flow.half_life is None or not len(flow.half_life):
        return "", longer
    long_enough = float(np.mean(flow.half_life >= lag))
    if long_enough < ENOUGH_UNITS:
        median = float(np.median(flow.half_life))
        return f"Half of its units lose half of their cell state within {median:.1f} steps", longer
    return f"{long_enough:.0%} of its units keep half of their cell state for {_steps(lag)}", (
        "Forget gates are not the cause: look for output gates that stay closed, or for a step at "
        "which the forget gates close (a reset)"
    )


def _changes(rate: float) -> str:
    return f"changes by x {rate:.3g} per step" if isfinite(rate) else "drops at once"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _lags(count: int) -> str:
    return "1 lag" if count == 1 else f"{count} lags"
