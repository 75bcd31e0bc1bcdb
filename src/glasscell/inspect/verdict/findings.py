"""The faults of one layer, each with the number that it rests on and what to change.

What the network does comes first: whether its values are finite, whether it reads its input,
whether what it read before the lag still shows at the end (`exchange`), whether a gradient comes
back. What its gates suggest explains that, and is no fault of its own where the network remembers.

The thresholds come from experiments/verdicts.py: several hundred networks with one fault planted in
each, beside networks that solve their problem; experiments/README.md has the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf, log10
from typing import Any, Final

from glasscell.cells.direct import direct_path, form, gates_by
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.verdict.advice import gate_of, longer
from glasscell.inspect.verdict.evidence import Evidence, gathered
from glasscell.inspect.verdict.judge import LayerVerdict
from glasscell.inspect.verdict.sentences import KINDS, Phrase, Terms
from glasscell.inspect.verdict.symptoms import OPEN, Symptoms
from glasscell.traces.layer import LayerTrace

__all__ = [
    "DEAD", "HOLDS", "IGNORES", "MEMORY", "OF_LAG", "ORDER", "SHUT", "STUCK", "STUCK_PART",
    "Finding", "faults", "healthy", "holds", "of_evidence", "unseen",
]  # fmt: skip

STUCK: Final = 0.7
"""Share of flat values from which on a layer counts as saturated."""

STUCK_PART: Final = 0.9
"""The same of its candidates alone, or of tanh(c_t) in its cells. Networks that solve their problem
hold a sign or count in up to half of them."""

MEMORY: Final = 0.11
"""Half-life of the slow units over the lag, below which a layer with a belt, an LSTM, forgets too
early: nine halvings leave 1/550."""

HOLDS: Final = 0.1
"""`Exchange.held` from which on a layer remembers, whatever its gradient and its gates say."""

STAYS: Final = 0.15
"""`Exchange.moves` up to which a saturated layer that holds is a latch, which is flat because it
stays where it is, and not one that its input throws from side to side."""

FADES: Final = 0.01
"""What a latch leaves of a gradient over the lag, at most: it undoes small changes."""

IGNORES: Final = 1e-3
"""`Exchange.reads` below which a layer ignores its input."""

SHUT: Final = 0.5
"""Share of units with a shut input gate, or output gate, from which on that is a fault."""

DEAD: Final = {"LSTM": 0.25, "RNN_TANH": 0.2, "RNN_RELU": 0.55}
"""Share of dead units from which on they are a fault. Of an LSTM of 64 units that latches a bit, 13
had nothing left to do; of a ReLU network that starts at the identity and solves its problem, up to
half of the units are at 0 for every input."""

_LIKE: Final = {"gated": "LSTM", "tanh": "RNN_TANH", "relu": "RNN_RELU"}
"""Form of a cell to the one that thresholds were set on."""

ORDER: Final = (
    "not finite", "ignores", "saturated", "shut", "silent", "cut off", "dead", "exploding",
    "forgets", "vanishing", "short", "healthy",
)  # fmt: skip
"""Worst first, and causes before what follows from them."""

EVIDENCE: Final = {
    "forgets": "ladder", "saturated": "saturation", "shut": "saturation", "dead": "wall",
    "ignores": "wall",
}  # fmt: skip
"""Kind to the view that shows it; all others are seen in the gradient river."""

OF_LAG: Final = ("forgets", "vanishing", "short")
"""Faults only if the task needs that many steps."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of one layer, or that it has none.

    Attributes:
        layer: The layer's name.
        kind: What it is called, see `KINDS`:

            - "not finite": NaN or infinity in what the layer reads, its weights, states or gradient
            - "ignores": with another input its hidden states change by less than `IGNORES`
            - "saturated": `STUCK` of the values of its gates but the belt's and its candidates (of
              a tanh RNN's hidden states), or `STUCK_PART` of its candidates or cells, lie where
              their curve is flat, and it is no latch that remembers over the lag
            - "shut": `SHUT` of its units have an input gate (of a GRU an update gate) that writes,
              or an output gate that shows, next to nothing at any step
            - "silent": no gradient arrives at any step
            - "cut off": the loss reads it only at the step that it worked on first
            - "dead": `DEAD` of its units never change
            - "exploding": the gradient exceeds 100 times its start, or becomes infinite
            - "forgets": its slow units halve what they store within `MEMORY` of the lag, and what
              was read before the lag does not show at the end
            - "vanishing", "short": the gradient is below 1/10000 of its start at the lag (that of
              the last step alone, where every step has one), and what it read before the lag does
              not show at the end
            - "healthy": nothing needs to change

        value: The number that it rests on: reach in lags, growth, share of stuck values, shut or
            dead units, half-life in steps, `Exchange.reads`; None where there is none.
        sentences: What was seen, as phrases that can be said in any language.
        change_this: What to change; None where nothing needs to.
        assumed: Whether it is a fault only if the task needs every step there is, as the lag that
            it needs was not given.
    """

    layer: str
    kind: str
    value: float | None
    sentences: tuple[tuple[Phrase, ...], ...]
    change_this: Phrase | None = None
    assumed: bool = False

    @property
    def good(self) -> bool:
        """Whether nothing needs to change."""
        return self.kind == "healthy"

    @property
    def evidence(self) -> str:
        """The view that shows it: "river", "ladder", "saturation" or "wall"."""
        return EVIDENCE.get(self.kind, "river")

    def text(self, lang: str = "en") -> str:
        """Say what was seen, with the full stop.

        Args:
            lang: "en" or "zh"; default "en".
        """
        sentences = ("".join(part.say(lang) for part in parts) for parts in self.sentences)
        return "。".join((*sentences, "")) if lang == "zh" else ". ".join(sentences) + "."

    def advice(self, lang: str = "en") -> str:
        """Say what to change, with the full stop; empty where nothing needs to.

        Args:
            lang: "en" or "zh"; default "en".
        """
        if self.change_this is None:
            return ""
        return self.change_this.say(lang) + ("。" if lang == "zh" else ".")

    def as_json(self) -> dict[str, Any]:
        """Give plain values for a page: texts as [English, Chinese]."""
        return {
            "layer": self.layer,
            "kind": self.kind,
            "name": list(KINDS[self.kind]),
            "good": self.good,
            "assumed": self.assumed,
            "text": [self.text("en"), self.text("zh")],
            "advice": [self.advice("en"), self.advice("zh")],
            "evidence": self.evidence,
        }

    def __str__(self) -> str:
        return " ".join(filter(None, (self.layer, self.text(), self.advice())))


def faults(
    flow: LayerFlow,
    trace: LayerTrace,
    lag: int | None = None,
    layer: str = "",
    weights: LayerWeights | None = None,
) -> tuple[Finding, ...]:
    """Name the faults of one layer.

    Args:
        flow: Its gradients.
        trace: Its gates, of the same run.
        lag: How many steps back the task needs the gradient; default all there are, and what
            depends on that is marked `assumed`.
        layer: Its name.
        weights: Its weights, to run it again with other inputs (`exchange`); without them a memory
            that no gradient shows is not seen, nor a layer that ignores its input.

    Returns:
        Findings in the order of `ORDER`, all that there are; one of kind "healthy" where there is
        none.

    >>> import numpy as np
    >>> gates = {name: np.full((30, 1, 2), 0.5) for name in ("forget", "input", "output")}
    >>> wave = np.sin(np.arange(60)).reshape(30, 1, 2)
    >>> trace = LayerTrace(**gates, candidate=wave, cell=wave, hidden=wave)
    >>> flow = LayerFlow(0.5 ** np.arange(30.0)[::-1], 0.5 ** np.arange(30.0)[::-1], None)
    >>> for found in faults(flow, trace, layer="l0"):
    ...     print(found)
    l0 forgets too early: nine units in ten lose half of their cell state within 1 step, so ...
    l0 vanishes after 14 steps: |dL/dc_t| changes by × 0.5 per step and stays below 1/10000 ...
    """
    return of_evidence(gathered(flow, trace, lag, weights), layer)


def of_evidence(seen: Evidence, layer: str) -> tuple[Finding, ...]:
    """Name the faults that were measured, see `faults`.

    Args:
        seen: What was measured.
        layer: Its name.
    """
    findings = [
        replace(one, layer=layer, assumed=seen.lag is None and one.kind in OF_LAG)
        for one in sorted(_explained(_all(seen)), key=lambda one: ORDER.index(one.kind))
    ]
    if not findings:
        findings = [healthy(seen, layer)]
    if seen.lag is not None and seen.trace.hidden.size and seen.lag > seen.longest:
        beyond = Phrase("shorter than the lag", {"most": seen.longest, "lag": seen.lag})
        findings[-1] = replace(findings[-1], sentences=(*findings[-1].sentences, (beyond,)))
    return tuple(findings)


def _explained(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Take the advice from what another finding is the cause of; that one has its own."""
    every = list(findings)
    whole = {one.kind for one in every if one.kind in ("dead", "shut") and one.value == 1}
    full = any(
        one.change_this is not None and one.change_this.key in ("saturated.cell", "saturated.path")
        for one in every
    )
    for one in every:
        caused = (one.kind == "ignores" and whole) or (one.kind == "silent" and (whole or full))
        yield replace(one, change_this=None) if caused else one


