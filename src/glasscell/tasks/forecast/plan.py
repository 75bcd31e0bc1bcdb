"""Turns options and data into a plan: horizon, lookback, season and windows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glasscell.data.calendar_channels import require_calendar
from glasscell.data.frequency import season_length
from glasscell.data.read import Panel, read_panel
from glasscell.data.wording import count, few
from glasscell.errors import DataError
from glasscell.tasks.forecast.lag import Lag, longest_tried, measure
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.windows import (
    TEST,
    TRAIN,
    VALIDATION,
    Backtest,
    Dataset,
    Split,
    Windows,
    boundaries,
    build,
    fits,
    shortest,
)

LONGEST_HORIZON = 24
LONGEST_LOOKBACK = 128
PLAIN_HORIZON = 12

NUMBERS_OF_AN_EPOCH = 2**28
"""Numbers that a network of 32 units reads in an epoch at most, channels and units of every row:
the six networks of a default fit then take some six minutes of one core. Neighbouring windows have
all rows but one in common, so that a part of them tells nearly as much
(docs/decisions/forecast-rivals.md)."""
UNITS = 32


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be trained on what.

    Args:
        panel: The series.
        options: The options with every default that depends on the data filled in.
        dataset: Windows and scalers.
        train: Training windows; each epoch draws `options.epoch_windows` of them at most.
        validation: Validation windows, thinned.
        test: Test windows, thinned.
        notes: What a reader of the results should know, one sentence each.
        lag: How far back the data help, as far as it could be measured.
    """

    panel: Panel
    options: ForecastOptions
    dataset: Dataset
    train: Windows
    validation: Windows
    test: Windows
    notes: tuple[str, ...]
    lag: Lag | None = None

    @property
    def horizon(self) -> int:
        """Steps to forecast."""
        return self.test.horizon

    @property
    def lookback(self) -> int:
        """Steps that are read."""
        return self.test.lookback

    @property
    def season(self) -> int:
        """Steps of one season."""
        return self.options.season or 1

    @property
    def at_once(self) -> int:
        """Steps that the network tells at once: all, or one that is repeated."""
        return 1 if self.options.strategy == "recursive" else self.horizon

    def once(self, windows: Windows) -> Windows:
        """Give windows of the steps that the network tells at once."""
        return replace(windows, horizon=self.at_once)

    @property
    def channels(self) -> list[str]:
        """Names of the network's input channels."""
        return self.dataset.layout.names

    def fingerprint(self) -> str:
        """Give a digest of the options and the data, by which a resumed run knows its own."""
        digest = hashlib.sha256(repr(sorted(self.options.record().items())).encode())
        digest.update(np.ascontiguousarray(self.train.values).tobytes())
        for windows in (self.train, self.validation, self.test):
            digest.update(windows.origins.tobytes())
        return digest.hexdigest()


def make_plan(
    data: object, options: ForecastOptions, say: Callable[[str], None] = lambda _: None
) -> Plan:
    """Read the data and decide what the options leave open.

    Args:
        data: Path of a table, or a frame.
        options: The options.
        say: Called before what may take long.

    Raises:
        DataError: The data cannot be used.
    """
    lookback = 1 if options.lookback == "auto" else options.lookback
    needed = shortest(lookback, options.horizon or 1)
    panel = read_panel(data, replace(options.reading(), needed=needed))
    rows = sum(len(series.ds) for series in panel.series)
    say(f"Measuring how far back the data help, on {count(rows, 'time step')} …")
    return plan_of(panel, options)


