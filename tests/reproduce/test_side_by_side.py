"""Rows of networks of today: measures and verdicts against other computations, any job count."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, mean_squared_error

from glasscell.reproduce.experiments import ablations, copy, digits, forget_bias, length, recall
from glasscell.reproduce.laboratory import reproduce
from glasscell.reproduce.problems import adding, memoryless, reber_streams
from glasscell.reproduce.problems import copy as copy_memory
from glasscell.reproduce.problems import recall as recalling
from glasscell.reproduce.side_by_side import (
    cross_entropy,
    judged,
    mse,
    of_classes,
    right,
    rmse,
)
from glasscell.reproduce.today import Answerer, Today, train
from glasscell.training.workers import Workers

EXPERIMENTS = (copy, forget_bias, length, recall, ablations, digits)


class Silent:
    stopped = False

    def tell(self, message):
        pass


def some_answers():
    chance = np.random.default_rng(0)
    told = chance.normal(size=(40, 5))
    classes = chance.integers(0, 5, 40)
    target = np.eye(5)[classes]
    target[::3] = np.nan
    return told, target, classes, ~np.isnan(target[:, 0])


def test_measures_are_those_of_scikit_learn():
    told, target, classes, asked = some_answers()
    chances = np.exp(told) / np.exp(told).sum(1, keepdims=True)
    wanted = log_loss(classes[asked], chances[asked], labels=range(5))
    assert cross_entropy(told, target) == pytest.approx(wanted)
    assert mse(told, target) == pytest.approx(mean_squared_error(target[asked], told[asked]))
    assert of_classes(rmse)(told, target) ** 2 == pytest.approx(
        mean_squared_error(target[asked], chances[asked])
    )
    assert right(told, target) == 100 * (told[asked].argmax(1) == classes[asked]).mean()


def test_baselines_are_what_a_guess_scores():
    examples = copy_memory(30, 400, np.random.default_rng(0))
    guess = np.full((len(examples.x), 9), -1e9)
    guess[:, 8] = 0.0  # certain of the blank, all symbols alike where one is asked for
    late = np.arange(len(guess)) % 50 >= 40
    guess[late, :8], guess[late, 8] = 0.0, -1e9
    assert cross_entropy(guess, examples.target) == pytest.approx(memoryless(30))
    ones = adding(20, 20_000, np.random.default_rng(0))
    # Standard error of the mean square of 20,000 sums: 0.197 / sqrt(20,000).
    assert mse(np.ones_like(ones.target), ones.target) == pytest.approx(1 / 6, abs=4 * 0.0014)
    assert length.constant(ones.target, ones.target) == pytest.approx(
        np.nanstd(ones.target), abs=1e-12
    )


@pytest.mark.parametrize(
    ("figure", "found", "ends", "better", "said"),
    [
        (0.10, 0.20, (0.05, 0.50), "less", "matched"),
        (0.10, 0.11, (0.11, 0.11), "less", "matched"),
        (0.10, 0.30, (0.20, 0.40), "less", "short of it"),
        (0.10, 0.01, (0.01, 0.02), "less", "better"),
        (6.80, 100.0, (99.0, 100.0), "more", "better"),
        (98.9, 24.0, (24.0, 24.0), "more", "short of it"),
    ],
)
def test_a_row_is_judged(figure, found, ends, better, said):
    assert judged({"a": figure, "b": "words"}, {"a": found}, {"a": ends}, better) == said
    assert judged({"b": "words"}, {"a": found}, {"a": ends}, better) == ""


def test_the_worst_figure_decides():
    ours = {"a": 0.01, "b": 9.0}
    ends = {"a": (0.01, 0.01), "b": (9.0, 9.0)}
    assert judged({"a": 0.1, "b": 1.0}, ours, ends, "less") == "short of it"


def tiny(experiment, chosen):
    """Cut an experiment's rows down to a few steps of few units."""
    return replace(
        experiment._ROWS,
        entries=tuple(
            replace(
                entry,
                options=replace(entry.options, steps=2, check_every=1, hidden_size=4, validation=8),
                tests=tuple(replace(test, count=8) for test in entry.tests),
            )
            for entry in experiment._ROWS.entries
            if chosen(entry)
        ),
    )


@pytest.mark.parametrize(
    ("experiment", "chosen"),
    [
        (copy, lambda entry: entry.quick),
        (forget_bias, lambda entry: "T = 100" in entry.name),
        (length, lambda entry: "recall" in entry.name or "RNN" in entry.name),
        (recall, lambda entry: entry.name.startswith("16 steps")),
        (ablations, lambda entry: True),
    ],
    ids=lambda value: getattr(value, "NAME", ""),
)
def test_every_row_trains_and_fills_its_columns(experiment, chosen):
    side_by_side = tiny(experiment, chosen)
    done = []
    for entry in side_by_side.entries:
        trial = next(
            t
            for quick in (True, False)
            for t in side_by_side.trials(quick, 1)
            if t.row == entry.name
        )
        done.append((trial, side_by_side.run(trial, Silent())))
    rows = side_by_side.rows(done)
    columns = {key for key, _ in experiment.COLUMNS}
    for row in rows:
        assert set(row.ours) <= columns
        assert set(row.published) <= columns
        assert all(np.isfinite(value) for value in row.ours.values())
        assert bool(row.verdict) == any(isinstance(v, float) for v in row.published.values())
        if row.verdict:
            assert row.differs
    english, chinese = experiment.sentence(rows)
    assert english.endswith(".")
    assert chinese.endswith("。")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.NAME)
