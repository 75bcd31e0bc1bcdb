"""The sentence says what the numbers say, and no more than the stretches of the text allow."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.tasks.text.scores import Method
from glasscell.tasks.text.verdict import compare, verdict

UNIT = ("character", "字符")
NOISE = np.random.default_rng(0).normal(size=2000)


def method(name, costs, **more):
    bits = float(np.mean(costs))
    shared = {"bits": bits, "per_character": bits, "per_byte": bits}
    return Method(name=name, costs=costs, **{**shared, **more})


def test_a_gap_that_all_stretches_share_is_clear():
    ours, rival = method("LSTM", 2 + NOISE), method("5-gram", 2.2 + NOISE)
    assert compare(ours, rival).outcome == "clear"
    english, chinese = verdict([rival, ours], UNIT)
    assert english.startswith("The LSTM (")
    assert "beats 5-gram" in english
    assert "胜过 5-gram" in chinese
    assert "does not beat LSTM" in verdict([ours, method("GRU", 2.2 + NOISE)], UNIT)[0]


def test_a_gap_of_one_stretch_is_not_clear():
    costs = 2 + NOISE
    rival = method("5-gram", costs + 5 * (np.arange(2000) < 60))
    assert compare(method("LSTM", costs), rival).outcome == "unclear"
    assert "but not clearly" in verdict([rival, method("LSTM", costs)], UNIT)[0]


def test_seeds_that_differ_hide_a_gap():
    rival = method("5-gram", 2.2 + NOISE)
    assert compare(method("LSTM", 2 + NOISE, sd=0.5, seeds=2), rival).outcome == "unclear"


def test_a_compressor_may_win_and_is_not_tested():
    xz = Method(name="xz", bits=1.1, per_character=1.1, per_byte=1.1)
    ours, gram = method("LSTM", 1.5 + 0 * NOISE), method("5-gram", 1.6 + 0 * NOISE)
    english = verdict([gram, xz, ours], UNIT)[0]
    assert "does not beat xz (1.100): 0.400 bits more; it beats 5-gram (1.600)" in english
    assert compare(ours, xz).outcome == "untested"


@pytest.mark.parametrize("costs", [NOISE * np.nan, NOISE * np.inf])
def test_scores_that_are_not_finite_decide_nothing(costs):
    with np.errstate(invalid="ignore"):
        english, _ = verdict([method("unigram", 2 + NOISE), method("LSTM", costs)], UNIT)
    assert "not finite" in english
