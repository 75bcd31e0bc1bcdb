"""Plans that would not fit in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.room import parts, require_room


def planned(**options):
    data = pd.DataFrame({"ds": np.arange(40_000), "y": np.sin(np.arange(40_000.0))})
    return make_plan(data, ForecastOptions(season=1, **options))


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"lookback": 20_000, "horizon": 1, "hidden_size": 1}, "the ridge regression"),
        ({"lookback": 10, "horizon": 3_500, "seeds": 100}, "the forecasts of the test part"),
        ({"lookback": 10, "horizon": 1, "hidden_size": 4096, "seeds": 1000}, "the weights"),
        ({"lookback": 500, "horizon": 1, "batch_size": 2**31 - 1}, "the gates of a batch"),
    ],
)
def test_what_takes_most_is_named(options, most):
    plan = planned(**options)
    with pytest.raises(DataError, match=f"the machine has 0.5 GB; the most goes to {most}"):
        require_room(plan, memory=500_000_000)


def test_an_ordinary_plan_has_room():
    plan = planned(lookback=24, horizon=12)
    require_room(plan)
    assert sum(parts(plan).values()) < 500_000_000
