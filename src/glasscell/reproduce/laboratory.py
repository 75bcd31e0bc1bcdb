"""Runs the trials of an experiment side by side, keeps each as it ends, goes on where it ended."""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from glasscell.errors import DataError
from glasscell.reproduce.specimen import Specimen
from glasscell.reproduce.trial_bars import TrialBars
from glasscell.training.progress import Reporter
from glasscell.training.workers import Line, Workers, one_thread

TRIALS = "trials.jsonl"
RESULTS = "results.json"
SPECIMENS = "networks"
"""Where the first network of each row is kept, in a folder by the trial's key."""


class Tell(Protocol):
    """How a running trial is heard."""

    def tell(self, message: Any) -> None:
        """Say how far it is."""

    @property
    def stopped(self) -> bool:
        """Whether it shall end at once."""


@dataclass(frozen=True)
class Trial:
    """One network, or one measurement, of an experiment.

    Args:
        row: The row of the table that it belongs to.
        settings: Everything that decides its result, plain values.
        seed: Of weights and sequences.
    """

    row: str
    settings: Mapping[str, Any]
    seed: int

    def key(self, experiment: str) -> str:
        """Name the trial by all that decides its result."""
        told = json.dumps([experiment, self.row, dict(self.settings), self.seed], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Row:
    """One line of the table of an experiment: what was published, what was found.

    Args:
        name: What was run.
        published: The published figures by column; absent: none was published.
        ours: Our figures by column.
        trials: How many trials they are of.
        spread: Lowest and highest of the columns that differ between trials.
        verdict: "matched", "better", "short of it", or "" where nothing was published.
        differs: Which settings differ from the published ones, and why.
    """

    name: str
    published: Mapping[str, float | str]
    ours: Mapping[str, float | str]
    trials: int
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    verdict: str = ""
    differs: str = ""


class Experiment(Protocol):
    """What an entry of `experiments.EXPERIMENTS` is: a module of this form."""

    __name__: str
    NAME: str
    TITLE: tuple[str, str]
    SOURCE: str
    COLUMNS: tuple[tuple[str, tuple[str, str]], ...]

    @staticmethod
    def trials(quick: bool, seeds: int | None) -> list[Trial]:
        """List what is to be run."""

    @staticmethod
    def run(trial: Trial, line: Tell) -> dict[str, Any]:
        """Run one trial; gives plain values, and a `Specimen` where there is a network to show."""

    @staticmethod
    def rows(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
        """Lay out what was found beside what was published."""

    @staticmethod
    def curves(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Any]:
        """Draw what was found: `Chart`s of glasscell.report.views.curves."""

    @staticmethod
    def sentence(rows: Sequence[Row]) -> tuple[str, str]:
        """Say what was found, in English and Chinese."""


@dataclass(frozen=True, eq=False)
class Finding:
    """What an experiment found.

    Args:
        experiment: The experiment.
        quick: Whether it was the short form.
        done: Trials and their results.
        rows: The table.
        seconds: Time of all trials together, also of those of earlier calls.
        whole: Whether all trials were run.
    """

    experiment: Experiment
    quick: bool
    done: tuple[tuple[Trial, dict[str, Any]], ...]
    rows: tuple[Row, ...]
    seconds: float
    whole: bool

    def record(self) -> dict[str, Any]:
        """Give what results.json holds."""
        return {
            "experiment": self.experiment.NAME,
            "title": self.experiment.TITLE[0],
            "source": self.experiment.SOURCE,
            "quick": self.quick,
            "whole": self.whole,
            "sentence": list(self.experiment.sentence(self.rows)) if self.rows else ["", ""],
            "rows": [
                {
                    "name": row.name,
                    "published": _plain(row.published),
                    "ours": _plain(row.ours),
                    "spread": _plain(row.spread),
                    "trials": row.trials,
                    "verdict": row.verdict,
                    "differs": row.differs,
                }
                for row in self.rows
            ],
            "trials": [
                {"row": t.row, "settings": _plain(t.settings), "seed": t.seed, "result": _plain(r)}
                for t, r in self.done
            ],
            "seconds": round(self.seconds, 1),
        }


def reproduce(
    experiment: Experiment,
    folder: Path | None = None,
    *,
    quick: bool = False,
    seeds: int | None = None,
    only: Sequence[str] = (),
    workers: Workers | None = None,
    reporter: Reporter | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Finding:
    """Run an experiment's trials, or those that `folder` does not hold yet.

    Args:
        experiment: The experiment.
        folder: Where each trial is kept as it ends; None: nowhere.
        quick: The short form: fewer seeds, shorter lags.
        seeds: Trials of each row; None: as published, or few if quick.
        only: Rows to run, by a part of their names; default all.
        workers: Who runs them; None: this process.
        reporter: Says how far they are.
        stopped: Asked all the time whether to end early.

    Returns:
        What was found; with any number of processes the same.

    Raises:
        DataError: The folder holds a damaged file or cannot be written, or no row has such a name.
    """
    planned = _chosen(experiment.trials(quick, seeds), only)
    held = _held(folder)
    missing = [t for t in planned if t.key(experiment.NAME) not in held]
    say = reporter.say if reporter is not None else (lambda text: None)
    if folder is not None and len(missing) < len(planned):
        say(f"{len(planned) - len(missing)} of {len(planned)} trials were run before.")
    names = [f"{experiment.NAME}, {t.row}, seed {t.seed}" for t in missing]
    if folder is not None and missing:
        _writable(folder)

    def hear(number: int, message: Any) -> None:
        trial = missing[number]
        if isinstance(message, bytes) and folder is not None:
            pickle.loads(message).keep(folder / SPECIMENS / trial.key(experiment.NAME))
        elif isinstance(message, dict):
            held[trial.key(experiment.NAME)] = message
            _keep(folder, experiment.NAME, trial, message)
            bars.finished(names[number])
            say(f"{names[number]}: {message['said']}, {message['seconds']:.1f} s")
        elif isinstance(message, str):
            bars.told(names[number], message)

    crew = workers or Workers(1)
    console = reporter.console if reporter is not None else None
    with TrialBars(console, len(planned) - len(missing), len(planned)) as bars:
        crew.call(_one, experiment.__name__, missing, hear, stopped, names)
    return _found(experiment, quick, planned, held)


def kept(experiment: Experiment, folder: Path, seeds: int = 100) -> Finding:
    """Lay out whatever trials of the long form a folder holds, of however many calls.

    Args:
        experiment: The experiment.
        folder: Where `reproduce` kept its trials.
        seeds: The most trials of a row.

    Returns:
        What was found; `whole` tells whether all that the long form asks for is there.

    Raises:
        DataError: The folder holds a damaged file.
    """
    held = _held(folder)
    asked = {trial.key(experiment.NAME) for trial in experiment.trials(False, None)}
    found = _found(experiment, False, experiment.trials(False, seeds), held)
    return replace(found, whole=asked <= held.keys())


def _found(
    experiment: Experiment,
    quick: bool,
    planned: Sequence[Trial],
    held: Mapping[str, dict[str, Any]],
) -> Finding:
    keys = [trial.key(experiment.NAME) for trial in planned]
    done = tuple((t, held[key]) for t, key in zip(planned, keys, strict=True) if key in held)
    return Finding(
        experiment,
        quick,
        done,
        tuple(experiment.rows(done)) if done else (),
        sum(result["seconds"] for _, result in done),
        len(done) == len(planned),
    )


def _chosen(trials: list[Trial], only: Sequence[str]) -> list[Trial]:
    rows = list(dict.fromkeys(trial.row for trial in trials))
    for part in only:
        if not any(part in row for row in rows):
            raise DataError(f"--rows: expected a part of {'; '.join(rows)}, got {part!r}")
    return [t for t in trials if not only or any(part in t.row for part in only)]


@one_thread()
def _one(name: str, trial: Trial, line: Line) -> None:
    experiment = cast(Experiment, import_module(name))
    began = time.perf_counter()
    result = experiment.run(trial, line)
    specimen = result.pop("specimen", None)
    if isinstance(specimen, Specimen) and trial.seed == 0 and not line.stopped:
        # As bytes: multiprocessing would lend torch's memory, which ends with this process.
        line.tell(pickle.dumps(specimen))
    if not line.stopped:
        line.tell({**result, "seconds": round(time.perf_counter() - began, 3)})


def _writable(folder: Path) -> None:
    """Make sure before the first trial, which may take an hour, that it can be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TRIALS).open("ab").close()
    except OSError as error:
        raise DataError(
            f"--out: expected a folder to write, got {folder} ({error.strerror}); give another"
        ) from error


def _held(folder: Path | None) -> dict[str, dict[str, Any]]:
    path = None if folder is None else folder / TRIALS
    if path is None or not path.exists():
        return {}
    held: dict[str, dict[str, Any]] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if (entry := _entry(line)) is not None:
            held[entry["key"]] = entry["result"]
        elif number < len(lines):  # else nothing, or half a line of a process that was killed
            got = line[:60].decode("utf-8", "replace")
            raise DataError(
                f"{path}, line {number}: expected a trial, got {got!r}; remove the line or "
                "give another --out"
            )
    return held


def _entry(line: bytes) -> dict[str, Any] | None:
    """Read one line of a file of trials; None: it is no trial."""
    try:
        entry: dict[str, Any] = json.loads(line)
        float(entry["result"]["seconds"])
        return entry if isinstance(entry["key"], str) else None
    except (ValueError, KeyError, TypeError):
        return None


def _keep(folder: Path | None, name: str, trial: Trial, result: dict[str, Any]) -> None:
    if folder is None:
        return
    path = folder / TRIALS
    entry = {
        "key": trial.key(name),
        "row": trial.row,
        "settings": _plain(trial.settings),
        "seed": trial.seed,
        "result": _plain(result),
    }
    whole = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
    lost_end = "\n" if _entry(whole[2]) is not None else ""  # a trial, but for the end of its line
    if whole[2] and not lost_end:
        os.truncate(path, len(whole[0] + whole[1]))  # half a line, of a process that was killed
    with path.open("a", encoding="utf-8") as file:
        file.write(lost_end + json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _plain(values: Any) -> Any:
    """Write numbers that JSON does not have as null."""
    if isinstance(values, Mapping):
        return {name: _plain(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_plain(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def rows_of(
    done: Sequence[tuple[Trial, dict[str, Any]]],
) -> dict[str, list[tuple[Trial, dict[str, Any]]]]:
    """Put the trials of each row together, in the order of the plan."""
    rows: dict[str, list[tuple[Trial, dict[str, Any]]]] = {}
    for trial, result in done:
        rows.setdefault(trial.row, []).append((trial, result))
    return rows


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Give the lowest and the highest."""
    return float(min(values)), float(max(values))
