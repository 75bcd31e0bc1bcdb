"""Backtests: a few origins one after another, each with what was known then and nothing later.

The origins lie `step` rows apart and the last leaves one horizon; they are counted from the end of
each series. What lies before the first of them trains (7 parts of 8) and validates (the last one).
With `refit` every origin has parts, scalers, baselines and networks of its own: its series end with
its horizon, so that nothing that comes later is there to be used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.wording import time_text
from glasscell.tasks.forecast.plan import Plan, plan_of
from glasscell.tasks.forecast.scores import Entry, Scoreboard, Span

if TYPE_CHECKING:
    import torch

    from glasscell.tasks.forecast.network import Recipe
    from glasscell.training.kinds import Kind
    from glasscell.training.trainer import Trainer


def rounds(plan: Plan) -> list[Plan]:
    """Give a plan for every fit: for every origin where each is refitted, else the plan itself.

    Args:
        plan: The plan of the whole backtest; what the options left open is decided before its
            first origin, for all.
    """
    options = plan.options
    if not options.refit or options.windows is None or options.step is None:
        return [plan]
    found = []
    origins = plan.test.origins
    there = plan.dataset.origin_numbers(origins, plan.horizon, options.step)
    for number in sorted(set(there.tolist()), reverse=True):
        later = number * options.step
        series = tuple(one.until(len(one.ds) - later) for one in plan.dataset.series)
        panel = replace(plan.panel, series=series, notes=())
        found.append(plan_of(panel, replace(options, windows=1, refit=False), lag=plan.lag))
    return found


def pooled(
    plan: Plan, rounds: Sequence[Plan], entries: Sequence[Sequence[Entry]]
) -> tuple[Plan, list[Entry]]:
    """Put what the methods forecast at each origin together.

    Args:
        plan: The plan of the whole backtest.
        rounds: The plan of each round that was fitted.
        entries: Of each of them what each method forecast; a method that a round lacks is left out.

    Returns:
        The plan with the test windows of these rounds alone, and the forecasts of all of them.
    """
    if len(rounds) == 1 and rounds[0] is plan:
        return plan, list(entries[0])
    places = [_places(plan, one) for one in rounds]
    there = np.zeros(len(plan.test), bool)
    there[np.concatenate(places)] = True
    found = []
    for name in [entry.name for entry in entries[0]]:
        parts = [one for of_round in entries for one in of_round if one.name == name]
        if len(parts) == len(rounds):
            found.append(_joined(parts, places, len(plan.test)).of(there))
    test = replace(plan.test, origins=plan.test.origins[there])
    return replace(plan, test=test), found


def _joined(parts: Sequence[Entry], places: Sequence[Array], count: int) -> Entry:
    """Put the forecasts of one method, a part for each origin, where they belong."""
    seeds = min(len(part.forecasts) for part in parts)
    horizon = parts[0].forecasts[0].shape[1]
    forecasts = tuple(np.full((count, horizon), np.nan) for _ in range(seeds))
    windows = np.zeros(count, bool)
    for place, part in zip(places, parts, strict=True):
        windows[place if part.windows is None else place[part.windows]] = True
        for forecast, own in zip(forecasts, part.forecasts, strict=False):
            forecast[place] = own
    every = all(part.windows is None for part in parts)
    return replace(
        parts[-1],
        forecasts=forecasts,
        windows=None if every else windows,
        seconds=float(np.mean([part.seconds for part in parts])),
        linear=min(part.linear for part in parts),
        saved=min(parts[-1].saved, seeds - 1),
        span=_spans([part.span for part in parts], places, count),
    )


def _spans(parts: Sequence[Span | None], places: Sequence[Array], count: int) -> Span | None:
    """Put together how sure a method was, as far as it said so at every origin."""
    there = [part for part in parts if part is not None]
    if len(there) < len(parts):
        return None
    levels = [level for level in there[-1].low if all(level in part.low for part in there)]

    def joined(arrays: Sequence[Array]) -> Array:
        whole = np.full((count, arrays[0].shape[1]), np.nan)
        for place, part in zip(places, arrays, strict=True):
            whole[place] = part
        return whole

    return replace(
        there[-1],
        low={level: joined([part.low[level] for part in there]) for level in levels},
        high={level: joined([part.high[level] for part in there]) for level in levels},
        ranked=joined([part.ranked for part in there]),
    )


def _places(plan: Plan, part: Plan) -> Array:
    """Give where the test windows of a round lie among those of the whole backtest."""
    whole, own = plan.dataset, part.dataset
    names = {series.unique_id: owner for owner, series in enumerate(whole.series)}
    owners = own.owner(part.test.origins)
    rows = part.test.origins - own.offsets[owners]
    of_whole = np.array([names[series.unique_id] for series in own.series])[owners]
    places: Array = np.searchsorted(plan.test.origins, whole.offsets[of_whole] + rows)
    return places


@dataclass(frozen=True, eq=False)
class Rolling:
    """The recipes of all origins as one: the seeds of each follow those of the one before.

    Args:
        recipes: One for each origin.
    """

    recipes: tuple[Recipe, ...]

    @property
    def fingerprint(self) -> str:
        """Digest of options and data of all origins."""
        digests = "".join(one.fingerprint for one in self.recipes)
        return hashlib.sha256(digests.encode()).hexdigest()

    @property
    def epochs(self) -> int:
        """The most epochs of a network."""
        return self.recipes[0].epochs

    @property
    def film(self) -> int | None:
        """Training steps between two frames of a film."""
        return self.recipes[0].film

    @property
    def work(self) -> float:
        """Products of a weight and a number that training all networks takes."""
        return sum(one.work for one in self.recipes)

    def network(self, kind: Kind, seed: int) -> torch.nn.Module:
        """Make the network of a seed."""
        return self._of(seed).network(kind, seed)

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make the network of a seed ready for training."""
        return self._of(seed).trainer(kind, seed)

    def round_of(self, seed: int) -> int:
        """Give the number of the origin that a seed trains for."""
        options = self.recipes[0].options
        return (seed - options.seed) // options.seeds

    def _of(self, seed: int) -> Recipe:
        return self.recipes[self.round_of(seed)]


def cutoff_text(board: Scoreboard) -> str:
    """Say when the last values lie that a forecast of these windows knows."""
    times = pd.Index(board.cutoffs)
    first, last = time_text(times.min()), time_text(times.max())
    return first if first == last else f"{first} … {last}"
