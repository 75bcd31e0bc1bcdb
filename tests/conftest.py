"""For all tests: Hypothesis draws anew on a developer's machine, and always the same in CI."""

from __future__ import annotations

import os

from hypothesis import settings

# Threads meet in every test that asks for several, whatever a meeting costs on this machine.
os.environ.setdefault("GLASSCELL_MEETING_NS", "0")

settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.register_profile("developer", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "developer")
