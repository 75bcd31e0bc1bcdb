"""Trains the networks of a forecasting estimator, as `glasscell fit` does, without its rivals."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from glasscell.arrays import Array
from glasscell.data.read import Panel, read_panel
from glasscell.errors import DataError
from glasscell.tasks.forecast.coverage import calibrated
from glasscell.tasks.forecast.fitting import keep_network, start
from glasscell.tasks.forecast.heads import telling_of
from glasscell.tasks.forecast.intervals import Calibration
from glasscell.tasks.forecast.network import Forecaster, Recipe, predict, tell
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import Plan, plan_of
from glasscell.tasks.forecast.scores import Scoreboard
from glasscell.tasks.forecast.windows import Boundaries
from glasscell.tasks.model_card import write_card
from glasscell.training.campaign import Campaign, Candidate, Trained, best_of_each, hire, log_lines
from glasscell.training.kinds import KINDS, Kind
from glasscell.training.progress import Reporter, Stop
from glasscell.training.run_folder import CALIBRATION, RunFolder
from glasscell.training.workers import one_thread

__all__ = ["train"]

HELD_OUT = 5
"""One row of so many, the last ones, validates."""


@dataclass(frozen=True, eq=False)
class WarmRecipe(Recipe):
    """A recipe whose networks begin with given weights, if there are any.

    Args:
        weights: Those, by name.
    """

    weights: Mapping[str, Array] = field(default_factory=dict)

    def network(self, kind: Kind, seed: int) -> Forecaster:
        """Make the network that training begins with."""
        network = super().network(kind, seed)
        if self.weights:
            given = {name: torch.tensor(array) for name, array in self.weights.items()}
            shapes = {name: tuple(own.shape) for name, own in network.state_dict().items()}
            if shapes != {name: tuple(own.shape) for name, own in given.items()}:
                raise DataError(
                    "warm_start: expected a network of the same size as before; horizon, lookback, "
                    "hidden_size, cell and the columns must stay, or fit afresh with "
                    "warm_start=False"
                )
            network.load_state_dict(given)
        return network


def train(
    data: Any,
    options: ForecastOptions,
    weights: Mapping[str, Array],
    verbose: bool,
) -> tuple[dict[str, bytes], Panel, Trained]:
    """Train networks on all rows but those that validate, the last ones, and keep the best.

    Args:
        data: A frame or the path of a file.
        options: The options.
        weights: What the networks begin with; empty: fresh.
        verbose: Whether to tell of every epoch on standard error.

    Returns:
        The files of a run folder by name, the series as they were read, and the network.

    Raises:
        DataError: The data or options cannot be used.
    """
    panel = read_panel(data, options.reading())
    plan = plan_of(panel, options, _split(options), judged=False)
    recipe = WarmRecipe(**vars(Recipe.of(plan, start(plan))), weights=weights)
    kind = KINDS[options.cell]
    networks = [Candidate(kind, options.seed + number) for number in range(options.seeds)]
    reporter = Reporter(quiet=not verbose)
    with one_thread(), hire(1, len(networks), recipe.work) as workers, reporter:
        campaign = Campaign(recipe, networks, reporter, None, workers)
        campaign.run(Stop())
    best = best_of_each(campaign.done)[kind]
    return _files(plan, best), panel, best


def _split(options: ForecastOptions) -> Any:
    """Give the split that trains on all but the last fifth, which validates."""
    least = options.horizon or 1

    def split(rows: int) -> Boundaries:
        return rows - max(rows // HELD_OUT, least), rows

    return split


def _calibration(plan: Plan, best: Trained) -> Calibration:
    """Measure on the rows that validate what intervals are made of."""
    tells = telling_of(plan.options)
    told = (predict if tells is None else tell)(best.network, plan.validation)
    board = Scoreboard(plan.dataset, plan.validation, plan.season)
    adaptive = plan.options.calibration == "adaptive"
    return calibrated(board, told, plan.options.level, tells, adaptive)[0]


def _files(plan: Plan, best: Trained) -> dict[str, bytes]:
    """Write a run folder and take it into memory."""
    with tempfile.TemporaryDirectory() as place, RunFolder(Path(place) / "run") as folder:
        keep_network(folder, best.network, plan, "a frame")
        folder.write_log(log_lines([best], "mae_scaled"))
        _calibration(plan, best).save(folder.draft / CALIBRATION)
        write_card(folder, plan.options)
        run = folder.commit()
        return {file.name: file.read_bytes() for file in sorted(run.iterdir()) if file.is_file()}
