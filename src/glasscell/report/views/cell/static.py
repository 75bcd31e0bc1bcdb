"""The living cell without script: the drawing with a number on every wire, and its equations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final

import numpy as np

from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.units.cell_numbers import LETTERS as SUBSCRIPTS
from glasscell.inspect.units.cell_numbers import CellNumbers, cell_numbers
from glasscell.report.draw.markup import LETTERS, escape, fixed, short
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build", "drawing", "equations", "numbers", "stroke"]

ORDER: Final = 3
TITLE: Final = "living"
_TERMS: Final = 4
"""Products of W [h, x] that an equation writes out; the rest is one number."""
_LISTED: Final = 600
"""Terms that the table of all of them has at most."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section for the unit and step that the page starts with."""
    cell = numbers(shown)
    if cell is None:
        return ""
    series = shown.series[shown.start.get("series", 0)]
    named = series.inputs if len(series.inputs) == len(cell.x) else ()
    when = series.labels[cell.step] if series.labels else str(cell.step)
    at = _say("cell.static", lang, unit=cell.unit, when=when)
    return (
        f'<p class="note">{at}</p><div class="living">{drawing(cell, lang)}</div>'
        f"{equations(cell, named, lang)}"
    )


def numbers(shown: Exploration) -> CellNumbers | None:
    """Give the numbers that a page starts with; None where they are no LSTM's or do not agree."""
    series = shown.series[shown.start.get("series", 0)]
    layer = shown.start.get("layer", series.first)
    trace, weights = series.trace(layer), shown.layers[layer].weights
    if trace.cell is None or series.x is None or not weights or "weight_hr" in weights:
        return None
    bias = weights.get("bias")
    own = LayerWeights(
        weight_ih=weights["weight_ih"],
        weight_hh=weights["weight_hh"],
        bias_ih=bias,
        bias_hh=None if bias is None else np.zeros_like(bias),
    )
    x = np.array(series.x)
    if (shown.model or {}).get("type") == "Forecaster" and not series.first:
        x[:, 0] -= x[-1, 0]  # a Forecaster's layer reads the window less its last value
    try:
        return cell_numbers(
            own, trace, x,
            unit=min(shown.start.get("unit", 0), trace.cell.shape[1] - 1),
            step=min(shown.start.get("t", 0), series.steps - 1),
            h0=trace.initial_hidden, c0=trace.initial_cell,
        )  # fmt: skip
    except (
        DataError,
        ShapeError,
    ):  # a deeper layer, or one behind an Embedding, reads other things
        return None


def drawing(cell: CellNumbers, lang: str) -> str:
    """Return the drawing in both widths with its numbers filled in; CSS shows the one that fits."""
    wires = cell.wires
    x = [fixed(value, 2) for value in np.ravel(cell.x)[:3]] + ["…"] * (len(np.ravel(cell.x)) > 3)
    texts = {name: fixed(value) for name, value in wires.items()}
    texts |= {"x": f"= ({', '.join(x)})", "before": ""}
    svg = "".join(map(_svg, ("wide", "narrow")))
    # Its own arrow heads: those of the script's drawing are not there without script.
    svg = svg.replace('id="tip-', 'id="still-').replace("#tip-", "#still-")

    def level(found: re.Match[str]) -> str:
        return f'{found[1]}width="{min(1.0, abs(wires[found[2]])) * float(found[3]):.1f}"'

    svg = re.sub(r'(data-value="(\w+)">)', lambda m: m[1] + texts[m[2]], svg)
    inside = {gate: fixed(total, 2) for gate, total in cell.pre_activations.items()}
    svg = re.sub(r'(data-inside="(\w+)">)', lambda m: m[1] + inside[m[2]], svg)
    svg = re.sub(r'data-say-label="([\w.]+)"', lambda m: f'aria-label="{_say(m[1], lang)}"', svg)
    svg = re.sub(r'(data-say="([\w.]+)">)', lambda m: m[1] + _say(m[2], lang), svg)
    svg = re.sub(r'((?:data-level)="(\w+)" data-whole="([\d.]+)"[^>]*?)width="0"', level, svg)
    return re.sub(
        r'data-wire="(\w+)"',
        lambda m: f'{m[0]} style="stroke-width:{stroke(wires[m[1]]):.2f}"',
        svg,
    )


def stroke(value: float) -> float:
    """Return the width of a wire that carries a value: 1.4 at 0, 7 from magnitude 1 on."""
    return 1.4 + 5.6 * min(1.0, abs(value)) if np.isfinite(value) else 1.4


