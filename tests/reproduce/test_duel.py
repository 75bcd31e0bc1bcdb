"""The duel: equal means, true numbers, the same bits again; small enough for seconds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from glasscell.reproduce import adding_page
from glasscell.reproduce import duel as module
from glasscell.reproduce.adder import Adder
from glasscell.reproduce.adding_page import duel_table, sparklines
from glasscell.reproduce.duel import Duel, DuelOptions, duel, train
from glasscell.training.workers import Workers

TINY = DuelOptions(
    length=20,
    hidden_size=4,
    rates=(0.01, 0.003),
    steps=20,
    batch_size=8,
    check_every=10,
    validation=20,
    held_out=50,
)


@pytest.fixture(scope="module")
def tiny():
    return duel(TINY)


def test_the_lstm_learns_a_lag_of_thirty_steps():
    options = DuelOptions(length=30, hidden_size=16, steps=1500, held_out=1000, enough=0.008)
    found = train("LSTM", 0.01, options, lambda kind, rate, step, error: None)
    assert found.solved
    assert found.error < 0.01
    assert found.steps < 1500


def test_the_plain_rnn_has_one_try_per_rate_and_no_fewer_steps(tiny):
    assert [one.learning_rate for one in tiny.rnns] == [0.01, 0.003]
    assert all(one.steps >= tiny.lstm.steps for one in tiny.rnns)
    assert all(one.parameters >= tiny.lstm.parameters for one in tiny.rnns)


def test_the_same_seed_gives_the_same_bits(tiny):
    again = duel(TINY)
    for one, other in zip((tiny.lstm, *tiny.rnns), (again.lstm, *again.rnns), strict=True):
        assert one.history == other.history
        assert one.error == other.error


def test_the_global_random_state_stays():
    before = torch.get_rng_state()
    duel(replace(TINY, steps=1, check_every=1))
    assert torch.equal(before, torch.get_rng_state())


def test_a_try_ends_when_it_is_good_enough():
    found = duel(replace(TINY, enough=1e9))
    assert {one.steps for one in (found.lstm, *found.rnns)} == {10}


LONG = DuelOptions(
    steps=60, check_every=10, hopeless=30, rates=(0.001,), batch_size=16, held_out=10
)


def test_a_try_whose_gradient_does_not_arrive_is_given_up_and_the_other_is_not():
    found = duel(LONG)
    assert (found.rnn.steps, found.rnn.given_up) == (30, True)
    assert (found.lstm.steps, found.lstm.given_up) == (60, False)
    tries = {one["network"]: one["given_up"] for one in adding_page.record(found)["tries"]}
    assert tries == {"plain RNN": True, "LSTM": False}
    assert (
        "for 30 steps it did no better than always answering 1" in adding_page.table(found).note[0]
    )


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
@pytest.mark.parametrize(
    ("error", "arrives", "steps"), [(0.2, False, 30), (0.13, False, 60), (0.2, True, 60)]
)
def test_both_kinds_are_given_up_by_one_rule(monkeypatch, kind, error, arrives, steps):
    monkeypatch.setattr(module, "mean_squared_error", lambda *_: error)
    monkeypatch.setattr(module, "arrives", lambda *_: arrives)
    found = train(kind, 0.001, LONG, lambda *_: None)
    assert (found.steps, found.given_up) == (steps, steps == 30)


def test_hope_begins_anew_when_the_gradient_arrives_again(monkeypatch):
    looks = iter([False, False, True, False, False, False])
    monkeypatch.setattr(module, "arrives", lambda *_: next(looks))
    found = train("RNN", 0.001, LONG, lambda *_: None)
    assert (found.steps, found.given_up) == (60, True)


@pytest.mark.parametrize(("keeps", "expected"), [(0.7, False), (0.9, True)])
def test_what_arrives_is_what_float32_can_add_up_from_the_first_half(keeps, expected):
    """A linear chain: at the middle, 50 steps back, 0.7^50 = 2e-8 is left, or 0.9^50 = 5e-3."""
    network = Adder("RNN", 4, 100)
    with torch.no_grad():
        for parameter in network.recurrent.parameters():
            parameter.zero_()
        network.recurrent.weight_hh_l0.copy_(keeps * torch.eye(4))
    assert module.arrives(network, DuelOptions()) is expected


def test_side_by_side_gives_the_same_bits_as_in_turn(tiny):
    seen = []
    with Workers(2) as workers:
        found = duel(TINY, lambda *look: seen.append(look), workers)
    in_turn = []
    duel(TINY, lambda *look: in_turn.append(look))
    assert sorted(seen) == sorted(in_turn)
    for one, other in zip((tiny.lstm, *tiny.rnns), (found.lstm, *found.rnns), strict=True):
        assert (one.history, one.error) == (other.history, other.error)
        np.testing.assert_array_equal(one.after.hidden, other.after.hidden)
        for name, value in one.network.state_dict().items():
            assert torch.equal(value, other.network.state_dict()[name])


def test_the_watch_is_told_every_look(tiny):
    seen = []
    duel(TINY, lambda kind, rate, step, error: seen.append((kind, rate, step)))
    assert seen == [
        (kind, rate, step)
        for kind, rate in (("LSTM", 0.01), ("RNN", 0.01), ("RNN", 0.003))
        for step in (10, 20)
    ]


def test_before_training_the_gradient_vanishes_in_the_rnn_and_not_in_the_cell():
    found = duel(DuelOptions(steps=1, check_every=1, rates=(0.01,), held_out=10))
    rnn, lstm = found.rnn.before.hidden, found.lstm.before.cell
    assert rnn[0] / rnn[-1] < 1e-15
    assert lstm is not None
    assert lstm[0] / lstm[-1] > 0.01


def test_the_sentence_follows_the_errors(tiny):
    won = Duel(TINY, replace(tiny.lstm, error=0.001), tiny.rnns)
    lost = Duel(TINY, replace(tiny.lstm, error=0.2), (replace(tiny.rnns[0], error=0.002),))
    assert "the LSTM succeeds (mean squared error 0.0010)" in adding_page.in_words(won)
    assert "the LSTM fails (mean squared error 0.2000)" in adding_page.in_words(lost)
    assert "the plain RNN succeeds (mean squared error 0.0020)" in adding_page.in_words(lost)


def test_the_river_has_both_networks_untrained_and_trained(tiny):
    names = list(adding_page.rivers(tiny))
    assert names == ["RNN, untrained", "LSTM, untrained", "RNN, trained", "LSTM, trained"]


def test_the_page_shows_both_networks_on_a_sequence_with_two_marks(tiny, tmp_path):
    adding_page.save(tiny, tmp_path / "adding")
    shown = adding_page.explored(tiny, tmp_path / "adding")
    assert [layer.name for layer in shown.layers] == ["recurrent.l0", "RNN: recurrent.l0"]
    (series,) = shown.series
    assert series.trace(0).cell.shape == (20, 4)
    marked = np.flatnonzero(series.x[:, 1]).tolist()
    assert [step for step, _ in shown.measures["events"]["0"]] == marked
    assert len(marked) == 2
    # The gradients are those that the duel measured on the same batch, here without torch.
    after = tiny.lstm.after
    np.testing.assert_allclose(series.flow(0).cell, after.cell, rtol=1e-4)
    np.testing.assert_allclose(shown.arrays["duel/3/cell"], after.cell)
    with torch.no_grad():
        answer = float(tiny.lstm.network(torch.from_numpy(series.x[:, None])))
    assert f"the LSTM answers {answer:.3f}" in shown.measures["contest"]["said"][0]


def test_the_record_is_json(tiny):
    record = json.loads(json.dumps(adding_page.record(tiny), allow_nan=False))
    assert [one["network"] for one in record["tries"]] == ["plain RNN", "plain RNN", "LSTM"]
    assert len(record["river"]) == 4


def test_the_terminal_shows_every_try_and_both_gradients(tiny):
    table = duel_table(tiny)
    assert table.row_count == 4
    assert [len(line) for line in sparklines(tiny, 20)] == [39, 39, 39]
