"""What ails a network: the findings of all its layers, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite
from typing import Any, Final, overload

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.subject import Loss, Subject
from glasscell.inspect.verdict.evidence import Evidence, gathered
from glasscell.inspect.verdict.findings import (
    OF_LAG,
    ORDER,
    STUCK,
    Finding,
    faults,
    healthy,
    holds,
    of_evidence,
    unseen,
)
from glasscell.inspect.verdict.sentences import Phrase, say
from glasscell.traces.layer import LayerTrace
from glasscell.traces.shown import notes
from glasscell.traces.steps import Order

__all__ = ["Diagnosis", "diagnose", "examine"]

RIGHT: Final = 10.0
"""A loss that grows by this factor when sequences exchange their inputs is one whose answers
depend on the right sequence; a problem solved to 10 % of what no memory gives has twenty."""


class Diagnosis(Sequence[Finding]):
    """Findings of all layers, the worst first; print it for the sentences and the advice.

    Args:
        findings: In any order.
        layers: Name to what was measured, to say of which layers only a part of the calls was.
    """

    def __init__(
        self, findings: Sequence[Finding], layers: Mapping[str, LayerFlow] | None = None
    ) -> None:
        self._layers = layers or {}
        self._findings = sorted(findings, key=lambda one: ORDER.index(one.kind))

    @property
    def good(self) -> bool:
        """Whether nothing needs to change, for all that is known of the task."""
        return all(one.good or one.assumed for one in self)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of fault that were found, `assumed` ones too, each once, the worst first."""
        return tuple(dict.fromkeys(one.kind for one in self if not one.good))

    def said(self, lang: str = "en") -> str:
        """Say all findings, then each piece of advice once with the layers that it is for.

        Where not all calls of a layer were judged, the first lines say which. What is a fault
        only if the task needs all the steps there are comes under that condition.

        Args:
            lang: "en" or "zh"; default "en".
        """
        lines = notes(self._layers, lang)
        lines += [f"{one.layer} {one.text(lang)}" for one in self if not one.assumed]
        assumed = [f"{one.layer} {one.text(lang)}" for one in self if one.assumed]
        lines += [say("assumed", lang), *assumed] if assumed else []
        for text in dict.fromkeys(one.advice(lang) for one in self if one.change_this):
            names = dict.fromkeys(one.layer for one in self if one.advice(lang) == text)
            lines.append(say("advice for", lang, names=", ".join(names)) + text)
        return "\n".join(lines)

    def as_json(self) -> list[dict[str, Any]]:
        """Give plain values for a page, see `Finding.as_json`."""
        return [one.as_json() for one in self]

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> list[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | list[Finding]:
        return self._findings[index]

    def __len__(self) -> int:
        return len(self._findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __repr__(self) -> str:
        return f"Diagnosis({', '.join(f'{one.layer}: {one.kind}' for one in self)})"

    def __str__(self) -> str:
        return self.said()


def diagnose(
    flow: Mapping[str, LayerFlow],
    traces: Mapping[str, LayerTrace],
    lag: int | None = None,
    weights: Mapping[str, LayerWeights] | None = None,
) -> Diagnosis:
    """Name what is wrong with a network, from what was measured.

    Args:
        flow: Of `glasscell.gradient_flow`.
        traces: Of `glasscell.trace`, on the same data; layers that are in both are judged.
        lag: How many steps back the task needs; default all there are, and what depends on that
            is marked `assumed`.
        weights: Layer name to its weights. With them each layer is run again with other inputs
            (`inspect.exchange`), which shows a memory that no gradient shows, and a layer that
            ignores its input.

    Returns:
        `Diagnosis`.
    """
    known = weights or {}
    return Diagnosis(
        [
            one
            for name in flow
            if name in traces
            for one in faults(flow[name], traces[name], lag, name, known.get(name))
        ],
        flow,
    )


def examine(
    model: Looked,
    x: Any,
    loss: Loss | None = None,
    lag: int | None = None,
) -> Diagnosis:
    """Run a network forwards and back, and each layer with other inputs; name what is wrong.

    Args:
        model: A torch module, a loaded model or a folder, as for `glasscell.gradient_flow`.
        x: As there.
        loss: As there.
        lag: How many steps back the task needs; default all there are, and what depends on that
            is marked `assumed`: a network need not remember that long.

    Returns:
        `Diagnosis`; print it. What concerns the loss and no layer goes by the name "loss".

    Raises:
        TypeError: As `glasscell.gradient_flow`.
        ValueError: As there.
        RuntimeError: As there.

    Notes:
        One forward and one backward pass of the model, up to five forward passes of each layer
        (`inspect.exchange`), and one more of the model where a layer's memory depends on another's.
        Leaves the model as it was, see `glasscell.gradient_flow`. Thresholds were set on one half
        of the networks of experiments/verdicts.py and tried on the other.

    >>> import torch
    >>> seeded = torch.manual_seed(0)
    >>> model = torch.nn.LSTM(1, 3)
    >>> large = [parameter.data.mul_(1000) for parameter in model.parameters()]
    >>> found = examine(model, torch.randn(20, 4, 1), lambda out: out[0][-1].sum())
    >>> found.kinds[0]
    'saturated'
    >>> print(found)
    l0 is saturated: ...% of the values of its input gates, output gates and candidates lie ...
    """
    subject = subject_of(model)
    run = subject.measured(x, loss)
    value, measured, weights = run.loss, run.layers, subject.weights
    seen = {
        name: gathered(flow, trace, lag, weights.get(name))
        for name, (flow, trace) in measured.items()
    }
    findings: dict[str, Sequence[Finding]] = {
        name: of_evidence(one, name) for name, one in seen.items()
    }
    for name, one in seen.items() if _varies(x) else ():
        if _sees_nothing(one.trace):
            others = [
                fault for fault in findings[name] if not (fault.good or fault.kind == "ignores")
            ]
            findings[name] = [*unseen(name), *others]
    doubtful = {name: _doubtful(name, seen, value) for name in findings}
    if value >= 0 and any(
        one.kind in doubtful[name] for name, ones in findings.items() for one in ones
    ):
        batch = next(iter(seen.values())).trace
        exchanged = _exchanged_loss(subject, x, loss, batch)
        if exchanged >= RIGHT * value and exchanged > 0:
            for name in findings:
                findings[name] = _cleared(
                    name, findings[name], doubtful[name], seen, exchanged, value
                )
    every = [*(one for ones in findings.values() for one in ones), *_of_loss(findings, value)]
    return Diagnosis(every, {name: flow for name, (flow, _) in measured.items()})


def _holding(seen: Mapping[str, Evidence], but: str) -> list[str]:
    """Other layers that remember over the lag."""
    return [name for name, one in seen.items() if name != but and holds(one)]


def _doubtful(name: str, seen: Mapping[str, Evidence], value: float) -> tuple[str, ...]:
    """Faults of a layer that are none in a network whose answers are right.

    A layer that reads at every step from one that remembers needs no memory of its own, and full
    cells or candidates alone can be what it has learnt, as can gates of 0 and 1 through which the
    gradient arrives: a counter. A loss of 0 leaves no gradient.
    """
    one = seen[name]
    states = one.symptoms
    of_lag = OF_LAG if _holding(seen, name) else ()
    arrives = one.verdict.kind in ("healthy", "silent") and holds(one)
    learnt = states is not None and (states.stuck < STUCK or arrives)
    silent = ("silent",) if value == 0 else ()
    return (*of_lag, *(("saturated",) if learnt else ()), *silent)


def _cleared(
    name: str,
    findings: Sequence[Finding],
    doubtful: Sequence[str],
    seen: Mapping[str, Evidence],
    exchanged: float,
    value: float,
) -> Sequence[Finding]:
    """What remains of a layer's findings without those that its network's answers disprove."""
    rest = [one for one in findings if one.kind not in doubtful]
    if rest:
        return rest
    kind = seen[name].verdict.kind
    if kind != "silent" and (kind not in OF_LAG or holds(seen[name])):
        return [healthy(seen[name], name)]
    if kind == "silent":
        said = Phrase("solved", {"exchanged": exchanged})
    else:
        factor = exchanged / value if value else inf
        said = Phrase("carried", {"layers": ", ".join(_holding(seen, name)), "factor": factor})
    sentences = ((said,),)
    return [Finding(layer=name, kind="healthy", value=None, sentences=sentences)]


def _of_loss(findings: Mapping[str, Sequence[Finding]], value: float) -> Iterator[Finding]:
    known = any(one.kind == "not finite" for ones in findings.values() for one in ones)
    if isfinite(value) or known:
        return
    key = "not finite, loss"
    yield Finding(
        layer="loss",
        kind="not finite",
        value=None,
        sentences=((Phrase(key, {"value": value}),),),
        change_this=Phrase(f"{key}.do"),
    )


def _varies(x: Any) -> bool:
    """Whether a model's input differs between steps or sequences; of a tuple the first counts."""
    first = _first(x)
    if first is None:
        return False
    finite = first[np.isfinite(first)]
    return len(finite) > 0 and first.size > 1 and bool((finite != finite[0]).any())


def _sees_nothing(layer: LayerTrace) -> bool:
    """Whether a layer reads the same at all steps of all sequences, and starts from zeros.

    A decoder that reads nothing but its state is given that state.
    """
    if layer.initial_hidden is not None or layer.x is None:
        return False
    if layer.x.shape[:-1] != layer.hidden.shape[:-1]:
        return False
    order = Order(layer)
    read = order.traced("x")[order.alive]
    return len(read) > 1 and bool((read == read[0]).all())


def _exchanged_loss(subject: Subject, x: Any, loss: Loss | None, layer: LayerTrace) -> float:
    """The loss where each sequence is answered as the next one of the batch.

    NaN where the axis of the batch, which `layer` tells, is not found, or there is one sequence.
    """
    first = _first(x)
    axis = 0 if layer.layout == "BTH" else 1
    batch = layer.alive().shape[1]
    if first is None or batch < 2 or first.ndim < 2 or first.shape[axis] != batch:
        return float("nan")
    own = x[0] if type(x) is tuple else x
    rolled = own[(slice(None),) * axis + ([-1, *range(batch - 1)],)]
    return subject.value((rolled, *x[1:]) if type(x) is tuple else rolled, loss)


def _first(x: Any) -> Array | None:
    """What is read, as an array; None for a `PackedSequence` or anything else without a shape."""
    first = x[0] if type(x) is tuple and x else x
    if hasattr(first, "detach"):
        # NumPy has no bfloat16.
        first = first.detach().cpu().double().numpy()
    return first if isinstance(first, np.ndarray) else None