def plan_of(
    panel: Panel,
    options: ForecastOptions,
    split: Split | None = None,
    lag: Lag | None = None,
    judged: bool = True,
) -> Plan:
    """Decide what the options leave open for series that were read.

    Args:
        panel: The series.
        options: The options.
        split: Gives the first row of validation and of test of so many rows; None: as the options
            say.
        lag: How far back the data help, where that is known; None: it is measured.
        judged: Measure the lag even where no choice depends on it, for the verdict on the network.

    Raises:
        DataError: The series are too short, or have gaps everywhere.
    """
    _require_repeatable(panel, options)
    # Of the horizons that may be chosen, the longest leaves the least to find the season in.
    past = split or _split(options, options.horizon or LONGEST_HORIZON)
    season = _named_season(panel, options.season, past) or _season(panel, past)
    horizon = options.horizon or _horizon(panel, season)
    split = split or _split(options, horizon)
    usual = _usual(panel, horizon, season, split)
    named = None if options.lookback == "auto" else options.lookback
    calendar = _calendar(panel, options, named or usual, horizon, split)
    if lag is None and (judged or named is None or options.forget_bias == "chrono"):
        lag = _lag(panel, horizon, season, replace(options, calendar=calendar), split)
    lookback = named or (usual if lag is None else lag.lookback(usual))
    dataset = build(panel, lookback, horizon, options.show_level, split, calendar)
    step = options.step or horizon
    most = options.max_windows
    train = dataset.parts[TRAIN]
    batch_size = options.batch_size or max(16, min(128, len(train) // 64))
    drawn = options.epoch_windows or _drawn(train, options)
    resolved = replace(
        options,
        horizon=horizon,
        lookback=lookback,
        season=season,
        batch_size=batch_size,
        epoch_windows=drawn,
        show_level=dataset.level,
        step=options.windows and step,
        freq=str(panel.freq),
        covariates=list(panel.covariates),
        future_covariates=list(panel.roles.ahead) or None,
        static=list(panel.roles.static) or None,
        categories=list(panel.roles.categories) or None,
        calendar=list(dataset.layout.calendar),
        **panel.detected,
    )
    validation, test = (dataset.parts[part].thinned(most) for part in (VALIDATION, TEST))
    if options.windows is not None:
        test = _of_backtest(dataset, options.windows, step)
    notes = (*panel.notes, *_notes(dataset, most, drawn))
    return Plan(panel, resolved, dataset, train, validation, test, notes, lag)


def _require_repeatable(panel: Panel, options: ForecastOptions) -> None:
    """Refuse what forecasts that are read as history cannot go on with."""
    if options.strategy == "direct":
        return
    if panel.covariates:
        raise DataError(
            f"--strategy recursive reads its own forecasts as history, but of "
            f"{', '.join(panel.covariates)} nothing is forecast; leave these columns out with "
            "--covariates '[]', name those that are known ahead with --future-covariates, or "
            "forecast directly"
        )
    if options.predicts != "point":
        raise DataError(
            f"--strategy recursive: expected --predicts point, as one step is read as history of "
            f"the next, got {options.predicts}; forecast directly"
        )


def _calendar(
    panel: Panel, options: ForecastOptions, lookback: int, horizon: int, split: Split
) -> list[str]:
    """Give the parts of the calendar that were named, or that help beside the usual lookback."""
    # Workers read this module, and need not spend the second that loading scikit-learn takes.
    from glasscell.tasks.forecast.calendar_choice import candidates, helpful

    longest = max((series.ds for series in panel.series), key=len)
    if options.calendar is not None:
        require_calendar(options.calendar, longest)
        return options.calendar
    names = candidates(panel.clock(longest), split(len(longest))[0])
    if not names:
        return []
    return list(helpful(build(panel, lookback, horizon, options.show_level, split, names)))


def _split(options: ForecastOptions, horizon: int) -> Split:
    if options.windows is None:
        return boundaries
    return Backtest(options.windows, options.step or horizon, horizon)


def _of_backtest(dataset: Dataset, windows: int, step: int) -> Windows:
    """Take the windows of a backtest's origins."""
    test = dataset.parts[TEST]
    behind = dataset.rows_behind(test.origins, test.horizon)
    chosen = (behind % step == 0) & (behind // step < windows)
    if not chosen.any():
        raise DataError(
            "no origin of the backtest has a window without a gap before and after it; fill gaps "
            "with --gaps interpolate, or take another --step"
        )
    return replace(test, origins=test.origins[chosen])


def _named_season(panel: Panel, season: int | None, split: Split) -> int | None:
    train = split(max(len(series.ds) for series in panel.series))[0]
    if season is not None and season >= train > 1:
        raise DataError(
            f"--season: expected fewer than {count(train, 'time step')}, as the longest training "
            f"part has, got {season:,}; leave it out, or give more data"
        )
    return season


def _season(panel: Panel, split: Split) -> int:
    """Find the season; none if the longest series' training part holds less than two."""
    longest = max(panel.series, key=lambda s: len(s.ds))
    train = longest.target[: split(len(longest.ds))[0]]
    season = season_length(panel.freq, train)
    return season if 2 * season <= len(train) else 1


def _horizon(panel: Panel, season: int) -> int:
    """Choose the horizon: one season, less if the data are short."""
    longest = max(len(s.ds) for s in panel.series)
    wanted = min(season, LONGEST_HORIZON) if season > 1 else PLAIN_HORIZON
    return max(min(wanted, longest // 15), 1)


def _usual(panel: Panel, horizon: int, season: int, split: Split) -> int:
    """Give the lookback by horizon and season: 3 horizons or 2 seasons, less for short data."""
    longest = max(len(s.ds) for s in panel.series)
    return _fitting(min(max(3 * horizon, 2 * season), LONGEST_LOOKBACK), longest, horizon, split)


def _fitting(wanted: int, rows: int, horizon: int, split: Split) -> int:
    """Shorten a lookback to a third of the training part, and until all parts have a window."""
    third = split(rows)[0] // 3
    while wanted > 1 and (wanted > third or not fits(rows, wanted, horizon, split)):
        wanted -= 1
    return wanted


def _lag(
    panel: Panel, horizon: int, season: int, options: ForecastOptions, split: Split
) -> Lag | None:
    """Measure how far back the data help, up to the lookback that was named; None: too few data."""
    named = None if options.lookback == "auto" else options.lookback
    lengths = np.sort([len(s.ds) for s in panel.series])[::-1]
    # What half of all rows can be tried with: a few long series speak for themselves alone.
    rows = int(lengths[np.searchsorted(np.cumsum(lengths), lengths.sum() / 2)])
    wanted = longest_tried(named or LONGEST_LOOKBACK, 1 + len(panel.covariates))
    longest = wanted if named else _fitting(wanted, rows, horizon, split)
    while longest:
        try:
            dataset = build(
                panel, longest, horizon, options.show_level, split, options.calendar or ()
            )
            return measure(dataset, season)
        except DataError:  # gaps leave no window of so many steps
            longest //= 2
    return None


def _drawn(train: Windows, options: ForecastOptions) -> int:
    """Bound the windows of an epoch by the numbers that a network reads of them.

    With `near`, three epochs of four read the nearest rows alone.
    """
    lookback = train.lookback
    near = lookback if options.near is None else min(options.near, lookback)
    rows = (3 * near + lookback) / 4 + (train.horizon if train.known else 0)
    numbers = rows * (train.values.shape[1] + UNITS)
    return max(min(options.max_windows, int(NUMBERS_OF_AN_EPOCH / numbers)), 1)


def _notes(dataset: Dataset, most: int, drawn: int) -> list[str]:
    notes = []
    if dataset.left_out:
        who = count(len(dataset.left_out), "series is", "series are")
        notes.append(
            f"{who} too short for training and test and left out: {few(dataset.left_out)}."
        )
    for part, windows in dataset.parts.items():
        said = []
        if part == TRAIN and len(windows) > drawn:
            said.append(f"each epoch draws {drawn:,} of them anew (--epoch-windows)")
        if len(windows) > most:
            whose = "ridge reads" if part == TRAIN else "the run uses"
            said.append(f"{whose} {most:,} evenly spaced ones (--max-windows)")
        if said:
            notes.append(f"The {part} part has {len(windows):,} windows; {', '.join(said)}.")
    return notes
