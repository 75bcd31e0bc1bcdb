"""How long each unit keeps half of what it stores."""

from typing import Final

from glasscell.inspect.memory.timescales import half_lives
from glasscell.report.page.exploration import keeps
from glasscell.report.page.measured import Measured, Recorded, as_steps, each
from glasscell.report.page.seen import Seen

MEASURES: Final = {
    "half_life": '{key: [H]} steps, in that series; "never" where nothing fades, null for unknown',
    "memory": "{layer: {half_life, slow, median, longest, sequences}}, over the whole batch",
}


def measure(recorded: Recorded) -> Measured:
    """Measure half-lives in every shown sequence, and over the whole batch."""
    batch = {
        str(place): {
            "half_life": [*map(as_steps, layer.half_life)],
            "slow": as_steps(layer.slow),
            "median": as_steps(layer.median),
            "longest": as_steps(layer.longest),
            "sequences": layer.sequences,
        }
        for place, layer in recorded.memory.items()
    }
    return Measured(numbers={**each(recorded.seen, _half_life).numbers, "memory": batch})


def _half_life(seen: Seen) -> Measured:
    found = half_lives(seen.trace) if keeps(seen.trace) else None
    return Measured(numbers={} if found is None else {"half_life": [*map(as_steps, found)]})
