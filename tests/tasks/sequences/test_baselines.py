"""Baselines: against slow definitions, and that none of them sees the test part."""

from __future__ import annotations

import types

import numpy as np
import pytest

from glasscell.data.sequences.collection import Sequences
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences import baselines as module
from glasscell.tasks.sequences.baselines import baselines, dtw, resampled, summaries
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from made_sequences import made


def slow_dtw(x, y, band):
    length = len(x)
    least = np.full((length + 1, length + 1), np.inf)
    least[0, 0] = 0
    for i in range(1, length + 1):
        for j in range(max(1, i - band), min(length, i + band) + 1):
            cost = ((x[i - 1] - y[j - 1]) ** 2).sum()
            least[i, j] = cost + min(least[i - 1, j], least[i, j - 1], least[i - 1, j - 1])
    return least[-1, -1]


@pytest.mark.parametrize("band", [0, 1, 3, 20])
def test_time_warping_is_its_recurrence(band):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 9, 2)), rng.normal(size=(4, 9, 2))
    expected = [[slow_dtw(a, b, band) for b in y] for a in x]
    np.testing.assert_allclose(dtw(x, y, band), expected, rtol=1e-10)


def test_resampling_is_linear_interpolation():
    rng = np.random.default_rng(0)
    lengths = [5, 1, 9]
    data = Sequences(
        rng.normal(size=(15, 2)).astype(np.float32),
        np.concatenate([[0], np.cumsum(lengths)]),
        ("a", "b"),
        np.array(["p", "q", "r"]),
    )
    found = resampled(data, np.arange(3), Scaler(np.zeros(2), np.ones(2)), 7)
    for k in range(3):
        at = np.linspace(0, 1, 7) * (lengths[k] - 1)
        for f in range(2):
            expected = np.interp(at, np.arange(lengths[k]), data[k][:, f])
            np.testing.assert_allclose(found[k, :, f], expected, atol=1e-6)


def test_summaries_are_mean_deviation_first_and_last():
    data = made()
    scaler = Scaler(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    chosen = np.array([7, 3])
    for row, k in zip(summaries(data, chosen, scaler), chosen, strict=True):
        x = (data[k].astype(np.float64) - [1, 2]) / [2, 4]
        expected = np.concatenate([x.mean(axis=0), x.std(axis=0), x[0], x[-1]])
        np.testing.assert_allclose(row, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
@pytest.mark.parametrize("per_step", [False, True])
def test_every_baseline_says_something_of_each_test_sequence(kind, per_step):
    plan = plan_of(made(kind, per_step), SequenceOptions(rounds=3))
    for one in baselines(plan):
        assert len(one.said) == 3
        for part, said in zip(plan.rounds, one.said, strict=True):
            rows = plan.sequences.lengths[part.test].sum() if per_step else len(part.test)
            assert said.shape == (rows, plan.outputs)
            if kind == "class":
                np.testing.assert_allclose(said.sum(axis=1), 1)
            if kind != "number":
                assert (said >= 0).all()
                assert (said <= 1).all()


def test_no_baseline_reads_a_label_of_the_test_part():
    data = made(test=np.arange(36) >= 24)
    plan = plan_of(data, SequenceOptions(rounds=1))
    labels = data.labels.values.copy()
    labels[24:] = 1 - labels[24:]
    turned = type(data.labels)("class", labels, data.labels.names)
    other = plan_of(
        Sequences(data.values, data.offsets, data.features, data.names, turned, test=data.test),
        SequenceOptions(rounds=1),
    )
    for one, two in zip(baselines(plan), baselines(other), strict=True):
        np.testing.assert_array_equal(one.said[0], two.said[0])


def test_ridge_finds_what_is_in_the_mean():
    plan = plan_of(made(n=120), SequenceOptions(rounds=4))
    found = {one.name: one for one in baselines(plan)}
    truth = np.concatenate([plan.labels.values[part.test] for part in plan.rounds])
    told = np.concatenate([said.argmax(axis=1) for said in found["ridge on summaries"].said])
    assert np.mean(told == truth) > 0.9


def test_rocket_has_its_ridge_on_resampled_sequences(monkeypatch):
    """MiniRocket stands in for itself: what it is shown, and what comes of its features."""

    class Kernels:
        def __init__(self, n_kernels, random_state):
            self.count = n_kernels

        def fit(self, x):
            assert x.shape[1:] == (2, 9), "features first, nine steps at least"

        def transform(self, x):
            return np.concatenate([x.mean(axis=2), x.std(axis=2)], axis=1)

    monkeypatch.setattr(module, "_has_rocket", lambda: True)
    monkeypatch.setattr(
        module, "import_module", lambda name: types.SimpleNamespace(MiniRocket=Kernels)
    )
    plan = plan_of(made(n=60, test=np.arange(60) >= 40), SequenceOptions(rounds=1))
    heard = []
    rocket = baselines(plan, heard.append)[-1]
    assert rocket.name == "MiniRocket and ridge"
    assert "MiniRocket" in heard[0]
    assert np.mean(rocket.said[0].argmax(axis=1) == plan.labels.values[40:]) > 0.8
    assert "resampled to 9 steps" in rocket.note
