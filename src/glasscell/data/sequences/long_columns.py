"""Decides what each column of a long table is: sequence, time, label, group, part or feature."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from glasscell.data.columns import PERIOD_NAMES, TIME_NAMES
from glasscell.data.dates import dated
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.data.rawtable import SAMPLE_ROWS
from glasscell.data.sequences.reading_options import Known, ReadingOptions, split_names
from glasscell.data.wording import few
from glasscell.errors import DataError

SEQUENCE_NAMES = (
    *("sequence", "sequence_id", "seq", "seq_id", "case", "case_id", "series", "series_id"),
    *("instance", "instances", "sample", "sample_id", "trial", "trial_id", "recording"),
    *("recording_id", "session", "session_id", "episode", "episode_id", "segment", "segment_id"),
    *("sentence_id", "unique_id", "item_id", "id"),
)
STEP_NAMES = (
    "timepoints",
    "reading_id",
    "timepoint",
    "time_index",
    "time_step",
    "timestep",
    "frame",
    "tick",
)
DIMENSION_NAMES = ("dim_id", "dim", "dimension", "channel", "channel_id", "variable")
"""Columns that say which feature the number in a column `value` is of."""
LISTED = re.compile(r"[\[(]\s*[-+]?(\d[\d.eE+-]*|nan)(\s*,|\s)|.*\bdtype: (float|int)", re.DOTALL)
"""A cell with all numbers of a sequence: a list, an array, or a series of pandas."""
UNIT = r"(s|sec|secs|seconds|ms|us|ns)"
TIME_IN_UNITS = re.compile(
    rf"(t|time|timestamp|elapsed)([_\s.]{UNIT}|[_\s]?[\[(]{UNIT}[\])])|{UNIT}_elapsed|"
    "(time_)?elapsed|elapsed_time",
    re.IGNORECASE,
)
"""Names of times that say their unit: time_s, t [ms], seconds_elapsed."""
LABEL_NAMES = ("label", "class", "target", "y")
GROUP_NAMES = (
    *("group", "group_id", "subject", "subject_id", "participant", "participant_id", "patient"),
    *("patient_id", "person", "user", "user_id", "speaker", "speaker_id"),
)
PART_NAMES = ("part", "split", "set", "fold", "is_train", "is_test")
COUNTERS = re.compile(
    r"unnamed: ?\d+|column 1|index|row_?(id|number|index)?|rn|__index_level_\d+__", re.IGNORECASE
)
"""Columns of numbers that only count rows."""
IDS = re.compile(r"(.*[_\s.-])?(id|uuid)", re.IGNORECASE)
SWITCHES = ("true", "false")


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Args:
        sequence: Columns that together name the sequences; empty: the table is one sequence.
        time: Times or step numbers, None where the order of the rows holds.
        labels: Labels; empty: none.
        group: Whom a sequence comes from.
        part: Train or test.
        features: What the network reads.
        numeric: Columns whose first cells are all numbers.
        notes: What was found or not read, one sentence each.
    """

    sequence: tuple[str, ...]
    time: str | None
    labels: tuple[str, ...]
    group: str | None
    part: str | None
    features: tuple[str, ...]
    numeric: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def all_but_features(self) -> tuple[str, ...]:
        """Every other column that is read."""
        others = (*self.sequence, self.time, *self.labels, self.group, self.part)
        return tuple(dict.fromkeys(name for name in others if name))


