"""How much of its time each unit's gates are closed and open, in each shown sequence."""

from typing import Final

from glasscell.inspect.memory.timescales import saturation
from glasscell.report.draw.recurrence import look
from glasscell.report.page.exploration import quantities
from glasscell.report.page.measured import Measured, Recorded, each
from glasscell.report.page.seen import Seen

MEASURES: Final = {"saturation": "{key: {gate: {closed: [H], open: [H]}}}, shares of the steps"}


def measure(recorded: Recorded) -> Measured:
    """Measure the gates of every layer that has some."""
    return each(recorded.seen, _gates)


def _gates(seen: Seen) -> Measured:
    known, gates = quantities(seen.trace), look(seen.trace.recurrence).gates
    shares = {name: saturation(known[name])._asdict() for name in gates if name in known}
    return Measured(numbers={"saturation": shares} if shares else {})
