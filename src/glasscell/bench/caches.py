"""The machine's cores and caches, as Linux lists them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Cache", "caches", "cpus_for"]

SYSTEM = Path("/sys/devices/system/cpu")


class Cache(NamedTuple):
    """One level: its name, its bytes, and how many of them the CPUs in question have."""

    name: str
    bytes: int
    instances: int


def caches(cpus: Sequence[int], threads: int, system: Path = SYSTEM) -> tuple[Cache, ...]:
    """Find the data caches of some CPUs, the smallest first.

    Args:
        cpus: Which; may be empty.
        threads: How many of each are assumed where the system does not list them.
        system: Where it lists them.
    """
    levels: dict[str, tuple[int, set[str]]] = {}
    for cpu in cpus:
        for index in sorted(system.glob(f"cpu{cpu}/cache/index*")):
            if _read(index / "type") == "Instruction":
                continue
            level = f"L{_read(index / 'level')}"
            places = levels.setdefault(level, (_size(_read(index / "size")), set()))[1]
            places.add(_read(index / "shared_cpu_list"))
    found = tuple(Cache(name, size, len(places)) for name, (size, places) in levels.items())
    return found or (
        Cache("L1", 32 << 10, threads), Cache("L2", 512 << 10, threads), Cache("L3", 16 << 20, 1)
    )  # fmt: skip


def cpus_for(threads: int, system: Path = SYSTEM) -> tuple[int, ...]:
    """Choose CPUs for so many threads: one of each core first, among those this process may use.

    Returns:
        At most `threads` CPU numbers; none where the system pins no process.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    allowed = sorted(os.sched_getaffinity(0))

    def rank(cpu: int) -> tuple[int, int]:
        path = system / f"cpu{cpu}/topology/thread_siblings_list"
        siblings = _listed(_read(path)) if path.exists() else [cpu]
        return siblings.index(cpu), cpu

    return tuple(sorted(allowed, key=rank)[:threads])


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _listed(text: str) -> list[int]:
    """Read a list of CPUs.

    >>> _listed("0-2,8")
    [0, 1, 2, 8]
    """
    spans = (part.split("-") for part in text.split(","))
    return [cpu for span in spans for cpu in range(int(span[0]), int(span[-1]) + 1)]


def _size(text: str) -> int:
    """Read a size with its unit.

    >>> _size("48K"), _size("32M")
    (49152, 33554432)
    """
    return int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[text[-1]]
