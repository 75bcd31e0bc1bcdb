"""Measures what calls add to the memory of this process at their peak; Linux only."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

from glasscell.bench.engines import CannotRun

__all__ = ["peak"]

STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CALLS = 3
"""The first call alone would miss what later ones add, before the allocator reuses anything."""


def peak(call: Callable[[], object]) -> int:
    """Make some calls and give the most resident bytes above those before.

    Raises:
        CannotRun: The system does not tell, or not for one part of a process's life.
    """
    if not REFERENCES.exists():
        raise CannotRun("peak memory needs Linux's /proc")
    ctypes.CDLL(None).malloc_trim(0)  # else calls would live in what preparing left behind
    REFERENCES.write_text("5", encoding="ascii")  # the peak starts anew
    before = _bytes("VmRSS")
    for _ in range(CALLS):
        call()
    return _bytes("VmHWM") - before


def _bytes(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])
