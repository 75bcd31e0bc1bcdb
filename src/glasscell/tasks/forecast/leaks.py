"""Looks for ways by which the future leaks into a forecast: columns that tell it, copied series.

Scalers, seasons and lags cannot: they are measured on the training part of each series alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
from sklearn.linear_model import Ridge

from glasscell.arrays import Array
from glasscell.data.wording import count, few
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.windows import Windows

TELLING = 0.1
"""Part of the error of the target's own past, below which a column tells the future: one that
moves the target, as weather moves load, explains much of it, but not nine tenths."""

ROWS = 20_000
"""Windows that are looked at in each part."""

FEWEST = 20
"""Training windows without which nothing is said."""

SHORTEST = 12
"""Values in a row, at least, whose equality is no chance; constant ones do not count."""

COPIED = 0.01
"""Part of the test windows that has to be found elsewhere."""


def leaks(plan: Plan) -> list[str]:
    """Say what a reader has to look at before he believes the scores, one sentence each."""
    found = []
    past, ahead = _telling(plan)
    if past:
        name, steps = past[0]
        found.append(
            f"The column {name} alone tells the target {count(steps, 'step')} later"
            f"{_others(past)}: it looks like the target moved back in time. Leave it out with "
            "--covariates unless it is known so early."
        )
    if ahead:
        name, _ = ahead[0]
        found.append(
            f"The column {name}, taken as known ahead, alone tells the target{_others(ahead)}. "
            "Where it is not known before the target is, leave it out of --future-covariates."
        )
    copies, who = _copies(plan)
    if copies:
        found.append(
            f"{count(copies, 'test window is', 'test windows are')} equal, number by number, to "
            f"values in the training part of another series ({who}): what is learnt by heart "
            "scores as if it were understood. Drop the copies."
        )
    return found


def _others(found: list[tuple[str, int]]) -> str:
    return f" (likewise {few([name for name, _ in found[1:]])})" if len(found) > 1 else ""


def _telling(plan: Plan) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Name the columns that tell the target of some step: of the past, and known ahead."""
    roles = plan.panel.roles
    past: list[tuple[str, int]] = []
    ahead: list[tuple[str, int]] = []
    own = _own_error(plan) if roles.covariates or roles.ahead else np.empty(0)
    for place, name in enumerate((*roles.covariates, *roles.ahead), 1):
        known = name in roles.ahead
        if name in plan.panel.vocabulary:
            continue
        step = _told(plan, place, known, own)
        if step is not None:
            (ahead if known else past).append((name, step))
    return past, ahead


def _told(plan: Plan, place: int, known: bool, own: Array) -> int | None:
    """Give the step ahead, from 1, of which a column tells the target; None: of none.

    A line through the column's last value, or where it is known ahead through its values at the
    step and beside it, is fitted on training and judged on validation.

    Args:
        plan: Series and windows.
        place: Place of the column among those of a series.
        known: Whether it is known ahead.
        own: (horizon,) error of the line through the target's own past.
    """
    (x, y), (x_later, y_later) = (
        _about(plan, part.thinned(ROWS), place) for part in (plan.train, plan.validation)
    )
    if len(y) < FEWEST or not len(y_later):
        return None
    for step in range(plan.horizon):
        read = [*range(step, min(step + 3, x.shape[1]))] if known else [0]
        line = Ridge(1e-6).fit(x[:, read], y[:, step])
        error = np.mean(np.abs(line.predict(x_later[:, read]) - y_later[:, step]))
        if error < TELLING * own[step]:
            return step + 1
    return None


def _own_error(plan: Plan) -> Array:
    """Give (horizon,) errors on validation of a line through the target's own past."""
    (x, y), (x_later, y_later) = (
        (part.inputs()[:, : plan.lookback, 0], part.targets())
        for part in (plan.train.thinned(ROWS), plan.validation.thinned(ROWS))
    )
    line = Ridge(1.0).fit(x, y)
    told = line.predict(x_later).reshape(y_later.shape)
    return np.asarray(np.abs(told - y_later).mean(axis=0))


def _about(plan: Plan, windows: Windows, place: int) -> tuple[Array, Array]:
    """Give of each window a column from the last known row on, and the scaled targets.

    Returns:
        (m, 1 + horizon) the column, each series centred and scaled on its training part, and
        (m, horizon) targets, of the windows in which the column has no gap.
    """
    dataset, reach = plan.dataset, np.arange(-1, plan.horizon)
    owners = dataset.owner(windows.origins)
    found = np.full((len(windows), len(reach)), np.nan)
    for owner, series in enumerate(dataset.series):
        mine = owners == owner
        width = series.values.shape[1]
        beside = series.values[:, place:] if place < width else series.known
        assert beside is not None
        column = beside[: len(series.ds), 0 if place < width else place - width]
        train = column[: dataset.boundaries[owner][0]]
        if np.isnan(train).all() or not np.nanstd(train):
            continue
        rows = windows.origins[mine] - dataset.offsets[owner]
        found[mine] = ((column - np.nanmean(train)) / np.nanstd(train))[rows[:, None] + reach]
    whole = np.isfinite(found).all(axis=1)
    return found[whole], windows.targets()[whole]


def _copies(plan: Plan) -> tuple[int, str]:
    """Count test windows whose values another series has in its training part."""
    series = plan.dataset.series
    if len(series) < 2:
        return 0, ""
    wanted, firsts = _test_windows(plan, max(plan.horizon, SHORTEST))
    pairs: dict[tuple[int, int], int] = {}
    for digest, others in _seen_in_training(plan, wanted, firsts).items():
        for owner in wanted[digest]:
            if strangers := others - {owner}:
                pair = owner, min(strangers)
                pairs[pair] = pairs.get(pair, 0) + 1
    copies = sum(pairs.values())
    if copies <= COPIED * len(plan.test):
        return 0, ""
    names = [f"{series[one].unique_id} in {series[other].unique_id}" for one, other in pairs]
    return copies, few(names)


def _test_windows(plan: Plan, size: int) -> tuple[dict[bytes, list[int]], Array]:
    """Give whose the test windows of each digest are, and the values that they begin with."""
    owners = plan.dataset.owner(plan.test.origins)
    wanted: dict[bytes, list[int]] = {}
    firsts = set()
    for owner, row in zip(owners, plan.test.origins - plan.dataset.offsets[owners], strict=True):
        values = plan.dataset.series[owner].target[row : row + size]
        if len(np.unique(values)) >= SHORTEST // 3 and not np.isnan(values).any():
            wanted.setdefault(_digest(values), []).append(int(owner))
            firsts.add(values[0])
    return wanted, np.array(sorted(firsts))


def _seen_in_training(
    plan: Plan, wanted: Mapping[bytes, list[int]], firsts: Array
) -> dict[bytes, set[int]]:
    """Give which series have values of each digest in their training part."""
    size = max(plan.horizon, SHORTEST)
    found: dict[bytes, set[int]] = {}
    for owner, train in enumerate(plan.dataset.training):
        # Only what begins like a test window is looked at whole.
        for start in np.flatnonzero(np.isin(train[: max(len(train) - size + 1, 0)], firsts)):
            digest = _digest(train[start : start + size])
            if digest in wanted:
                found.setdefault(digest, set()).add(owner)
    return found


def _digest(values: Array) -> bytes:
    return blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).digest()
