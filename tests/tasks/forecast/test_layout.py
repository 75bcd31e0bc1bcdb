"""What is known ahead: its channels, its rows, its network and its ridge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge

import glasscell
from glasscell.data.read import ReadOptions, read_panel
from glasscell.tasks.forecast.layout import Ahead, Layout
from glasscell.tasks.forecast.network import Forecaster, Sizes
from glasscell.tasks.forecast.ridge import _solver_by_step
from glasscell.tasks.forecast.windows import TEST, build

AHEAD = Ahead(known=5, history=3, codes=((2, 4), (5, 6)))
"""Of 9 channels: target, level, a code of the past; 2 numbers, a code, 2 of the calendar; flag."""


def shop(rows=140, series=2):
    """A panel in which every channel can be foretold: names, stamps, a price, a promotion."""
    days = pd.date_range("2024-01-01", periods=rows)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{k}",
                "ds": days,
                "y": np.arange(rows) + 1000.0 * k,
                "visits": np.arange(rows) * 2.0,
                "price": 5.0 + k + np.arange(rows) % 3,
                "promo": np.arange(rows) % 2,
                "mood": np.where(np.arange(rows) % 5 == 0, "sale", "plain"),
                "town": ["Rome", "Oslo"][k % 2],
                "size": 10.0 * (k + 1),
            }
        )
        for k in range(series)
    ]
    return pd.concat(parts, ignore_index=True)


READING = ReadOptions(
    covariates=["visits"], future_covariates=["price", "promo", "mood"], static=["town", "size"]
)


@pytest.fixture(scope="module")
def panel():
    return read_panel(shop(), READING)


@pytest.fixture(scope="module")
def dataset(panel):
    return build(panel, 6, 3, True, calendar=["weekday"])


def test_the_channels_are_named_in_their_order(dataset):
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert dataset.layout.names == [
        *("target less its last value", "target", "visits", "price", "promo"),
        *("mood = plain", "mood = sale", *weekdays, "town = Oslo", "town = Rome", "size"),
        "ahead of the last value",
    ]
    windows = dataset.parts[TEST]
    assert windows.known == dataset.layout.known == 4 + 7 + 3
    assert windows.inputs().shape[1:] == (6 + 3, len(dataset.layout.names))


def test_rows_ahead_hold_what_is_known_and_nothing_of_the_past(dataset):
    windows, names = dataset.parts[TEST], dataset.layout.names
    rows = windows.inputs()
    assert (rows[:, 6:, :3] == 0).all()
    assert (rows[:, :6, -1] == 0).all()
    assert (rows[:, 6:, -1] == 1).all()
    whole = windows.values[windows.origins[:, None] + np.arange(-6, 3)]
    np.testing.assert_array_equal(rows[:, :, 3:-1], whole[:, :, 3:-1])
    owner = dataset.owner(windows.origins)
    first = windows.origins - dataset.offsets[owner]
    promo = rows[:, 6, names.index("promo")]
    np.testing.assert_array_equal(promo, first % 2)
    np.testing.assert_array_equal(rows[:, 6, names.index("mood = sale")], first % 5 == 0)
    np.testing.assert_array_equal(rows[:, 6, names.index("Mon")], first % 7 == 0)
    np.testing.assert_array_equal(rows[:, 0, names.index("town = Oslo")], owner)


def test_the_layout_of_a_run_is_read_as_it_was_written(dataset):
    settings = {"level": True, "columns": {"covariates": ["visits"]}}
    kept = {**settings, "ahead": dataset.layout.record()}
    assert Layout.read(kept) == dataset.layout
    assert Layout.read(settings) == Layout(level=True, past=("visits",))


def test_static_numbers_are_scaled_over_series_and_prices_within_one(panel, dataset):
    layout, pairs = dataset.layout, zip(dataset.series, dataset.scalers, strict=True)
    rows = [layout.rows(series, scaler, panel) for series, scaler in pairs]
    size, price = (layout.names.index(name) for name in ("size", "price"))
    assert [part[0, size] for part in rows] == [-1.0, 1.0]
    np.testing.assert_allclose(rows[0][:, price], rows[1][:, price], atol=1e-6)


def network(kind="LSTM"):
    torch.manual_seed(0)
    return Forecaster(kind, 9, 7, lookback=6, horizon=3, known=AHEAD)


def windows_of(rng, many=5):
    x = rng.normal(size=(many, 9, 9)).astype(np.float32)
    x[:, :, 2], x[:, :, 5] = rng.integers(0, 4, (many, 9)), rng.integers(0, 6, (many, 9))
    return x


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_network_is_counted_and_gives_the_same_bits_without_torch(kind, tmp_path):
    made, x = network(kind), windows_of(np.random.default_rng(0))
    counted = sum(p.numel() for p in made.parameters())
    assert counted == Sizes(9, 6, 3, AHEAD).parameters(kind, 7)
    with torch.no_grad():
        expected = made(torch.from_numpy(x)).numpy()
    glasscell.save(made, tmp_path / "model")
    model = glasscell.load(tmp_path / "model")
    np.testing.assert_array_equal(model.run(x).output, expected)
    np.testing.assert_array_equal(model.run(x[0]).output, expected[0])


def test_a_network_of_codes_of_the_past_alone_gives_the_same_bits_without_torch(tmp_path):
    made = Forecaster("LSTM", 3, 4, lookback=6, horizon=2, known=Ahead(0, 0, ((1, 4),)))
    x = np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32)
    x[:, :, 1] = 2
    glasscell.save(made, tmp_path / "model")
    with torch.no_grad():
        expected = made(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(glasscell.load(tmp_path / "model").run(x).output, expected)


def test_the_network_is_its_equation():
    made, x = network(), torch.from_numpy(windows_of(np.random.default_rng(1)))
    z = x.clone()
    z[:, :6, 0] -= x[:, 5:6, 0]
    tables = [table(x[:, :, c].long()) for table, c in zip(made.embeddings, (2, 5), strict=True)]
    z = torch.cat([z[:, :, [0, 1, 3, 4, 6, 7, 8]], *tables], dim=2)
    output, _ = made.recurrent(z)
    skip = torch.cat([x[:, :6, 0] - x[:, 5:6, 0], x[:, :6, [3, 4]].flatten(1)], dim=1)
    for k in range(3):
        own = (x[:, 6 + k, [3, 4, 6, 7]] * made.known.weight[k]).sum(dim=1)
        told = x[:, 5, 0] + made.skip(skip)[:, k] + made.head(output[:, 5])[:, k]
        told = told + own + (output[:, 6 + k] * made.ahead.weight[k]).sum(dim=1)
        torch.testing.assert_close(made(x)[:, k], told)
    assert torch.equal(made(x, 6), made(x))
    assert not torch.equal(made(x, 2), made(x))


def test_ridge_of_each_step_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, own, y = rng.normal(size=(80, 6)), rng.normal(size=(80, 3, 4)), rng.normal(size=(80, 3))
    weight, bias, steps = _solver_by_step(x, own, y)(2.5)
    for k in range(3):
        both = np.concatenate([x, own[:, k]], axis=1)
        fitted = Ridge(2.5).fit(both, y[:, k])
        np.testing.assert_allclose([*weight[k], *steps[k]], fitted.coef_, rtol=1e-9, atol=1e-12)
        assert bias[k] == pytest.approx(fitted.intercept_)
