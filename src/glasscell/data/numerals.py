"""Reads numbers as people write them: decimal marks, thousands, currencies, marks of nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.errors import DataError

_MARKS = (
    *("", ".", "..", "...", "…", "?", ":", "-", "--", "---", "–", "—", "*", "**", "***", "****"),
    *("na", "n/a", "n.a.", "#n/a", "#n/a n/a", "<na>", "nan", "-nan", "nat", "nd", "n.d."),
    *("null", "none", "nil", "(null)", "#null!", "\\n", "missing", "#value!", "#div/0!", "#ref!"),
)
MISSING = ("NaN", "-NaN", *sorted({f for m in _MARKS for f in (m, m.upper(), m.title())}))
"""What stands for a missing number; in a time or series column only an empty cell does."""
LARGEST = 1e304
"""Sizes above it are refused: the sum of a long series of them would be infinite."""
_CURRENCY = r"[$€£¥₹₩₽￥元円]|US\$|USD|EUR|GBP|JPY|CNY|RMB|CHF"
_FLAG = r"(?:\s[bcdefinprsuz]{1,3}|\s?[*#]{1,2})"
"""Flags behind a number: p provisional, e estimated, b break …; * and # of weather services."""
_TRANSLATED = str.maketrans(
    {"−": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "’": "'", "％": "%"}
)
_AMBIGUOUS = {mark: rf"[-+]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}" for mark in ",."}
_GROUPS = {
    ".": r"[-+]?\d{1,3}(?:(?:,\d{3})+|(?:,\d{2})*,\d{3}|(?: \d{3})+|(?:'\d{3})+)(?:\.\d*)?",
    ",": r"[-+]?\d{1,3}(?:(?:\.\d{3})+|(?: \d{3})+|(?:'\d{3})+)(?:,\d*)?",
}
_NUMBER = r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?"
_WITH_QUALITY = r"^[-+]0\d+,"
"""A number of a weather report and its quality: +0039,1 is 3.9 of quality 1 rather than 39.1."""
_LIKE_A_NUMBER = re.compile(
    rf"(?!{_WITH_QUALITY})(?:{_CURRENCY})?\s*(?:{_NUMBER}|{_GROUPS['.']}|{_GROUPS[',']}|[-+]?inf(?:inity)?)"
    rf"\s*(?:%|{_CURRENCY}|{_FLAG})?",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column read as numbers.

    Args:
        values: (n,) float64, NaN where missing or unreadable.
        unread: (n,) True where a cell holds something that is no number.
        left_out: What was left out of the cells, such as "percent signs", to the first such cell.
    """

    values: Array
    unread: Array
    left_out: dict[str, str] = field(default_factory=dict)


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for a missing number, a flagged one of Eurostat's included.

    >>> is_missing("."), is_missing(": c"), is_missing("0")
    (True, True, False)
    """
    return re.sub(r"^: ?[a-z]{1,3}$", ":", cell.strip().lower()) in _MARKS


def looks_like_number(cell: str) -> bool:
    """Tell whether a cell holds one number, under either decimal mark.

    >>> looks_like_number("1.234,5"), looks_like_number("12.3 p"), looks_like_number("1.2.2024")
    (True, True, False)
    """
    return _LIKE_A_NUMBER.fullmatch(cell.strip().translate(_TRANSLATED)) is not None


def read_numbers(cells: Any, decimal: str = ".", marks: Sequence[str] = ()) -> Numbers:
    """Read text as numbers.

    Args:
        cells: (n,) text, None or NaN where empty.
        decimal: Decimal mark, "." or ","; the other one, spaces and apostrophes part thousands.
        marks: Further marks of a missing value.

    Returns:
        The numbers.

    >>> read_numbers(["1.234,5", "12,3 p", ": c"], ",").values
    array([1234.5,   12.3,    nan])
    """
    text = pd.Series(cells, dtype=object).map(lambda c: c.translate(_TRANSLATED).strip(), "ignore")
    missing = text.isna() | text.str.lower().isin(_MARKS) | text.isin(list(marks))
    missing |= text.str.fullmatch(r": ?[a-z]{1,3}", na=False)
    plain = text.where(~missing, None)
    left_out = {}
    for what, taken in (
        ("Flags after numbers", plain.str.extract(rf"^(.*\d){_FLAG}$", expand=False)),
        ("Percent signs", plain.str.extract(r"^(.*\d)\s*%$", expand=False)),
        ("Currencies", _without_currency(plain)),
    ):
        if taken.notna().any():
            left_out[what] = str(plain[taken.notna()].iloc[0])
            plain = plain.where(taken.isna(), taken)
    grouped = plain.str.fullmatch(_GROUPS[decimal], na=False)
    if grouped.any():
        others = r"[ ',]" if decimal == "." else r"[ '.]"
        plain = plain.where(~grouped, plain.str.replace(others, "", regex=True))
    if decimal == ",":
        # A point that parts no thousands is then no number.
        pointed = plain.str.contains(".", regex=False, na=False)
        plain = plain.where(pointed, plain.str.replace(",", ".", regex=False)).where(~pointed, "?")
    values = pd.to_numeric(plain, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)
    # pandas before 3 reads no number that is beyond float64; Python reads an infinity.
    beyond = (
        np.isnan(values) & plain.str.fullmatch(r"[+-]?\d[\d.]*([eE]\+?\d+)?", na=False).to_numpy()
    )
    for row in np.flatnonzero(beyond):
        with suppress(ValueError):
            values[row] = float(plain.iloc[row])
    return Numbers(values, np.isnan(values) & ~missing.to_numpy(), left_out)


def find_decimal(chunks: Iterable[Any], separator: str) -> tuple[str, str]:
    """Find the decimal mark of a file from the cells of its columns of numbers.

    Args:
        chunks: Parts of the file, each a Series of text.
        separator: What parts the cells: a comma there makes a decimal comma unlikely, a semicolon
            makes it likely.

    Returns:
        The mark, and a sentence if "1,234" alone had to decide; else "".

    Raises:
        DataError: The cells can be read in two ways.

    >>> find_decimal([pd.Series(["1.234,5", "7"])], ";")
    (',', '')
    """
    seen = {".": "", ",": ""}
    ambiguous = {".": "", ",": ""}
    small = large = False
    for chunk in chunks:
        text = chunk.dropna().map(lambda c: str(c).translate(_TRANSLATED).strip())
        text = text.str.replace(rf"^(?:{_CURRENCY})\s*|\s*(?:%|{_CURRENCY}|{_FLAG})$", "",
                                regex=True)  # fmt: skip
        unmarked = text[text.str.fullmatch(r"[-+]?[1-9]\d*")]
        large |= bool((unmarked.str.lstrip("+-").str.len() > 3).any())
        small |= bool(len(unmarked))
        marked = text[text.str.contains(r"[.,]", regex=True) & ~text.str.match(_WITH_QUALITY)]
        for mark, other in ((".", ","), (",", ".")):
            m, o = re.escape(mark), re.escape(other)
            unsure = marked[marked.str.fullmatch(_AMBIGUOUS[mark])]
            sure = marked[
                marked.str.fullmatch(rf"[-+]?\d*{m}\d*(?:[eE][-+]?\d+)?")
                & ~marked.str.fullmatch(_AMBIGUOUS[mark])
                & marked.str.contains(r"\d", regex=True)
                | marked.str.fullmatch(rf"[-+]?\d{{1,3}}(?:{o}\d{{3}})+{m}\d*")
                | marked.str.fullmatch(rf"[-+]?\d{{1,3}}(?:{o}\d{{3}}){{2,}}")
                | marked.str.fullmatch(rf"[-+]?\d{{1,3}}(?:[ ']\d{{3}})+{m}\d*")
            ]
            seen[mark] = seen[mark] or (sure.iloc[0] if len(sure) else "")
            ambiguous[mark] = ambiguous[mark] or (unsure.iloc[0] if len(unsure) else "")
        if seen["."] or seen[","]:
            break
    return _decided(seen, ambiguous, small, large, separator)


def sentinel(values: Array, name: str) -> str:
    """Say so if one value, such as -999, stands apart from all others and may mark missing ones.

    >>> sentinel(np.array([1.0, -999, 2, 3, -999]), "y")[:31]
    "Column 'y' holds -999 2 times, "
    """
    known = values[~np.isnan(values)]
    for edge in (known.min(), known.max()) if len(known) else ():
        rest = known[known != edge]
        count = len(known) - len(rest)
        written = f"{edge:g}".replace(".", "").lstrip("-")
        repeated = len(set(written)) == 1 and written[0] == "9" and len(written) > 1
        if not (repeated or edge == -200) or count < 2 or len(rest) < 2 or not rest.any():
            continue
        apart = np.abs(rest - edge).min()
        if apart > np.ptp(rest) or (edge < 0 <= rest.min()):
            return (
                f"Column {name!r} holds {edge:g} {count} times, far from its other values; if it "
                f"marks missing ones, say so with --missing={edge:g}."
            )
    return ""


def _decided(
    seen: dict[str, str], ambiguous: dict[str, str], small: bool, large: bool, separator: str
) -> tuple[str, str]:
    if seen["."] and seen[","]:
        raise DataError(
            f"{seen['.']!r} has a decimal point and {seen[',']!r} a decimal comma; say which is "
            "right with --decimal , or --decimal . (the other one parts thousands)"
        )
    for mark in ".,":
        if seen[mark]:
            return mark, ""
    cell = ambiguous[","] or ambiguous["."]
    if not cell:
        return ".", ""
    if not (ambiguous["."] and ambiguous[","]):
        mark = "," if ambiguous[","] else "."
        if large:
            # 1234 without a mark beside 1,234: the mark does not part thousands.
            return mark, ""
        if mark == "," and separator == ",":
            return ".", (
                f"{cell!r} was read as {cell.replace(',', '')}: commas part thousands; "
                "--decimal , reads them as decimal marks."
            )
        if mark == "." and separator != ";" and not small:
            return ".", ""
    what = "comma" if "," in cell else "point"
    raise DataError(
        f"{cell!r} may be a decimal {what} or a thousands separator; say which is the decimal mark "
        "with --decimal , or --decimal . (the other one parts thousands)"
    )


def _without_currency(text: Any) -> Any:
    """Take one kind of currency off, NaN where there is none; several kinds stay, to be refused."""
    before = text.str.extract(rf"^([-+]?)\s*(?P<sign>{_CURRENCY})\s*(.*\d)$", flags=re.IGNORECASE)
    after = text.str.extract(rf"^()(.*\d)\s*(?P<sign>{_CURRENCY})$", flags=re.IGNORECASE)
    if pd.concat([before["sign"], after["sign"]]).str.upper().nunique() > 1:
        return pd.Series(np.nan, index=text.index)
    return (before[0] + before[2]).where(before["sign"].notna(), after[1])
