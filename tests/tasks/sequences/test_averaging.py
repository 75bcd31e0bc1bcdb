"""Long sequences are read in means of neighbouring steps: in training, prediction and streams."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences import fit
from glasscell.tasks.sequences.averaging import LONGEST, averaged
from glasscell.tasks.sequences.live import Live
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from glasscell.tasks.sequences.predict import load_predictor, predict


def made(lengths, holes=0.0):
    draw = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = draw.normal(size=(offsets[-1], 2)).astype(np.float32)
    values[draw.random(values.shape) < holes] = np.nan
    labels = Labels("class", np.arange(len(lengths)) % 2, ("a", "b"))
    names = np.arange(len(lengths)).astype(str)
    return Sequences(values, offsets, ("u", "v"), names, labels)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 12))
def test_each_step_is_the_mean_of_its_neighbours(lengths, stride):
    sequences = made(lengths, holes=0.3)
    read = averaged(sequences, stride)
    for number in range(len(lengths)):
        whole = sequences[number].astype(np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            means = [
                np.nanmean(whole[first : first + stride], axis=0)
                for first in range(0, len(whole), stride)
            ]
        np.testing.assert_allclose(read[number], np.float32(means), rtol=1e-6, atol=1e-7)


def test_long_sequences_are_averaged_unless_each_step_is_told():
    long = made([LONGEST + 1, *[9] * 11])
    plan = plan_of(long, SequenceOptions(rounds=2))
    assert plan.options.stride == 2
    assert plan.sequences.lengths.max() == LONGEST // 2 + 1
    assert plan.unaveraged.sequences is long
    assert any("means of 2 steps" in note for note in plan.notes)
    short = plan_of(made([LONGEST, *[9] * 11]), SequenceOptions(rounds=2))
    assert short.options.stride == 1
    assert short.sequences is short.unaveraged.sequences
    tagged = Labels("class", np.arange(long.offsets[-1]) % 2, ("a", "b"), per_step=True)
    by_step = Sequences(long.values, long.offsets, long.features, long.names, tagged)
    assert plan_of(by_step, SequenceOptions(rounds=2, per_step=True)).options.stride == 1
    with pytest.raises(DataError, match="--stride: expected 1 where each step has a label"):
        plan_of(by_step, SequenceOptions(rounds=2, per_step=True, stride=3))


@pytest.mark.parametrize("missing", ["previous", "zero"])
def test_a_stream_says_after_each_row_what_a_prediction_of_the_rows_so_far_says(tmp_path, missing):
    draw = np.random.default_rng(1)
    arrays = [draw.normal(size=(length, 2)).astype(np.float32) for length in range(3, 15)]
    run = fit(
        (arrays, ["a", "b"] * 6),
        tmp_path / "run",
        rounds=1,
        epochs=1,
        hidden_size=3,
        bidirectional=False,
        stride=4,
        missing=missing,
    ).folder
    assert load_predictor(run).settings["stride"] == 4
    rows = draw.normal(size=(10, 2)).astype(np.float32)
    rows[[2, 5], [0, 1]] = np.nan
    live = Live(run)
    for end in range(1, len(rows) + 1):
        if end == 7:
            live.save(tmp_path / "state")
            live = Live(run)
            live.restore(tmp_path / "state")
        said = live.step(rows[end - 1], "one")
        wanted = predict(run, [rows[:end]], missing=missing).iloc[0]
        assert said[0] == wanted["predicted"]
        assert said[1:] == wanted[["p(a)", "p(b)"]].tolist()


@pytest.mark.parametrize("stride", [1, 3])
def test_zero_is_the_mean_of_the_training_part_of_the_saved_round(tmp_path, stride):
    draw = np.random.default_rng(2)
    arrays = [draw.normal(k, size=(9 + 3 * (k % 2), 2)).astype(np.float32) for k in range(16)]
    for number in range(0, 16, 3):
        arrays[number][3:6, 0] = np.nan  # with a stride of 3 a whole step of the network
    options = {"rounds": 1, "epochs": 1, "hidden_size": 3, "stride": stride, "missing": "zero"}
    result = fit((arrays, ["a", "b"] * 8), tmp_path / "run", **options)
    chosen = result.plan.round(0).train
    trained, all_of = (np.concatenate(some) for some in ([arrays[k] for k in chosen], arrays))
    mean = np.nanmean(trained.astype(np.float64), axis=0)
    assert abs(mean - np.nanmean(all_of, axis=0)).max() > 0.01
    holed = [array.copy() for array in arrays]
    holed[1][3:6, 1] = np.nan
    told = predict(result.folder, holed)
    for instead, same in ((mean, True), (np.nanmean(all_of, axis=0), False)):
        filled = [np.where(np.isnan(array), instead, array) for array in holed]
        other = predict(result.folder, filled)["p(a)"]
        assert np.allclose(told["p(a)"], other, rtol=1e-6) == same
