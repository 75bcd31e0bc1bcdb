"""Pictures are drawn without a screen, and no figure outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import pytest


@pytest.fixture(autouse=True)
def _no_screen() -> Iterator[None]:
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    with mpl.rc_context():
        mpl.rcdefaults()
        plt.switch_backend("agg")
        yield
    plt.close("all")
