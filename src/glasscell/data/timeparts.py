"""Knows the parts of a time, such as a year or a clock, and puts those of one row together."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from glasscell.data.calendar import month_number
from glasscell.data.dates import recognised
from glasscell.data.numerals import looks_like_number

_PARTS = {
    "year": (*("year", "years", "yr", "yyyy", "yy", "jahr", "année", "annee", "año", "anno", "ano"),
             *("rok", "år", "yıl", "год", "年", "年份", "연도")),
    "quarter": ("quarter", "qtr", "qtrs", "q", "quartal", "trimestre", "квартал", "季度", "季"),
    "month": (*("month", "months", "mon", "mnth", "mm", "mo", "m", "monat", "mois", "mes", "mês"),
              *("mese", "maand", "månad", "miesiąc", "ay", "месяц", "月", "月份", "월")),
    "period": ("period", "periodo", "periode"),
    "week": (*("week", "wk", "isoweek", "weekofyear", "woche", "semaine", "semana", "settimana"),
             *("неделя", "周")),
    "dayofyear": ("doy", "dayofyear", "yday", "julianday", "jday"),
    "day": (*("day", "dd", "dy", "d", "dom", "dayofmonth", "tag", "jour", "dia", "día", "giorno"),
            *("dzień", "день", "日")),
    "hour": ("hour", "hours", "hr", "hh", "stunde", "heure", "hora", "ora", "小时", "时"),
    "minute": ("minute", "minutes", "mi", "分钟", "分"),
    "second": ("second", "seconds", "sec", "秒"),
}  # fmt: skip
_CLOCKS = ("time", "clock", "hhmm", "hhmmss", "uhrzeit", "hora", "heure", "时间")
_RANGES = {
    "year": (1000, 2999),
    "month": (1, 12),
    "quarter": (1, 4),
    "week": (1, 53),
    "dayofyear": (1, 366),
    "day": (1, 31),
    "hour": (0, 24),
    "minute": (0, 59),
    "second": (0, 59),
}
CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}([:.]\d{2}([.,]\d+)?)?( ?[ap]\.? ?m\.?)?", re.IGNORECASE)


def names_part(name: str) -> str:
    """Tell which part of a time a name alone stands for, "" for none."""
    return next((kind for kind, names in _PARTS.items() if _word(name) in names), "")


def _packed_clocks(cells: Sequence[str]) -> bool:
    """Tell whether cells are clocks as 093000 or 0930; without a zero ahead they may be years."""
    form = r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?"
    alike = len(set(map(len, cells))) == 1 and any(cell.startswith("0") for cell in cells)
    return alike and all(re.fullmatch(form, cell) for cell in cells)


def _word(name: str) -> str:
    return re.sub(r"[^\w]|_", "", name.lower())


def kind_of_part(name: str, cells: Sequence[str]) -> str:
    """Tell which part of a time a column holds, by its name and what stands in it; "" for none."""
    if not cells:
        return ""
    if all(CLOCK.fullmatch(cell) for cell in cells):
        # 18.00.00 is a clock, 27.01.05 a day, 18.00 a number.
        dotted = not any(re.search(r"[:hm]", cell.lower()) for cell in cells)
        if not dotted or (cells[0].count(".") == 2 and not recognised(cells, name)):
            return "clock"
    plain = [re.sub(r"\.0$", "", cell) for cell in cells]
    word, kind = _word(name), names_part(name)
    if word in _CLOCKS and _packed_clocks(cells):
        return "clock"
    if kind == "period":
        return kind if all(re.fullmatch(r"[MQSA]\d\d", cell) for cell in cells) else ""
    if kind == "month" and all(month_number(cell) for cell in cells):
        return kind
    if kind in ("quarter", "month") and all(re.fullmatch(r"[MQ]\d{1,2}", cell) for cell in cells):
        return kind
    if kind and all(re.fullmatch(r"\d+", cell) for cell in plain):
        low, high = _RANGES[kind]
        return kind if all(low <= int(cell) <= high for cell in plain) else ""
    if all(map(looks_like_number, cells)) and word not in ("date", "day", "datum", "日期"):
        return ""
    return "date" if recognised(cells, name) else ""


def together(parts: dict[str, str | None]) -> str | None:
    """Write the parts of one time as text that a time column may hold.

    >>> together({"year": "1990", "month": "Feb", "day": "3", "hour": "5"})
    '1990-02-03 05:00'
    >>> together({"year": "1990", "period": "M07"})
    '1990-07'
    """
    if any(cell is None for cell in parts.values()):
        return None
    cells = {kind: re.sub(r"\.0$", "", str(cell)) for kind, cell in parts.items()}
    if "clock" in cells:
        clock = cells.pop("clock")
        return f"{together({**cells})} {clock}"
    if "period" in cells:
        letter, number = cells["period"][0], int(cells["period"][1:])
        within = {"M": f"-{number:02}", "Q": f"-Q{number}", "S": f"-S{number}", "A": ""}[letter]
        return cells["year"] + within
    if "quarter" in cells:
        return f"{cells['year']}-Q{re.sub(r'[^1-4]', '', cells['quarter'])}"
    if "week" in cells:
        return f"{cells['year']}-W{int(cells['week']):02}"
    date = cells.get("date")
    if "dayofyear" in cells:
        first = np.datetime64(f"{cells['year']}-01-01")
        date = str(first + int(cells["dayofyear"]) - 1)
    if date is None:
        month = month_number(cells["month"]) or int(re.sub(r"\D", "", cells["month"]) or 0)
        date = f"{cells['year']}-{month:02}"
        date += f"-{int(cells['day']):02}" if "day" in cells else ""
    if "hour" not in cells:
        return date
    clock = ":".join(
        f"{int(cells[kind]):02}" for kind in ("hour", "minute", "second") if kind in cells
    )
    return f"{date} {clock}" + (":00" if "minute" not in cells else "")