def _all(seen: Evidence) -> Iterator[Finding]:
    broken = seen.broken
    if broken is not None:
        key = f"not finite, {broken.where}"
        yield _finding("not finite", Phrase(key, vars(broken)), Phrase(f"{key}.do"))
    if broken is None or seen.verdict.kind != "not finite":
        yield from _of_gradient(seen)
    if seen.symptoms is not None:
        yield from _of_input(seen)
        yield from _of_states(seen, seen.symptoms)


def _of_gradient(seen: Evidence) -> Iterator[Finding]:
    verdict = seen.verdict
    # States that are not finite leave no gradient to judge, but for one that grew out of bounds.
    if verdict.kind == "healthy" or (seen.symptoms is None and verdict.kind in OF_LAG):
        return
    if verdict.kind in OF_LAG and holds(seen):
        return
    value = {"vanishing": verdict.reach, "short": verdict.reach, "exploding": verdict.largest}
    number = value.get(verdict.kind)
    yield Finding(
        layer="",
        kind=verdict.kind,
        value=None if number is None else float(number),
        sentences=verdict.sentences,
        change_this=verdict.change_this,
    )


def holds(seen: Evidence) -> bool:
    """Whether what the layer read before the lag shows at the end.

    Args:
        seen: What was measured.
    """
    return seen.exchange is not None and seen.exchange.held >= HOLDS


