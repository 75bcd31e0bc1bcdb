"""Trials are kept as they end, gone on with, and the same with any number of processes."""

import json
import pickle
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch

from glasscell.engine.online import OnlineRun
from glasscell.errors import DataError
from glasscell.reproduce import laboratory
from glasscell.reproduce.experiments import EXPERIMENTS, experiment
from glasscell.reproduce.experiments import adding as adding_experiment
from glasscell.reproduce.experiments import temporal_order as order
from glasscell.reproduce.experiments import two_sequence as classes
from glasscell.reproduce.finding_page import explored
from glasscell.reproduce.finding_table import write_finding
from glasscell.reproduce.laboratory import Trial, reproduce
from glasscell.reproduce.online_training import Goal, asked, first_streak, learn, wrong
from glasscell.reproduce.problems import temporal_order, two_sequence
from glasscell.reproduce.specimen import Specimen
from glasscell.reproduce.today import Today
from glasscell.reproduce.two_forms import COLUMNS, Modern, judged, run_modern
from glasscell.training.workers import Workers


class Tiny:
    """An experiment of no time at all."""

    __name__ = "tiny_experiment"
    NAME, TITLE, SOURCE = "tiny", ("Tiny", "小"), "nobody (1900)"
    COLUMNS = (("value", ("value", "值")),)
    ran: ClassVar[list[int]] = []

    @staticmethod
    def trials(quick, seeds):
        return [Trial("a", {"x": 1}, seed) for seed in range(seeds or 3)]

    @staticmethod
    def run(trial, line):
        Tiny.ran.append(trial.seed)
        line.tell("half")
        return {"value": float(trial.seed), "said": "done"}

    @staticmethod
    def rows(done):
        values = [result["value"] for _, result in done]
        return [laboratory.Row("a", {"value": 1.0}, {"value": float(np.mean(values))}, len(values))]

    @staticmethod
    def sentence(rows):
        return f"mean {rows[0].ours['value']}", "平均"


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(laboratory, "import_module", lambda name: Tiny)
    Tiny.ran = []
    return Tiny


def test_a_stopped_experiment_goes_on(tiny, tmp_path):
    first = reproduce(tiny, tmp_path, stopped=lambda: len(Tiny.ran) >= 2)
    assert not first.whole
    assert Tiny.ran == [0, 1]
    again = reproduce(tiny, tmp_path)
    assert Tiny.ran == [0, 1, 1, 2]  # what was stopped within a trial is run again
    assert again.whole
    assert again.record()["sentence"] == ["mean 1.0", "平均"]
    alone = reproduce(tiny)
    assert alone.rows == again.rows


def test_what_a_folder_holds_of_several_calls_is_laid_out_together(tiny, tmp_path):
    reproduce(tiny, tmp_path, seeds=2)
    assert len(laboratory.kept(tiny, tmp_path).done) == 2
    assert not laboratory.kept(tiny, tmp_path).whole
    reproduce(tiny, tmp_path, seeds=4)
    every = laboratory.kept(tiny, tmp_path)
    assert [trial.seed for trial, _ in every.done] == [0, 1, 2, 3]
    assert every.whole
    assert every.rows == reproduce(tiny, seeds=4).rows


def test_rows_are_chosen_by_a_part_of_their_names(tiny):
    assert len(reproduce(tiny, only=["a"]).done) == 3
    with pytest.raises(DataError, match="--rows: expected a part of a, got 'b'"):
        reproduce(tiny, only=["a", "b"])


def test_half_a_line_of_a_killed_process_is_run_again(tiny, tmp_path):
    reproduce(tiny, tmp_path)
    path = tmp_path / laboratory.TRIALS
    whole = path.read_text()
    path.write_text(whole[:-20])
    reproduce(tiny, tmp_path)
    assert Tiny.ran == [0, 1, 2, 2]
    assert len(path.read_text().splitlines()) == 3
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1, 2]
    path.write_text("not a trial\n" + whole)
    with pytest.raises(DataError, match=r"trials\.jsonl, line 1: expected a trial, got 'not a"):
        reproduce(tiny, tmp_path)


