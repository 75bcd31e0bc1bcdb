"""The machine that the numbers are measured on: its name, cores, caches, and who else is busy."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.threads import cpu_info

__all__ = ["Cache", "busy_cpus", "caches", "commit", "cpu", "cpus_for", "describe"]

SYSTEM = Path("/sys/devices/system/cpu")
FORCES = ("GLASSCELL_FORCE_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "XLA_FLAGS")
"""Variables that change what an engine may use."""


def describe() -> dict[str, Any]:
    """Give CPU, instruction set, system, Python, date and commit; engines add their versions."""
    return {
        **cpu(),
        "cores": os.cpu_count(),
        "isa": cpu_info()["isa"],
        "forced": {name: os.environ[name] for name in FORCES if name in os.environ},
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "glasscell": glasscell.__version__,
        "commit": commit(Path(glasscell.__file__)),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def cpu(info: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Give the processor's own name, and its family and model, which the name may hide."""
    fields: dict[str, str] = {}
    if info.exists():
        pairs = (line.partition(":") for line in info.read_text(encoding="utf-8").splitlines())
        for name, _, value in pairs:
            fields.setdefault(name.strip(), value.strip())
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": f"{fields.get('cpu family', '?')}/{fields.get('model', '?')}",
    }


def busy_cpus(seconds: float = 0.5, stat: Path = Path("/proc/stat")) -> float | None:
    """Count the CPUs that others use while this process sleeps; None where it cannot be known."""
    if not stat.exists():
        return None

    def ticks() -> Array:
        """All, and those in which a CPU worked; the fourth and fifth count are idle and disk."""
        counts = np.array(stat.read_text(encoding="ascii").splitlines()[0].split()[1:9], int)
        return np.array([counts.sum(), counts.sum() - counts[3:5].sum()])

    before = ticks()
    time.sleep(seconds)
    every, working = ticks() - before
    return float(working / max(every, 1)) * (os.cpu_count() or 1)


def commit(file: Path) -> str | None:
    """Give the commit that a file was checked out from, with "+" if tracked files differ from it.

    Returns:
        None where git does not track the file, as in an installed package.
    """
    git = shutil.which("git")
    if git is None or _git(git, file, "ls-files", "--error-unmatch", file.name) is None:
        return None
    changed = _git(git, file, "status", "--porcelain", "--untracked-files=no")
    return f"{_git(git, file, 'rev-parse', '--short', 'HEAD')}{'+' if changed else ''}"


def _git(git: str, file: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        [git, "-C", str(file.parent), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


class Cache(NamedTuple):
    """One level: its name, its bytes, and how many of them the CPUs in question have."""

    name: str
    bytes: int
    instances: int


def caches(cpus: Sequence[int], threads: int, system: Path = SYSTEM) -> tuple[Cache, ...]:
    """List the data caches of some CPUs, the smallest first.

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
    listed = tuple(Cache(name, size, len(places)) for name, (size, places) in levels.items())
    return listed or (
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
