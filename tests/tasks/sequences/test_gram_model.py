"""Sequences of symbols: a linear model of their n-grams, as a rival and as half of the network."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

import glasscell
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.estimators import LSTMClassifier
from glasscell.nn import Grams
from glasscell.tasks.sequences import fit
from glasscell.tasks.sequences.baselines import baselines
from glasscell.tasks.sequences.gram_model import GramModel, counted, linear
from glasscell.tasks.sequences.live import Live
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import FEW, ROWS, WEIGHTS, Plan, plan_of
from glasscell.tasks.sequences.predict import load_predictor
from glasscell.tasks.sequences.preprocessing import read_preprocessing
from glasscell.tasks.sequences.recipe import SHARE, Recipe, predict_scores
from glasscell.tasks.sequences.told import probabilities, told
from glasscell.training.campaign import Campaign, candidates
from glasscell.training.progress import Reporter, Stop
from glasscell.training.workers import Workers, one_thread
from pressed import StopAfter

QUICK = {"epochs": 3, "hidden_size": 4, "rounds": 2, "jobs": 1}


def words(count=60, kind="class", per_step=False, letters=3, seed=0, longest=9):
    """Words of which the label says whether a comes just before b, and the last letter."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(2, longest + 1, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    places = draw.integers(0, letters, offsets[-1])
    spelt = [places[start:end] for start, end in pairwise(offsets)]
    follows = np.array([bool(((w[:-1] == 0) & (w[1:] == 1)).any()) for w in spelt])
    vowel = np.array([w[-1] < 2 for w in spelt])
    labelled = {
        "class": 2 * vowel + follows,
        "multilabel": np.stack([follows, vowel], axis=1),
        "number": (10 + 3.0 * follows + vowel)[:, None],
    }[kind]
    names = {"class": tuple("pqrs"), "multilabel": ("f", "v"), "number": ("y",)}[kind]
    if per_step:
        kind, labelled, names = "class", places % 2, ("odd", "even")
    steps = np.eye(letters, dtype=np.float32)[places]
    features = tuple("abcdefghijklmnopqrstuvwxyz"[:letters])
    labels = Labels(kind, labelled, names, per_step)
    return Sequences(steps, offsets, features, np.arange(count).astype(str), labels)


def plan_for(data, **options):
    return plan_of(data, SequenceOptions(**{"rounds": 2, "hidden_size": 4, "epochs": 3} | options))


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
def test_the_network_begins_with_half_of_the_model_and_leaves_it_as_it_is(kind):
    data = words(kind=kind)
    recipe = Recipe.of(plan_for(data))
    part = recipe.plan.rounds[0]
    model, everything = GramModel.of(recipe.plan, part), np.arange(len(data))
    trainer = recipe.trainer("LSTM", 0)
    scaler = recipe.plan.scaler(part)
    begun = predict_scores(trainer.network, data, scaler, everything)
    scores = model.scores(data, everything)
    # Weights are rounded to float32; a score sums some 60 of them.
    np.testing.assert_allclose(begun, SHARE * scores, rtol=1e-4, atol=1e-4)
    while not trainer.finished:
        trainer.step_epoch()
    for state in (trainer.network.state_dict(), trainer.judged.state_dict()):
        weight = torch.from_numpy(SHARE * model.weight.T).float()
        assert torch.equal(state["skip.weight"], weight)
        assert state["head.weight"].any()


def test_recurrent_layers_learn_as_if_there_were_no_linear_path():
    """To rounding: half of the scores, in training twice as large."""
    data = words()
    both, alone = (
        Recipe.of(plan_for(data, skip=skip, dropout=0.0)).trainer("LSTM", 0)
        for skip in (True, False)
    )
    with torch.no_grad():
        for name in ("head.weight", "head.bias"):
            alone.network.state_dict()[name].zero_()
    (first, *_), (second, *_) = (t.objective.batches(0) for t in (both, alone))
    assert torch.equal(first.inputs, second.inputs)
    assert not first.options["linear"].any()
    losses = [
        t.objective.loss(t.network(b.inputs, **b.options), b.targets)
        for t, b in ((both, first), (alone, second))
    ]
    assert losses[0] == losses[1]
    gradients = [
        torch.autograd.grad(loss, t.network.head.weight)[0]
        for loss, t in zip(losses, (both, alone), strict=True)
    ]
    torch.testing.assert_close(gradients[0], gradients[1] / (1 - SHARE))


