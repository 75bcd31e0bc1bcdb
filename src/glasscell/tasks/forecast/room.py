"""Refuses a plan whose arrays would not fit in memory, before any of them is made."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]

from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.tasks.forecast.heads import telling_of
from glasscell.tasks.forecast.network import Sizes
from glasscell.tasks.forecast.plan import Plan
from glasscell.training.kinds import KINDS

FLOAT64, FLOAT32 = 8, 4
COPIES = 8
"""Copies of a network's weights: gradient, Adam's two moments, average, the best, the states."""


def require_room(plan: Plan, memory: int | None = None) -> None:
    """Refuse a plan that takes more than the machine's memory.

    Args:
        plan: The plan.
        memory: Bytes that there are; None: those of this machine.

    Raises:
        DataError: It does.
    """
    there = memory or int(psutil.virtual_memory().total)
    wanted = sum(parts(plan).values())
    if wanted <= there:
        return
    options = plan.options
    most = max(parts(plan), key=lambda name: parts(plan)[name])
    raise DataError(
        f"this takes about {_gigabytes(wanted)} of memory, and the machine has "
        f"{_gigabytes(there)}; the most goes to {most} (lookback {plan.lookback:,}, horizon "
        f"{plan.horizon:,}, {count(len(plan.train), 'training window')} of which an epoch takes at "
        f"most {options.epoch_windows:,}, hidden size {options.hidden_size:,}, batch size "
        f"{options.batch_size:,}, {count(options.seeds, 'seed')}); make one of them smaller"
    )


def parts(plan: Plan) -> dict[str, int]:
    """Estimate the bytes of what takes most, by what it is for."""
    options, horizon, lookback = plan.options, plan.horizon, plan.lookback
    channels, seeds = len(plan.channels), options.seeds
    train = min(len(plan.train), options.max_windows)
    drawn = min(len(plan.train), options.epoch_windows or options.max_windows)
    batch = max(min(options.batch_size or 1, drawn), min(len(plan.validation), drawn, 1024))
    tells = telling_of(options)
    beside = 0 if tells is None else tells.numbers
    sizes = Sizes(channels, lookback, plan.at_once, plan.train.ahead, beside)
    rows = lookback + (plan.at_once if plan.train.known else 0)
    past = channels - plan.dataset.level - (1 + plan.train.known if plan.train.known else 0)
    features = lookback * past + 1 + sizes.skips - lookback
    weights = sizes.parameters(KINDS[options.cell], options.hidden_size)
    return {
        "the ridge regression": FLOAT64
        * (3 * train * features + 2 * features**2 + 2 * train * horizon + horizon * features)
        + (FLOAT64 * train * horizon * 2 * sizes.own),
        "the forecasts of the test part": FLOAT64 * len(plan.test) * horizon * (8 + 2 * seeds),
        "the weights": FLOAT32 * COPIES * weights * 2 * seeds,
        "the gates of a batch": FLOAT32
        * (3 * batch * rows * (sizes.reads + 8 * options.hidden_size)),
    }


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
