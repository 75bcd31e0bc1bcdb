"""One file per competitor. Each has `NAME` and `prepare(case, weights, x, threads) -> Run | None`.

`weights` is the torch module that all engines take their numbers from. None: this engine cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Run:
    """A prepared case: `call()` is timed; `answer()` gives what `call` computed, for the check."""

    call: Callable[[], object]
    answer: Callable[[], np.ndarray]