def _of_input(seen: Evidence) -> Iterator[Finding]:
    if seen.exchange is None or seen.exchange.reads >= IGNORES:
        return
    reads = seen.exchange.reads
    said = Phrase("ignores, nearly", {"reads": log10(reads)}) if reads else Phrase("ignores")
    yield _finding("ignores", said, Phrase("ignores.do"), reads)


def unseen(layer: str) -> tuple[Finding]:
    """Say that what a layer reads is the same everywhere, while the model's input varies.

    Args:
        layer: Its name.
    """
    key = "ignores, constant"
    return (replace(_finding("ignores", Phrase(key), Phrase(f"{key}.do"), 0.0), layer=layer),)


def _of_states(seen: Evidence, states: Symptoms) -> Iterator[Finding]:
    yield from _saturated(seen, states)
    yield from _shut(seen, states)
    yield from _dead(seen, states)
    yield from _forgets(seen, states)


def _saturated(seen: Evidence, states: Symptoms) -> Iterator[Finding]:
    if _latched(seen):
        return
    cell = seen.trace.recurrence
    path, gated = direct_path(cell), form(cell) == "gated"
    do = "saturated.do" if gated else "saturated.rnn"
    stuck_shares: list[tuple[float, Phrase, Phrase]] = []
    if states.stuck >= STUCK:
        keeps = None if path is None else path.gate
        names = [name for name in gates_by(cell, "sigmoid") if name != keeps]
        values = {"names": Terms(" ".join([*names, *gates_by(cell, "tanh")]))}
        what = Phrase("values", values) if gated else Phrase("states")
        stuck_shares.append((states.stuck, what, Phrase(do)))
    elif states.flat.get("candidate", 0.0) >= STUCK_PART:
        stuck_shares.append((states.flat["candidate"], Phrase("candidates"), Phrase(do)))
    if states.flat.get("cell", 0.0) >= STUCK_PART and path is not None:
        state = gate_of(cell, path.name)
        change = Phrase("saturated.path", {"state": state})
        if path.gate is not None and path.writes is not None:
            ends = {"keeps": gate_of(cell, path.gate), "writes": gate_of(cell, path.writes)}
            change = Phrase("saturated.cell", {"state": state, **ends})
        stuck_shares.append((states.flat["cell"], Phrase("cells", {"state": state}), change))
    for stuck, what, change in stuck_shares:
        yield _finding(
            "saturated", Phrase("saturated", {"stuck": stuck, "what": what}), change, stuck
        )


def _latched(seen: Evidence) -> bool:
    """Whether it is flat because it holds: small changes are undone, large ones are kept."""
    return (
        seen.verdict.kind in ("vanishing", "short", "healthy")
        and seen.verdict.change <= FADES
        and seen.exchange is not None
        and holds(seen)
        and seen.exchange.moves <= STAYS
    )


