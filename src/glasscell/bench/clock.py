"""Times calls in a row."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from itertools import repeat

__all__ = ["seconds"]


def seconds(call: Callable[[], object], calls: int, *, warm: bool = True) -> float:
    """Time one call, as the mean of some in a row.

    Args:
        call: What to time; its result is dropped.
        calls: How many, at least 1.
        warm: Whether one call that is not timed goes before, to wake threads and fill caches.

    Returns:
        Seconds of one call, with about 15 ns for the loop.
    """
    if warm:
        call()
    was_on = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in repeat(None, calls):
            call()
        return (time.perf_counter() - start) / calls
    finally:
        if was_on:
            gc.enable()
