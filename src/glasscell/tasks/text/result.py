"""What a fit found: methods, verdict and networks, and how metrics.json says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from glasscell.tasks.text.plan import Plan
from glasscell.tasks.text.reach import Reach
from glasscell.tasks.text.results_table import results
from glasscell.tasks.text.scores import Method
from glasscell.training.campaign import Trained, log_lines
from glasscell.training.kinds import NAMES


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` found.

    Args:
        plan: Text, vocabulary and resolved options.
        methods: Test results, baselines first, the network last.
        sentences: The verdict in English and Chinese.
        networks: Every trained network.
        best: The network that was saved: of all seeds the best on validation.
        rival: The best plain RNN on validation, or None if training was stopped before.
        reach: How the truncation was chosen; None: it was given.
        interrupted: True if Ctrl-C stopped training.
        seconds: Time of the whole run.
        folder: The run folder, or None.
        units: Units that track quotation marks, brackets ..., once they are measured.
    """

    plan: Plan
    methods: tuple[Method, ...]
    sentences: tuple[str, str]
    networks: tuple[Trained, ...]
    best: Trained
    rival: Trained | None
    reach: Reach | None
    interrupted: bool
    seconds: float
    folder: Path | None
    units: list[dict[str, Any]] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The verdict in English."""
        return self.sentences[0]

    @property
    def remarks(self) -> list[str]:
        """What a reader of the table must know beside the verdict."""
        early = "" if self.best.history else "Training was stopped before its first epoch was done."
        return [remark for remark in (early, *self.best.warnings) if remark]

    def table(self) -> Table:
        """Lay the methods out for a terminal."""
        return results(self.methods, self.plan.options.unit)

    def metrics(self) -> dict[str, Any]:
        """Give what metrics.json holds."""
        reach = self.reach
        measured = None if reach is None else {"cosine": reach.cosine, "trained": reach.trained}
        return {
            "task": "text",
            "verdict": list(self.sentences),
            "interrupted": self.interrupted,
            "methods": [method.record() for method in self.methods],
            "seeds": [
                {
                    "network": NAMES[t.kind],
                    "seed": t.seed,
                    "validation_bits": t.validation if t.history else None,
                    "best_epoch": t.best_epoch,
                    "epochs": len(t.history),
                    "seconds": round(t.seconds, 3),
                }
                for t in self.networks
            ],
            "saved_seed": self.best.seed,
            "truncation": {"steps": self.plan.options.truncation, "measured": measured},
            "units": self.units,
            "data": self.plan.summary(),
            "notes": [*self.plan.notes, *self.remarks],
            "seconds": round(self.seconds, 3),
        }

    def log(self) -> list[dict[str, Any]]:
        """Give the lines of log.jsonl."""
        return log_lines(self.networks, "bits")