def test_validation_hears_a_model_that_has_not_seen_it():
    data = words(FEW * 5 // 4 + 20, longest=4)
    recipe = Recipe.of(plan_for(data, rounds=1))
    part = recipe.part(0)
    assert len(part.validation)
    model = GramModel.of(recipe.plan, part)
    apart = replace(part, validation=part.validation[:0])
    unseen = GramModel.of(recipe.plan, apart)
    truth = data.labels.values[part.validation]
    if model.strength == unseen.strength:
        expected = unseen.scores(data, part.validation)
        np.testing.assert_allclose(model.held_out, expected, rtol=1e-3, atol=1e-3)
    trainer = recipe.trainer("LSTM", 0)
    loss = log_loss(truth, probabilities("classify", SHARE * model.held_out), labels=range(4))
    assert trainer.best_validation == pytest.approx(loss, rel=1e-5)
    seen = probabilities("classify", SHARE * model.scores(data, part.validation))
    assert log_loss(truth, seen, labels=range(4)) < loss


def test_counts_are_what_the_grams_of_a_network_add_up():
    data = words(40, letters=3)
    alphabet = plan_for(data).grams
    grams = Grams(3, 1, alphabet.order, alphabet.rows, dtype=torch.float64)
    torch.nn.init.normal_(grams.weight)
    counts = counted(data, np.arange(5, 30), alphabet)
    expected = counts @ grams.weight.detach().numpy()
    for row, number in enumerate(range(5, 30)):
        x = torch.from_numpy(data[number]).double()[None]
        np.testing.assert_allclose(grams(x).detach().numpy()[0], expected[row], atol=1e-12)
    assert counts.sum() == 3 * (data.lengths[5:30].sum() + 25)


def test_two_classes_one_class_and_a_class_of_none():
    draw = np.random.default_rng(0)
    x = csr_matrix(draw.integers(0, 3, (40, 6)).astype(float))
    larger = (x.toarray()[:, 0] > x.toarray()[:, 1]).astype(int)
    weight, bias = linear(x, np.eye(2)[larger], "classify", 0.3)
    plain = LogisticRegression(C=0.3, max_iter=300).fit(x, larger)
    said = probabilities("classify", x @ weight.T + bias)
    np.testing.assert_allclose(said, plain.predict_proba(x), rtol=1e-6)
    weight, bias = linear(x, np.eye(3)[larger], "classify", 0.3)
    assert not weight[2].any()
    assert probabilities("classify", x @ weight.T + bias)[:, 2].max() < 0.1
    weight, bias = linear(x, np.eye(3)[np.ones(40, int)], "classify", 0.3)
    assert not weight.any()
    assert not bias.any()
    _, bias = linear(x, np.ones((40, 1)), "multilabel", 0.3)
    assert bias[0] == np.log(40.5 / 0.5)


def test_rows_are_those_that_there_are_or_shared_and_no_more_than_fit():
    assert plan_for(words(letters=3)).grams.exact
    assert plan_for(words(letters=26)).grams.rows == ROWS
    many = Plan.grams.fget(_Many(words(letters=26)))
    assert many.rows * _Many.outputs <= WEIGHTS
    assert plan_for(words(per_step=True), per_step=True).grams is None


class _Many:
    """A plan of very many classes, without the sequences that they would take."""

    outputs, of_symbols = 5000, True

    def __init__(self, sequences):
        self.sequences, self.labels = sequences, sequences.labels


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
def test_the_rival_learns_what_a_summary_does_not_say(kind):
    plan = plan_for(words(600, kind))
    rows = {one.name: one for one in baselines(plan)}
    name = "ridge on n-grams" if kind == "number" else "logistic regression on n-grams"
    assert "ridge on summaries" not in rows
    truth = np.concatenate([plan.labels.values[part.test] for part in plan.rounds])
    said = np.concatenate(rows[name].said)
    assert "penalty" in rows[name].note
    if kind == "class":
        assert np.mean(said.argmax(1) == truth) > 0.9
    elif kind == "multilabel":
        assert np.mean((said > 0.5) == truth) > 0.9
    else:
        assert np.abs(said - truth).mean() < np.abs(truth - truth.mean()).mean() / 2
    by_step = plan_for(words(per_step=True), per_step=True)
    assert [one.name for one in baselines(by_step)] == ["majority", "ridge on steps"]


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
def test_a_run_is_loaded_streamed_and_goes_on_to_the_same_bits(tmp_path, kind):
    data = words(kind=kind)
    forwards = {**QUICK, "bidirectional": False}
    whole = fit(data, tmp_path / "whole", **forwards)
    assert any("n-grams" in note for note in whole.plan.notes)
    stopped = fit(data, tmp_path / "run", reporter=StopAfter(4), **forwards)
    assert stopped.interrupted
    fit(data, tmp_path / "run", resume=True, **forwards)
    for name in ("model.safetensors", "predictions.csv", "preprocessing.json", "config.json"):
        one, two = ((tmp_path / run / name).read_bytes() for run in ("whole", "run"))
        assert one == two, name
    said = load_predictor(whole.folder).outputs(data)
    number = whole.best.seed - whole.plan.rounds[0].seed
    np.testing.assert_array_equal(said[whole.saved_round.test], whole.own.said[number])
    model, live = glasscell.load(whole.folder), Live(whole.folder)
    labelled = told(read_preprocessing(whole.folder))
    x = whole.plan.scaler(whole.saved_round).network_input(data[3])
    for t, row in enumerate(data[3]):
        assert live.step(row, "one") == labelled.row(model.run(x[: t + 1]).output)


def test_two_processes_and_no_linear_path():
    data = words(40)
    done = []
    recipe = Recipe.of(plan_for(data))
    for jobs in (1, 2):
        with one_thread(), Workers(jobs) as workers:
            campaign = Campaign(recipe, candidates(0, 2), Reporter(), None, workers)
            assert campaign.run(Stop())
        done.append(campaign.done)
    for one, other in zip(*done, strict=True):
        assert one.validation == other.validation
        for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True):
            assert torch.equal(a, b)
    bare = fit(data, **QUICK, skip=False)
    assert bare.best.network.skip is None
    assert not any("mean of two" in note for note in bare.plan.notes)