def find_columns(
    cells: Mapping[str, Sequence[str]],
    options: ReadingOptions,
    known: Known | None,
    alone: bool = False,
    labelled: bool = True,
) -> Columns:
    """Find the role of every column.

    Args:
        cells: Column names in order, and of each the first cells that hold something.
        options: What the user named.
        known: What the run knows.
        alone: Whether the table is one sequence, so that no column has to name it.
        labelled: Whether a column has to say the labels.

    Raises:
        DataError: A column is missing, or two roles fall on one.

    >>> columns = find_columns({"case": ["1"], "x": ["2"], "label": ["up"]}, ReadingOptions(), None)
    >>> columns.sequence, columns.features, columns.labels
    (('case',), ('x',), ('label',))
    """
    if not any(cells.values()):
        raise DataError("expected one row per step, found no rows below the header")
    _require_a_row_a_step(cells, options)
    before = known.columns if known is not None else {}
    taken: list[str] = list(options.features or ())
    notes: list[str] = []

    def find(role: str, aliases: Sequence[str] = ()) -> str | None:
        remembered = before.get(role)
        asked = getattr(options, role)
        name = _named(role, asked, cells, known) or (remembered if remembered in cells else None)
        name = name or _alias(cells, taken, aliases)
        if name is not None and name in taken:
            raise DataError(
                f"expected different columns for each role, got {name!r} twice; name another with "
                f"--{role}"
            )
        taken.extend([name] if name else [])
        return name

    labels = _labels(cells, options, known, taken, labelled)
    group_aliases = [alias for alias in GROUP_NAMES if alias not in (options.sequence or "")]
    sequence = _sequence(cells, options, before, taken, alone)
    time = find("time")
    group = find("group", group_aliases)
    if group is not None and options.group is None and known is None:
        notes.append(
            f"Column {group!r} says whom a sequence comes from: sequences of one {group} never lie "
            "in two parts."
        )
    part = find("part") if known is None else None
    if time is None:
        time = _time(cells, taken)
        taken += [time] if time else []
    aside = [] if labelled else [name for name in cells if name.lower() in LABEL_NAMES[:3]]
    features, unread = _features(cells, options, known, [*taken, *aside])
    unread += [f"{name} (the labels are said elsewhere)" for name in aside if name not in features]
    if unread:
        notes.append(f"Columns not read: {few(unread, 20)}.")
    numeric = frozenset(name for name, filled in cells.items() if _all_numbers(filled))
    return Columns(sequence, time, labels, group, part, features, numeric, tuple(notes))


def _require_a_row_a_step(cells: Mapping[str, Sequence[str]], options: ReadingOptions) -> None:
    """Refuse tables with a whole sequence, or a single number of a step, in each row."""
    listed = [name for name, filled in cells.items() if filled and LISTED.match(filled[0])]
    if listed and not options.features:
        raise DataError(
            f"expected a number in each cell, got all steps of a sequence in column "
            f"{listed[0]!r}; give a row for each step (explode of pandas or polars makes them of "
            "lists, convert_to(X, 'pd-multiindex') of sktime of its frames), or (X, y) with X a "
            "list of arrays (time, features)"
        )
    lower = {name.lower(): name for name in cells}
    dimension = next((lower[name] for name in DIMENSION_NAMES if name in lower), None)
    if dimension is not None and "value" in lower and not options.features:
        others = [name for name in cells if name not in (dimension, lower["value"])]
        raise DataError(
            f"expected a column for each feature, got them below one another: {dimension!r} names "
            f"the feature, {lower['value']!r} has its number; frame.pivot(index={others}, "
            f"columns={dimension!r}, values={lower['value']!r}).reset_index() puts them side by "
            "side, --features value reads the column as one feature"
        )


def _named(
    role: str, name: str | None, cells: Mapping[str, Sequence[str]], known: Known | None
) -> str | None:
    """Give the column that the user named, None where a run is shown data without it."""
    if name is None or name in cells:
        return name
    if known is None:
        raise DataError(_no_column(f"--{role}", name, cells))
    return None


def _alias(
    cells: Mapping[str, Sequence[str]], taken: Sequence[str], aliases: Sequence[str]
) -> str | None:
    """Give the first of some names that a free column has, in any case of its letters."""
    free = {name.lower(): name for name in reversed(list(cells)) if name not in taken}
    return next((free[alias] for alias in aliases if alias in free), None)


def _labels(
    cells: Mapping[str, Sequence[str]],
    options: ReadingOptions,
    known: Known | None,
    taken: list[str],
    labelled: bool,
) -> tuple[str, ...]:
    named = split_names(options.label)
    if isinstance(options.label, str) and options.label in cells:
        named = (options.label,)
    if known is not None:
        named = tuple(name for name in named or known.labels if name in cells)
    for name in named:
        if name not in cells:
            raise DataError(_no_column("--label", name, cells))
        if name in taken:
            raise DataError(f"expected a label that is no feature, got {name!r} for both; leave it "
                            "out of --features")  # fmt: skip
    if not named and known is None and labelled:
        named = tuple(filter(None, [_alias(cells, taken, LABEL_NAMES)]))
        if not named:
            raise DataError(
                f"expected a label column named {', '.join(LABEL_NAMES)}; the columns found are "
                f"{few(list(cells), 30)}; name it with --label"
            )
    taken += named
    return named


