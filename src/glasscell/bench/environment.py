"""What the numbers were measured on: written into every result."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.engine import cpu_info

__all__ = ["busy_cpus", "commit", "cpu", "describe"]

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
    """Count the CPUs that others use while this process sleeps; None where nobody counts."""
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
