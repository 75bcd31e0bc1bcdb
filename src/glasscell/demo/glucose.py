"""One person's blood glucose, every five minutes for half a year: the data of `glasscell demo`.

The readings come inside the package bokeh_sampledata (public domain): 52 281 rows of a continuous
glucose monitor, 24 March to 10 October 2010. Its clock was set four times, one day (28 May) was
stored twice with a shift of a minute, and for some 40 stretches the sensor was off, up to 28 hours.
"""

from __future__ import annotations

from typing import Any

from glasscell.tasks.forecast.options import ForecastOptions

HORIZON = 12
LOOKBACK = 72

OPTIONS = ForecastOptions(
    target="glucose",
    time="datetime",
    covariates=[],
    calendar=[],
    freq="5min",
    resample=True,
    gaps="interpolate",
    max_gap="30min",
    horizon=HORIZON,
    lookback=LOOKBACK,
    near=LOOKBACK // 4,
    # ETS, Theta and ARIMA forecast 100 of the 9,707 windows: a second table, too much for a demo.
    baselines=["trees"],
    seeds=1,
    film=100,
    unit="mg/dL",
)
"""An hour ahead from the last six: means of five minutes, gaps up to 30 minutes interpolated.

For three quarters of the epochs the networks read the last hour and a half alone, which halves the
work at the same errors (docs/decisions/demo.md).
"""


def load_glucose() -> Any:
    """Load the readings.

    Returns:
        A frame with datetime and glucose (mg/dL, 40 to 400: the sensor's range), 52 281 rows.

    Raises:
        ModuleNotFoundError: bokeh_sampledata is not installed (extra `demo`).
    """
    from bokeh_sampledata import glucose

    return glucose.data[["glucose"]].reset_index()
