"""What a fit found: methods, verdict and networks, and how metrics.json says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glasscell.arrays import Array
from glasscell.tasks.forecast.coverage import sentence
from glasscell.tasks.forecast.data_summary import data_summary
from glasscell.tasks.forecast.heads import MEASURES
from glasscell.tasks.forecast.lag import Lag
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.scores import PLAIN_RNN, Method, Scoreboard, Span
from glasscell.tasks.forecast.standings import Standing, by_horizon, by_stretch
from glasscell.tasks.forecast.verdict import linear_start
from glasscell.training.campaign import Trained, log_lines
from glasscell.training.kinds import KINDS, NAMES


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` found.

    Args:
        plan: Data, windows and resolved options.
        saved: The plan by which the saved network was trained: `plan`, or in a backtest with refits
            that of the last origin.
        standings: Test results on all test windows, then on those that only some methods forecast.
        origins: Test results of each origin of a backtest; () of other runs.
        verdict: In words: whether the LSTM beat the best baseline.
        networks: Every trained network.
        best: The LSTM that was saved: of all seeds the best on validation.
        rival: The best plain RNN on validation, or None if training was stopped before.
        forecasts: Method to its (M, horizon) test forecasts in the data's unit (best seed).
        board: The truth of the test windows.
        asides: What a reader should know of the baselines.
        interrupted: True if Ctrl-C stopped training.
        seconds: Time of the whole run.
        folder: The run folder, or None.
        lag: How far back the data help and the LSTM reads; None: too few data to tell.
        span: How sure the saved network was of the test windows.
    """

    plan: Plan
    saved: Plan
    standings: tuple[Standing, ...]
    origins: tuple[Standing, ...]
    verdict: str
    networks: tuple[Trained, ...]
    best: Trained
    rival: Trained | None
    forecasts: dict[str, Array]
    board: Scoreboard
    asides: tuple[str, ...]
    interrupted: bool
    seconds: float
    folder: Path | None
    lag: Lag | None = None
    span: Span | None = None

    @property
    def methods(self) -> tuple[Method, ...]:
        """Results on all test windows, baselines first, the network last."""
        return self.standings[0].methods

    @property
    def network(self) -> str:
        """Name of the method that was trained: the LSTM, or what --cell says."""
        return NAMES[KINDS[self.plan.options.cell]]

    @property
    def remarks(self) -> list[str]:
        """What a reader of the table must know beside the verdict: a linear rival, no MASE."""
        named = {method.name: method for method in self.methods}
        rival = named.get(PLAIN_RNN) if self.network != PLAIN_RNN else None
        same = rival is not None and rival.all_linear and named[self.network].all_linear
        of_rival = (
            "The plain RNN was kept as the same linear model."
            if same
            else linear_start(rival)
            if rival
            else ""
        )
        early = "" if self.best.history else "Training was stopped before its first epoch was done."
        mase = self.board.without_mase()
        reach = "" if self.lag is None else self.lag.in_words()
        sure = sentence(self.methods, self.plan.options.unit, self.network)
        lacking = () if self.span is None else self.span.notes
        remarks = (early, sure, *lacking, of_rival, mase, reach, *self.asides)
        return [remark for remark in remarks if remark]

    def metrics(self) -> dict[str, Any]:
        """Give what metrics.json holds."""
        plan = self.plan
        return {
            "task": "forecast",
            "network": self.network,
            "verdict": self.verdict,
            "interrupted": self.interrupted,
            "unit": plan.options.unit,
            "methods": [method.record() for method in self.methods],
            "where": list(self.standings[0].where),
            "standings": [one.record() for one in self.standings[1:]],
            "by_horizon": by_horizon(self.methods),
            "by_stretch": by_stretch(self.board, self.methods),
            **({"backtest": self._backtest()} if self.origins else {}),
            "seeds": [
                {
                    "network": NAMES[t.kind],
                    "seed": t.seed,
                    f"validation_{self._measure}": t.validation,
                    "best_epoch": t.best_epoch,
                    "epochs": len(t.history),
                    "seconds": round(t.seconds, 3),
                }
                for t in self.networks
            ],
            "saved_seed": self.best.seed,
            "lag": None if self.lag is None else self.lag.record(),
            "data": data_summary(plan),
            "notes": [*plan.notes, *self.remarks],
            "seconds": round(self.seconds, 3),
        }

    def _backtest(self) -> dict[str, Any]:
        options = self.plan.options
        asked = {"windows": options.windows, "step": options.step, "refit": options.refit}
        return {**asked, "origins": [one.record() for one in self.origins]}

    def log(self) -> list[dict[str, Any]]:
        """Give the lines of log.jsonl."""
        return log_lines(self.networks, self._measure)

    @property
    def _measure(self) -> str:
        return MEASURES[self.plan.options.predicts]
