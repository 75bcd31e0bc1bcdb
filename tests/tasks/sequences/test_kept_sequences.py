"""Which sequences a run keeps to be looked at."""

import numpy as np
import pytest

from glasscell.errors import DataError
from glasscell.tasks.sequences.kept_sequences import KeptSequences, keep
from labelled_sequences import made, sure


def test_mistakes_stand_first_then_the_surest_then_the_least_sure_a_class_in_turn():
    truth = [0, 0, 0, 0, 1, 1, 1, 1, 2]
    said = [1, 0, 0, 0, 1, 1, 1, 1, 0]
    probability = [0.7, 0.99, 0.98, 0.6, 0.97, 0.96, 0.95, 0.65, 0.9]
    kept = keep(made(truth, [3] * 9), np.arange(9), sure(3, said, probability), lambda steps: steps)
    assert kept.names.tolist()[:6] == ["s8", "s0", "s1", "s4", "s2", "s5"]
    assert kept.why.tolist()[:6] == ["mistake"] * 2 + ["certain"] * 4
    assert kept.names.tolist()[6:] == ["s3", "s7", "s6"]
    assert kept.why.tolist()[6:] == ["uncertain"] * 3


def test_the_shown_are_scaled_padded_and_of_the_test_part_alone(tmp_path):
    sequences = made([0, 1, 2, 0], [2, 4, 1, 3])
    test = np.array([3, 1])
    kept = keep(sequences, test, sure(3, [0, 0], [0.9, 0.8]), lambda steps: steps + 100)
    assert kept.names.tolist() == ["s1", "s3"]
    assert kept.truth.tolist() == [1, 0]
    assert kept.lengths.tolist() == [4, 3]
    np.testing.assert_array_equal(kept.x[1, :3], sequences[3] + 100)
    assert not kept.x[1, 3:].any()
    kept.save(tmp_path / "kept.npz")
    again = KeptSequences.load(tmp_path / "kept.npz")
    for name, value in vars(kept).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_with_a_label_a_step_each_sequence_keeps_its_own_steps():
    lengths = [2, 3, 1]
    truth = [0, 1, 2, 2, 2, 0]
    said = [0, 1, 2, 1, 2, 0]
    sequences = made(truth, lengths, per_step=True)
    test = np.array([1, 0, 2])
    outputs = sure(3, said, [0.9] * 6)[sequences.steps(test)]
    kept = keep(sequences, test, outputs, lambda steps: steps)
    assert kept.names[0] == "s1"
    assert kept.why.tolist()[0] == "mistake"
    assert kept.truth[0].tolist() == [2, 2, 2]
    assert kept.outputs[0].argmax(axis=1).tolist() == [2, 1, 2]
    assert kept.truth.shape == (3, 3)
    assert kept.per_step


def test_of_numbers_the_largest_errors_stand_first():
    truth = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0]])
    errors = np.array([0, 5, 1, 2, 9, 0.1, 0.2, 0.3, 0.4])[:, None]
    kept = keep(
        made(truth, [2] * 9, ("size",), "number"), np.arange(9), truth + errors, lambda s: s
    )
    assert kept.names.tolist()[:5] == ["s4", "s1", "s3", "s2", "s0"]
    assert kept.why.tolist()[:5] == ["far"] * 4 + ["near"]


def test_a_wrong_label_of_several_counts_by_how_sure_it_is():
    truth = np.array([[True, False], [True, True]])
    outputs = np.array([[0.9, 0.8], [0.7, 0.6]])
    kept = keep(
        made(truth, [1, 1], ("a", "b"), "multilabel"), np.arange(2), outputs, lambda steps: steps
    )
    assert kept.names.tolist() == ["s0", "s1"]
    assert kept.why.tolist() == ["mistake", "certain"]


def test_many_long_sequences_are_few():
    lengths = [400_000] + [2] * 20
    kept = keep(
        made([0] * 21, lengths), np.arange(21), sure(3, [0] * 21, [0.9] * 21), lambda steps: steps
    )
    assert len(kept.x) == 5  # 4 million values of 400,000 steps and 2 features each


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "kept.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="damaged"):
        KeptSequences.load(tmp_path / "kept.npz")
