"""The five equations of the cell with the numbers of one unit at one step put in."""

from __future__ import annotations

from typing import Final

import numpy as np

from glasscell.report.cell import LETTERS as SUBSCRIPTS
from glasscell.report.cell import CellNumbers
from glasscell.report.draw.markup import LETTERS, escape, fixed, short
from glasscell.report.run_words import say

_SHOWN: Final = 4


def build(cell: CellNumbers, lang: str) -> str:
    """Return the equations as HTML: the form, the numbers, the result; then the table of terms."""
    steps = [
        _block("step.forget", "forget", _gate(cell, "forget", lang), lang),
        _block(
            "step.write",
            "input",
            _gate(cell, "input", lang) + _gate(cell, "candidate", lang),
            lang,
        ),
        _block("step.cell", "cell", _cell_update(cell), lang),
        _block("step.show", "output", _gate(cell, "output", lang) + _hidden(cell), lang),
    ]
    read = _block("step.read", "bus", _concatenation(cell), lang)
    return f'<div class="equations">{read}{"".join(steps)}</div>{_all_terms(cell, lang)}'


def term_names(cell: CellNumbers) -> list[str]:
    """Return the HTML name of each entry of [h_{t-1}, x_t]: h₀ …, then the input features."""
    hidden = len(np.ravel(cell.h_prev))
    features = len(np.ravel(cell.x))
    named = list(cell.input_names) if len(cell.input_names) == features else []
    inputs = [short(n, 24) for n in named] or [
        f"<var>x</var><sub>{k}</sub>" for k in range(features)
    ]
    return [f"<var>h</var><sub>{k}</sub>" for k in range(hidden)] + inputs


def _block(key: str, css: str, body: str, lang: str) -> str:
    return f'<div class="eq {css}"><h4>{escape(say(lang, key))}</h4>{body}</div>'


def _concatenation(cell: CellNumbers) -> str:
    h = np.ravel(cell.h_prev)
    x = np.ravel(cell.x)
    shown = [fixed(v, 2) for v in h[:6]] + (["…"] if len(h) > 6 else [])
    inputs = [fixed(v, 2) for v in x[:6]] + (["…"] if len(x) > 6 else [])
    return (
        f"<p>[<var>h</var><sub>t−1</sub>, <var>x</var><sub>t</sub>] = "
        f"[{', '.join(shown)} | {', '.join(inputs)}]"
        f" <small>{len(h)} + {len(x)}</small></p>"
    )


def _gate(cell: CellNumbers, gate: str, lang: str) -> str:
    function = "tanh" if gate == "candidate" else "σ"
    letter, sub = LETTERS[gate], SUBSCRIPTS[gate]
    total = fixed(cell.pre_activations[gate])
    return (
        f'<p><var class="{gate}">{letter}</var><sub>t</sub> = {function}(<var>W</var>'
        f"<sub>{sub}</sub> [<var>h</var><sub>t−1</sub>, <var>x</var><sub>t</sub>] + "
        f"<var>b</var><sub>{sub}</sub>)</p>"
        f'<p class="sum">= {function}( {_sum(cell, gate, lang)} )</p>'
        f'<p class="sum">= {function}({total}) = '
        f'<b class="{gate}">{fixed(getattr(cell, gate))}</b></p>'
    )


def _sum(cell: CellNumbers, gate: str, lang: str) -> str:
    """Give the largest products of W [h, x], the rest as one number, then the bias."""
    read = np.concatenate([np.ravel(cell.h_prev), np.ravel(cell.x)]).astype(float)
    row = np.asarray(cell.weights[gate], float)
    products = row * read
    names = term_names(cell)
    size = np.where(np.isfinite(products), np.abs(products), np.inf)
    largest = np.argsort(-size, kind="stable")[:_SHOWN]
    terms = [(f"{fixed(abs(row[k]))}·{_factor(read[k])}", row[k], names[k]) for k in largest]
    rest = len(products) - len(largest)
    if rest:
        total = float(np.delete(products, largest).sum())
        text = escape(say(lang, "terms.rest", count=rest))
        terms.append((fixed(abs(total)), total, text))
    bias = cell.biases[gate]
    terms.append((fixed(abs(bias)), bias, f"<var>b</var><sub>{SUBSCRIPTS[gate]}</sub>"))
    return " ".join(_term(*term, first=k == 0) for k, term in enumerate(terms))


def _term(number: str, sign: float, name: str, *, first: bool) -> str:
    """Give one term with its name below it and its sign before it."""
    if first:
        number = f"−{number}" if sign < 0 else number
        lead = ""
    else:
        lead = "− " if sign < 0 else "+ "
    return (
        f'<span class="signed">{lead}<span class="term">{number}<small>{name}</small></span></span>'
    )


def _factor(value: float) -> str:
    return f"({fixed(value)})" if value < 0 else fixed(value)


def _cell_update(cell: CellNumbers) -> str:
    kept, written = cell.forget * cell.cell_prev, cell.input * cell.candidate
    sign = "−" if written < 0 else "+"
    return (
        '<p><var class="cell">C</var><sub>t</sub> = <var class="forget">f</var><sub>t</sub> · '
        '<var class="cell">C</var><sub>t−1</sub> + <var class="input">i</var><sub>t</sub> · '
        '<var class="candidate">C̃</var><sub>t</sub></p>'
        f'<p class="sum">= <span class="forget">{fixed(cell.forget)}</span> · '
        f'<span class="cell">{_factor(cell.cell_prev)}</span> + '
        f'<span class="input">{fixed(cell.input)}</span> · '
        f'<span class="candidate">{_factor(cell.candidate)}</span></p>'
        f'<p class="sum">= {fixed(kept)} {sign} {fixed(abs(written))} = '
        f'<b class="cell">{fixed(cell.cell)}</b></p>'
    )


def _hidden(cell: CellNumbers) -> str:
    return (
        '<p><var class="hidden">h</var><sub>t</sub> = <var class="output">o</var><sub>t</sub> · '
        'tanh(<var class="cell">C</var><sub>t</sub>)</p>'
        f'<p class="sum">= <span class="output">{fixed(cell.output)}</span> · '
        f'tanh(<span class="cell">{fixed(cell.cell)}</span>) = {fixed(cell.output)} · '
        f"{_factor(float(np.tanh(cell.cell)))} = "
        f'<b class="hidden">{fixed(cell.hidden)}</b></p>'
    )


def _all_terms(cell: CellNumbers, lang: str) -> str:
    read = np.concatenate([np.ravel(cell.h_prev), np.ravel(cell.x)])
    heads = "".join(
        f"<th><var>W</var><sub>{sub}</sub></th>" for sub in (SUBSCRIPTS[g] for g in SUBSCRIPTS)
    )
    rows = "".join(
        f"<tr><th scope=row>{name}</th><td>{fixed(value)}</td>"
        + "".join(f"<td>{fixed(cell.weights[gate][k])}</td>" for gate in SUBSCRIPTS)
        + "</tr>"
        for k, (name, value) in enumerate(zip(term_names(cell), read, strict=True))
    )
    biases = "".join(f"<td>{fixed(cell.biases[gate])}</td>" for gate in SUBSCRIPTS)
    return (
        f"<details><summary>{escape(say(lang, 'terms.all', count=len(read)))}</summary>"
        f'<div class="scroll tall"><table><thead><tr><th>{escape(say(lang, "terms.name"))}</th>'
        f"<th>{escape(say(lang, 'terms.value'))}</th>{heads}</tr></thead><tbody>{rows}"
        f"<tr><th scope=row><var>b</var></th><td></td>{biases}</tr></tbody></table></div></details>"
    )
