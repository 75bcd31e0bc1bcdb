"""Coverage, width and CRPS against independent computations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from utilsforecast.losses import coverage, mqloss

from glasscell.data.panel import Series
from glasscell.model.nodes.telling import Telling
from glasscell.tasks.forecast.coverage import POINTS, crps, sentence, spanned
from glasscell.tasks.forecast.intervals import Calibration, quantiles_of
from glasscell.tasks.forecast.scores import Entry, Method, Scoreboard
from glasscell.tasks.forecast.windows import Windows
from glasscell.tasks.scaling import Scaler

HORIZON = 2


def boards(rows=300, seed=0, mean=5.0, scale=3.0):
    """Validation and test windows of two series of noise, on scales of their own."""
    rng = np.random.default_rng(seed)
    series = tuple(
        Series(
            name,
            pd.date_range("2020-01-01", periods=rows, freq="D"),
            (mean + scale * k * rng.normal(size=(rows, 1))),
            np.ones(rows, bool),
        )
        for k, name in ((1, "a"), (2, "b"))
    )
    scalers = tuple(Scaler(np.array([mean]), np.array([scale * k])) for k in (1, 2))
    offsets = np.array([0, rows, 2 * rows])
    data = SimpleNamespace(
        series=series,
        scalers=scalers,
        offsets=offsets,
        training=[one.target[:10] for one in series],
        owner=lambda origins: np.searchsorted(offsets, origins, side="right") - 1,
    )
    cut = [(10, rows // 2), (rows // 2, rows - HORIZON)]
    found = []
    for low, high in cut:
        origins = np.concatenate([np.arange(low, high), rows + np.arange(low, high)])
        found.append(Scoreboard(data, Windows(np.zeros((2 * rows, 1)), origins, 3, HORIZON), 1))
    return tuple(found)


def of(board, span):
    """Score a forecast of the mean that was so sure."""
    return board.scored(Entry(name="m", forecasts=(np.full(board.truth.shape, 5.0),), span=span))


def zeros(pair):
    return tuple(np.zeros(board.truth.shape) for board in pair)


@pytest.mark.parametrize("adaptive", [False, True])
def test_coverage_and_width_are_those_of_utilsforecast(adaptive):
    pair = boards()
    board = pair[1]
    told = spanned(pair, zeros(pair), [80.0, 90.0], adaptive=adaptive)
    sure = of(board, told)
    for level in (80.0, 90.0):
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(board.owners, HORIZON),
                "y": board.truth.ravel(),
                f"m-lo-{level:.0f}": told.low[level].ravel(),
                f"m-hi-{level:.0f}": told.high[level].ravel(),
            }
        )
        assert sure.coverage[level] == pytest.approx(
            100 * coverage(frame, ["m"], int(level))["m"].mean()
        )
        assert sure.coverage[level] == pytest.approx(level, abs=4)
        wide = frame[f"m-hi-{level:.0f}"] - frame[f"m-lo-{level:.0f}"]
        assert sure.width[level] == pytest.approx(wide.groupby(frame["unique_id"]).mean().mean())


def test_the_crps_of_a_distribution_is_the_integral():
    pair = boards(rows=60)
    board, rng = pair[1], np.random.default_rng(2)
    told = np.stack(
        [rng.normal(size=board.truth.shape), np.full(board.truth.shape, 0.8),
         np.full(board.truth.shape, 4.0)], axis=-1,
    )  # fmt: skip
    ours = board.mean(crps(board, told, Calibration((), ()), Telling("student-t")))
    exact = np.empty(board.truth.shape)
    for at in np.ndindex(exact.shape):
        scale = 3.0 * (board.owners[at[0]] + 1)
        told_of = stats.t(4.0, 5.0 + scale * told[at][0], scale * 0.8)
        y = board.truth[at]
        exact[at] = (
            integrate.quad(lambda x, d=told_of: d.cdf(x) ** 2, -np.inf, y)[0]
            + integrate.quad(lambda x, d=told_of: d.sf(x) ** 2, y, np.inf)[0]
        )
    assert ours == pytest.approx(board.mean(exact), rel=0.01)


def test_the_crps_of_a_point_is_that_of_its_errors_to_both_sides():
    pair = boards(rows=80)
    start, _ = Calibration.of(zeros(pair)[0], pair[0].scaled(pair[0].truth), [80.0])
    board = pair[1]
    ours = board.mean(crps(board, zeros(pair)[1], start, None))
    y, exact = board.scaled(board.truth), np.empty(board.truth.shape)
    for step in range(HORIZON):
        cast = np.concatenate([-start.pools[0][:, step], start.pools[0][:, step]])
        spread = abs(cast[:, None] - cast).mean() / 2
        exact[:, step] = abs(y[:, step, None] - cast).mean(axis=1) - spread
    exact *= 3.0 * (board.owners + 1)[:, None]
    assert ours == pytest.approx(board.mean(exact), rel=0.01)


def test_the_crps_is_twice_the_mean_quantile_loss_of_utilsforecast():
    pair = boards(rows=60)
    start, _ = Calibration.of(zeros(pair)[0], pair[0].scaled(pair[0].truth), [80.0])
    board = pair[1]
    levels = (np.arange(POINTS) + 0.5) / POINTS
    errors = np.concatenate([-start.pools[0], start.pools[0]])
    frame = {"unique_id": np.repeat(board.owners, HORIZON), "y": board.truth.ravel()}
    for q in levels:
        told = np.tile(np.quantile(errors, q, axis=0), (len(board.truth), 1))
        frame[f"q{q:.2f}"] = board.restore(told).ravel()
    names = {"m": [f"q{q:.2f}" for q in levels]}
    theirs = 2 * mqloss(pd.DataFrame(frame), names, levels)["m"].mean()
    assert board.mean(crps(board, zeros(pair)[1], start, None)) == pytest.approx(theirs)


def test_sharper_quantiles_that_hold_score_better():
    pair = boards()
    tells = Telling("quantiles", quantiles_of([80.0, 90.0]))
    ends = stats.norm.ppf(tells.quantiles)
    told = [np.broadcast_to(ends, (*board.truth.shape, 5)) for board in pair]
    right = of(pair[1], spanned(pair, (told[0], told[1]), [80.0, 90.0], tells))
    wide = of(pair[1], spanned(pair, (3 * told[0], 3 * told[1]), [80.0, 90.0], tells))
    assert right.crps < wide.crps
    assert abs(right.coverage[90.0] - 90) < 4
    assert abs(wide.coverage[90.0] - 90) < 4  # put right by the calibration


def test_the_sentence_names_the_widest_level():
    methods = [
        Method(name=name, mae=1, rmse=1, mase=1, errors=np.ones(1),
               coverage={80.0: 80.0, 90.0: held}, width={80.0: 2.0, 90.0: wide})
        for name, held, wide in (("ridge", 91.0, 4.5), ("LSTM", 90.4, 4.0))
    ]  # fmt: skip
    assert sentence(methods, "kW") == (
        "The LSTM's 90 % intervals hold 90.4 % of the test values and are 4 kW wide; those of "
        "ridge hold 91.0 % and are 4.5 wide."
    )
    assert sentence(methods[:1]) == ""
