"""The living cell without script: the drawing with a number on every wire, and its equations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from glasscell.cells import Cell
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.units.cell_numbers import CellNumbers, Terms, cell_numbers
from glasscell.report.draw.markup import escape, fixed, short
from glasscell.report.draw.recurrence import SIGNS, Look, Part, look
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words
from glasscell.report.views.cell.drawing import drawing_of, pictures

__all__ = [
    "ORDER",
    "TITLE",
    "build",
    "drawing",
    "equations",
    "how",
    "numbers",
    "stroke",
    "wires",
]

ORDER: Final = 3
TITLE: Final = "living"
_TERMS: Final = 4
"""Products of a sum that an equation writes out; the rest is one number."""
_LISTED: Final = 600
"""Terms that the table of all of them has at most."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section for the unit and step that the page starts with."""
    cell = numbers(shown)
    if cell is None or drawing_of(cell.cell_of) == "rnn":
        return ""
    series = shown.series[shown.start.get("series", 0)]
    named = series.inputs if len(series.inputs) == len(cell.x) else ()
    when = series.labels[cell.step] if series.labels else str(cell.step)
    at = _say("cell.static", lang, unit=cell.unit, when=when)
    return (
        f'<p class="note">{at}</p><div class="living">{drawing(cell, lang)}</div>'
        f"{equations(cell, named, lang)}"
    )


def how(title: str, shown: Exploration) -> str:
    """Give the word key of the sentence above the drawing that a page starts with."""
    layer = shown.start.get("layer", shown.series[shown.start.get("series", 0)].first)
    own = drawing_of(shown.layers[layer].cell)
    return {"lstm": f"{title}.how", "rnn": f"{title}.how.rnn"}.get(own, f"{title}.how.any")


def numbers(shown: Exploration) -> CellNumbers | None:
    """Give the numbers that a page starts with; None where they are unknown or do not agree."""
    series = shown.series[shown.start.get("series", 0)]
    layer = shown.start.get("layer", series.first)
    trace, weights = series.trace(layer), dict(shown.layers[layer].weights)
    if series.x is None or not weights or "weight_hr" in weights:
        return None
    if "bias" in weights:
        weights |= {"bias_ih": weights["bias"], "bias_hh": np.zeros_like(weights.pop("bias"))}
    own = LayerWeights.named(weights, trace.units)
    x = np.array(series.x)
    if (shown.model or {}).get("type") == "Forecaster" and not series.first:
        # A Forecaster's layer reads the window less its last value.
        past = (shown.model or {})["lookback"]
        x[:past, 0] -= x[past - 1, 0]
    try:
        return cell_numbers(
            own, trace, x,
            unit=min(shown.start.get("unit", 0), trace.units - 1),
            step=min(shown.start.get("t", 0), series.steps - 1),
            h0=trace.initial_hidden, c0=trace.initial_cell,
        )  # fmt: skip
    except (
        DataError,
        ShapeError,
    ):  # a deeper layer, or one behind an Embedding, reads other things
        return None


def wires(cell: CellNumbers) -> dict[str, float]:
    """Give the number on each wire of the cell's drawing, by the name that it has there."""
    return _WIRES[drawing_of(cell.cell_of)](cell)


def _lstm(cell: CellNumbers) -> dict[str, float]:
    return cell.wires


def _gru(cell: CellNumbers) -> dict[str, float]:
    v, before = cell.values, cell.before["hidden"]
    read = next(sum_.total for sum_, (_, reads) in _sums(cell) if reads == "h")
    return {
        "hidden_prev": before,
        "update": v["update"],
        "kept": v["update"] * before,
        "rest": 1 - v["update"],
        "reset": v["reset"],
        "read": read,
        "seen": v["reset"] * read,
        "within": v["reset"] * read + cell.sums[0].total,
        "candidate": v["candidate"],
        "written": (1 - v["update"]) * v["candidate"],
        "hidden": cell.hidden,
    }


def _program(cell: CellNumbers) -> dict[str, float]:
    before = {f"{name} before": value for name, value in cell.before.items()}
    own = {name: cell.values.get(name, cell.hidden) for name in look(cell.cell_of).names}
    return own | before


_WIRES: Final[dict[str, Callable[[CellNumbers], dict[str, float]]]] = {
    "lstm": _lstm, "gru": _gru, "program": _program,
}  # fmt: skip


def _sums(cell: CellNumbers) -> list[tuple[Terms, tuple[str, str]]]:
    return list(zip(cell.sums, cell.cell_of.program.sums, strict=True))