def equations(cell: CellNumbers, named: Sequence[str], lang: str) -> str:
    """Return the equations as HTML: the form, the numbers, the result; then the table of terms."""
    names = [f"<var>h</var><sub>{k}</sub>" for k in range(len(np.ravel(cell.h_prev)))]
    names += [short(name, 24) for name in named] or [
        f"<var>x</var><sub>{k}</sub>" for k in range(len(np.ravel(cell.x)))
    ]
    wires = cell.wires
    written = fixed(abs(wires["written"]))
    update = (
        f"{_number(wires, 'forget')} · {_factor(cell.cell_prev)} + {_number(wires, 'input')} · "
        f"{_factor(cell.candidate)} = {fixed(wires['kept'])} {_sign(wires['written'])} {written}"
    )
    show = f"{_number(wires, 'output')} · tanh({fixed(cell.cell)})"
    show += f" = {fixed(cell.output)} · {_factor(wires['squashed'])}"
    sums = {gate: _gate(cell, gate, names, lang) for gate in SUBSCRIPTS}
    lines = [
        sums["forget"], sums["input"], sums["candidate"],
        _line("cell", f"{_var('f')} · {_var('C', 't−1')} + {_var('i')} · {_var('C̃')}", update,
              cell.cell),
        sums["output"], _line("hidden", f"{_var('o')} · tanh({_var('C')})", show, wires["hidden"]),
    ]  # fmt: skip
    return f'<div class="still">{"".join(lines)}</div>{_all_terms(cell, names, lang)}'


def _line(name: str, form: str, filled: str, result: float) -> str:
    letter = "h" if name == "hidden" else LETTERS[name]
    return (
        f'<div class="eq" style="--q:var(--{name})"><p><span class="left">{_var(letter)}</span> '
        f'<span class="sym">= {form}</span></p><p class="sum">= {filled}</p>'
        f'<p class="sum">= <b class="{name}">{fixed(result)}</b></p></div>'
    )


def _gate(cell: CellNumbers, gate: str, names: Sequence[str], lang: str) -> str:
    function, low = "tanh" if gate == "candidate" else "σ", SUBSCRIPTS[gate]
    read = f"[{_var('h', 't−1')}, {_var('x')}]"
    form = f"{function}(<var>W</var><sub>{low}</sub> {read} + <var>b</var><sub>{low}</sub>)"
    filled = f'{function}( <span class="terms">{_terms(cell, gate, names, lang)}</span> )'
    filled += f'</p><p class="sum">= {function}({fixed(cell.pre_activations[gate])})'
    return _line(gate, form, filled, getattr(cell, gate))


def _terms(cell: CellNumbers, gate: str, names: Sequence[str], lang: str) -> str:
    """Give the largest products of W [h, x], the rest as one number, then the bias."""
    row, read = np.asarray(cell.weights[gate]), cell.read
    products = row * read
    size = np.where(np.isfinite(products), np.abs(products), np.inf)
    largest = np.argsort(-size, kind="stable")[:_TERMS]
    terms = [(f"{fixed(abs(row[k]))}·{_factor(read[k])}", row[k], names[k]) for k in largest]
    if rest := len(products) - len(largest):
        total = float(np.delete(products, largest).sum())
        terms.append((fixed(abs(total)), total, _say("cell.terms.rest", lang, count=rest)))
    bias = cell.biases[gate]
    terms.append((fixed(abs(bias)), bias, f"<var>b</var><sub>{SUBSCRIPTS[gate]}</sub>"))
    return " ".join(
        f'<span class="signed">{_sign(sign) if k or sign < 0 else ""} <span class="term">{text}'
        f"<small>{name}</small></span></span>"
        for k, (text, sign, name) in enumerate(terms)
    )


def _all_terms(cell: CellNumbers, names: Sequence[str], lang: str) -> str:
    read = cell.read
    heads = "".join(f"<th><var>W</var><sub>{low}</sub></th>" for low in SUBSCRIPTS.values())
    rows = "".join(
        f"<tr><th scope=row>{name}</th><td>{fixed(value)}</td>"
        + "".join(f"<td>{fixed(cell.weights[gate][k])}</td>" for gate in SUBSCRIPTS)
        + "</tr>"
        for k, (name, value) in enumerate(zip(names[:_LISTED], read, strict=False))
    )
    biases = "".join(f"<td>{fixed(cell.biases[gate])}</td>" for gate in SUBSCRIPTS)
    return (
        f"<details><summary>{_say('cell.terms.all', lang, count=len(read))}</summary>"
        f'<div class="scroll"><table><thead><tr><th>{_say("cell.terms.name", lang)}</th>'
        f"<th>{_say('cell.terms.value', lang)}</th>{heads}</tr></thead><tbody>{rows}"
        f"<tr><th scope=row><var>b</var></th><td></td>{biases}</tr></tbody></table></div></details>"
    )


def _number(wires: Mapping[str, float], name: str) -> str:
    return f'<span class="{name}">{fixed(wires[name])}</span>'


def _factor(value: float) -> str:
    return f"({fixed(value)})" if value < 0 else fixed(value)


def _sign(value: float) -> str:
    return "−" if value < 0 else "+"


def _var(letter: str, low: str = "t") -> str:
    return f"<var>{letter}</var><sub>{low}</sub>"


def _say(key: str, lang: str, **values: object) -> str:
    return escape(words()[key][lang == "zh"].format(**values))


@cache
def _svg(name: str) -> str:
    return (resources.files(__package__) / f"{name}.svg").read_text(encoding="utf-8")
