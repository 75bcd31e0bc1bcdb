"""The unit dossier as the page shows it: what units follow and resemble over the whole batch."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from glasscell.arrays import Array
from glasscell.inspect.units.dossier import Dossier, by_chance, dossier
from glasscell.report.draw.recurrence import look
from glasscell.report.page.measured import Measured, Recorded
from glasscell.traces.layer import LayerTrace

LAGS: Final = (0, 1, 2, 4, 8, 16, 32)
"""Steps back at which an input is looked for, up to a quarter of the sequence: each further lag is
one more chance for a correlation that means nothing."""
MOST: Final = 20_000
"""Pairs of unit and input; beyond, the page takes the correlations of the shown series at lag 0."""
SHIFTS: Final = 40
"""Of the inputs against the units, to see what correlation chance brings …"""
FEWEST: Final = 9
"""… fewer say little, and are not made …"""
WORK: Final = 60_000_000
"""… so many values that are correlated take half a second."""

MEASURES: Final = {
    "dossier": "{layer: {correlation, lag, chance, nearest, similarity, ablation}}, over the batch",
    "worth": 'in what a cut unit is measured: "loss", "output" or ""',
    "unworth": 'why no unit was cut: "trace", "unasked", "kind", "slow" or ""',
}


def measure(recorded: Recorded) -> Measured:
    """Describe the units of every layer, over the whole batch."""
    found = measure_dossier(recorded.run.traces, recorded.x, recorded.inputs, recorded.worth)
    worth = {"worth": recorded.worth_of, "unworth": recorded.unworth}
    return Measured(numbers={**found.numbers, **worth})


def measure_dossier(
    traces: Mapping[str, LayerTrace],
    x: Array | None,
    names: Sequence[str] = (),
    ablation: Mapping[str, Array] | None = None,
) -> Measured:
    """Describe the units of every layer.

    Args:
        traces: Layer name to trace of the batch.
        x: (B, T, I), what the network read; None if that were no numbers.
        names: Names of the inputs.
        ablation: Layer name to (H,), what each unit is worth.

    Returns:
        Numbers "dossier" {layer index: {correlation, lag, chance, nearest, similarity, ablation}};
        "chance" (H,) is what a correlation reaches with inputs that the unit did not read.
    """
    worth = ablation or {}
    return Measured(
        numbers={
            "dossier": {
                str(place): _described(trace, x, names, worth.get(name))
                for place, (name, trace) in enumerate(traces.items())
            }
        }
    )


def _described(
    trace: LayerTrace, x: Array | None, names: Sequence[str], ablation: Array | None
) -> dict[str, Any]:
    projected = trace.units != trace.hidden.shape[-1]
    read = None if x is None else _laid_out(trace, x)
    if read is not None and trace.hidden.shape[-1] * read.shape[-1] > MOST:
        read = None
    lags = [lag for lag in LAGS if lag == 0 or lag < len(trace.alive()) / 4]
    belt = look(trace.recurrence).belt
    quantity = belt.name if projected and belt is not None else "hidden"
    found = dossier(
        trace, read, names=names if read is not None else (), lags=lags, quantity=quantity
    )
    parts = _rounded(found, ablation)
    shifts = min(SHIFTS, WORK // max(1, trace.quantity(quantity).size * len(lags)))
    if read is not None and read.shape[-1] and shifts >= FEWEST:
        chance = by_chance(trace, read, lags=lags, shifts=shifts, quantity=quantity)
        parts["chance"] = chance.round(3).tolist()
    return parts


def _laid_out(trace: LayerTrace, x: Array) -> Array | None:
    """Give x as the trace's layout has it; None where it is of other steps."""
    given = {"BTH": x, "TBH": x.swapaxes(0, 1), "TH": x[0]}.get(trace.layout)
    return given if given is not None and given.shape[:-1] == trace.hidden.shape[:-1] else None


def _rounded(found: Dossier, ablation: Array | None) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "nearest": found.nearest.tolist(),
        "similarity": found.similarity.round(3).tolist(),
    }
    if found.correlation.shape[1]:
        parts |= {"correlation": found.correlation.round(3).tolist(), "lag": found.lag.tolist()}
    if ablation is not None:
        parts["ablation"] = [float(f"{cost:.4g}") for cost in ablation]
    return parts