def drawing(cell: CellNumbers, lang: str) -> str:
    """Return the drawing in both widths with its numbers filled in; CSS shows the one that fits."""
    own = wires(cell)
    x = [fixed(value, 2) for value in np.ravel(cell.x)[:3]] + ["…"] * (len(np.ravel(cell.x)) > 3)
    texts = {escape(name): fixed(value) for name, value in own.items()}
    texts |= {"x": f"= ({', '.join(x)})", "before": ""}
    widths = {escape(name): value for name, value in own.items()}
    svg = pictures(cell.cell_of)
    # Its own arrow heads: those of the script's drawing are not there without script.
    svg = svg.replace('id="tip-', 'id="still-').replace("#tip-", "#still-")

    def level(found: re.Match[str]) -> str:
        return f'{found[1]}width="{min(1.0, abs(widths[found[2]])) * float(found[3]):.1f}"'

    svg = re.sub(r'(data-value="([^"]+)">)', lambda m: m[1] + texts[m[2]], svg)
    inside = {escape(name): fixed(total, 2) for name, total in _inside(cell).items()}
    svg = re.sub(r'(data-inside="([^"]+)">)', lambda m: m[1] + inside[m[2]], svg)
    svg = re.sub(r'data-say-label="([\w.]+)"', lambda m: f'aria-label="{_say(m[1], lang)}"', svg)
    svg = re.sub(r'(data-say="([\w.]+)">)', lambda m: m[1] + _say(m[2], lang), svg)
    svg = re.sub(r'((?:data-level)="([^"]+)" data-whole="([\d.]+)"[^>]*?)width="0"', level, svg)
    return re.sub(
        r'data-wire="([^"]+)"',
        lambda m: f'{m[0]} style="stroke-width:{stroke(widths[m[1]]):.2f}"',
        svg,
    )


def _inside(cell: CellNumbers) -> dict[str, float]:
    """What stands inside each quantity that is made of one sum."""
    found = {}
    for name, parts in look(cell.cell_of).equations.items():
        sums = [part[1] for part in parts if not isinstance(part, str) and part[0] != "value"]
        if sums:
            found[name] = cell.sums[sums[0]].total
    return found


def stroke(value: float) -> float:
    """Return the width of a wire that carries a value: 1.4 at 0, 7 from magnitude 1 on."""
    return 1.4 + 5.6 * min(1.0, abs(value)) if np.isfinite(value) else 1.4


# ---- equations -----------------------------------------------------------------------------


def equations(cell: CellNumbers, named: Sequence[str], lang: str) -> str:
    """Return the equations as HTML: the form, the numbers, the result; then the table of terms."""
    names = [f"<var>h</var><sub>{k}</sub>" for k in range(_read_of_h(cell))]
    names += [short(name, 24) for name in named] or [
        f"<var>x</var><sub>{k}</sub>" for k in range(len(np.ravel(cell.x)))
    ]
    written = look(cell.cell_of).equations
    lines = "".join(_line(cell, name, parts, names, lang) for name, parts in written.items())
    return f'<div class="still">{lines}</div>{_all_terms(cell, names, lang)}'


def _line(
    cell: CellNumbers, name: str, parts: Sequence[Part], names: Sequence[str], lang: str
) -> str:
    how = look(cell.cell_of)
    form = "".join(escape(p) if isinstance(p, str) else _form(cell.cell_of, p) for p in parts)
    sums = [part[1] for part in parts if not isinstance(part, str) and part[0] != "value"]
    result = cell.computed[how.values[name]]
    filled = [_filled(cell, parts)]
    if not sums:
        filled[0] += _last(cell, how.values[name])
    elif len(sums) == 1 and len(parts) == 3:
        terms = f'<span class="terms">{_terms(cell, sums[0], names, lang)}</span>'
        filled.insert(0, f"{parts[0]} {terms} {parts[2]}")
    else:
        filled[:0] = [
            f"{_sum_form(cell.cell_of, k)} = "
            f'<span class="terms">{_terms(cell, k, names, lang)}</span>'
            f" = {fixed(cell.sums[k].total)}"
            for k in sums
        ]
    hue = how.colours.get(name, "soft")
    letter = _var(how.letters[name]) if name in how.letters else _var("u", name[1:])
    steps = "".join(
        f'<p class="sum">{"" if len(sums) > 1 and k < len(sums) else "= "}{text}</p>'
        for k, text in enumerate(filled)
    )
    return (
        f'<div class="eq" style="--q:var(--{hue})"><p><span class="left">{letter}</span> '
        f'<span class="sym">= {form}</span></p>{steps}'
        f'<p class="sum">= <b class="{hue}">{fixed(result)}</b></p></div>'
    )


def _form(cell: Cell, part: Any) -> str:
    kind, place = part
    if kind != "value":
        form = _sum_form(cell, place)
        return f"({form})" if kind == "term" else form
    how, program = look(cell), cell.program
    for name, value in how.values.items():
        if value == place:
            return _var(how.letters[name]) if name in how.letters else _var("u", name[1:])
    first = len(program.sums)
    if place < first + len(program.states):
        return _var(how.letters[how.states[place - first]], "t−1")
    others = (*program.vectors, *program.masks)
    head, _, low = others[place - first - len(program.states)].partition("_")
    return _var(head, low.replace("_", " ")) if low else f"<var>{escape(head)}</var>"


