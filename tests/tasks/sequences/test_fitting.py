"""Fits end to end: the table, the run folder, resume to the same bits, and bad input."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences import fit
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from glasscell.tasks.sequences.predict import evaluate, load_predictor, predict
from glasscell.training.run_folder import CHECKPOINT
from made_sequences import made
from pressed import StopAfter

QUICK = {"epochs": 2, "hidden_size": 4, "rounds": 2, "jobs": 1}


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
@pytest.mark.parametrize("per_step", [False, True])
def test_every_goal_gives_a_run_whose_predictions_are_those_of_training(tmp_path, kind, per_step):
    data = made(kind, per_step)
    result = fit(data, tmp_path / "run", **QUICK)
    names = [method.name for method in result.methods]
    assert names[0] == ("mean" if kind == "number" else "majority")
    assert names[-2:] == ["plain RNN", "LSTM"]
    assert any("ridge" in name for name in names)
    assert any("1-NN" in name for name in names) != per_step
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert len(metrics["verdict"]) == 2
    assert [one["name"] for one in metrics["methods"]] == names
    said = load_predictor(result.folder).outputs(data)
    part = result.saved_round
    rows = data.steps(part.test) if per_step else part.test
    number = result.best.seed - result.plan.rounds[0].seed
    np.testing.assert_array_equal(said[rows], result.own.said[number])
    with (tmp_path / "run" / "predictions.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == (len(data.values) if per_step else len(data)), "each is tested once"
    assert {"sequence", "round"} <= set(lines[0])


def test_a_run_that_is_stopped_and_goes_on_has_the_same_bits(tmp_path):
    data = made()
    whole = fit(data, tmp_path / "whole", **QUICK)
    stopped = fit(data, tmp_path / "run", reporter=StopAfter(3), **QUICK)
    assert stopped.interrupted
    assert (tmp_path / "run" / CHECKPOINT).is_file()
    resumed = fit(data, tmp_path / "run", resume=True, **QUICK)
    assert not resumed.interrupted
    for name in ("model.safetensors", "predictions.csv", "preprocessing.json"):
        one, two = ((tmp_path / run / name).read_bytes() for run in ("whole", "run"))
        assert one == two, name
    assert whole.own.metrics == resumed.own.metrics


def test_a_run_is_not_replaced_unasked(tmp_path):
    fit(made(), tmp_path / "run", **QUICK)
    with pytest.raises(DataError, match="--force"):
        fit(made(), tmp_path / "run", **QUICK)
    fit(made(), tmp_path / "run", force=True, **QUICK)


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_another_cell_has_its_name_in_the_table(cell):
    result = fit(made(), cell=cell, **QUICK)
    names = [method.name for method in result.methods]
    assert names[-1] == {"gru": "GRU", "rnn": "plain RNN"}[cell]
    assert names.count("plain RNN") == 1
    assert (result.rival is None) == (cell == "rnn")


def test_a_given_test_part_gives_a_spread_of_the_networks_alone():
    result = fit(made(test=np.arange(36) >= 24), **QUICK)
    by_name = {method.name: method for method in result.methods}
    assert by_name["LSTM"].rounds == 2
    assert np.isfinite(by_name["LSTM"].spread)
    assert by_name["ridge on summaries"].rounds == 1
    assert len(result.board.units) == 12


def test_evaluation_on_new_data_measures_as_the_table_does(tmp_path):
    result = fit(made(), tmp_path / "run", **QUICK)
    other = made(seed=5)
    found = evaluate(result.folder, other)
    table = predict(result.folder, other)
    assert found["accuracy"] == (table["truth"] == table["predicted"]).mean()
    assert list(found) == list(result.own.metrics)
    nameless = Sequences(other.values, other.offsets, other.features, other.names)
    assert "truth" not in predict(result.folder, nameless)
    with pytest.raises(DataError, match="expected labels to compare with"):
        evaluate(result.folder, nameless)


@pytest.mark.parametrize("classes", [["a"] * 8, ["a"] * 7 + ["b"]])
def test_bad_data_leave_nothing_behind(tmp_path, classes):
    rng = np.random.default_rng(0)
    data = ([rng.normal(size=(4, 2)) for _ in classes], classes)
    with pytest.raises(DataError):
        fit(data, tmp_path / "run", **QUICK)
    assert not list(tmp_path.iterdir())


def test_a_planted_label_is_named():
    data = made()
    values = data.values.copy()
    values[:, 1] = np.repeat(data.labels.values, data.lengths)
    planted = Sequences(
        values, data.offsets, data.features, data.names, data.labels, source="planted"
    )
    assert any("feature noise alone tells" in note for note in fit(planted, **QUICK).remarks)
    assert not any("alone tells" in note for note in fit(data, **QUICK).remarks)


def test_copies_of_training_sequences_in_the_test_are_counted():
    data = made(n=24)
    twice = Sequences(
        np.concatenate([data.values, data.values]),
        np.concatenate([data.offsets, data.offsets[1:] + data.offsets[-1]]),
        data.features,
        np.array([f"s{k}" for k in range(48)]),
        Labels("class", np.tile(data.labels.values, 2), data.labels.names),
        test=np.arange(48) >= 24,
    )
    assert any(
        note.startswith("24 test sequences are equal") for note in fit(twice, **QUICK).remarks
    )


def test_scalers_see_the_training_part_alone():
    data = made()
    plan = plan_of(data, SequenceOptions(rounds=3))
    for part in plan.rounds:
        rows = data.steps(part.train)
        np.testing.assert_allclose(plan.scaler(part).mean, data.values[rows].mean(axis=0), 1e-5)
        held_out = np.concatenate([part.validation, part.test])
        changed = data.values.copy()
        changed[data.steps(held_out)] = 1e6
        other = Sequences(changed, data.offsets, data.features, data.names, data.labels)
        later = plan_of(other, SequenceOptions(rounds=3))
        np.testing.assert_array_equal(later.scaler(part).mean, plan.scaler(part).mean)