def test_processes_change_nothing(monkeypatch):
    shortened = [
        Trial(t.row, t.settings, t.seed)
        for t in classes.trials(True, 1)
        if t.row.startswith("3a") and "1997" in t.row
    ]
    monkeypatch.setattr(classes, "trials", lambda quick, seeds: shortened)
    alone = reproduce(classes)
    with Workers(2) as crew:
        beside = reproduce(classes, workers=crew)
    keep = ("solved", "sequences", "wrong", "mse")
    for (_, one), (_, other) in zip(alone.done, beside.done, strict=True):
        assert {k: one[k] for k in keep} == {k: other[k] for k in keep}
    assert alone.done[0][1]["solved"]


def test_networks_have_the_published_numbers_of_weights():
    assert adding_experiment.NETWORK.weights == 93
    assert classes.NETWORK.weights == 102
    assert [old.network.weights for old in order._FORMS.published] == [156, 308]


def test_every_experiment_lists_its_trials_and_has_a_name():
    for name in EXPERIMENTS:
        known = experiment(name)
        assert name == known.NAME
        assert known.trials(False, None)
        quick = known.trials(True, None)
        assert 0 < len(quick) <= len(known.trials(False, None))
        keys = [trial.key(name) for trial in known.trials(False, None)]
        assert len(set(keys)) == len(keys)
    with pytest.raises(DataError, match="expected an experiment"):
        experiment("addition")


def test_what_is_kept_is_json_that_any_reader_takes(tmp_path):
    # A goal without a bound has infinity in its settings.
    trial = classes.trials(True, 1)[0]
    result = {"solved": True, "sequences": 1, "wrong": 0, "mse": float("nan"), "seconds": 1.0}
    laboratory._keep(tmp_path, "two-sequence", trial, result)
    done = ((trial, result),)
    found = laboratory.Finding(classes, True, done, tuple(classes.rows(done)), 1.0, False)
    write_finding(found, tmp_path)
    for text in ((tmp_path / name).read_text() for name in (laboratory.TRIALS, "results.json")):
        json.loads(text, parse_constant=pytest.fail)


def test_a_goal_may_allow_some_errors():
    right = np.array([True, False, True, True, False, True])
    assert first_streak(right, np.zeros(6), Goal(tolerance=1, streak=3, allowed=1)) == 3
    assert first_streak(right, np.zeros(6), Goal(tolerance=1, streak=3)) is None
    means = np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    assert first_streak(right, means, Goal(tolerance=1, streak=3, allowed=1, mean_below=0.5)) == 4


def test_learning_is_counted_sequence_by_sequence():
    chance = np.random.default_rng(0)
    net = classes.NETWORK.begin(chance)
    draw = partial(two_sequence, 20, 5, chance=chance)
    goal = Goal(tolerance=0.4, streak=50, most=40_000)
    learnt = learn(net, draw, 1.0, goal)
    assert learnt.solved
    assert learnt.shown == learnt.after + 50
    missed, error = wrong(net, draw(500), 0.4)
    assert missed < 100
    assert error < 0.1
    never = learn(classes.NETWORK.begin(chance), draw, 0.0001, replace(goal, most=300))
    assert (never.solved, never.shown) == (False, 300)


def test_what_is_told_is_when_99_of_100_were_first_right():
    chance = np.random.default_rng(0)
    largest = np.where(chance.random(6000) < np.linspace(0.2, -0.05, 6000), 1.0, 0.0)

    class Told:
        """A network whose errors are known."""

        shown = 0

        def run(self, x, target, ends, **how):
            some = largest[self.shown : self.shown + len(ends)]
            self.shown += len(ends)
            return OnlineRun(len(x), some, some, some, None, None)

    draw = partial(two_sequence, 2, 1, chance=chance)
    learnt = learn(Told(), draw, 1.0, Goal(tolerance=0.5, streak=3000, most=6000))
    first = next(end for end in range(1000, 6001) if largest[end - 1000 : end].sum() <= 10)
    assert (learnt.solved, learnt.nearly) == (False, first)
    assert learn(Told(), draw, 1.0, Goal(tolerance=0.5, streak=3, most=900)).nearly is None


def test_only_what_is_asked_is_counted():
    examples = two_sequence(10, 1, 3, np.random.default_rng(0))
    assert asked(examples).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("solved", "sequences", "said"),
    [
        (100.0, 150.0, "matched"),
        (100.0, 900.0, "solved, 9.0 times as many sequences"),
        (90.0, 50.0, "short of it"),
    ],
)
def test_a_row_is_judged_beside_the_published_one(solved, sequences, said):
    table = {"solved": 100.0, "sequences": 100.0}
    assert judged(table, {"solved": solved, "sequences": sequences}) == said