def test_rows_have_names_of_their_own_and_say_nothing_of_nothing(experiment):
    for quick in (True, False):
        trials = experiment.trials(quick, 2)
        assert len({(t.row, t.seed) for t in trials}) == len(trials)
    assert experiment.sentence([]) == ("", "")


def test_processes_change_nothing(monkeypatch):
    first = recall.trials(True, 1)[0]
    settings = {**first.settings, "steps": 3, "check_every": 2, "validation": 8}
    short = [replace(first, settings=settings, seed=seed) for seed in (0, 1)]
    monkeypatch.setattr(recall, "trials", lambda quick, seeds: short)
    alone = reproduce(recall)
    with Workers(2) as crew:
        beside = reproduce(recall, workers=crew)
    for (_, one), (_, other) in zip(alone.done, beside.done, strict=True):
        assert one["sequences"] == 3 * 64
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_start_is_what_its_name_says():
    H = 4
    torch.manual_seed(0)
    layer = Answerer(Today(hidden_size=H, forget_bias=3.0, layers=2), 2, 1).recurrent
    for k in (0, 1):
        bias = getattr(layer, f"bias_ih_l{k}") + getattr(layer, f"bias_hh_l{k}")
        assert bias[H : 2 * H].tolist() == [3.0] * H
    layer = Answerer(Today(hidden_size=H, forget_bias="chrono", longest=50), 2, 1).recurrent
    bias = layer.bias_ih_l0 + layer.bias_hh_l0
    assert bool(((bias[H : 2 * H] >= 0) & (bias[H : 2 * H] <= np.log(49))).all())
    assert torch.equal(bias[:H], -bias[H : 2 * H])


def test_plain_steps_are_those_of_gradient_descent():
    options = Today(cell="RNN", hidden_size=3, loss="squares", plain_steps=True, rate=0.1,
                    clip=None, batch_size=4, steps=1, check_every=1, validation=4)  # fmt: skip
    draw = partial(adding, 6)
    trained = train(options, draw, 7).network
    torch.manual_seed(7)
    network = Answerer(options, 2, 1)
    x, target, _ = draw(4, np.random.default_rng([7, 0])).padded()
    asked = ~np.isnan(target)
    told = network(torch.from_numpy(x))
    (told[torch.from_numpy(asked)] - torch.from_numpy(target[asked])).square().mean().backward()
    for before, after in zip(network.parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(before - 0.1 * before.grad, after)


def test_the_noise_may_be_of_the_same_symbols():
    examples = recalling(9, 50, np.random.default_rng(0), kinds=4, apart=False)
    assert examples.x.shape == (450, 4)
    for number in range(50):
        x, target = examples.sequence(number)
        assert x[0].argmax() == target[-1].argmax()
        assert np.isnan(target[:-1]).all()
    assert set(examples.x.argmax(1)) == {0, 1, 2, 3}


def test_streams_of_reber_words_begin_with_a_word():
    examples = reber_streams(25, 3, np.random.default_rng(0))
    assert examples.lengths.tolist() == [25] * 3
    for number in range(3):
        x, target = examples.sequence(number)
        assert x[0].argmax() == 0  # B
        assert (target[np.arange(24), x[1:].argmax(1)] == 1).all()  # what comes may come


def test_digits_of_the_users_file_are_rows_of_their_own(tmp_path, monkeypatch):
    monkeypatch.delenv(digits.FILE, raising=False)
    assert not [t for t in digits.trials(False, 1) if t.row.startswith("28")]
    chance = np.random.default_rng(0)
    path = tmp_path / "digits.npz"
    arrays = {
        f"{kind}_{part}": chance.integers(0, 255, (6, 3, 3)) if kind == "x" else np.arange(6)
        for kind in "xy"
        for part in ("train", "test")
    }
    np.savez(path, **arrays)
    monkeypatch.setenv(digits.FILE, str(path))
    trials = [t for t in digits.trials(False, 1) if t.row.startswith("28")]
    assert [t.row for t in trials] == [
        f"28 x 28, {n}" for n in ("forget bias 0", "forget bias 1", "chrono")
    ]
    first = replace(trials[0], settings={**trials[0].settings, "steps": 2, "hidden_size": 3,
                                         "check_every": 2})  # fmt: skip
    result = digits.run(first, Silent())
    assert result["right"] in [100 * k / 6 for k in range(7)]
    arrays["x_test"] = arrays["x_test"][::-1]
    np.savez(path, **arrays)
    assert digits.trials(False, 1)[-1].key("digits") != trials[-1].key("digits")
    row = digits.rows([(first, result)])[0]
    assert (row.published, row.verdict) == ({"right": 24.1}, row.verdict)
    assert digits.sentence([row])[0].startswith("Digits of 28 x 28")