def _sum_form(cell: Cell, place: int) -> str:
    gate, reads = cell.program.sums[place]
    how = look(cell)
    low, before = _low(how, cell.gates[gate]), _var(how.letters["hidden"], "t−1")
    read = {"xh": f"[{before}, {_var('x')}]", "x": _var("x"), "h": before}[reads]
    matrix, bias = ("U", "b′") if reads == "h" else ("W", "b")
    return f"<var>{matrix}</var><sub>{low}</sub> {read} + <var>{bias}</var><sub>{low}</sub>"


def _low(how: Look, gate: str) -> str:
    """The subscript of a gate's weights: that of C̃ is C."""
    return escape(how.letters[gate].replace("\N{COMBINING TILDE}", ""))


def _filled(cell: CellNumbers, parts: Sequence[Part]) -> str:
    """Give the equation with numbers in place of its letters."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += escape(part)
            continue
        value = cell.computed[part[1]] if part[0] == "value" else cell.sums[part[1]].total
        hue = _hue(cell, part)
        number = _factor(value) if re.search(r"[·+−/] $", text) else fixed(value)
        text += f'<span class="{hue}">{number}</span>' if hue else number
    return text


def _hue(cell: CellNumbers, part: Any) -> str:
    how = look(cell.cell_of)
    named = (name for name, value in how.values.items() if ("value", value) == tuple(part))
    return how.colours.get(next(named, ""), "")


def _last(cell: CellNumbers, value: int) -> str:
    """Give the two numbers that the last operation of an equation puts together."""
    program = cell.cell_of.program
    op = program.operations[value - program.inputs]
    if op.name not in SIGNS:
        return ""
    left, right = (cell.computed[operand] for operand in op.operands)
    sign = SIGNS[op.name][0]
    if op.name in ("add", "sub"):
        plus = (right < 0) == (op.name == "sub")
        return f" = {fixed(left)} {'+' if plus else '−'} {fixed(abs(right))}"
    return f" = {fixed(left)} {sign} {_factor(right)}"


def _terms(cell: CellNumbers, place: int, names: Sequence[str], lang: str) -> str:
    """Give the largest products of a sum, the rest as one number, then the bias."""
    one, (gate, reads) = cell.sums[place], cell.cell_of.program.sums[place]
    P = _read_of_h(cell)
    own = {"xh": names, "x": names[P:], "h": names[:P]}[reads]
    row, read = np.asarray(one.weights), one.read
    products = row * read
    size = np.where(np.isfinite(products), np.abs(products), np.inf)
    largest = np.argsort(-size, kind="stable")[:_TERMS]
    terms = [(f"{fixed(abs(row[k]))}·{_factor(read[k])}", row[k], own[k]) for k in largest]
    if rest := len(products) - len(largest):
        total = float(np.delete(products, largest).sum())
        terms.append((fixed(abs(total)), total, _say("cell.terms.rest", lang, count=rest)))
    bias, low = one.bias, _low(look(cell.cell_of), cell.cell_of.gates[gate])
    letter = "b′" if reads == "h" else "b"
    terms.append((fixed(abs(bias)), bias, f"<var>{letter}</var><sub>{low}</sub>"))
    return " ".join(
        f'<span class="signed">{_sign(sign) if k or sign < 0 else ""} <span class="term">{text}'
        f"<small>{name}</small></span></span>"
        for k, (text, sign, name) in enumerate(terms)
    )


def _read_of_h(cell: CellNumbers) -> int:
    """How many hidden states the weights read: none of a cell without a matrix R."""
    return len(next(iter(cell.weights.values()))) - len(np.ravel(cell.x))


def _all_terms(cell: CellNumbers, names: Sequence[str], lang: str) -> str:
    how, read = look(cell.cell_of), cell.read[-len(names) :]
    gates = [name for name in how.names if name in cell.weights]
    gates += [name for name in cell.weights if name not in gates]
    heads = "".join(f"<th><var>W</var><sub>{_low(how, gate)}</sub></th>" for gate in gates)
    rows = "".join(
        f"<tr><th scope=row>{name}</th><td>{fixed(value)}</td>"
        + "".join(f"<td>{fixed(cell.weights[gate][k])}</td>" for gate in gates)
        + "</tr>"
        for k, (name, value) in enumerate(zip(names[:_LISTED], read, strict=False))
    )
    biases = "".join(f"<td>{fixed(cell.biases[gate])}</td>" for gate in gates)
    return (
        f"<details><summary>{_say('cell.terms.all', lang, count=len(read))}</summary>"
        f'<div class="scroll"><table><thead><tr><th>{_say("cell.terms.name", lang)}</th>'
        f"<th>{_say('cell.terms.value', lang)}</th>{heads}</tr></thead><tbody>{rows}"
        f"<tr><th scope=row><var>b</var></th><td></td>{biases}</tr></tbody></table></div></details>"
    )


def _factor(value: float) -> str:
    return f"({fixed(value)})" if value < 0 else fixed(value)


def _sign(value: float) -> str:
    return "−" if value < 0 else "+"


def _var(letter: str, low: str = "t") -> str:
    return f"<var>{escape(letter)}</var><sub>{escape(low)}</sub>"


def _say(key: str, lang: str, **values: object) -> str:
    return escape(words()[key][lang == "zh"].format(**values))
