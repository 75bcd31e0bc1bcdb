"""Where a gradient is strongest and weakest over the steps, and how that is said.

The judgement (vanishes, explodes, arrives) is `LayerFlow.judge`'s and never made here: what is
measured here is true of a profile of any shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, inf, isnan, log10, nan
from typing import TYPE_CHECKING, Final

import numpy as np

from glasscell.arrays import Array

if TYPE_CHECKING:
    from glasscell.inspect.gradients.flow import LayerFlow

__all__ = ["SHAPES", "Extremes", "extremes", "shape", "size"]

SHAPES: Final[dict[str, tuple[str, str]]] = {
    "shape.none": (
        "{symbol} is a finite number at none of the steps.",
        "{symbol} 在所有时间步上都不是有限数。",
    ),
    "shape.zero": ("{symbol} is 0 at every step.", "{symbol} 在每一步都是 0。"),
    "shape.even": (
        "{symbol} is the same at every step.",
        "{symbol} 在每一步都相同。",
    ),
    "shape.between": (
        "{symbol} is strongest at {most} and weakest at {least}, with {share} of that.",
        "{symbol} 在 {most} 处最强，在 {least} 处最弱，为最强处的 {share}。",
    ),
    "shape.missing": (
        "At {count} of {steps} steps it is not a finite number, first at {first}.",
        "{steps} 步中有 {count} 步不是有限数，首次出现在 {first}。",
    ),
}
"""Of the norms at the steps of a picture; the script says the same of gradients of its own."""

_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """Where a gradient is strongest and weakest over the steps of a sequence.

    Attributes:
        most: Step of its largest finite value; None if no value is finite. Of several steps with
            one value the one that the gradient reaches first counts, here and below.
        least: Step of its smallest finite value.
        share: log10 of the smallest over the largest: -inf for 0, NaN where all are 0.
        missing: How many steps have no finite value.
        first: The first of these in time; None if there is none.
        steps: T.
    """

    most: int | None
    least: int | None
    share: float
    missing: int
    first: int | None
    steps: int

    def text(self, symbol: str, name: Callable[[int], str], lang: str = "en") -> str:
        """Say it.

        Args:
            symbol: Of the gradient: "|dL/dc_t|".
            name: Gives the name of a step.
            lang: "en" or "zh"; default "en".
        """

        def say(key: str, **values: object) -> str:
            return SHAPES[key][lang == "zh"].format(symbol=symbol, **values)

        if self.most is None or self.least is None:
            return say("shape.none")
        if self.steps == 1 and self.share == 0:
            return ""  # nothing to compare with
        if isnan(self.share):
            said = say("shape.zero")
        elif self.share == 0:
            said = say("shape.even")
        else:
            places = {"most": name(self.most), "least": name(self.least)}
            said = say("shape.between", **places, share=size(self.share))
        if self.first is None:
            return said
        values = {"count": self.missing, "steps": self.steps, "first": name(self.first)}
        return said + ("" if lang == "zh" else " ") + say("shape.missing", **values)


def extremes(norms: Array, reverse: bool = False) -> Extremes:
    """Find where a gradient is strongest and weakest.

    Args:
        norms: (T,) in the sequence's own time, T >= 1.
        reverse: Whether the gradient travels from step 0 on, as in a layer that reads backwards;
            default False, from the last step back.

    Returns:
        `Extremes`.

    >>> extremes(np.array([1.0, 1e-18, 1.0])).text("|dL/dh_t|", "step {}".format)
    '|dL/dh_t| is strongest at step 2 and weakest at step 1, with 1.0·10⁻¹⁸ of that.'
    """
    values = np.asarray(norms, np.float64)
    way = np.arange(len(values)) if reverse else np.arange(len(values))[::-1]
    lost = np.flatnonzero(~np.isfinite(values))
    first = int(lost[0]) if len(lost) else None
    way = way[np.isfinite(values[way])]
    if not len(way):
        return Extremes(
            most=None, least=None, share=nan, missing=len(lost), first=first, steps=len(values)
        )
    most, least = int(way[np.argmax(values[way])]), int(way[np.argmin(values[way])])
    high, low = float(values[most]), float(values[least])
    share = nan if high == 0 else -inf if low == 0 else log10(low) - log10(high)
    return Extremes(
        most=most, least=least, share=share, missing=len(lost), first=first, steps=len(values)
    )


def shape(flow: LayerFlow, name: Callable[[int], str], lang: str = "en") -> str:
    """Say where the gradient of what a layer stores, the cell of an LSTM, is strongest and weakest.

    Args:
        flow: Of the layer.
        name: Gives the name of a step.
        lang: "en" or "zh"; default "en".
    """
    if not flow.stored.any():
        return ""  # which the verdict says
    return extremes(flow.stored, flow.reverse).text(flow.symbol, name, lang)


def size(log: float) -> str:
    """Write a number of which the log10 is given, with two digits, as the script does.

    >>> size(-18.0), size(-0.2), size(-inf)
    ('1.0·10⁻¹⁸', '0.63', '0')
    """
    if isnan(log):
        return "–"
    if log in (inf, -inf):
        return "0" if log < 0 else "∞"
    if -2.3 < log < 4:
        return f"{float(f'{10**log:.2g}'):g}"
    digits, power = f"{10 ** (log - floor(log)):.1f}", floor(log)
    if digits == "10.0":
        digits, power = "1.0", power + 1
    return f"{digits}·10{str(power).translate(_SUPERSCRIPT)}"