def _sequence(
    cells: Mapping[str, Sequence[str]],
    options: ReadingOptions,
    before: Mapping[str, str | None],
    taken: list[str],
    alone: bool,
) -> tuple[str, ...]:
    if alone and options.sequence is None:
        return ()
    said = options.sequence or before.get("sequence")
    named = (said,) if said in cells else split_names(said)
    if options.sequence is None and not set(named) <= set(cells):
        named = ()
    if not named:
        named = tuple(filter(None, [_alias(cells, taken, SEQUENCE_NAMES)]))
    if not named:
        raise DataError(
            "expected a column that names the sequence of each row (sequence, sequence_id, case, "
            f"id …); the columns found are {few(list(cells), 30)}; name it with --sequence, or "
            "several with commas that name it together. A table of a row for each sequence is not "
            "read: save it as .npz of X (n, time) and y"
        )
    for name in named:
        if name not in cells:
            raise DataError(_no_column("--sequence", str(name), cells))
    taken += map(str, named)
    return tuple(map(str, named))


def _time(cells: Mapping[str, Sequence[str]], taken: Sequence[str]) -> str | None:
    """Find a column that puts the steps in order: a known name, one with a unit, dates."""
    free = {name.lower(): name for name in reversed(list(cells)) if name not in taken}
    for alias in (*TIME_NAMES, *STEP_NAMES, *PERIOD_NAMES):
        if alias in free and (_all_numbers(cells[free[alias]]) or dated(cells[free[alias]], alias)):
            return free[alias]
    for name in free.values():
        if TIME_IN_UNITS.fullmatch(name) and _all_numbers(cells[name]):
            return name
    return next((n for n in free.values() if cells[n] and dated(cells[n], n)), None)


def _features(
    cells: Mapping[str, Sequence[str]],
    options: ReadingOptions,
    known: Known | None,
    taken: Sequence[str],
) -> tuple[tuple[str, ...], list[str]]:
    """Give the features, and what other columns were not read, and why."""
    wanted = options.features
    if known is not None:
        wanted = known.features if known.named else None
    if wanted is not None:
        for name in wanted:
            if name not in cells:
                other = few([n for n in wanted if n not in cells])
                raise DataError(
                    f"expected the features {few(list(wanted), 10)}; {other} "
                    f"{'are' if ',' in other else 'is'} not there; the columns found are "
                    f"{few(list(cells), 30)}"
                )
            odd = next((c for c in cells[name] if not _number(c) and not is_missing(c)), None)
            if odd is not None and not _mostly(cells[name]):
                advice = (
                    "give one row per step (explode of pandas or polars makes them)"
                    if odd.startswith("[")
                    else "code text as numbers first, a column of 0 and 1 for each word "
                    "(pandas.get_dummies does), or leave it out"
                )
                raise DataError(f"feature {name!r}: expected numbers, got {odd!r}; {advice}")
        read = {*wanted, *taken}
        return tuple(wanted), [] if known else [name for name in cells if name not in read]
    features, unread = [], []
    for name in cells:
        if name in taken:
            continue
        why = _why_not(name, cells[name])
        if why:
            unread.append(f"{name} ({why})")
        else:
            features.append(name)
    if not features:
        raise DataError(
            f"expected columns of numbers to read, found none beside {few(list(taken))}"
            + (f"; not read: {few(unread, 10)}" if unread else "")
            + "; name them with --features"
        )
    return tuple(features), unread


def _why_not(name: str, filled: Sequence[str]) -> str:
    if not filled:
        return f"nothing in the first {SAMPLE_ROWS} rows"
    if name.lower() in PART_NAMES:
        return "--part reads train and test from it"
    if not _mostly(filled):
        return "text"
    whole = all(re.fullmatch(r"\d+", cell) for cell in filled)
    if whole and COUNTERS.fullmatch(name):
        return "counts the rows"
    return "a name" if whole and IDS.fullmatch(name) else ""


def _mostly(filled: Sequence[str]) -> bool:
    """Tell whether most cells are numbers, so that one slip does not make a column text."""
    known = [cell for cell in filled if not is_missing(cell)]
    return sum(map(_number, known)) >= max(len(known) / 2, 1)


def _all_numbers(filled: Iterable[str]) -> bool:
    """Tell whether all cells are numbers, and none a code such as 007."""
    known = [cell for cell in filled if not is_missing(cell)]
    codes = any(re.match(r"0\d", cell) for cell in known)
    return bool(known) and not codes and all(map(looks_like_number, known))


def _number(cell: str) -> bool:
    return looks_like_number(cell) or cell.lower() in SWITCHES


def _no_column(role: str, name: str, cells: Mapping[str, Sequence[str]]) -> str:
    return f"{role} {name!r}: there is no such column; the columns found are {few(list(cells), 30)}"
