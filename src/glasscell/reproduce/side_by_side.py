"""Networks of today side by side: the same problem, another start or cell in each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from glasscell.arrays import Array
from glasscell.report.views.curves.data import Chart
from glasscell.reproduce.laboratory import Row, Tell, Trial, rows_of, spread
from glasscell.reproduce.problems import Examples
from glasscell.reproduce.specimen import Specimen
from glasscell.reproduce.today import Answerer, Draw, Today, answers, train
from glasscell.reproduce.trial_curves import Levels, learning

Measure = Callable[[Array, Array], float]
"""Scores answers (N, O) against targets (N, O), NaN where nothing is asked."""

Start = float | Literal["chrono"]
STARTS: tuple[Start, ...] = (0.0, 1.0, 3.0, 5.0, "chrono")
"""Forget biases with which LSTMs of one table begin."""

SEQUENCES = ("sequences", ("sequences shown", "训练序列数"))
"""The column that every table has beside its measures."""
SHOWN = 64
"""Sequences that a trained network is looked at on."""
CLOSE = 1.25
"""Factor within which a mean of few trials is taken for the published figure."""


def mse(told: Array, target: Array) -> float:
    """Give the mean squared error.

    >>> mse(np.array([[1.0], [9.0]]), np.array([[4.0], [np.nan]]))
    9.0
    """
    return float(np.nanmean(np.square(told - target)))


def rmse(told: Array, target: Array) -> float:
    """Give the root of `mse`."""
    return float(np.sqrt(mse(told, target)))


def of_classes(measure: Measure) -> Measure:
    """Take a measure of the probabilities that a softmax makes of the answers.

    >>> of_classes(rmse)(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    0.5
    """
    return lambda told, target: measure(
        np.exp(told - np.logaddexp.reduce(told, axis=1, keepdims=True)), target
    )


def right(told: Array, target: Array) -> float:
    """Give the percentage of questions whose largest answer is the class.

    >>> right(np.array([[2.0, 1.0], [2.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    50.0
    """
    asked = ~np.isnan(target[:, 0])
    return 100 * float((told[asked].argmax(1) == target[asked].argmax(1)).mean())


def cross_entropy(told: Array, target: Array) -> float:
    """Give the mean of ``-log p`` of the classes, in nats.

    >>> round(cross_entropy(np.zeros((1, 4)), np.eye(4)[:1]), 4)
    1.3863
    """
    asked = ~np.isnan(target[:, 0])
    logs = told[asked] - np.logaddexp.reduce(told[asked], axis=1, keepdims=True)
    return -float((target[asked] * logs).sum(axis=1).mean())


@dataclass(frozen=True, kw_only=True)
class Test:
    """What is measured of a trained network.

    Args:
        column: Where it stands in the table.
        draw: Gives so many sequences.
        measure: Scores the answers.
        count: Sequences.
    """

    column: str
    draw: Draw
    measure: Measure
    count: int = 1000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row: a network, what it learns, what it is asked, what was published of it.

    Args:
        name: What the row is called, the task before the last comma; no two are called alike.
        options: The network and its training.
        draw: Gives so many sequences to learn from.
        tests: What is measured.
        published: The published figures, by column; words where no figure was given.
        trials: Trials of the whole form; 0: it is in the short form alone.
        quick: Trials of the short form; 0: it is in the whole form alone.
        differs: Which settings differ from the published ones, and why.
        network_of: Makes the network, of the options, I and O.
        read: What else decides the result, such as the digest of a file.
    """

    name: str
    options: Today
    draw: Draw
    tests: Sequence[Test]
    published: Mapping[str, float | str] = field(default_factory=dict)
    trials: int = 3
    quick: int = 1
    differs: str = ""
    network_of: Callable[[Today, int, int], torch.nn.Module] = Answerer
    read: Mapping[str, Any] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """Give what decides a trial's result, as plain values."""
        return {**asdict(self.options), "variant": dict(self.options.variant), **self.read}

    def run(self, trial: Trial, line: Tell) -> dict[str, Any]:
        """Train and test one network with the options that the trial's settings say."""
        told = {name: value for name, value in trial.settings.items() if name not in self.read}
        trained = train(
            Today(**told),
            self.draw,
            trial.seed,
            network_of=self.network_of,
            tell=line.tell,
            stopped=lambda: line.stopped,
        )
        scores: dict[str, Any] = {}
        for number, test in enumerate(self.tests):
            asked: Examples = test.draw(test.count, np.random.default_rng([trial.seed, 2, number]))
            scores[test.column] = test.measure(answers(trained.network, asked), asked.target)
        said = ", ".join(f"{column} {score:.4g}" for column, score in scores.items())
        return {
            **scores,
            "sequences": trained.sequences,
            "history": trained.history,
            "said": f"{trained.sequences:,} sequences, {said}",
            "specimen": Specimen(
                network=trained.network,
                examples=self.draw(SHOWN, np.random.default_rng([trial.seed, 3])),
                loss=self.options.loss,
                task=self.name.rpartition(", ")[0],
            ),
        }


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """An experiment of such rows: what `laboratory.Experiment` asks for, but for the words.

    Args:
        entries: The rows.
        better: Whether "less" or "more" of the measures is better.
        centre: What is told of several trials: their mean, or their median.
        apart: What stands in the name of a row between task and network.
        levels: Errors that need no memory, by task.
    """

    entries: Sequence[Entry]
    better: Literal["less", "more"]
    centre: Callable[[list[float]], Any] = np.mean
    apart: str = ", "
    levels: Levels = lambda task: ()

    def trials(self, quick: bool, seeds: int | None) -> list[Trial]:
        """List the trials, row by row."""
        listed = []
        for entry in self.entries:
            number = entry.quick if quick else entry.trials
            listed += [
                Trial(entry.name, entry.settings(), seed)
                for seed in range((seeds or number) if number else 0)
            ]
        return listed

    def run(self, trial: Trial, line: Tell) -> dict[str, Any]:
        """Train and test one network."""
        return self._entry(trial.row).run(trial, line)

    def rows(self, done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
        """Lay out the trials beside what was published."""
        return [
            self._row(self._entry(name), [result for _, result in some])
            for name, some in rows_of(done).items()
        ]

    def curves(self, done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Chart]:
        """Draw how the networks learnt."""
        return learning(done, lambda row: row.rpartition(self.apart)[::2], self.levels)

    def _entry(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.name == name)

    def _row(self, entry: Entry, results: Sequence[Mapping[str, Any]]) -> Row:
        keys = [*(test.column for test in entry.tests), "sequences"]
        ours: dict[str, float | str] = {
            key: float(self.centre([result[key] for result in results])) for key in keys
        }
        spreads = {key: spread([result[key] for result in results]) for key in keys}
        return Row(
            entry.name,
            entry.published,
            ours,
            len(results),
            spreads,
            judged(entry.published, ours, spreads, self.better),
            entry.differs,
        )


def judged(
    published: Mapping[str, float | str],
    ours: Mapping[str, float | str],
    spreads: Mapping[str, tuple[float, float]],
    better: Literal["less", "more"],
) -> str:
    """Compare a row with the published one, figure by figure; the worst of them decides.

    A figure is matched if it lies between our lowest and highest trial, or within `CLOSE` of our
    mean; words are not judged.

    >>> judged({"mse": 0.10}, {"mse": 0.11}, {"mse": (0.105, 0.12)}, "less")
    'matched'
    >>> judged({"mse": 0.10}, {"mse": 0.01}, {"mse": (0.01, 0.01)}, "less")
    'better'
    """
    verdicts = []
    for key, figure in published.items():
        if isinstance(figure, str):
            continue
        found, (low, high) = float(ours[key]), spreads[key]
        if low <= figure <= high or found / CLOSE <= figure <= found * CLOSE:
            verdicts.append("matched")
        else:
            verdicts.append("better" if (found < figure) == (better == "less") else "short of it")
    order = ("short of it", "matched", "better")
    return min(verdicts, key=order.index) if verdicts else ""


def mean_of(rows: Sequence[Row], name: str, column: str) -> float | None:
    """Find a figure of a table; None where its row was not run."""
    return next((float(row.ours[column]) for row in rows if row.name == name), None)


def named(start: Start) -> str:
    """Say a forget bias in the name of a row.

    >>> named(3.0), named("chrono")
    ('forget bias 3', 'chrono')
    """
    return start if start == "chrono" else f"forget bias {start:g}"
