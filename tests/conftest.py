"""For all tests: how Hypothesis draws, and how many tests run side by side.

Hypothesis draws anew on a developer's machine, and always the same in CI.
"""

from __future__ import annotations

import os
import sys

from hypothesis import settings

# Workers side by side leave each other a core; a test that is about threads asks for them itself.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Threads meet in every test that asks for several, whatever a meeting costs on this machine.
os.environ.setdefault("GLASSCELL_MEETING_NS", "0")

# Every fit would load it, five seconds of a core; the tests that are about it bring it back.
sys.modules.setdefault("statsforecast", None)  # type: ignore[arg-type]

settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.register_profile("developer", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "developer")


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: the CPUs of the affinity mask, cut by the cgroup's quota, which xdist ignores."""
    from glasscell import _core

    return _core.available_cpus()
