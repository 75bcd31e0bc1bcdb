"""Numbers and names as HTML text: escaping, minus signs, missing values."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from typing import Final

MISSING: Final = "–"
_POWER: Final = re.compile(r"\^(−?[\d.]*\d)")
_MINUS: Final = "\N{MINUS SIGN}"


def escape(text: object) -> str:
    """Return text that is safe between tags and inside quoted attributes.

    Examples:
        >>> escape('<script>"x"')
        '&lt;script&gt;&quot;x&quot;'
    """
    return html.escape(str(text), quote=True)


def fixed(value: float, digits: int = 3) -> str:
    """Return a number with a fixed count of decimals, short for large and tiny ones.

    Examples:
        >>> fixed(-0.12345), fixed(1234.5), fixed(float("nan"))
        ('−0.123', '1234', '–')
        >>> fixed(0.00004), fixed(-0.0)
        ('4.0e−5', '0.000')
    """
    value = float(value)
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return (_MINUS if value < 0 else "") + "∞"
    size = abs(value)
    if size and (size < 0.5 * 10.0**-digits or size >= 1e6):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", _MINUS)
    whole = len(str(int(size)))
    text = f"{value + 0.0:.{max(0, min(digits, digits + 1 - whole))}f}"
    return text.replace("-", _MINUS)


def column_decimals(values: Sequence[float], digits: int = 4) -> int:
    """Return how many decimals show a column: `digits` significant ones of its typical size.

    Never more than the numbers have, so whole numbers stay whole.

    Examples:
        >>> column_decimals([19.0132, 14.7812, 0.4]), column_decimals([876.0, 4890.0])
        (2, 0)
    """
    sizes = sorted(abs(v) for v in values if math.isfinite(v) and v != 0)
    if not sizes:
        return 0
    typical = max(0, digits - 1 - math.floor(math.log10(sizes[len(sizes) // 2])))
    needed = (d for d in range(typical) if all(abs(round(v, d) - v) < 1e-9 * v for v in sizes))
    return min(typical, next(needed, typical), 6)


def grouped(value: float, decimals: int) -> str:
    """Return a number for a table, thousands apart.

    Examples:
        >>> grouped(876.0, 0), grouped(14.7812, 2)
        ('876', '14.78')
    """
    if not math.isfinite(value):
        return fixed(value)
    if value and (abs(value) >= 1e12 or abs(value) < 0.5 * 10.0**-decimals):
        return fixed(value, 1)
    text = f"{value + 0.0:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.replace("-", _MINUS)


def powers(text: str) -> str:
    """Return escaped text with each `^` and the number behind it raised.

    Examples:
        >>> powers("10^−3.5 of it")
        '10<sup>−3.5</sup> of it'
    """
    return _POWER.sub(r"<sup>\1</sup>", text)


def short(text: object, length: int = 40) -> str:
    """Return escaped text cut to a length, for labels that must not push others away."""
    plain = str(text)
    return escape(plain if len(plain) <= length else plain[: length - 1] + "…")
