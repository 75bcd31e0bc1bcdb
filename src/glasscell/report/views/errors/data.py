"""Errors of several methods by the step ahead and by the origin, as the page gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from glasscell.arrays import Array
from glasscell.report.page.measured import Measured

__all__ = ["errors"]

ARRAYS: Final = {
    "errors/ahead/k": "(horizon,) mean absolute error of the k-th method at each step ahead, over "
    "`scale`",
    "errors/origin/k": "(n,) its mean absolute error over the forecasts of each stretch of origins",
}
MEASURES: Final = {
    "errors": "{methods, times: [n] at which each stretch of origins begins, scale as text, unit}"
}


def errors(
    ahead: Mapping[str, Array], origin: Mapping[str, Array], times: Sequence[str], unit: str
) -> Measured:
    """Give the page its lines, in parts of the largest one, as 32 bits hold no error of 1e300.

    Args:
        ahead: Name of a method to its (horizon,) errors, the network first.
        origin: The same names to (n,) errors of each stretch of origins.
        times: (n,) when these begin.
        unit: Unit of the errors.
    """
    largest = max((float(line.max(initial=0.0)) for line in ahead.values()), default=0.0) or 1.0
    parts = {"ahead": ahead, "origin": origin}
    arrays = {
        f"errors/{part}/{k}": line / largest
        for part, lines in parts.items()
        for k, line in enumerate(lines.values())
    }
    told = {"methods": list(ahead), "times": list(times), "scale": repr(largest), "unit": unit}
    return Measured(arrays=arrays, numbers={"errors": told})
