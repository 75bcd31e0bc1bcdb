"""What this machine could do at best: peak multiply-adds and read rates, measured; the roofline.

A row's bound is the longer of two times: the products' FLOP at the peak rate of fused
multiply-adds, and the weights that every step must read again, at the rate of the cache level that
holds them, times the steps. Nothing can be faster; what else a step costs (activations, results
written, threads that wait for each other) is not in the bound, so 100 % is out of reach.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from glasscell import _core
from glasscell.arrays import Array
from glasscell.bench.cases import Case
from glasscell.bench.machine import Cache

__all__ = ["Bound", "Level", "Limits", "bound", "probe"]

SECONDS = 0.15  # each rate is the best of bursts during so long
BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}
MOST = 1 << 30  # bytes read to measure memory, where caches are huge


class Level(NamedTuple):
    """A level of the memory: how much all threads' share holds, and how fast they read it."""

    name: str
    bytes: float
    bytes_per_s: float


class Limits(NamedTuple):
    """Rates of all threads together; levels from the fastest to memory, which holds anything."""

    threads: int
    flop_per_s: float
    levels: tuple[Level, ...]

    def level(self, size: float) -> Level:
        """Find the fastest level that holds so many bytes."""
        return next((level for level in self.levels if size <= level.bytes), self.levels[-1])


class Bound(NamedTuple):
    """The least seconds that a case can take, and what sets them: "FMA", "L1", …, "DRAM"."""

    seconds: float
    by: str


def bound(case: Case, limits: Limits) -> Bound:
    """Give the roofline of a case.

    ::

        t = max(FLOP / peak, N * bytes / rate(level that holds the bytes))

    Args:
        case: Any case that is timed.
        limits: The machine's.

    Returns:
        The bound. A whole sequence reads R again in each of its N = T steps, forward and, in
        training, backward (N = 2T); a lone step reads W and R once. All threads together read each
        weight once a step: they can share the units out, and each thread keeps its share near.

    >>> machine = Limits(1, 1e11, (Level("L1", 32e3, 2e11), Level("DRAM", float("inf"), 1e10)))
    >>> bound(Case("LSTM", "one step", "step", 1, 1, 512, 512), machine).by
    'DRAM'
    >>> bound(Case("LSTM", "inference", "inference", 100, 32, 512, 512), machine).by
    'FMA'
    """
    whole = case.task in ("inference", "training", "trace")
    width = case.H if whole else case.H + case.I
    size = case.gates * case.H * width * BYTES[case.weights]
    passes = case.T * (2 if case.task == "training" else 1)
    level = limits.level(size)
    return max(
        Bound(case.flop / limits.flop_per_s, "FMA"),
        Bound(passes * size / level.bytes_per_s, level.name),
    )


def probe(threads: int, caches: Sequence[Cache]) -> Limits:
    """Measure this machine with so many threads; takes about a second.

    Args:
        threads: How many compute at once.
        caches: The caches of the CPUs that they run on, the smallest first.
    """
    sizes = [cache.bytes * cache.instances for cache in caches]
    # Between this level's size and the one below, where neither edge is felt; beyond the last, far.
    below = [sizes[0] / 4, *sizes]
    reads = [(low * high) ** 0.5 for low, high in zip(below, sizes, strict=False)]
    reads.append(min(4 * sizes[-1], MOST))
    names = [*(cache.name for cache in caches), "DRAM"]
    with ThreadPoolExecutor(threads) as pool:
        rates = [_read_rate(pool, threads, int(size / threads)) for size in reads]
        peak = _rate(pool, [lambda: _core.fma_burst(200_000)] * threads)
    levels = map(Level, names, [*sizes, float("inf")], rates)
    return Limits(threads, peak, tuple(levels))


def _read_rate(pool: ThreadPoolExecutor, threads: int, size: int) -> float:
    """Bytes a second of all threads, each reading a buffer of its own."""
    passes = max(1, (4 << 20) // size)  # enough that a burst's start does not count

    def reader() -> Callable[[], int]:
        data = _aligned(size)
        return lambda: _core.read_burst(data, passes)

    return _rate(pool, [reader() for _ in range(threads)])


def _rate(pool: ThreadPoolExecutor, bursts: Sequence[Callable[[], int]]) -> float:
    """Sum of each thread's best work a second while all of them work."""

    def best(burst: Callable[[], int]) -> float:
        rate, end = 0.0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter()
            work = burst()
            rate = max(rate, work / (time.perf_counter() - start))
        return rate

    return sum(pool.map(best, bursts))


def _aligned(size: int) -> Array:
    """Float32 numbers from the start of a cache line on; not zeros, whose pages would be one."""
    padded = np.ones(size // 4 + 16, np.float32)
    first = -padded.ctypes.data // 4 % 16
    return padded[first : first + size // 4]
