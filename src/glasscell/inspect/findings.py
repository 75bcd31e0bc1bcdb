"""The faults of one layer, each with the number that it rests on and what to change.

The thresholds come from experiments/verdicts.py: several hundred networks with one fault planted in
each, beside networks that solve their problem; experiments/README.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log10
from typing import Any, Final

from glasscell.inspect.advice import longer
from glasscell.inspect.flow import LayerFlow
from glasscell.inspect.sentences import KINDS, Phrase
from glasscell.inspect.symptoms import Symptoms, symptoms
from glasscell.inspect.trace import LayerTrace
from glasscell.inspect.verdict import LayerVerdict, judge

__all__ = ["DEAD", "MEMORY", "OF_LAG", "ORDER", "STUCK", "Finding", "faults"]

STUCK: Final = 0.7
"""Share of flat values from which on a layer counts as saturated."""

MEMORY: Final = 0.11
"""Half-life of the slow units over the lag, below which an LSTM forgets too early: nine halvings
leave 1/550."""

DEAD: Final = {"LSTM": 0.2, "RNN_TANH": 0.2, "RNN_RELU": 0.55}
"""Share of dead units from which on they are a fault. Of a ReLU network that starts at the identity
and solves its problem, up to half of the units are at 0 for every input."""

ORDER: Final = (
    "not finite", "saturated", "silent", "cut off", "dead", "exploding", "forgets", "vanishing",
    "short", "healthy",
)  # fmt: skip
"""Worst first, and causes before what follows from them."""

EVIDENCE: Final = {"forgets": "ladder", "saturated": "saturation", "dead": "wall"}
"""Kind to the view that shows it; all others are seen in the gradient river."""

NO_GRADIENT = ("not finite", "silent", "cut off")

OF_LAG: Final = ("forgets", "vanishing", "short")
"""Faults only if the task needs that many steps."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of one layer, or that it has none.

    Attributes:
        layer: the layer's name.
        kind: see `KINDS`; "healthy" if nothing needs to change.
        value: the number that it rests on: reach in lags, growth, share of stuck values or dead
            units, half-life in steps; None where there is none.
        sentences: what was seen, as phrases that can be said in any language.
        change_this: what to change; None where nothing needs to.
        assumed: whether it is a fault only if the task needs every step there is, as nobody said
            how many it needs.
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
    flow: LayerFlow, trace: LayerTrace, lag: int | None = None, layer: str = ""
) -> tuple[Finding, ...]:
    """Name the faults of one layer.

    Args:
        flow: its gradients.
        trace: its gates, of the same run.
        lag: how many steps back the task needs the gradient; default all there are, and what
            depends on that is marked `assumed`.
        layer: its name.

    Returns:
        Findings in the order of `ORDER`; one of kind "healthy" where there is no fault.

    Notes:
        A saturated layer's memory and dead units follow from that and are not named beside it; nor
        is what forget gates let go where the gradient explodes, or where there is none at all.

    >>> import numpy as np
    >>> gates = {name: np.full((30, 1, 2), 0.5) for name in ("forget", "input", "output")}
    >>> wave = np.sin(np.arange(60)).reshape(30, 1, 2)
    >>> trace = LayerTrace(**gates, candidate=wave, cell=wave, hidden=wave)
    >>> flow = LayerFlow(0.5 ** np.arange(30.0)[::-1], 0.5 ** np.arange(30.0)[::-1], None)
    >>> for found in faults(flow, trace, layer="l0"):
    ...     print(found)
    l0 forgets too early: nine units in ten lose half of their cell state within 1 step, so ...
    l0 vanishes after 14 steps: |dL/dc_t| changes by x 0.5 per step and stays below 1/10000 ...
    """
    verdict = judge(flow, lag)
    gradient = _of_verdict(verdict, layer)
    if verdict.kind == "not finite":
        return (gradient,)
    seen = symptoms(trace)
    if seen.stuck >= STUCK:
        found = [_saturated(seen, trace, layer)]
    elif verdict.kind in NO_GRADIENT:
        found = []
    else:
        found = _of_states(seen, trace, verdict, layer)
    if not found or not gradient.good:
        found.append(gradient)
    return tuple(
        replace(one, assumed=lag is None and one.kind in OF_LAG)
        for one in sorted(found, key=lambda one: ORDER.index(one.kind))
    )


def _of_states(
    seen: Symptoms, trace: LayerTrace, verdict: LayerVerdict, layer: str
) -> list[Finding]:
    found = []
    if seen.dead >= DEAD[trace.mode]:
        found.append(_dead(seen, trace, layer))
    short = seen.memory is not None and seen.memory < MEMORY * verdict.lag
    if short and verdict.kind != "exploding":
        found.append(_forgets(seen, verdict.lag, layer))
    return found


def _of_verdict(verdict: LayerVerdict, layer: str) -> Finding:
    value = {"vanishing": verdict.reach, "short": verdict.reach, "exploding": verdict.largest}
    number = value.get(verdict.kind)
    return Finding(
        layer=layer,
        kind=verdict.kind,
        value=None if number is None else float(number),
        sentences=verdict.sentences,
        change_this=verdict.change_this,
    )


def _saturated(seen: Symptoms, trace: LayerTrace, layer: str) -> Finding:
    what = Phrase("states" if trace.candidate is None else "gates")
    return Finding(
        layer=layer,
        kind="saturated",
        value=seen.stuck,
        sentences=((Phrase("saturated", {"stuck": seen.stuck, "what": what}),),),
        change_this=Phrase("saturated.do"),
    )


def _dead(seen: Symptoms, trace: LayerTrace, layer: str) -> Finding:
    units = trace.hidden.shape[-1]
    count = round(seen.dead * units)
    values = {"count": count, "units": units, "dead": seen.dead}
    return Finding(
        layer=layer,
        kind="dead",
        value=seen.dead,
        sentences=((Phrase("dead", values),),),
        change_this=Phrase(f"dead.{trace.mode}", {"enough": max(units - count, 1)}),
    )


def _forgets(seen: Symptoms, lag: int, layer: str) -> Finding:
    assert seen.memory is not None
    left = log10(0.5) * lag / seen.memory if seen.memory > 0 else -inf
    values = {"memory": seen.memory, "lag": lag, "left": left}
    return Finding(
        layer=layer,
        kind="forgets",
        value=seen.memory,
        sentences=((Phrase("forgets", values),),),
        change_this=longer(lag),
    )
