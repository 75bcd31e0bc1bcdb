"""Few sequences are changed at random in training: what comes out is still such a sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences.augmentation import CROP, WARP, changed
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 100))
def test_lengths_and_values_stay_near_those_of_the_sequence(lengths, seed):
    steps = torch.tensor(lengths)
    x = torch.arange(max(lengths), dtype=torch.float32)[None, :, None].repeat(len(lengths), 1, 2)
    x[torch.arange(max(lengths)) >= steps[:, None]] = 0.0
    told, found = changed(x, steps, torch.Generator().manual_seed(seed))
    again, _ = changed(x, steps, torch.Generator().manual_seed(seed))
    assert torch.equal(told, again)
    least, most = (1 - CROP) * np.exp(-WARP), np.exp(WARP)
    for row, (length, count) in enumerate(zip(lengths, found.tolist(), strict=True)):
        assert max(1, length * least - 0.5) <= count <= max(1, length * most + 0.5)
        assert not told[row, count:].any()
        # A ramp stays one: time never runs backwards, whatever the warp.
        assert (told[row, :count].diff(dim=0) >= 0).all()


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
