"""What moved the forecast of each shown window, as the page gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from glasscell.arrays import Array
from glasscell.report.page.measured import Measured

__all__ = ["reasons"]

ARRAYS: Final = {
    "s/reasons": "(K, T) what each step of each column added to the forecast, in the data's unit",
    "s/moved": "(1, T) what all columns of each step added",
    "s/remembered": "(1, T) what the memory added, by the step at which it was written; absent "
    "without a gate that keeps",
}
MEASURES: Final = {
    "reasons": "{series: {columns, steps, parts: [{name, added, fell}], text: [en, zh], forecast, "
    "last, base, said, fell, error, unit}}"
}


def reasons(
    found: Sequence[Mapping[str, Any]],
    added: Sequence[Array],
    by_step: Sequence[Array],
    unit: str,
) -> Measured:
    """Give the page what was measured, a series each.

    Args:
        found: Numbers and words of each.
        added: (T, K) contributions of each.
        by_step: (T,) what all columns of each step added.
        unit: Of the forecasts.
    """
    arrays = {f"{s}/reasons": one.T for s, one in enumerate(added)}
    arrays |= {f"{s}/moved": one[None] for s, one in enumerate(by_step)}
    numbers = {str(s): {**one, "unit": unit} for s, one in enumerate(found)}
    return Measured(arrays=arrays, numbers={"reasons": numbers})