def test_the_page_opens_a_networks_sequences_and_says_the_table_once(tmp_path):
    short = Modern(
        name="short",
        options=Today(hidden_size=4, steps=4, batch_size=4, check_every=2, loss="classes"),
        draw=partial(temporal_order, 2),
        tolerance=0.5,
    )
    known = SimpleNamespace(
        NAME="order", TITLE=order.TITLE, SOURCE="nobody (1900)", COLUMNS=COLUMNS,
        sentence=lambda rows: ("It was tried.", "试过了。"), curves=order.curves,
    )  # fmt: skip
    folder = tmp_path / "order"
    done = []
    for cell in ("LSTM", "RNN"):
        trial = Trial(f"{cell} of today", {"cell": cell}, 0)
        result = run_modern(short, cell, 0, SimpleNamespace(tell=lambda m: None, stopped=False))
        pickle.loads(pickle.dumps(result.pop("specimen"))).keep(
            folder / laboratory.SPECIMENS / trial.key("order")
        )
        done.append((trial, result))
    rows = [
        laboratory.Row(t.row, {"wrong": 7.0}, {"wrong": r["wrong"]}, 1, differs="all of it")
        for t, r in done
    ]
    finding = laboratory.Finding(known, True, tuple(done), tuple(rows), 1.0, True)
    page = explored(finding, folder)
    (table,) = page.measures["results"]["tables"]
    assert table["rows"][0][:1] == ["LSTM of today"]
    place = 1 + [key for key, _ in COLUMNS].index("wrong")
    assert table["rows"][0][place] == f"7 | {done[0][1]['wrong']:,}"
    assert table["highlight"] == [0]
    assert page.measures["results"]["notes"] == [("LSTM of today; RNN of today: all of it.",) * 2]
    (chart,) = page.measures["curves"]
    assert [name[0] for name in chart["names"]] == ["LSTM of today", "RNN of today"]
    assert chart["lines"][0]["y"] == [error for _, error in done[0][1]["history"]]
    assert [layer.mode for layer in page.layers] == ["LSTM", "RNN_TANH"]
    specimen = Specimen.read(folder / laboratory.SPECIMENS / done[0][0].key("order"))
    same = len({one.steps for one in page.series})
    assert same == 1
    assert page.series[0].steps in specimen.examples.lengths
    assert explored(replace(finding, done=()), folder) is None


def test_the_likeliest_class_counts():
    new = Modern(
        name="two",
        options=Today(hidden_size=3, steps=2, batch_size=2, check_every=2, loss="classes"),
        draw=partial(temporal_order, 2),
        tolerance=0.5,
    )
    line = SimpleNamespace(tell=lambda m: None, stopped=False)
    result = run_modern(new, "LSTM", 1, line)
    test = temporal_order(2, 2560, np.random.default_rng([1, 2]))
    x, target, lengths = test.padded()
    told = result["specimen"].network(torch.from_numpy(x)).detach().numpy()
    last = np.arange(2560)
    told, target = told[lengths - 1, last], target[lengths - 1, last]
    assert result["wrong"] == int((told.argmax(1) != target.argmax(1)).sum())


def test_networks_of_3c_are_judged_by_targets_without_noise():
    chance = np.random.default_rng(4)
    told = classes.expected(100, 3, 400, chance)
    asked_for = told.target[told.ends - 1, 0]
    assert set(asked_for.round(9)) == {0.2, 0.8}
    first = told.x[told.ends - told.lengths, 0]
    assert np.mean((first > 0) == (asked_for < 0.5)) > 0.97  # 1 - Phi(1 / sqrt(0.2)) = 0.013
    row = next(row for row in classes._FORMS.published if row.name.startswith("3c"))
    easy = replace(row, goal=replace(row.goal, mean_below=0.31, most=5000))
    line = SimpleNamespace(stopped=False, tell=lambda message: None)
    assert easy.run(easy, 0, line)["solved"]
    hard = replace(row, goal=replace(row.goal, mean_below=0.001, most=2000))
    assert not hard.run(hard, 0, line)["solved"]
