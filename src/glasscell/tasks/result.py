"""What a fit found: methods, verdict and networks, and how metrics.json says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.tasks.evaluate import LSTM, PLAIN_RNN, Method, Scoreboard
from glasscell.tasks.networks import Trained
from glasscell.tasks.plan import Plan

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` found.

    Args:
        plan: Data, windows and resolved options.
        methods: Test results, baselines first, the LSTM last.
        verdict: One sentence: whether the LSTM beat the best baseline.
        networks: Every trained network.
        best: The LSTM that was saved: of all seeds the best on validation.
        rival: The best plain RNN on validation, or None if training was stopped before.
        forecasts: Method to its (M, horizon) test forecasts in the data's unit (best seed).
        board: The truth of the test windows.
        interrupted: True if Ctrl-C stopped training.
        seconds: Time of the whole run.
        folder: The run folder, or None.
    """

    plan: Plan
    methods: tuple[Method, ...]
    verdict: str
    networks: tuple[Trained, ...]
    best: Trained
    rival: Trained | None
    forecasts: dict[str, Array]
    board: Scoreboard
    interrupted: bool
    seconds: float
    folder: Path | None

    def metrics(self) -> dict[str, Any]:
        """Give what metrics.json holds."""
        plan = self.plan
        parts = plan.dataset.parts
        return {
            "task": "forecast",
            "verdict": self.verdict,
            "interrupted": self.interrupted,
            "unit": plan.options.unit,
            "methods": [method.record() for method in self.methods],
            "seeds": [
                {
                    "network": PLAIN_RNN if t.kind == "RNN" else LSTM,
                    "seed": t.seed,
                    "validation_mae_scaled": t.validation,
                    "best_epoch": t.best_epoch,
                    "epochs": len(t.history),
                    "seconds": round(t.seconds, 3),
                }
                for t in self.networks
            ],
            "saved_seed": self.best.seed,
            "data": {
                "source": plan.panel.source,
                "series": len(plan.dataset.series),
                "rows": sum(len(s.ds) for s in plan.panel.series),
                "frequency": str(plan.panel.freq),
                "season": plan.season,
                "lookback": plan.lookback,
                "horizon": plan.horizon,
                "windows": {part: len(windows) for part, windows in parts.items()},
                "test_windows_scored": len(plan.test),
            },
            "notes": list(plan.notes),
            "seconds": round(self.seconds, 3),
        }
