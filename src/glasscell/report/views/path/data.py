"""How much of a layer's gradient runs on the conveyor belt, and how much through the gates."""

from typing import Final

import numpy as np

from glasscell.inspect.dynamics.path import path_split
from glasscell.report.page.exploration import keeps
from glasscell.report.page.measured import Measured, Recorded, each
from glasscell.report.page.seen import FEWEST, Seen
from glasscell.traces.slopes import mixes

SHARE: Final = 0.15
"""Of the time for influences, path splits and fans."""
LAGS: Final = 512
"""Lags that the page gets at most."""
ARRAYS: Final = {
    "s/l/path_lags": "(n,) lags; they stop early where only a sequence's end was measured",
    "s/l/path_share": "(n,) the belt's share of the gradient",
    "s/l/path_belt": "(n,) log10 norm along the belt",
    "s/l/path_gates": "(n,) log10 norm through the gates",
    "s/l/path_total": "(n,) log10 norm of both together",
}


def measure(recorded: Recorded) -> Measured:
    """Measure every layer with a belt for which there is time."""
    flops = SHARE * recorded.affordable.flops
    return each(recorded.affordable.seen, lambda seen: _split(seen, flops))


def _splits(seen: Seen) -> bool:
    """Whether there is a belt, and units that go their own way within a step."""
    return keeps(seen.trace) and not mixes(seen.trace.recurrence)


def _split(seen: Seen, flops: float) -> Measured:
    T, H, P = seen.sizes
    shown = seen.end(int(flops / (8 * H * P * min(H, FEWEST))))
    if shown is None or seen.weights is None or not _splits(seen):
        return Measured()
    T = len(shown.trace.hidden)
    columns = int(min(H, flops / (8 * H * P * T)))
    split = path_split(shown.trace, seen.weights, columns=None if columns == H else columns)
    arrays = {"lags": split.lags, "share": split.share, "belt": split.log10_belt}
    arrays |= {"gates": split.log10_gates, "total": split.log10_total}
    some = np.linspace(0, T - 1, min(T, LAGS)).round().astype(int)
    return Measured(arrays={f"path_{name}": array[some] for name, array in arrays.items()})
