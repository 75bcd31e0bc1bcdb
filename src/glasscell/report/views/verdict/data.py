"""The verdict as the page states it: what ails each layer and how long its memory is."""

from collections.abc import Mapping, Sequence
from typing import Final

from glasscell.inspect.memory.timescales import reaching
from glasscell.inspect.verdict.diagnosis import Diagnosis, diagnose
from glasscell.inspect.verdict.findings import Finding as Fault
from glasscell.inspect.verdict.sentences import LANGUAGES
from glasscell.inspect.verdict.symptoms import Memory
from glasscell.report.page.exploration import Finding, Layer
from glasscell.report.page.frame_words import keeper
from glasscell.report.page.measured import Measured, Recorded

_MEMORY: Final = (
    "Units whose {gate} alone keeps half of what they store for {steps}: {counts}.",
    "仅靠{gate}就能把一半内容保留 {lag} 步的单元：{counts}。",
)


def measure(recorded: Recorded) -> Measured:
    """Say what ails the network, if its gradients are known, and how long its memory is."""
    run, findings = recorded.run, []
    if run.flow is not None:
        own = {name: flow for name, flow in run.flow.items() if name not in run.rival}
        faults = diagnose(own, run.traces, recorded.lag, run.weights)
        findings = of_network(faults, recorded.layers)
    findings += of_memory(recorded.own, recorded.memory, recorded.needed)
    return Measured(findings=findings)


def of_network(diagnosis: Diagnosis, layers: Sequence[Layer]) -> list[Finding]:
    """Give one finding for each fault, the worst first, then those of layers that have none.

    Args:
        diagnosis: Of `glasscell.inspect.diagnose`.
        layers: Of the page; findings about others are left out.
    """
    places = {layer.name: place for place, layer in enumerate(layers)}
    return [_finding(one, places[one.layer]) for one in diagnosis if one.layer in places]


def _finding(fault: Fault, place: int) -> Finding:
    return Finding(
        text=(f"{fault.layer} {fault.text('en')}", f"{fault.layer} 层{fault.text('zh')}"),
        advice=(fault.advice("en"), fault.advice("zh")),
        kind=fault.kind,
        good=fault.good,
        assumed=fault.assumed,
        layer=place,
        evidence=fault.evidence,
        value=fault.value,
    )


def of_memory(layers: Sequence[Layer], memory: Mapping[int, Memory], lag: int) -> list[Finding]:
    """Say how many units of the layers that have one hold a memory over a lag, on all sequences.

    Args:
        layers: Of the page, without those of a rival.
        memory: Index of a layer to what was measured of it, over the whole batch.
        lag: Steps that the data asks for.
    """
    counts = [
        f"{layer.name} {reaching(memory[k].half_life, lag)}/{len(memory[k].half_life)}"
        for k, layer in enumerate(layers)
        if k in memory
    ]
    if not counts or lag < 1:
        return []
    steps = "1 step" if lag == 1 else f"{lag} steps"
    values = {"counts": ", ".join(counts), "lag": lag, "steps": steps}
    english, chinese = (
        text.format(gate=_keepers([layers[k] for k in memory if k < len(layers)], lang), **values)
        for lang, text in zip(LANGUAGES, _MEMORY, strict=True)
    )
    return [Finding(text=(english, chinese), kind="memory", evidence="ladder")]


def _keepers(layers: Sequence[Layer], lang: str) -> str:
    """Name what keeps the memory of several layers."""
    names = dict.fromkeys(keeper(layer.cell, lang) for layer in layers)
    return (" or " if lang == "en" else "或").join(names)
