"""Lays the columns of a series out as the channels that the network reads.

Target and past covariates first, then what is known ahead: future covariates, the calendar, static
columns. Categories get a channel for each of the frequent words; where there are more words, one
more channel holds a code, for which the network has an embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.calendar_channels import calendar_channels, channel_names
from glasscell.data.columns import Roles
from glasscell.data.frequency import future
from glasscell.data.read import Panel, Series
from glasscell.tasks.scaling import Scaler

SHOWN = 32
"""Words of a column that have a channel of their own, the most frequent ones in training."""


@dataclass(frozen=True)
class Ahead:
    """What of a row's channels is known ahead, as the network and ridge need it.

    Args:
        known: K, channels that are known ahead; they are the last, before the flag.
        history: The first of them, of which the linear path reads the past too: what the calendar
            and static columns say of the past, they say of the future.
        codes: Channels that hold a code, to the number of codes.
    """

    known: int = 0
    history: int = 0
    codes: tuple[tuple[int, int], ...] = ()

    def own(self, channels: int) -> list[int]:
        """Give the channels by which the linear path knows a step ahead.

        Args:
            channels: C, channels of a row.
        """
        coded = {channel for channel, _ in self.codes}
        return [c for c in range(channels - 1 - self.known, channels - 1) if c not in coded]

    def numbers_of_past(self, channels: int, first: int) -> list[int]:
        """Give the channels, from the first on, that hold numbers of the past alone."""
        coded = {channel for channel, _ in self.codes}
        end = channels - 1 - self.known if self.known else channels
        return [c for c in range(first, end) if c not in coded]

    def past(self, channels: int) -> list[int]:
        """Give the channels of what is known ahead that the linear path reads in the past too."""
        coded = {channel for channel, _ in self.codes}
        first = channels - 1 - self.known
        return [c for c in range(first, first + self.history) if c not in coded]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column becomes which channels.

    Args:
        level: Whether channel 1 repeats the target's level.
        past: Covariates of which the past alone is known.
        ahead: Columns that are known ahead.
        static: Columns that say one thing about each series.
        calendar: What the time stamps say, of `calendar_channels.NAMES`.
        vocabulary: Columns of categories to their words.
        shown: Columns of categories to the words that have a channel of their own.
        fixed: Columns to the mean and scale that they have in every series.
        common: Columns known ahead to the scale that they get where a series keeps them constant.
    """

    level: bool
    past: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    vocabulary: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shown: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: dict[str, tuple[float, float]] = field(default_factory=dict)
    common: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, panel: Panel, training: Sequence[slice], level: bool, calendar: Sequence[str] = ()
    ) -> Layout:
        """Measure on training rows how columns are to be scaled, and which words are frequent.

        Args:
            panel: The series.
            training: Training rows of each.
            level: Whether channel 1 repeats the target's level.
            calendar: What the time stamps are to say.
        """
        roles = panel.roles
        rows = [_columns(s, roles)[part] for s, part in zip(panel.series, training, strict=True)]
        layout = cls(
            level=level,
            past=roles.covariates,
            ahead=roles.ahead,
            static=roles.static,
            calendar=tuple(calendar),
            vocabulary=panel.vocabulary,
        )
        shown: dict[str, tuple[str, ...]] = {}
        fixed: dict[str, tuple[float, float]] = {}
        common: dict[str, float] = {}
        for place, name in enumerate(layout.columns, 1):
            cells = np.concatenate([part[:, place] for part in rows])
            cells = cells[~np.isnan(cells)]
            if name in panel.vocabulary:
                words = panel.vocabulary[name]
                often = np.bincount(cells.astype(int), minlength=len(words))
                kept = sorted(np.argsort(-often, kind="stable")[:SHOWN].tolist())
                shown[name], fixed[name] = tuple(words[k] for k in kept), (0.0, 1.0)
            elif name in roles.static:
                one = Scaler.fit(np.array([part[:1, place] for part in rows]))
                fixed[name] = float(one.mean[0]), float(one.scale[0])
            elif name in roles.ahead and np.isin(cells, (0.0, 1.0)).all():
                fixed[name] = 0.0, 1.0
            elif name in roles.ahead:
                about = [part[:, place : place + 1] - np.nanmean(part[:, place]) for part in rows]
                common[name] = float(Scaler.fit(np.concatenate(about)).scale[0])
        return replace(layout, shown=shown, fixed=fixed, common=common)

    @classmethod
    def read(cls, settings: dict[str, Any]) -> Layout:
        """Take the layout of a run, from its preprocessing.json."""
        kept = settings.get("ahead") or {}
        return cls(
            level=settings["level"],
            past=tuple(settings["columns"]["covariates"]),
            ahead=tuple(kept.get("ahead", ())),
            static=tuple(kept.get("static", ())),
            calendar=tuple(kept.get("calendar", ())),
            vocabulary={name: tuple(words) for name, words in kept.get("vocabulary", {}).items()},
            shown={name: tuple(words) for name, words in kept.get("shown", {}).items()},
            fixed={name: (mean, scale) for name, (mean, scale) in kept.get("fixed", {}).items()},
            common=kept.get("common", {}),
        )

    def record(self) -> dict[str, Any]:
        """Give what preprocessing.json holds beside the level and the past's columns."""
        return {
            name: value for name, value in asdict(self).items() if name not in ("level", "past")
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns beside the target."""
        return (*self.past, *self.ahead, *self.static)

    @property
    def names(self) -> list[str]:
        """Names of the channels."""
        names = ["target less its last value"] + ["target"] * self.level
        names += [name for column in self.past for name in self._names(column)]
        if self.known:
            names += [name for column in self.ahead for name in self._names(column)]
            names += channel_names(self.calendar)
            names += [name for column in self.static for name in self._names(column)]
            names += ["ahead of the last value"]
        return names

    @property
    def owners(self) -> list[str]:
        """Names of the columns that the channels tell of; the flag tells of none."""
        return [name for name, _ in self._told]

    @property
    def alike(self) -> list[float | None]:
        """What each channel holds where nothing is said: the mean, of categories all alike.

        None where there is no such number: of a code, and of the flag.
        """
        return [number for _, number in self._told]

    @property
    def _told(self) -> list[tuple[str, float | None]]:
        told: list[tuple[str, float | None]] = [("target", 0.0)] * (1 + self.level)
        for column in self.past:
            told += self._of_column(column)
        if not self.known:
            return told
        for column in self.ahead:
            told += self._of_column(column)
        for name in self.calendar:
            channels = channel_names((name,))
            waves = any(" sin " in channel for channel in channels)
            told += [(name, 0.0 if waves else 1 / len(channels))] * len(channels)
        for column in self.static:
            told += self._of_column(column)
        return [*told, ("", None)]

    def _of_column(self, column: str) -> list[tuple[str, float | None]]:
        if column not in self.vocabulary:
            return [(column, 0.0)]
        shown = len(self.shown[column])
        words: list[tuple[str, float | None]] = [(column, 1 / max(shown, 1))] * shown
        return words + [(column, None)] * self._coded(column)

    @property
    def known(self) -> int:
        """K, channels that are known ahead."""
        columns = (*self.ahead, *self.static)
        return sum(len(self._names(c)) for c in columns) + len(channel_names(self.calendar))

    def of_network(self) -> Ahead | None:
        """Give what network and ridge need; None where they read nothing but the target's past."""
        codes: list[tuple[int, int]] = []
        place = 1 + self.level
        for column in self.past:
            place = self._code(column, place, codes)
        for column in self.ahead:
            place = self._code(column, place, codes)
        place += len(channel_names(self.calendar))
        for column in self.static:
            place = self._code(column, place, codes)
        history = sum(len(self._names(column)) for column in self.ahead)
        return Ahead(self.known, history, tuple(codes)) if self.known or codes else None

    def _code(self, column: str, place: int, codes: list[tuple[int, int]]) -> int:
        place += len(self._names(column))
        if self._coded(column):
            # Code 0 stands for nothing: what the past's columns say of rows ahead.
            codes.append((place - 1, len(self.vocabulary[column]) + 1))
        return place

    def _coded(self, column: str) -> bool:
        return len(self.shown.get(column, ())) < len(self.vocabulary.get(column, ()))

    def _names(self, column: str) -> list[str]:
        if column not in self.vocabulary:
            return [column]
        return [f"{column} = {w}" for w in self.shown[column]] + [column] * self._coded(column)

    def scaler(self, series: Series, rows: slice = slice(None)) -> Scaler:
        """Measure the scale of a series on its own rows, where a column has none for all series."""
        measured = Scaler.fit(np.concatenate(self._parts(series), axis=1)[: len(series.ds)][rows])
        mean, scale = measured.mean.copy(), measured.scale.copy()
        for place, name in enumerate(self.columns, 1):
            if name in self.fixed:
                mean[place], scale[place] = self.fixed[name]
            elif name in self.common and scale[place] == 1.0:
                scale[place] = self.common[name]
        return Scaler(mean, scale)

    def _parts(self, series: Series) -> list[Array]:
        """Give all columns, the target first, over all rows of which something is known."""
        if series.known is None:
            return [series.values]
        more = len(series.known) - len(series.values)
        return [np.pad(series.values, ((0, more), (0, 0)), constant_values=np.nan), series.known]

    def rows(self, series: Series, scaler: Scaler, panel: Panel, more: int = 0) -> Array:
        """Lay a series out: (n + more, C) float32, with 0 in the flag.

        Args:
            series: The series.
            scaler: Its scaler.
            panel: Its panel, which knows the times of further rows and the clocks.
            more: Rows after the last of the history; what the data do not say of them is NaN in the
                channels that are known ahead, and 0 in the others.
        """
        n = len(series.ds)
        parts = np.concatenate(self._parts(series), axis=1)
        scaled = np.full((n + more, parts.shape[1]), np.nan)
        there = min(len(parts), n + more)
        scaled[:there] = scaler.apply(parts[:there])
        if self.static:
            scaled[n:, -len(self.static) :] = scaled[n - 1, -len(self.static) :]
        place = {name: place for place, name in enumerate(self.columns, 1)}
        scaled[n:, : 1 + len(self.past)] = 0.0
        columns = [scaled[:, :1]] * (1 + self.level)
        columns += [self._channels(c, scaled[:, place[c]]) for c in self.past]
        for column in self.past:
            if column in self.vocabulary:
                columns[1 + self.level + self.past.index(column)][n:] = 0.0
        if self.known:
            times = series.ds
            if more:
                times = times.append(future(times[-1], panel.freq, more))
            columns += [self._channels(c, scaled[:, place[c]]) for c in self.ahead]
            columns += (
                [calendar_channels(panel.clock(times), self.calendar)] if self.calendar else []
            )
            columns += [self._channels(c, scaled[:, place[c]]) for c in self.static]
            columns += [np.zeros((n + more, 1))]
        return np.asarray(np.concatenate(columns, axis=1), np.float32)

    def _channels(self, column: str, cells: Array) -> Array:
        if column not in self.vocabulary:
            return cells[:, None]
        words = self.vocabulary[column]
        places = [words.index(word) for word in self.shown[column]]
        channels = np.where(np.isnan(cells)[:, None], np.nan, cells[:, None] == places)
        return np.column_stack([channels, cells + 1]) if self._coded(column) else channels


def _columns(series: Series, roles: Roles) -> Array:
    """Give the columns of a series over its history."""
    if series.known is None:
        return series.values
    return np.concatenate([series.values, series.known[: len(series.ds)]], axis=1)
