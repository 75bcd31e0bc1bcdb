"""What the numbers were measured on: written into every result."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import glasscell


def cpu_name() -> str:
    """Return the processor's own name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe(threads: int) -> dict[str, Any]:
    """Return CPU, instruction set, threads, versions, date and commit."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    packages = ("glasscell", "torch", "onnxruntime", "numpy")
    family = _cpu_field("cpu family"), _cpu_field("model")
    return {
        "cpu": cpu_name(),
        "cpu_family_model": "/".join(family),
        "cores": os.cpu_count(),
        "isa": glasscell.cpu_info()["isa"],
        "forced": {
            k: os.environ[k]
            for k in ("GLASSCELL_FORCE_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
            if k in os.environ
        },
        "threads": threads,
        "versions": {p: _version(p) for p in packages},
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit,
    }


def _cpu_field(name: str) -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.split("\t")[0].strip() == name:
                return line.split(":", 1)[1].strip()
    return "?"
