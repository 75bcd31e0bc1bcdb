"""Draws the table of results for a terminal: bits per symbol, a method a row."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from glasscell.data.wording import number
from glasscell.tasks.text.scores import Method


def results(methods: Sequence[Method], unit: str) -> Table:
    """Lay the methods out, the network in bold.

    Args:
        methods: Test results.
        unit: What a symbol is called.
    """
    table = Table(title="Bits on the last 5 %: the fewer, the better foretold")
    columns = {"method": "left", f"bits/{unit}": "right"}
    more = [any(getattr(m, by) != m.bits for m in methods) for by in ("per_character", "per_byte")]
    columns |= {"bits/character": "right"} if more[0] else {}
    columns |= {"bits/byte": "right"} if more[1] else {}
    columns |= {"parameters": "right", "seconds": "right"}
    for name, justify in columns.items():
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for method in methods:
        cells = [method.name, with_spread(method)]
        cells += [number(method.per_character)] if more[0] else []
        cells += [number(method.per_byte)] if more[1] else []
        cells += [f"{method.parameters:,}", f"{method.seconds:.1f}"]
        table.add_row(*cells, style="bold" if method is methods[-1] else "")
    return table


def with_spread(method: Method) -> str:
    """Write the bits, with ± one standard deviation between seeds where there are several.

    >>> with_spread(Method(name="LSTM", bits=2.25, per_character=2.25, per_byte=2.25, sd=0.012))
    '2.250 ± 0.012'
    """
    if not math.isfinite(method.bits):
        return number(method.bits)
    return f"{method.bits:.3f}" + (f" ± {method.sd:.2g}" if math.isfinite(method.sd) else "")
