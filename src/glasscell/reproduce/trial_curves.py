"""What an experiment found as curves, for its page and for docs/why-lstm.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.report.views.curves.data import Chart, Line
from glasscell.report.views.results.data import Text
from glasscell.reproduce.adder import ALWAYS_ONE
from glasscell.reproduce.laboratory import Trial

Levels = Callable[[str], Sequence[tuple[float, Text]]]
"""Gives, of a task, the errors that need no memory, with their names."""


def of_adding(task: str) -> Sequence[tuple[float, Text]]:
    """Give the level of the adding problem in its form of 2015."""
    return [(ALWAYS_ONE, ("always answering 1", "总回答 1"))]


def banded(
    name: str, x: Sequence[float], trials: Array, centre: Callable[..., Any] = np.mean
) -> Line:
    """Draw a line through the middle of several trials, in a band from the lowest to the highest.

    Args:
        name: What it shows.
        x: (n,).
        trials: (trials, n).
        centre: The middle: their mean, or their median.

    >>> line = banded("LSTM", [1, 2], np.array([[1.0, 2.0], [3.0, 6.0]]))
    >>> line.y, line.low, line.high
    (array([2., 4.]), array([1., 2.]), array([3., 6.]))
    """
    low, high = trials.min(axis=0), trials.max(axis=0)
    return Line(name=name, x=x, y=centre(trials, axis=0), low=low, high=high)


def learning(
    done: Sequence[tuple[Trial, dict[str, Any]]],
    parted: Callable[[str], tuple[str, str]],
    levels: Levels = lambda task: (),
) -> list[Chart]:
    """Draw errors while learning: a chart for each task, a line for each trial.

    Args:
        done: Trials and their results; those that kept no "history" are left out.
        parted: Gives, of the name of a row, the task and the network.
        levels: Errors to be compared with.

    >>> result = {"history": [[3200.0, 0.1], [6400.0, 0.02]]}
    >>> done = [(Trial("LSTM, T = 100", {}, 0), result)]
    >>> (chart,) = learning(done, lambda row: tuple(row.split(", ")[::-1]))
    >>> chart.title[0], chart.lines[0].name, list(chart.lines[0].x)
    ('T = 100: error on other sequences while learning', 'LSTM', [3200.0, 6400.0])
    """
    tasks: dict[str, list[Line]] = {}
    for trial, result in done:
        if history := result.get("history"):
            task, network = parted(trial.row)
            # As numbers: an error that was none is null in a file of trials.
            shown, errors = np.array(history, np.float64).T.tolist()
            tasks.setdefault(task, []).append(Line(name=network, x=shown, y=errors))
    return [
        Chart(
            title=(
                f"{task}: error on other sequences while learning",
                f"{task}：学习时在其他序列上的误差",
            ),
            x=("sequences shown", "训练序列数"),
            y=("error", "误差"),
            lines=lines,
            log_y=True,
            levels=levels(task),
        )
        for task, lines in tasks.items()
    ]
