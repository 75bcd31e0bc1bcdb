"""This machine's peak rate of fused multiply-adds, measured."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from glasscell import _core


def fma_peak(threads: int, seconds: float = 0.2) -> float:
    """Return the best FLOP per second of register-only multiply-adds on `threads` threads."""

    def burst(_: int) -> float:
        best = 0.0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            flop = _core.fma_burst(200_000)
            best = max(best, flop / (time.perf_counter() - start))
        return best

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(burst, range(threads)))
