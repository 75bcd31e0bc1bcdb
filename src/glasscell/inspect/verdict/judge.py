"""What a gradient profile means, in plain sentences that carry the numbers they rest on.

Only measured gradients count here. The eigenvalues of a recurrent matrix never do: a tanh network
whose matrix has spectral radius 0 can explode, because the saturated units in between change what
the matrix multiplies (see `tests/inspect/verdict/test_judge.py` for one with two units). Whether a
network remembers is more than its gradient: see `findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell import cells
from glasscell.arrays import at_least
from glasscell.inspect.gradients.decay import REACH, Decay, decay
from glasscell.inspect.verdict import advice
from glasscell.inspect.verdict.sentences import Phrase, say

if TYPE_CHECKING:
    from glasscell.inspect.gradients.flow import LayerFlow

__all__ = ["GROWN", "REACH", "LayerVerdict", "every_step", "in_words", "judge", "judged_from"]

Float64: TypeAlias = npt.NDArray[np.float64]
Kind: TypeAlias = Literal[
    "vanishing", "exploding", "short", "healthy", "cut off", "silent", "not finite"
]

GROWN = 100.0
"""Above this multiple of its start a gradient counts as exploding. The first few steps of a sound
LSTM often bring a factor of 3 to 10, as the cell adds up what its units pass to each other; two
decades over one window make every weight update a matter of the far steps alone."""

UNDERFLOW = 1e-30
"""Zeros that follow a direct gradient smaller than this are float32 giving out under a layer above
that vanishes, and not steps that nothing reads."""

SUDDEN = 0.01
"""Share of its start that a gradient has at the step before it is gone, from which on no factor per
step describes it: it stops there."""

CLEAN_LAGS = 3
"""Fewer steps than this without a gradient of their own and the profile cannot show a decay: what
is seen is mostly what the loss, or the layer above, puts in at each step."""


@dataclass(frozen=True, kw_only=True)
class LayerVerdict:
    """One layer's verdict.

    Attributes:
        kind: "vanishing" where it is below `REACH` of its start at some lag, also if it grows
            again; "exploding" where it exceeds `GROWN` times its start, or becomes infinite;
            "healthy"; "short" where each step has a gradient of its own, but what the last one
            sends back vanishes; "cut off" where the loss reads nothing but the step that the layer
            worked on first; "silent" where no gradient arrives; "not finite" where it is NaN or
            infinite from its start, or becomes NaN without having grown.
        lag: Steps over which it was judged.
        rate: Factor per step, from a straight line through log10 of the profile, up to its largest
            value where it explodes; NaN if no fit.
        reach: Lag from which on the profile stays below `REACH` of its start, or first is where it
            grows again; None if it never is.
        change: Profile at the end of `lag` over its start.
        largest: Largest value of the profile within `lag` over its start; where it explodes, of the
            whole profile.
        sentences: What was seen, with numbers: one or two sentences, each in one or more parts.
        change_this: What to change; None where nothing needs to.
    """

    kind: Kind
    lag: int
    rate: float
    reach: int | None
    change: float
    largest: float
    sentences: tuple[tuple[Phrase, ...], ...]
    change_this: Phrase | None = None

    @property
    def cut(self) -> bool:
        """Whether the gradient is exactly 0 from `reach` on, and no gate or slope made it so."""
        return self.change_this is not None and self.change_this.key in ("cut.do", "stops.do")

    @property
    def summary(self) -> str:
        """What was seen, in English, without the last full stop."""
        return self.said()[0]

    @property
    def advice(self) -> str:
        """What to change, in English; empty where nothing needs to."""
        return self.said()[1]

    def said(self, lang: str = "en") -> tuple[str, str]:
        """Give what was seen and what to change, each without its last full stop.

        Args:
            lang: "en" or "zh"; default "en".
        """
        between = "。" if lang == "zh" else ". "
        seen = between.join(
            "".join(part.say(lang) for part in sentence) for sentence in self.sentences
        )
        return seen, "" if self.change_this is None else self.change_this.say(lang)

    def __str__(self) -> str:
        return f"{self.summary}. {self.advice}." if self.advice else f"{self.summary}."


def judge(flow: LayerFlow, lag: int | None = None) -> LayerVerdict:
    """Say whether one layer's gradient vanishes, explodes, or arrives.

    Args:
        flow: One layer of `glasscell.gradient_flow`.
        lag: How many steps back the task needs the gradient; default all steps there are.

    Returns:
        `LayerVerdict`.

    Raises:
        ValueError: `lag` is below 0.

    Notes:
        Judged on the gradient by what a step stores: |dL/dc_t| for an LSTM, |dL/dh_t| for a GRU
        and an RNN. Lag 0 is the earliest step that the loss reads directly, so that the
        loss's own gradients are not taken for memory. Where every step has a gradient of its own
        (a loss on all steps, or a layer above), growth and decay are read off what the last step
        alone sends back. Thresholds: `REACH`, `GROWN`.

    >>> from glasscell.inspect.gradients.flow import LayerFlow
    >>> steps = np.arange(30)
    >>> verdict = judge(LayerFlow(0.5 ** steps[::-1], None, None, mode="RNN_TANH"))
    >>> verdict.kind, verdict.reach, round(verdict.rate, 3)
    ('vanishing', 14, 0.5)
    >>> print(verdict.summary)
    vanishes after 14 steps: |dL/dh_t| changes by × 0.5 per step and stays below
    1/10000 of its start from lag 14 on; judged over 29 lags. A plain RNN multiplies ...
    """
    profile = flow.profile[judged_from(flow) :]
    end = len(profile) - 1
    lag = end if lag is None else min(at_least(lag, 0, "lag"), end)
    seen = decay(profile[: lag + 1])
    if len(profile) == 1 and len(flow.profile) > 1 and seen.start > 0:
        words = advice.cut_off(len(flow.profile), flow.reverse)
        return _verdict("cut off", seen, *words)
    alone, growth = None, decay(profile)
    if every_step(flow) and flow.last_step_by_lag is not None:
        alone = decay(flow.last_step_by_lag[: lag + 1])
        growth = decay(flow.last_step_by_lag)
    verdict = _decide(flow, seen, alone, growth)
    if flow.breaks_at is None or verdict.kind in ("exploding", "not finite"):
        return verdict
    return _verdict("not finite", seen, *advice.states(flow.breaks_at))


def every_step(flow: LayerFlow) -> bool:
    """Tell whether (nearly) every step has a gradient of its own, which hides a decay.

    Args:
        flow: One layer.
    """
    last = len(flow.profile) - 1
    return last - _last_read(flow) < min(CLEAN_LAGS, last - _first(flow))


def _first(flow: LayerFlow) -> int:
    """The smallest lag at which there is a gradient."""
    return int(np.argmax(flow.profile != 0))


def _last_read(flow: LayerFlow) -> int:
    """The largest lag at which a gradient enters directly."""
    if flow.direct_by_lag is None:
        return _first(flow)
    read = np.flatnonzero(flow.direct_by_lag)
    if not len(read):
        return 0
    underflows = 0 < flow.direct_by_lag[read[-1]] < UNDERFLOW
    return len(flow.direct_by_lag) - 1 if underflows else int(read[-1])


def judged_from(flow: LayerFlow) -> int:
    """Give the lag from which on nothing is added to a gradient; if that is nowhere, its first.

    Args:
        flow: One layer.
    """
    return _first(flow) if every_step(flow) else _last_read(flow)


def _decide(flow: LayerFlow, seen: Decay, alone: Decay | None, growth: Decay) -> LayerVerdict:
    symbol = flow.symbol
    if seen.start == 0:
        return _verdict("silent", seen, *advice.silent(symbol))
    if seen.overflows == 0:
        return _verdict("not finite", seen, *advice.not_finite(symbol))
    spread = every_step(flow)
    # What grows does harm at every lag, also beyond those that the task needs.
    # Gradients that enter at every step add up, to a multiple of the number of steps at most.
    bound = GROWN * (growth.lag + 1) if spread and alone is None else GROWN
    if growth.largest > bound or (growth.overflows is not None and not growth.breaks):
        words = advice.exploding(
            symbol,
            growth.growth,
            growth.largest,
            growth.peak,
            growth.overflows,
            cells.of(flow.mode),
        )
        return replace(_verdict("exploding", growth, *words), rate=growth.growth)
    if growth.overflows is not None:
        return _verdict("not finite", seen, *advice.breaks(symbol, growth.overflows))
    if seen.dips is not None:
        return _vanishes("vanishing", seen, advice.vanishing, flow)
    if alone is not None and alone.dips is not None:
        return _vanishes("short", alone, advice.short, flow)
    if seen.lag == 0 and len(flow.profile) > judged_from(flow) + 1:
        return _verdict("healthy", seen, advice.no_lag(symbol))
    sentence = advice.healthy(symbol, alone or seen, spread, alone is not None)
    return _verdict("healthy", alone or seen, sentence)


def _vanishes(
    kind: Kind, seen: Decay, words: Callable[..., Phrase], flow: LayerFlow
) -> LayerVerdict:
    symbol = flow.symbol
    assert seen.dips is not None
    if seen.reach is None:
        summary = advice.dips(symbol, seen)
        return replace(_forgets(kind, seen, summary, flow, seen.dips), reach=seen.dips)
    # A profile that rises before it falls has a line that rises.
    rate = REACH ** (1 / seen.reach) if seen.rate > 1 else seen.rate
    summary = words(symbol, rate, seen.reach, seen.lag)
    if seen.reach > 1 and seen.kept >= SUDDEN:
        summary = advice.stops(words, symbol, seen)
    return replace(_forgets(kind, seen, summary, flow, seen.reach), rate=rate)


def _forgets(kind: Kind, seen: Decay, summary: Phrase, flow: LayerFlow, reach: int) -> LayerVerdict:
    gone = seen.reach is not None and not flow.profile[judged_from(flow) + seen.reach :].any()
    gone, sudden = gone and kind == "vanishing", seen.kept >= SUDDEN
    evidence, change = advice.remember(flow, seen.lag, reach, gone, sudden)
    verdict = _verdict(kind, seen, summary, change)
    return replace(verdict, sentences=((summary,), (evidence,))) if evidence else verdict


def _verdict(
    kind: Kind, seen: Decay, sentence: Phrase | advice.Phrases, change: Phrase | None = None
) -> LayerVerdict:
    return LayerVerdict(
        kind=kind,
        lag=seen.lag,
        rate=seen.rate,
        reach=seen.reach,
        change=seen.change,
        largest=seen.largest,
        sentences=((sentence,) if isinstance(sentence, Phrase) else sentence,),
        change_this=change,
    )


def in_words(flows: Mapping[str, LayerFlow], lang: str = "en") -> str:
    """Put the verdicts of several layers together, each piece of advice once.

    Args:
        flows: Layer name to its flow.
        lang: "en" or "zh"; default "en".

    Returns:
        One line per layer, then one line per piece of advice with the layers that it is for.
    """
    said = {name: judge(flow).said(lang) for name, flow in flows.items()}
    stop = "。" if lang == "zh" else "."
    lines = [f"{name} {seen}{stop}" for name, (seen, _) in said.items()]
    for text in dict.fromkeys(change for _, change in said.values() if change):
        names = [name for name, (_, change) in said.items() if change == text]
        lines.append(f"{say('advice for', lang, names=', '.join(names))}{text}{stop}")
    return "\n".join(lines)
