"""Experiments 1, 2 and the continual grammar: their networks, how judged, and the same bits."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import fisher_exact

from glasscell.reproduce.experiments import continual_reber as continual
from glasscell.reproduce.experiments import noise_free_lag as noiseless
from glasscell.reproduce.experiments import noisy_lag, reber
from glasscell.reproduce.laboratory import Trial, reproduce
from glasscell.reproduce.one_unit import OneUnit
from glasscell.reproduce.online_training import Goal
from glasscell.reproduce.problems import embedded_reber, noise_free_lag
from glasscell.reproduce.problems.reber_grammar import SYMBOLS, legal_first
from glasscell.training.workers import Workers


class Silent:
    """A line that nobody hears."""

    stopped = False

    def tell(self, message):
        """Say nothing."""


def same_alone(experiment, trials, monkeypatch):
    """Run trials in this process, twice; give the rows."""
    monkeypatch.setattr(experiment, "trials", lambda quick, seeds: trials)
    first, again = reproduce(experiment), reproduce(experiment)
    for (_, one), (_, other) in zip(first.done, again.done, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    return first.rows


def same_alone_and_beside(experiment, trials, monkeypatch):
    """Run trials in this process and in two others; give the rows."""
    monkeypatch.setattr(experiment, "trials", lambda quick, seeds: trials)
    alone = reproduce(experiment)
    with Workers(2) as crew:
        beside = reproduce(experiment, workers=crew)
    for (_, one), (_, other) in zip(alone.done, beside.done, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    return alone.rows


def test_networks_have_the_published_numbers_of_weights():
    assert (reber.network(4, 1).weights, reber.network(3, 2).weights) == (264, 276)
    weights = [old.network.weights for old in noiseless._FORMS.published[1:]]
    assert weights == [10_504, 36, 36, 36, 10_404]
    assert continual.NETWORK.weights == 424
    assert [noisy_lag.network(p).weights for p in (50, 100, 200, 500, 1000)] == [
        364,
        664,
        1264,
        3064,
        6064,
    ]


def test_a_stream_of_the_grammar_gives_the_same_row_in_any_process(monkeypatch):
    short = {"streams": 300, "steps": 2500}
    names = ("LSTM of 1997", "LSTM with forget gates")
    listed = [Trial(name, short, seed) for name in names for seed in range(1)]
    without, gated = same_alone_and_beside(continual, listed, monkeypatch)
    assert (without.trials, without.published["rest"]) == (1, 99)
    assert without.ours["solved"] + without.ours["good"] + without.ours["rest"] == 100
    assert without.ours["state"] > 3 * gated.ours["state"]
    assert len(continual.COLUMNS) == len({key for key, _ in continual.COLUMNS})


def test_test_streams_end_at_their_first_error():
    chance = np.random.default_rng(0)
    network, ring = continual.WITHOUT.begin(chance), continual.Ring(chance, 2000)
    kind = continual.KINDS["LSTM of 1997, reset after each word"]
    word = 5
    (length,) = continual.lengths_until_wrong(network, ring, kind, [word])
    first = int(ring.ends[word])
    assert "".join(SYMBOLS[k] for k in ring.x[first : first + 2].argmax(1)) in ("BT", "BP")
    run = ring.run(network, word, True, 500, outputs=True)
    errors = np.abs(run.outputs - ring.target[first : first + 500]).max(axis=1)
    assert length == np.flatnonzero(errors >= continual.WRONG)[0]
    ends = ring.ends[ring.ends > first][:3]
    for end in ends:  # a word ends as it began: B x … x E
        place = end - 3
        assert SYMBOLS[ring.x[end - 1].argmax()] == "E"
        assert SYMBOLS[ring.x[place].argmax()] == "E"


@pytest.mark.parametrize("perfect", range(11))
def test_a_part_of_perfect_networks_is_judged_by_fishers_test(perfect):
    chance = fisher_exact([[perfect, 10 - perfect], [18, 82]]).pvalue
    said = continual.judged(perfect, 10, 18.0)
    assert (said == "matched") == (chance >= 0.05)
    assert said in ("matched", "better" if perfect > 2 else "short of it")


def test_strings_to_test_on_are_none_of_those_that_were_learnt():
    chance = np.random.default_rng(3)
    learnt = [embedded_reber(chance) for _ in range(256)]
    others = reber.others_than(learnt, 256, chance)
    assert len(others) == 256
    assert not {word for word, _ in learnt} & {word for word, _ in others}


def test_trials_of_two_networks_of_2000_are_told_apart_by_their_settings():
    listed = {t.row: t for t in continual.trials(False, 1)}
    assert len({t.key("x") for t in listed.values()}) == len(listed)
    gated = listed["LSTM with forget gates"].settings
    assert gated["network"]["forget_biases"] == (0.5, 1.0, 1.5, 2.0)
    assert gated["decay"] == 1.0


def test_both_sequences_without_noise_must_be_predicted_when_nothing_is_learnt_meanwhile():
    row = replace(noiseless._FORMS.published[0], draw=partial(noise_free_lag, 5))
    row = replace(row, network=OneUnit(symbols=6), goal=Goal(tolerance=0.25, streak=2, most=20_000))
    told = noiseless.run_published(row, 1, Silent())
    assert told["solved"]
    assert told["wrong"] == 0
    short = replace(row, goal=replace(row.goal, most=100))
    assert not noiseless.run_published(short, 1, Silent())["solved"]


def test_a_string_is_right_if_what_may_come_leads_everywhere():
    strings = reber.fresh(50, np.random.default_rng(1))
    outputs = np.random.default_rng(2).random(strings.target.shape) + 0.9 * strings.target
    told = legal_first(outputs, strings)
    start, right = 0, []
    for end in strings.ends:
        steps = range(start, end)
        right.append(
            all(
                min(outputs[t][strings.target[t] == 1]) > max(outputs[t][strings.target[t] == 0])
                for t in steps
            )
        )
        start = end
    assert told.tolist() == right
    assert 0 < sum(right) < 50


def test_the_strings_of_1997_give_the_same_row_again(monkeypatch):
    (old, *_) = reber._FORMS.published
    short = replace(old, goal=replace(old.goal, most=400))
    monkeypatch.setattr(
        reber, "run", lambda trial, line: reber.run_published(short, trial.seed, line)
    )
    (row,) = same_alone(
        reber, [Trial(old.name, {"rate": 0.1}, seed) for seed in range(2)], monkeypatch
    )
    assert (row.trials, row.ours["sequences"], row.verdict) == (2, 400, "short of it")
    assert row.spread["wrong"][0] > 0


@pytest.mark.parametrize("unit", ["cell", "logistic"])
@pytest.mark.parametrize("lag", [2, 5])
def test_one_unit_learns_along_the_gradient_that_autograd_gives(unit, lag):
    chance = np.random.default_rng(7)
    net = OneUnit(symbols=lag + 1, unit=unit).begin(chance)
    net.present = True
    lesson = noise_free_lag(lag, 1, chance)
    lesson.target[0] = np.nan if lag == 5 else lesson.target[0]
    names = ("direct", "told", "own", "gate", "loop")
    before = {name: np.array(getattr(net, name)) for name in names}
    w = {name: torch.tensor(value, requires_grad=True) for name, value in before.items()}
    x, target = torch.tensor(lesson.x), torch.tensor(lesson.target)
    memory, loss = torch.zeros((2,), dtype=torch.float64)
    for t in range(lag):
        heard = x[t] @ w["own"]
        if unit == "cell":
            memory = memory + torch.sigmoid(x[t] @ w["gate"]) * torch.sigmoid(heard)
        else:
            memory = torch.sigmoid(heard + w["loop"] * memory)
        if not target[t].isnan().any():
            answer = torch.sigmoid(x[t] @ w["direct"] + memory * w["told"])
            loss = loss + (target[t] - answer).square().sum() / 2
    loss.backward()
    run = net.run(lesson.x, lesson.target, lesson.ends, rate=0.3)
    assert run.squared[0] == pytest.approx(2 * loss.item(), rel=1e-6)
    for name in names:
        moved = (np.array(getattr(net, name)) - before[name]) / 0.3
        slope = w[name].grad
        np.testing.assert_allclose(moved, 0.0 if slope is None else -slope.numpy(), atol=1e-12)


def test_the_cell_comes_once_the_error_stands_and_the_short_lag_is_learnt():
    chance = np.random.default_rng([0, 1997])
    net = OneUnit(symbols=6).begin(chance)
    lessons = noise_free_lag(5, 400, chance)
    net.run(lessons.x, lessons.target, lessons.ends, rate=1.0)
    assert not net.present
    lessons = noise_free_lag(5, 4000, chance)
    net.run(lessons.x, lessons.target, lessons.ends, rate=1.0)
    assert net.present
    test = noise_free_lag(5, 50, chance)
    before = net.direct.copy()
    assert net.run(test.x, test.target, test.ends).largest.max() < 0.25
    assert np.array_equal(before, net.direct)


def test_a_row_without_published_figures_has_no_verdict():
    result = {"solved": True, "sequences": 3, "wrong": 0, "mse": 0.0, "said": ""}
    listed = [(Trial(old.name, {"rate": 1.0}, 0), result) for old in noiseless._FORMS.published]
    verdicts = [row.verdict for row in noiseless.rows(listed)]
    assert verdicts == ["", *["matched"] * 4, "better"]
