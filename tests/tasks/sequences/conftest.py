"""What tests of runs on sequences share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def without_rocket(monkeypatch):
    """Leave MiniRocket out: to compile its kernels takes longer than all tests of this folder."""
    monkeypatch.setattr("glasscell.tasks.sequences.baselines._has_rocket", lambda: False)