def _shut(seen: Evidence, states: Symptoms) -> Iterator[Finding]:
    cell = seen.trace.recurrence
    path = direct_path(cell)
    for gate, share in states.shut.items():
        if share < SHUT or path is None:
            continue
        units = seen.units
        count = {"count": round(share * units), "units": units, "open": OPEN}
        words = {"gate": gate_of(cell, gate), "state": gate_of(cell, path.name)}
        kept = gate == path.writes and not path.open_writes
        role = "kept" if kept else "written" if gate == path.writes else "shown"
        change = {"gate": gate_of(cell, gate), "open": states.widest[gate]}
        do = Phrase("shut.kept.do" if kept else "shut.do", change)
        yield _finding("shut", Phrase(f"shut.{role}", count | words), do, share)


def _dead(seen: Evidence, states: Symptoms) -> Iterator[Finding]:
    cell = seen.trace.recurrence
    path, shape = direct_path(cell), form(cell)
    if states.dead < DEAD[_LIKE[shape]]:
        return
    units = seen.trace.hidden.shape[-1]
    count = round(states.dead * units)
    said = Phrase("dead", {"count": count, "units": units, "dead": states.dead})
    enough = max(units - count, 1)
    gates = [] if path is None else [g for g in (path.shows, path.writes) if g is not None]
    change = Phrase(f"dead.{'tanh' if shape == 'gated' else shape}", {"enough": enough})
    if gates:
        change = Phrase("dead.gated", {"enough": enough, "gates": Terms(" ".join(gates))})
    behind = [gate for gate, share in states.behind.items() if share >= SHUT]
    if len(behind) == 1 and path is not None:
        shut = round(states.behind[behind[0]] * count)
        gate = gate_of(cell, behind[0])
        values = {"gate": gate, "shut": shut, "count": count, "enough": enough}
        kept = behind[0] == path.writes and not path.open_writes
        change = Phrase("dead.kept" if kept else "dead.shut", values)
    if count == units and shape != "relu":
        change = Phrase("dead.all")
    yield _finding("dead", said, change, states.dead)


def _forgets(seen: Evidence, states: Symptoms) -> Iterator[Finding]:
    memory, verdict = states.memory, seen.verdict
    if memory is None or not memory < MEMORY * verdict.lag or holds(seen):
        return
    known = seen.exchange is not None and seen.exchange.held == seen.exchange.held
    if not known and verdict.kind in ("healthy", "exploding"):
        return
    left = log10(0.5) * verdict.lag / memory if memory > 0 else -inf
    cell = seen.trace.recurrence
    path = direct_path(cell)
    assert path is not None
    values: dict[str, Any] = {"memory": memory, "lag": verdict.lag, "left": left}
    values["state"] = gate_of(cell, path.name)
    said = Phrase("forgets, path", values)
    if path.gate is not None:
        said = Phrase("forgets", {**values, "keeps": gate_of(cell, path.gate)})
    more: tuple[tuple[Phrase, ...], ...] = ()
    if known:
        assert seen.exchange is not None
        held = seen.exchange.held
        log_held = log10(held) if held > 0 else -inf
        key = "forgets, held" if held > 0 else "forgets, nothing held"
        more = ((Phrase(key, {"lag": verdict.lag, "held": log_held}),),)
    if verdict.kind == "healthy":
        more = (*more, (Phrase("forgets, arrives", {"change": verdict.change}),))
    finding = _finding("forgets", said, longer(cell, verdict.lag), memory)
    yield replace(finding, sentences=(*finding.sentences, *more))


def healthy(seen: Evidence, layer: str) -> Finding:
    """Say that a layer has no fault, and why: its gradient arrives, or a loop remembers.

    Args:
        seen: What was measured.
        layer: Its name.
    """
    verdict = seen.verdict
    sentences = _held(seen, verdict) if verdict.kind in OF_LAG else verdict.sentences
    return Finding(layer=layer, kind="healthy", value=None, sentences=sentences)


def _held(seen: Evidence, verdict: LayerVerdict) -> tuple[tuple[Phrase, ...], ...]:
    assert seen.exchange is not None
    path = direct_path(seen.trace.recurrence)
    symbol = "|dL/dh_t|" if path is None else path.symbol
    values = {
        "lag": verdict.lag, "held": seen.exchange.held, "symbol": symbol, "reach": verdict.reach,
    }  # fmt: skip
    if verdict.cut:
        return ((Phrase("holds, cut", values),),)
    return (Phrase("holds", values),), (Phrase("holds, loop"),)


def _finding(kind: str, said: Phrase, change: Phrase, value: float | None = None) -> Finding:
    return Finding(layer="", kind=kind, value=value, sentences=((said,),), change_this=change)
