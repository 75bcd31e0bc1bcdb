"""What a fit on sequences found: methods, verdict and networks, and how metrics.json says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.tasks.sequences.out_of_sample import out_of_sample
from glasscell.tasks.sequences.plan import Plan
from glasscell.tasks.sequences.scores import Method, Scoreboard
from glasscell.tasks.sequences.splits import Round
from glasscell.tasks.sequences.verdict import Verdict
from glasscell.training.campaign import Trained, log_lines
from glasscell.training.kinds import NAMES


@dataclass(frozen=True, kw_only=True, eq=False)
class FitResult:
    """What `fit` found.

    Args:
        plan: Sequences, rounds and resolved options.
        methods: Test results, baselines first, the network last.
        judged: How the network stands to the best baseline.
        networks: Every trained network.
        best: The network that was saved: of all rounds the best on its validation part.
        rival: The best plain RNN on validation, or None: training was stopped before, or the
            network itself is one.
        board: The truth of the test parts.
        notes: What a reader of the table should know, one sentence each.
        interrupted: True if Ctrl-C stopped training.
        seconds: Time of the whole run.
        folder: The run folder, or None.
    """

    plan: Plan
    methods: tuple[Method, ...]
    judged: Verdict
    networks: tuple[Trained, ...]
    best: Trained
    rival: Trained | None
    board: Scoreboard = field(repr=False)
    notes: tuple[str, ...] = ()
    interrupted: bool
    seconds: float
    folder: Path | None

    @property
    def cell(self) -> str:
        """What the table calls the network."""
        return NAMES[self.best.kind]

    @property
    def verdict(self) -> str:
        """One sentence: how the network stands to the best baseline."""
        return self.judged.english

    @property
    def remarks(self) -> list[str]:
        """What a reader of the table must know beside the verdict."""
        early = "" if self.best.history else "Training was stopped before its first epoch was done."
        return [remark for remark in (early, *self.notes) if remark]

    @property
    def own(self) -> Method:
        """The network's test results."""
        return next(method for method in self.methods if method.name == self.cell)

    @property
    def saved_round(self) -> Round:
        """The parts that the saved network was trained and tested on."""
        return self.plan.round(self.best.seed)

    def metrics(self) -> dict[str, Any]:
        """Give what metrics.json holds."""
        plan, own = self.plan, self.own
        tested = np.concatenate([self.board.tests[number] for number in own.said])
        said = np.concatenate(list(own.said.values()))
        return {
            "task": "sequences",
            "goal": plan.goal,
            "verdict": [self.judged.english, self.judged.chinese],
            "test": {
                "rival": self.judged.rival,
                "gap": self.judged.gap,
                "p_value": self.judged.p,
                "pairs": self.judged.units,
            },
            "interrupted": self.interrupted,
            "methods": [method.record() for method in self.methods],
            "by_class": self.board.by_class(own),
            **out_of_sample(plan.sequences, tested, said),
            "seeds": [
                {
                    "network": NAMES[t.kind],
                    "seed": t.seed,
                    "validation_loss": t.validation if np.isfinite(t.validation) else None,
                    "best_epoch": t.best_epoch,
                    "epochs": len(t.history),
                    "seconds": round(t.seconds, 3),
                }
                for t in self.networks
            ],
            "saved_seed": self.best.seed,
            "data": self._data(),
            "notes": [*plan.notes, *self.remarks],
            "seconds": round(self.seconds, 3),
        }

    def _data(self) -> dict[str, Any]:
        plan = self.plan
        sequences, labels = plan.unaveraged.sequences, plan.labels
        counts = {}
        if labels.kind == "class":
            sizes = np.bincount(labels.values, minlength=len(labels.names))
            counts = dict(zip(labels.names, sizes.tolist(), strict=True))
        elif labels.kind == "multilabel":
            counts = dict(zip(labels.names, labels.values.sum(axis=0).tolist(), strict=True))
        lengths = sequences.lengths
        groups = None if sequences.groups is None else len(np.unique(sequences.groups))
        return {
            "source": sequences.source,
            "sequences": len(sequences),
            "steps": len(sequences.values),
            "features": list(sequences.features),
            "labels": list(labels.names),
            "counts": counts,
            "per_step": labels.per_step,
            "groups": groups,
            "lengths": {
                "least": int(lengths.min()),
                "median": float(np.median(lengths)),
                "most": int(lengths.max()),
            },
            "split": plan.scheme,
            "rounds": [
                {
                    "seed": part.seed,
                    "train": len(part.train),
                    "validation": len(part.validation),
                    "test": len(part.test),
                }
                for part in plan.rounds
            ],
        }

    def log(self) -> list[dict[str, Any]]:
        """Give the lines of log.jsonl."""
        return log_lines(self.networks, "loss")
