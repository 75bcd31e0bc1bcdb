"""Ridge on summaries: what it says of a row left out, its equation, and the networks' start."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Plain

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from glasscell.tasks.sequences.recipe import Recipe, predict_scores
from glasscell.tasks.sequences.ridge import LinearStart, Ridge, summaries
from made_sequences import made


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_row_left_out_is_told_by_the_others(outputs):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4))
    y = (rng.random((20, outputs)) < 0.4).astype(float)
    fitted = Ridge(x, y, "multilabel")
    scaled = fitted.features.transform(x)
    for row in range(20):
        others = np.arange(20) != row
        slow = Plain(fitted.model.alpha_).fit(scaled[others], 2 * y[others] - 1)
        said = np.ravel(slow.predict(scaled[[row]]))
        np.testing.assert_allclose(fitted.left_out[row], said, rtol=1e-6)


@pytest.mark.parametrize("goal", ["classify", "multilabel", "regress"])
def test_its_equation_gives_its_scores(goal):
    rng = np.random.default_rng(0)
    x, y = rng.normal(5, 3, size=(30, 4)), (rng.random((30, 2)) < 0.5).astype(float)
    fitted = Ridge(x, y, goal)
    weight, bias = fitted.equation
    np.testing.assert_allclose(x @ weight.T + bias, fitted.scores(x), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_networks_start_at_the_regression_on_summaries(kind, cell):
    data = made(kind)
    recipe = Recipe.of(plan_of(data, SequenceOptions(rounds=2, cell=cell)))
    plan, part = recipe.plan, recipe.plan.round(1)
    everything = np.arange(len(data))
    scores = predict_scores(recipe.network(cell.upper(), 1), data, plan.scaler(part), everything)
    start = LinearStart.of(plan, part, recipe.part(1).train)
    x = summaries(data, everything, plan.scaler(part))
    np.testing.assert_allclose(scores, x @ start.weight.T + start.bias, rtol=1e-3, atol=1e-4)
    truth = data.labels.values.reshape(len(data), -1)
    if kind == "class":
        assert np.mean(scores.argmax(1) == truth[:, 0]) > 0.9
    elif kind == "multilabel":
        assert np.mean((scores > 0) == truth) > 0.9
    else:
        assert np.corrcoef(scores[:, 0], truth[:, 0])[0, 1] > 0.99


def test_without_skip_and_per_step_there_is_no_start():
    for options, per_step in (({"skip": False}, False), ({}, True)):
        recipe = Recipe.of(plan_of(made("class", per_step), SequenceOptions(rounds=1, **options)))
        assert recipe.starts == (None,)
        assert recipe.network("LSTM", 0).skip is None


def test_a_summary_that_differs_by_its_last_digit_alone_is_not_read():
    data = made(n=24)
    values = data.values.copy()
    for first, last in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        values[first:last, 1] -= values[first:last, 1].mean()
    level = Sequences(values, data.offsets, data.features, data.names, data.labels)
    start = Recipe.of(plan_of(level, SequenceOptions(rounds=1))).starts[0]
    assert abs(start.weight[:, 1]).max() < 1e-9
    assert abs(start.weight[:, 0]).max() > 0.1


def test_a_class_without_a_sequence_starts_at_nothing():
    data = made(n=24)
    names = (*data.labels.names, "never")
    labels = Labels("class", data.labels.values, names)
    other = Sequences(data.values, data.offsets, data.features, data.names, labels)
    plan = plan_of(other, SequenceOptions(rounds=1))
    start = LinearStart.of(plan, plan.rounds[0], plan.rounds[0].train)
    assert not start.weight.any()
    assert start.weight.shape == (3, 8)
