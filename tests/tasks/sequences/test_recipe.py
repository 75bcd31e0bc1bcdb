"""Training on labelled sequences: how batches are cut, what counts, and the same bits again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from glasscell.tasks.sequences.recipe import (
    Recipe,
    Targets,
    balanced,
    by_length,
    cross_entropy,
    padded,
    predict_scores,
)
from glasscell.training.campaign import Campaign, candidates
from glasscell.training.progress import Reporter, Stop
from glasscell.training.workers import Workers, one_thread


@pytest.fixture(autouse=True)
def alone():
    """As in a campaign: threads would wait for each other at networks of this size."""
    with one_thread():
        yield


STILL = {"dropout": 0.0, "noise": 0.0, "augment": False}
QUICK = {"rounds": 1, "epochs": 3, "hidden_size": 4, "batch_size": 5}


def made(lengths, kind="class", per_step=False, seed=0):
    """Sequences whose first feature says what they are called."""
    generator = np.random.default_rng(seed)
    lengths = np.asarray(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    count = int(offsets[-1]) if per_step else len(lengths)
    values = generator.normal(size=(offsets[-1], 2)).astype(np.float32)
    classes = np.arange(count) % 2
    told = {
        "class": classes,
        "multilabel": np.stack([classes == 1, generator.random(count) < 0.3], axis=1),
        "number": classes[:, None] * 3.0 + 100,
    }[kind]
    each = told if per_step else np.repeat(told, lengths, axis=0)
    values[:, 0] += 4.0 * (each.reshape(len(each), -1)[:, 0] != told.flat[0])
    names = {"class": ("a", "b"), "multilabel": ("p", "q"), "number": ("y",)}[kind]
    labels = Labels(kind, told, names, per_step)
    return Sequences(values, offsets, ("u", "v"), np.arange(len(lengths)), labels)


def recipe_of(sequences, **options):
    return Recipe.of(plan_of(sequences, SequenceOptions(**{**QUICK, **options})))


LENGTHS = np.random.default_rng(1).integers(1, 12, 40)
GOALS = [(kind, per_step) for kind in ("class", "multilabel", "number") for per_step in (0, 1)]


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_training_goes_on_to_the_same_bits(cell, augment):
    recipe = recipe_of(made(LENGTHS), cell=cell, dropout=0.3, noise=0.1, augment=augment)
    kind = cell.upper()
    whole, first = (recipe.trainer(kind, 0) for _ in range(2))
    while not whole.finished:
        whole.step_epoch()
    first.step_epoch()
    torch.rand(7)  # others draw too
    second = recipe.trainer(kind, 0)
    second.load_state_dict(first.state_dict())
    while not second.finished:
        second.step_epoch()
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name])
        assert torch.equal(whole.best[name], second.best[name])
    assert [e.validation for e in whole.history] == [e.validation for e in second.history]


@pytest.mark.parametrize("augment", [False, True])
def test_one_process_and_two_give_the_same_bits(augment):
    recipe = recipe_of(made(LENGTHS), rounds=2, augment=augment)
    done = []
    for jobs in (1, 2):
        with Workers(jobs) as workers:
            campaign = Campaign(recipe, candidates(0, 2), Reporter(), None, workers)
            assert campaign.run(Stop())
        done.append(campaign.done)
    for one, other in zip(*done, strict=True):
        assert one.validation == other.validation
        for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize(("kind", "per_step"), GOALS)
def test_every_goal_is_learnt(kind, per_step):
    sequences = made(LENGTHS, kind, bool(per_step))
    recipe = recipe_of(sequences, epochs=30, hidden_size=8, **STILL)
    trainer = recipe.trainer("LSTM", 0)
    before = trainer.objective.error(trainer.network)
    while not trainer.finished:
        trainer.step_epoch()
    assert trainer.best_validation < 0.7 * before
    part = recipe.plan.round(0)
    scores = predict_scores(trainer.judged, sequences, recipe.plan.scaler(part), part.test)
    rows = sequences.steps(part.test) if per_step else part.test
    truth = sequences.labels.values[rows]
    assert scores.shape == (len(truth), recipe.plan.outputs)
    if kind == "class":
        assert np.mean(scores.argmax(1) == truth) > 0.8
    elif kind == "multilabel":
        assert np.mean((scores[:, 0] > 0) == truth[:, 0]) > 0.8
    else:
        restored = recipe.plan.target_scaler(part).restore(scores)
        assert np.abs(restored - truth).mean() < np.abs(truth - truth.mean()).mean() / 2


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("pooling", [["mean"], ["last", "max"]])
def test_scores_do_not_depend_on_what_else_is_scored(per_step, pooling):
    sequences = made([1, 9, 3, 3, 700, 2, 9, 40], per_step=per_step)
    recipe = recipe_of(made(LENGTHS, per_step=per_step), pooling=None if per_step else pooling)
    network, scaler = recipe.network("LSTM", 0), recipe.plan.scaler(recipe.plan.round(0))
    together = predict_scores(network, sequences, scaler, np.arange(8))
    alone = [predict_scores(network, sequences, scaler, [number]) for number in range(8)]
    assert np.array_equal(together, np.concatenate(alone))


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40), most=st.integers(1, 100))
def test_batches_of_scoring_hold_each_once_and_are_not_too_large(lengths, most):
    sequences = made(lengths)
    batches = by_length(sequences, np.arange(len(lengths)), most)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= most


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 40, 1000])
def test_an_epoch_reads_every_training_sequence_once(batch_size, augment):
    recipe = recipe_of(made(LENGTHS), batch_size=batch_size, augment=augment)
    objective = recipe.trainer("LSTM", 0).objective
    batches = list(objective.batches(0))
    assert len(batches) == objective.steps

    def read(batches):
        """Give of each sequence what augmentation leaves: its length, or the skip's summary."""
        told = "linear" if augment else "lengths"
        return np.concatenate([batch.options[told].numpy() for batch in batches])

    def ordered(rows):
        rows = rows.reshape(len(rows), -1)
        return rows[np.lexsort(rows.T)]

    chosen, scaler = objective.part.train, recipe.plan.scaler(recipe.plan.round(0))
    x, lengths = padded(recipe.plan.sequences, scaler, chosen)
    whole = (recipe.network("LSTM", 0).summary(x, lengths) if augment else lengths).numpy()
    first, second = read(batches), read(objective.batches(1))
    np.testing.assert_array_equal(ordered(first), ordered(whole))
    assert len(batches) == 1 or not np.array_equal(first, second)