def test_long_words_are_not_averaged_unless_asked():
    long = words(20, "number", longest=400)
    assert long.lengths.max() > 256
    plan = plan_for(long)
    assert plan.options.stride == 1
    assert plan.grams is not None
    assert any("--stride" in note and "symbol" in note for note in plan.notes)
    plan = plan_for(long, stride=3)
    assert plan.options.noise == 0
    assert plan.grams is None
    assert any("symbols no more" in note for note in plan.notes)
    # Of three steps each symbol's share.
    np.testing.assert_allclose(plan.sequences[0][0], long[0][:3].mean(axis=0), rtol=1e-6)
    assert Recipe.of(plan).network("LSTM", 0).summary is not None
    assert plan.unaveraged.grams is not None


def test_an_estimator_goes_on_learning_with_its_n_grams():
    data = words(80)
    x, y = [data[number] for number in range(80)], data.labels.values
    model = LSTMClassifier(hidden_size=4, max_epochs=3, random_state=0).fit(x, y)
    assert model.predict(x).shape == (80,)
    passed = LSTMClassifier(hidden_size=4, random_state=0)
    passed.partial_fit(x[:40], y[:40], classes=np.unique(y))
    before = passed.fitted_network_.weights["skip.weight"].copy()
    assert before.any()
    # Steps that are symbols no more do not change what the network is.
    passed.partial_fit([0.5 * one for one in x[40:]], y[40:])
    after = passed.fitted_network_.weights["skip.weight"]
    assert after.shape == before.shape
    assert (after != before).any()
