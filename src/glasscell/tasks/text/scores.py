"""Scores of one test text: bits per symbol, per character and per byte, a method each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.tasks.text.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Method:
    """Test results of one method.

    Args:
        name: "unigram", "5-gram", "xz", "plain RNN", "LSTM" ...
        bits: Per symbol of the test part, mean over seeds.
        per_character: The same bits by characters of the text.
        per_byte: The same bits by its bytes in UTF-8.
        sd: Standard deviation of `bits` between seeds; NaN with one.
        seeds: How many; 0 for a method without chance.
        parameters: Numbers that were fitted; n-grams that are known.
        seconds: Time to fit, mean over seeds.
        costs: (S,) bits of each test symbol, mean over seeds; None for a compressor, which tells
            only their sum.
    """

    name: str
    bits: float
    per_character: float
    per_byte: float
    sd: float = math.nan
    seeds: int = 0
    parameters: int = 0
    seconds: float = 0.0
    costs: Array | None = None

    def record(self) -> dict[str, Any]:
        """Give the numbers for metrics.json; what is not a number becomes None."""
        numbers = {
            "bits": self.bits,
            "bits_per_character": self.per_character,
            "bits_per_byte": self.per_byte,
            "bits_sd": self.sd,
            "seconds": round(self.seconds, 3),
        }
        finite = {k: float(v) if math.isfinite(v) else None for k, v in numbers.items()}
        return {"name": self.name, **finite, "seeds": self.seeds, "parameters": self.parameters}


def scored(
    name: str,
    runs: Sequence[Array] | int,
    plan: Plan,
    *,
    seeds: int = 0,
    parameters: int = 0,
    seconds: float = 0.0,
) -> Method:
    """Score one method.

    Args:
        name: Its name.
        runs: (S,) bits of each test symbol, by seed; or the sum of bits, of a compressor.
        plan: What was tested on.
        seeds: How many, of a method with chance.
        parameters: Numbers that were fitted.
        seconds: Time to fit.
    """
    if isinstance(runs, int):
        total, costs, sd = float(runs), None, math.nan
    else:
        costs = np.mean(np.stack(runs).astype(np.float64), axis=0)
        total = float(costs.sum())
        means = [float(np.mean(run, dtype=np.float64)) for run in runs]
        sd = float(np.std(means, ddof=1)) if len(means) > 1 else math.nan
    characters, size = plan.test_size
    return Method(
        name=name,
        bits=total / len(plan.test),
        per_character=total / max(characters, 1),
        per_byte=total / size,
        sd=sd,
        seeds=seeds,
        parameters=parameters,
        seconds=seconds,
        costs=costs,
    )
