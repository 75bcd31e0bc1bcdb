"""Options of every wrong type and size, refused in words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast.options import BOUNDS, ForecastOptions


@pytest.mark.parametrize(
    "value", [3.0, 1.5, "3", True, np.bool_(True), math.nan, [3], np.float64(3)]
)
@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_what_is_no_whole_number_is_refused_for_one(name, value):
    with pytest.raises(DataError, match=rf"--{name.replace('_', '-')}: expected a whole number"):
        ForecastOptions(**{name: value})


@pytest.mark.parametrize(
    "name", ["seeds", "seed", "epochs", "hidden_size", "patience", "max_windows"]
)
def test_none_is_refused_where_there_is_a_default(name):
    with pytest.raises(DataError, match="expected a whole number, got None"):
        ForecastOptions(**{name: None})


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_whole_numbers_have_bounds(name):
    least, most = BOUNDS[name]
    for value in (least - 1, -(10**30), most + 1, 10**30):
        with pytest.raises(DataError, match=r"expected at (least|most)"):
            ForecastOptions(**{name: value})
    beside = {"windows": 1} if name == "step" else {}
    assert getattr(ForecastOptions(**{name: least}, **beside), name) == least


@pytest.mark.parametrize("value", [np.int64(3), np.uint8(3), np.array(3)[()]])
def test_integers_of_other_libraries_become_plain_ones(value):
    found = ForecastOptions(horizon=value).horizon
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize(
    "wrong",
    [
        {"show_level": "yes"}, {"show_level": 1},
        {"resample": None}, {"resample": "no"}, {"target": 1.5},
        {"target": ["y"]}, {"covariates": "price"}, {"covariates": [1.5]}, {"covariates": {"a": 1}},
        {"gaps": "ignore"}, {"gaps": None}, {"learning_rate": "0.1"}, {"learning_rate": True},
        {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"learning_rate": None},
        {"unit": None}, {"freq": 1.5}, {"decimal": ";"}, {"max_gap": []},
    ],
    ids=str,
)  # fmt: skip
def test_other_types_are_refused_in_words(wrong):
    with pytest.raises(DataError, match="expected"):
        ForecastOptions(**wrong)


def test_what_stands_for_a_name_a_frequency_or_a_number_is_taken():
    options = ForecastOptions(
        target=0,
        covariates=("a", 1),
        freq=pd.offsets.MonthBegin(),
        learning_rate=1,
        show_level=np.True_,
    )
    assert (options.target, options.covariates, options.freq) == ("0", ["a", "1"], "MS")
    assert options.learning_rate == 1.0
    assert options.show_level is True
