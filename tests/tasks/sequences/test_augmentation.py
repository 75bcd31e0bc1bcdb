"""Few sequences are changed at random in training: what comes out is still such a sequence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences.augmentation import CROP, UNCHANGED, WARP, Changes, left_out, symbols
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import LEFT_OUT, SYMBOL, plan_of
from glasscell.tasks.sequences.recipe import Recipe


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 100))
def test_lengths_and_values_stay_near_those_of_the_sequence(lengths, seed):
    steps = torch.tensor(lengths)
    x = torch.arange(max(lengths), dtype=torch.float32)[None, :, None].repeat(len(lengths), 1, 2)
    x[torch.arange(max(lengths)) >= steps[:, None]] = 0.0
    changes = Changes.draw(steps, 2, torch.Generator().manual_seed(seed))
    told, found = changes.apply(x, steps), changes.steps
    again = Changes.draw(steps, 2, torch.Generator().manual_seed(seed))
    assert torch.equal(told, again.apply(x, steps))
    # Each by itself, as its batch has it: where others lie around it changes no bit.
    for row, count in enumerate(found.tolist()):
        alone = changes.of(np.array([row])).apply(x[[row]], steps[[row]])
        assert torch.equal(alone[0], told[row, :count])
    least, most = (1 - CROP) * np.exp(-WARP), np.exp(WARP)
    for row, (length, count) in enumerate(zip(lengths, found.tolist(), strict=True)):
        assert max(1, length * least - 0.5) <= count <= max(1, length * most + 0.5)
        assert not told[row, count:].any()
        # A ramp stays one: time never runs backwards, whatever the warp.
        assert (told[row, :count].diff(dim=0) >= 0).all()


def test_as_many_are_left_as_they_are_as_is_said():
    lengths = torch.full((800,), 30)
    x = torch.randn(800, 30, 2, generator=torch.Generator().manual_seed(1))
    changes = Changes.draw(lengths, 2, torch.Generator().manual_seed(0))
    told = changes.apply(x, lengths)
    same = (changes.steps == 30) & (changes.span == 29)
    # Places are whole up to rounding in float64, and so are values in float32.
    torch.testing.assert_close(told[same, :30], x[same], rtol=1e-5, atol=1e-6)
    # Four standard errors; a sequence that is changed keeps all of its span by no chance.
    share = float(same.float().mean())
    assert share == pytest.approx(UNCHANGED, abs=4 * (UNCHANGED * (1 - UNCHANGED) / 800) ** 0.5)


def test_what_is_changed_by_default():
    def augments(values, kind="class", **options):
        values = np.asarray(values, np.float32).reshape(24, 1)
        told = np.arange(12) % 2 if kind == "class" else np.arange(12.0)[:, None]
        labels = Labels(kind, told, ("a", "b") if kind == "class" else ("y",))
        names = np.arange(12).astype(str)
        data = Sequences(values, np.arange(0, 25, 2), ("x",), names, labels)
        return plan_of(data, SequenceOptions(rounds=2, **options)).options.augment

    halves = np.arange(24) / 2
    assert augments(halves)
    assert not augments(np.arange(24))  # codes, as far as one can see
    assert not augments(halves, "number")  # what is told may be how long or how strong it is
    assert not augments(halves, augment=False)
    tagged = Labels("class", np.arange(24) % 2, ("a", "b"), per_step=True)
    steps, names = halves[:, None].astype(np.float32), np.arange(12).astype(str)
    data = Sequences(steps, np.arange(0, 25, 2), ("x",), names, tagged)
    with pytest.raises(DataError, match="--augment"):
        plan_of(data, SequenceOptions(rounds=2, per_step=True, augment=True))


def letters(per_step=False):
    places = np.random.default_rng(0).integers(0, 5, 60)
    told = np.arange(60 if per_step else 20) % 2
    labels = Labels("class", told, ("a", "b"), per_step=per_step)
    steps, names = np.eye(5, dtype=np.float32)[places], np.arange(20).astype(str)
    return Sequences(steps, np.arange(0, 61, 3), tuple("vwxyz"), names, labels)


def test_symbols_have_one_scale_and_some_are_left_out_in_training():
    data = letters()
    plan = plan_of(data, SequenceOptions(rounds=2))
    assert plan.options.noise == LEFT_OUT
    scaler = plan.scaler(plan.rounds[0])
    assert scaler.mean.tolist() == [0] * 5
    assert scaler.scale.tolist() == [SYMBOL] * 5
    objective = Recipe.of(plan).trainer("LSTM", 0).objective
    for batch in objective.batches(0):
        read = batch.inputs + batch.options["noise"]
        gone = ~read.any(dim=2)
        assert torch.equal(read[~gone], batch.inputs[~gone])
    assert plan_of(letters(True), SequenceOptions(rounds=2)).options.noise == 0


def test_as_many_steps_are_left_out_as_asked():
    x = torch.eye(4).repeat(50, 40, 1)
    gone = ~(x + left_out(x, 0.25, torch.Generator().manual_seed(0))).any(dim=2)
    # Four standard errors of 8,000 draws.
    assert float(gone.float().mean()) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 8000) ** 0.5)


def test_what_is_no_symbol():
    data = letters()
    for columns, value in ((0, 2.0), (0, np.nan), (slice(0, 5), 1.0), (slice(0, 5), 0.0)):
        values = data.values.copy()
        values[7, columns] = value
        assert not symbols(replace(data, values=values))
    one = np.ones((60, 1), np.float32)
    assert not symbols(replace(data, values=one, features=("x",)))
