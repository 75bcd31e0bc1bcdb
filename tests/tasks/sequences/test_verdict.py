"""The verdict: its p-values against scipy and simulation, and what it dares to say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from glasscell.tasks.sequences.scores import Scoreboard
from glasscell.tasks.sequences.verdict import p_value, verdict
from made_sequences import made


def board_of(**options):
    return Scoreboard(plan_of(made(**options), SequenceOptions(rounds=1)))


def said(board, wrong):
    """Probabilities that are right of all test sequences but some."""
    truth = board.truths[0].copy()
    truth[list(wrong)] = 1 - truth[list(wrong)]
    return {0: np.eye(2)[truth] * 0.8 + 0.1}


def judged(board, wrong, wrong_rival):
    methods = [board.score("ridge on summaries", said(board, wrong_rival))]
    methods.append(board.score("LSTM", said(board, wrong)))
    return verdict(methods, "LSTM", board)


def test_right_and_wrong_are_tested_as_mcnemar_does():
    for one, other in ((3, 9), (0, 6), (5, 5)):
        differences = np.concatenate([np.ones(one), -np.ones(other), np.zeros(20)])
        assert p_value(differences) == stats.binomtest(one, one + other).pvalue


def test_unequal_differences_are_tested_by_turning_their_signs():
    differences = np.array([0.3, -0.1, 0.7, 0.2, 0.9, -0.4, 0.5, 0.0])
    there = differences[differences != 0]
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(there))).reshape(len(there), -1)
    sums = abs(there @ signs)
    # Sums that are equal but for rounding count as equal.
    expected = np.mean(sums >= abs(there.sum()) - 1e-12)
    assert p_value(differences) == pytest.approx(expected)


def test_without_a_difference_one_test_in_twenty_is_below_a_twentieth():
    rng = np.random.default_rng(0)
    found = [p_value(rng.normal(size=12).round(1)) for _ in range(200)]
    # 200 tests: at most 5 % + 3 standard errors of 1.5 %
    assert np.mean(np.array(found) < 0.05) < 0.1
    assert p_value(rng.normal(1.0, 1.0, size=30)) < 0.01
    assert p_value(np.zeros(5)) == 1.0


def test_a_difference_within_chance_is_said_to_be_so():
    board = board_of(n=60, test=np.arange(60) >= 20)
    found = judged(board, wrong=[1], wrong_rival=[2, 3])
    assert found.p == 1.0
    assert found.english == (
        "The LSTM is right in 97.5 % of the test sequences, ridge on summaries in 95.0 %; the "
        "difference is within chance (p = 1)."
    )
    assert "偶然范围之内" in found.chinese


def test_a_clear_difference_is_named_by_its_direction():
    board = board_of(n=60, test=np.arange(60) >= 20)
    ahead = judged(board, wrong=[], wrong_rival=range(12))
    assert ahead.clear
    assert "it is ahead by more than chance (p < 0.001)" in ahead.english
    behind = judged(board, wrong=range(12), wrong_rival=[])
    assert "it is behind by more than chance" in behind.english
    equal = judged(board, wrong=[4], wrong_rival=[5])
    assert equal.english.endswith("no difference.")


def test_groups_are_resampled_whole():
    """Six wins that are all of one subject tell as much as one win."""
    groups = np.repeat(np.arange(10), 6)
    plain = {"n": 60, "test": np.arange(60) >= 24}
    alone = judged(board_of(**plain), wrong=[], wrong_rival=range(6))
    grouped = judged(board_of(**plain, groups=groups), wrong=[], wrong_rival=range(6))
    assert alone.p < 0.05
    assert grouped.units == 6
    assert grouped.p == 1.0


def test_a_rival_chosen_as_the_best_of_several_has_to_be_further_ahead():
    board = board_of(n=60, test=np.arange(60) >= 20)
    own = board.score("LSTM", said(board, range(7)))
    best = board.score("ridge on summaries", said(board, []))
    third = board.score("majority", said(board, range(20)))
    one, several = verdict([best, own], "LSTM", board), verdict([third, best, own], "LSTM", board)
    assert several.rival == "ridge on summaries"
    assert several.p == pytest.approx(2 * one.p)


def test_networks_that_differ_among_themselves_prove_nothing():
    """Ahead on the mean of the seeds, on the same test part, but with some seeds far behind."""
    data = made(n=200, test=np.arange(200) >= 50)
    plan = plan_of(data, SequenceOptions(rounds=3))
    board = Scoreboard(plan)
    wrong = {0: range(0), 1: range(0), 2: range(40)}
    own = board.score("LSTM", {r: said(board, one)[0] for r, one in wrong.items()})
    rival = board.score("ridge on summaries", said(board, range(60, 84)))
    found = verdict([rival, own], "LSTM", board)
    assert not found.clear
    steady = board.score("LSTM", {r: said(board, range(2))[0] for r in wrong})
    assert verdict([rival, steady], "LSTM", board).clear
