"""How much of its time each unit's gates are closed and open, in each shown sequence."""

from typing import Final

from glasscell.inspect.memory.timescales import saturation
from glasscell.report.page.measured import Measured, Recorded, each
from glasscell.report.page.seen import Seen

MEASURES: Final = {"saturation": "{key: {gate: {closed: [H], open: [H]}}}, shares of the steps"}


def measure(recorded: Recorded) -> Measured:
    """Measure the gates of every LSTM layer."""
    return each(recorded.seen, _gates)


def _gates(seen: Seen) -> Measured:
    if seen.trace.forget is None:
        return Measured()
    gates = {name: getattr(seen.trace, name) for name in ("forget", "input", "output")}
    shares = {name: saturation(gate)._asdict() for name, gate in gates.items()}
    return Measured(numbers={"saturation": shares})
