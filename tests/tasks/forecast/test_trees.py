"""Trees: what they read, and the same errors as scikit-learn's own loop gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from glasscell.data.columns import Roles
from glasscell.data.read import Panel, Series
from glasscell.tasks.forecast import trees
from glasscell.tasks.forecast.trees import fit_trees, laid_out
from glasscell.tasks.forecast.windows import TEST, TRAIN, VALIDATION, build


def dataset(lookback=6, horizon=2, level=True, known=False, rows=400):
    rng = np.random.default_rng(0)
    promo = rng.integers(0, 2, rows + horizon).astype(float)
    y = np.sin(np.arange(rows) / 5) + 3 * promo[:rows] + 0.05 * rng.normal(size=rows)
    roles = Roles("t", None, ("y",), ahead=("promo",) if known else ())
    series = Series(
        "s", pd.RangeIndex(rows), y[:, None], np.ones(rows, bool), promo[:, None] if known else None
    )
    return build(Panel((series,), 1, roles, False, (), "made"), lookback, horizon, level), y, promo


def test_each_step_is_the_ensemble_that_scikit_learn_fits_to_it():
    data, y, _ = dataset()
    train, validation, test = (data.parts[part] for part in (TRAIN, VALIDATION, TEST))
    found = fit_trees(train, validation, level=True).forecast(test)

    def table(windows):
        """Changes, the level, and what is to come: by hand, from the scaled values."""
        scaled = data.scalers[0].apply(y[:, None])[:, 0].astype(np.float32)
        rows = [scaled[o - 6 : o] for o in windows.origins]
        x = np.array([[*(row - row[-1]), row[-1]] for row in rows], np.float32)
        return x, np.array([scaled[o : o + 2] - scaled[o - 1] for o in windows.origins])

    (x, z), (x_val, z_val), (x_test, _) = map(table, (train, validation, test))
    for step in range(2):
        model = HistGradientBoostingRegressor(
            loss="absolute_error", early_stopping=True, random_state=0
        ).fit(x, z[:, step], X_val=x_val, y_val=z_val[:, step])
        expected = model.predict(x_test) + test.inputs()[:, -1, 0]
        np.testing.assert_allclose(found[:, step], expected, atol=1e-6)


def test_what_is_known_of_the_step_is_read_and_what_is_to_come_of_the_target_is_not():
    data, _, promo = dataset(known=True)
    test = data.parts[TEST]
    inputs = test.inputs(slice(3))
    rows = laid_out(test, inputs, True, [1])
    assert rows.shape == (3, 6 + 1 + 6 + 1)
    np.testing.assert_array_equal(rows[:, -1], promo[test.origins[:3] + 1])
    spoilt = inputs.copy()
    spoilt[:, 6:, :2] = 1e9
    np.testing.assert_array_equal(laid_out(test, spoilt, True, [1]), rows)
    model = fit_trees(data.parts[TRAIN], data.parts[VALIDATION], level=True)
    error = abs(model.forecast(test) - test.targets()).mean() * data.scalers[0].scale[0]
    assert error < 0.3  # the promotion alone moves the target by 3


@pytest.mark.parametrize("horizon", [1, 5])
def test_more_steps_than_ensembles_share_one_and_are_told_which(monkeypatch, horizon):
    monkeypatch.setattr(trees, "MODELS", 2)
    data, *_ = dataset(horizon=horizon)
    model = fit_trees(data.parts[TRAIN], data.parts[VALIDATION], level=True)
    assert np.concatenate([steps for steps, _ in model.models]).tolist() == list(range(horizon))
    assert len(model.models) == min(horizon, 2)
    test = data.parts[TEST]
    assert model.forecast(test).shape == (len(test), horizon)
    inputs = test.inputs(slice(1))
    np.testing.assert_array_equal(laid_out(test, inputs, True, [0, 2])[:, -1], [0, 2])


def test_forecasts_come_in_parts_with_the_same_numbers(monkeypatch):
    data, *_ = dataset()
    model = fit_trees(data.parts[TRAIN], data.parts[VALIDATION], level=True)
    whole = model.forecast(data.parts[TEST])
    monkeypatch.setattr(trees, "AT_ONCE", 1)
    np.testing.assert_array_equal(model.forecast(data.parts[TEST]), whole)


def test_windows_beyond_the_cap_are_thinned_and_counted(monkeypatch):
    monkeypatch.setattr(trees, "ROWS", 50)
    data, *_ = dataset()
    assert fit_trees(data.parts[TRAIN], data.parts[VALIDATION], level=True).windows == 50