@pytest.mark.parametrize("augment", [False, True])
def test_batches_have_little_padding(augment):
    lengths = np.random.default_rng(2).integers(1, 101, 800)
    recipe = recipe_of(made(lengths), batch_size=32, augment=augment)
    there = all_of = 0
    for batch in recipe.trainer("LSTM", 0).objective.batches(0):
        there += int(batch.options["lengths"].sum())
        all_of += batch.inputs.shape[0] * batch.inputs.shape[1]
    # 0.5 in the order in which they are drawn.
    assert there > 0.85 * all_of


def test_the_skip_reads_sequences_as_they_are_where_training_changes_them():
    sequences = made(LENGTHS)
    recipe = recipe_of(sequences, dropout=0.0, noise=0.0, augment=True, batch_size=40)
    trainer = recipe.trainer("LSTM", 0)
    (batch,) = trainer.objective.batches(0)
    chosen = recipe.part(0).train
    assert sorted(batch.options["lengths"].tolist()) != sorted(LENGTHS[chosen])
    x, lengths = padded(sequences, recipe.plan.scaler(recipe.plan.round(0)), chosen)
    wanted = trainer.network.summary(x, lengths).numpy()
    found = batch.options["linear"].numpy()
    np.testing.assert_array_equal(found[np.lexsort(found.T)], wanted[np.lexsort(wanted.T)])


def test_padded_steps_are_scaled_and_zero_after_the_end():
    sequences = made([3, 1, 5])
    scaler = recipe_of(made(LENGTHS)).plan.scaler(recipe_of(made(LENGTHS)).plan.round(0))
    x, lengths = padded(sequences, scaler, [2, 1])
    assert lengths.tolist() == [5, 1]
    assert not x[1, 1:].any()
    for row, number in enumerate((2, 1)):
        whole = scaler.network_input(sequences[number])
        assert np.array_equal(x[row, : len(whole)].numpy(), whole)


@pytest.mark.parametrize("per_step", [False, True])
def test_the_loss_is_the_weighted_cross_entropy(per_step):
    sequences = made([4, 2, 3], per_step=per_step)
    truth = sequences.labels.values
    class_weights = np.array([0.5, 3.0])
    targets = Targets("classify", truth, 2, per_step, class_weights)
    shares = targets.cut(sequences, np.arange(3))
    scores = torch.randn(*shares.shape)
    told = scores.softmax(-1)
    if per_step:
        told = torch.cat([told[number, :length] for number, length in enumerate((4, 2, 3))])
    expected = log_loss(truth, told.numpy(), sample_weight=class_weights[truth], labels=[0, 1])
    assert float(cross_entropy(scores, shares)) == pytest.approx(expected, rel=1e-5)


@given(values=st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_balanced_weights_are_scikit_learns(values):
    values = np.array(values)
    there = np.unique(values)
    expected = compute_class_weight("balanced", classes=there, y=values)
    assert balanced(values, 5)[there] == pytest.approx(expected)


def test_a_rare_class_counts_as_much_as_the_others_if_asked():
    sequences = made([3] * 40)
    sequences.labels.values[:] = np.arange(40) % 8 == 0
    recipe = recipe_of(sequences, class_weight="balanced")
    counted = np.zeros(2)
    for batch in recipe.trainer("LSTM", 0).objective.batches(0):
        counted += batch.targets.sum(0).numpy()
        assert torch.allclose(batch.weights, batch.targets.sum(1))
    assert counted[0] == pytest.approx(counted[1])
