"""A problem of 1997 in two forms: as published, and as one solves it today, LSTM beside RNN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.report.views.curves.data import Chart
from glasscell.reproduce.laboratory import Row, Tell, Trial, rows_of, spread
from glasscell.reproduce.online_training import Beginning, Goal, learn, wrong
from glasscell.reproduce.problems.examples import Examples
from glasscell.reproduce.specimen import Specimen
from glasscell.reproduce.today import Draw, Today, answers, equal_size, loss, train
from glasscell.reproduce.trial_curves import Levels, learning

SHOWN = 64
"""Sequences that a trained network is looked at on."""
TEST = 2560
"""Sequences of a test: as in the tables of 1997."""
COLUMNS = (
    ("solved", ("solved, %", "解决，%")),
    ("sequences", ("sequences shown", "训练序列数")),
    ("nearly", ("99 % right after", "答对 99% 所需序列数")),
    ("wrong", ("wrong of 2,560", "2,560 条中答错")),
    ("mse", ("MSE", "均方误差")),
)
WITHIN = 2.0
"""How far a mean number of sequences may be from the published one, either way, to be matched.

Means of ten trials whose numbers of sequences are spread as an exponential distribution's, as those
of table 7 are (370,000 to 2,020,000 around 853,000), are within 1/2 … 2 of each other in 87 % of
pairs.
"""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A row of a table of 1997, and how it is run again.

    Args:
        name: What the row is called.
        network: The network.
        rate: Its learning rate.
        goal: When it has learnt.
        draw: Gives so many sequences.
        table: The published figures, by column; empty: there are none.
        trials: How many trials they are of.
        in_quick: Whether the short form runs it.
        differs: What differs from the published settings, and why.
        run: Trains and tests it, of the row, the seed and the line; None: `run_published`.
    """

    name: str
    network: Beginning
    rate: float
    goal: Goal
    draw: Draw
    table: Mapping[str, float]
    trials: int = 10
    in_quick: bool = True
    differs: str = ""
    run: Callable[[Published, int, Tell], dict[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Modern:
    """How the problem is solved today.

    Args:
        name: What is said after the cell: "T = 100".
        options: The LSTM and its training; the plain RNN takes `rnn_rate`.
        draw: Gives so many sequences.
        tolerance: A sequence is right if no error of an asked output reaches this; where classes
            are asked for, if the likeliest is right at each asked step.
        right: Tells which sequences are right, of the answers and the sequences; None: `tolerance`
            does.
        solved: Part of the test sequences that must be right for the problem to count as solved.
        below: Mean squared error that decides in place of `solved`; None: it does not.
        rnn_rate: The plain RNN's learning rate.
        task: What else differs from the published task, and why.
        trials: Trials of each cell.
        in_quick: Whether the short form runs it.
    """

    name: str
    options: Today
    draw: Draw
    tolerance: float
    right: Callable[[Array, Examples], Array] | None = None
    solved: float = 0.99
    below: float | None = None
    rnn_rate: float = 0.001
    task: str = ""
    trials: int = 10
    in_quick: bool = True

    @property
    def differs(self) -> str:
        """What differs from the published settings."""
        options = self.options
        answer = "softmax" if options.loss == "classes" else "linear answers"
        told = (
            f"Adam, batches of {options.batch_size}, the whole gradient clipped at "
            f"{options.clip:g}, {answer}; the plain RNN has as many parameters"
        )
        return f"{self.task}; {told}" if self.task else told


@dataclass(frozen=True)
class TwoForms:
    """An experiment in two forms: what `laboratory.Experiment` asks for, but for the words.

    Args:
        published: The rows of 1997.
        modern: Today's.
        levels: Errors of today that need no memory, by the name of a modern row.
    """

    published: Sequence[Published]
    modern: Sequence[Modern] = field(default_factory=tuple)
    levels: Levels = lambda task: ()

    def trials(self, quick: bool, seeds: int | None) -> list[Trial]:
        """List the trials of the rows of 1997, then LSTM and plain RNN of today."""
        listed = []
        for old in self.published:
            number = seeds or (2 if quick else old.trials)
            if old.in_quick or not quick:
                settings = {"rate": old.rate, "goal": asdict(old.goal)}
                listed += [Trial(old.name, settings, seed) for seed in range(number)]
        for new in self.modern:
            number = seeds or (2 if quick else new.trials)
            for cell in ("LSTM", "RNN") if new.in_quick or not quick else ():
                row = row_name(cell, new)
                settings = {"cell": cell, "options": asdict(new.options), "rnn_rate": new.rnn_rate}
                listed += [Trial(row, settings, seed) for seed in range(number)]
        return listed

    def run(self, trial: Trial, line: Tell) -> dict[str, Any]:
        """Train and test one network."""
        for old in self.published:
            if old.name == trial.row:
                return (old.run or run_published)(old, trial.seed, line)
        cell = trial.settings["cell"]
        new = next(new for new in self.modern if row_name(cell, new) == trial.row)
        return run_modern(new, cell, trial.seed, line)

    def rows(self, done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
        """Lay out means over trials beside what was published."""
        return [
            self._row(name, [result for _, result in some]) for name, some in rows_of(done).items()
        ]

    def curves(self, done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Chart]:
        """Draw how the networks of today learnt."""
        return learning(done, lambda row: row.partition(", ")[::-2], self.levels)

    def _row(self, name: str, results: Sequence[Mapping[str, Any]]) -> Row:
        old = next((old for old in self.published if old.name == name), None)
        ours: dict[str, float | str] = {
            key: float(np.mean([result[key] for result in results]))
            for key in ("sequences", "wrong", "mse")
        }
        ours["solved"] = 100 * float(np.mean([result["solved"] for result in results]))
        spreads = {key: spread([r[key] for r in results]) for key in ("sequences", "wrong", "mse")}
        # Not of trials that were run before it was kept, nor of rows that look at fewer sequences.
        nearly = [result["nearly"] for result in results if result.get("nearly") is not None]
        if len(nearly) == len(results):
            ours["nearly"], spreads["nearly"] = float(np.mean(nearly)), spread(nearly)
        if old is None:
            differs = next(new.differs for new in self.modern if name.endswith(new.name))
            return Row(name, {}, ours, len(results), spreads, "", differs)
        verdict = judged(old.table, ours) if old.table else ""
        return Row(name, old.table, ours, len(results), spreads, verdict, old.differs)


def of_today(rows: Sequence[Row], name: str) -> tuple[Row, Row] | None:
    """Find the rows of LSTM and plain RNN of today; None where one was not run."""
    named = {row.name: row for row in rows}
    lstm, rnn = (named.get(f"{cell} of today, {name}") for cell in ("LSTM", "plain RNN"))
    return None if lstm is None or rnn is None else (lstm, rnn)


def shares_right(rows: Sequence[Row], name: str) -> tuple[float, float] | None:
    """Give the percentages of test sequences that LSTM and plain RNN of today had right.

    >>> rows = [Row(f"{c} of today, T", {}, {"wrong": 256.0}, 1) for c in ("LSTM", "plain RNN")]
    >>> shares_right(rows, "T")
    (90.0, 90.0)
    """
    if (both := of_today(rows, name)) is None:
        return None
    one, other = (100 * (1 - float(row.ours["wrong"]) / TEST) for row in both)
    return one, other


def row_name(cell: str, new: Modern) -> str:
    """Name a row of today."""
    return f"{'plain RNN' if cell == 'RNN' else cell} of today, {new.name}"


def judged(published: Mapping[str, float], ours: Mapping[str, float | str]) -> str:
    """Compare a row with the published one: solved as often, within a factor as fast."""
    if float(ours["solved"]) < published["solved"]:
        return "short of it"
    if "sequences" not in published:
        return "matched" if ours["solved"] == published["solved"] else "better"
    slower = float(ours["sequences"]) / published["sequences"]
    return "matched" if slower < WITHIN else f"solved, {slower:.1f} times as many sequences"


def run_published(old: Published, seed: int, line: Tell) -> dict[str, Any]:
    """Train a network of 1997 online until its goal, and test it."""
    chance = np.random.default_rng([seed, 1997])
    net = old.network.begin(chance)
    learnt = learn(
        net,
        lambda count: old.draw(count, chance),
        old.rate,
        old.goal,
        tell=lambda shown: line.tell(f"{shown:,} sequences"),
        stopped=lambda: line.stopped,
    )
    missed, error = wrong(net, old.draw(TEST, chance), old.goal.tolerance)
    return {
        "solved": learnt.solved,
        "sequences": learnt.shown,
        "nearly": learnt.nearly,
        "wrong": missed,
        "mse": error,
        "said": f"{learnt.shown:,} sequences, {missed} wrong of {TEST:,}",
    }


def run_modern(new: Modern, cell: str, seed: int, line: Tell) -> dict[str, Any]:
    """Train a network of today, and test it."""
    options = new.options
    if cell != options.cell:
        example = new.draw(1, np.random.default_rng(0))
        width, told = example.x.shape[1], example.target.shape[1]
        size = equal_size(cell, width, options.hidden_size, told)
        options = replace(options, cell=cell, hidden_size=size, rate=new.rnn_rate)
    trained = train(options, new.draw, seed, tell=line.tell, stopped=lambda: line.stopped)
    test = new.draw(TEST, np.random.default_rng([seed, 2]))
    told = answers(trained.network, test)
    if options.loss == "classes":
        told = np.exp(told - np.logaddexp.reduce(told, axis=1, keepdims=True))
        asked = ~np.isnan(test.target[:, 0])
        errors = asked & (told.argmax(axis=1) != test.target.argmax(axis=1))
    else:
        errors = np.nan_to_num(np.abs(told - test.target)).max(axis=1)
    largest = np.maximum.reduceat(errors, test.ends - test.lengths)
    right = largest < new.tolerance if new.right is None else new.right(told, test)
    missed = int((~right).sum())
    error = float(np.nanmean(np.square(told - test.target)))
    return {
        "solved": missed <= (1 - new.solved) * TEST if new.below is None else error < new.below,
        "sequences": trained.sequences,
        "wrong": missed,
        "mse": error,
        "loss": loss(trained.network, test, options.loss),
        "history": trained.history,
        "said": f"{trained.sequences:,} sequences, {missed} wrong of {TEST:,}",
        "specimen": Specimen(
            network=trained.network,
            examples=new.draw(SHOWN, np.random.default_rng([seed, 3])),
            loss=options.loss,
            task=new.name,
        ),
    }
