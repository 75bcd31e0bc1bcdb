"""The carried pair tells the story that the chapters tell about it."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.report.lesson.pair import ALWAYS_ONE, carried


def test_the_lstm_solves_the_problem_and_the_plain_rnn_does_not():
    answers = carried().answers(2000, seed=7)
    assert answers.error("lstm") < ALWAYS_ONE / 100
    assert answers.error("rnn") > ALWAYS_ONE / 4
    # A network that knows has an error of the same size wherever the answer lies.
    low, high = np.quantile(answers.truth, [0.1, 0.9])
    for some in (answers.truth < low, answers.truth > high):
        assert np.abs(answers.lstm - answers.truth)[some].mean() < 0.05
        assert np.abs(answers.rnn - answers.truth)[some].mean() > 0.2


def test_neither_has_more_weights_to_speak_of():
    pair = carried()
    assert pair.rnn.parameters == pytest.approx(pair.lstm.parameters, rel=0.06)
    assert pair.rnn.parameters >= pair.lstm.parameters  # what favour there is, the RNN has


def test_each_sequence_has_two_marks_and_its_target():
    pair = carried()
    assert ((pair.x[:, :, 1] == 1).sum(1) == 2).all()
    marked = [row[row[:, 1] == 1, 0].sum() for row in pair.x]
    np.testing.assert_allclose(pair.targets(), marked, rtol=1e-6)
    lstm = pair.lstm.run(pair.x.swapaxes(0, 1).copy()).output[-1, :, 0]
    np.testing.assert_allclose(lstm, pair.targets(), atol=0.06)


def test_what_the_chapters_say_of_its_gates_is_true():
    """At marks the input gate of the telling unit opens, elsewhere it is almost shut."""
    pair = carried()
    unit = 3
    trace = pair.lstm.run(pair.x.swapaxes(0, 1).copy(), trace=True).trace["lstm.l0"]
    gate, kept = trace.input[..., unit], trace.forget[..., unit]
    marked = pair.x.swapaxes(0, 1)[..., 1] == 1
    assert gate[marked].min() > 0.5
    assert np.median(gate[~marked]) < 0.05
    assert np.median(kept[~marked]) > 0.98
    assert kept[marked].max() < np.median(kept[~marked])


def test_the_rnns_spectral_radius_is_above_one_and_its_jacobians_vanish():
    """Chapter 3's answer: never diagnose from the eigenvalues of W."""
    from glasscell.model import modelfile

    pair = carried()
    _, tensors = modelfile.read(pair.folder / "rnn")
    w = tensors["rnn.weight_hh_l0"].astype(np.float64)
    assert max(abs(np.linalg.eigvals(w))) > 1
    hidden = pair.rnn.run(pair.x.swapaxes(0, 1).copy(), trace=True).trace["rnn.l0"].hidden
    for b in range(len(pair.x)):
        product = np.eye(len(w))
        for h in hidden[:0:-1, b].astype(np.float64):
            product = product @ (np.diag(1 - h**2) @ w)
        assert np.linalg.norm(product, 2) < 1e-3
