"""When and where something was measured, for the benchmarks that write no report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psutil
import torch

import glasscell
from glasscell.bench.machine import cpu


def surroundings() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": cpu()["cpu"],
        "cores": psutil.cpu_count(),
        "load": psutil.getloadavg()[0],
        "glasscell": glasscell.__version__,
        "torch": torch.__version__,
    }
