"""The adding problem: what is drawn, how the network starts, what its size is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cells import Textbook
from glasscell.nn import LSTM
from glasscell.reproduce.adder import (
    ALWAYS_ONE,
    Adder,
    count_parameters,
    draw,
    mean_squared_error,
    start_memories,
    twin_size,
)


def chance(seed=0):
    return np.random.default_rng(seed)


def test_the_target_is_the_sum_of_the_two_marked_values():
    x, y = draw(30, 500, chance())
    assert torch.equal(x[:, :, 1].sum(0), torch.full((500,), 2.0))
    torch.testing.assert_close((x[:, :, 0] * x[:, :, 1]).sum(0), y)


def test_each_half_of_the_sequence_has_one_marker():
    x, _ = draw(31, 500, chance())
    assert torch.equal(x[:15, :, 1].sum(0), torch.ones(500))
    assert torch.equal(x[15:, :, 1].sum(0), torch.ones(500))


def test_markers_reach_every_step():
    x, _ = draw(10, 2000, chance())
    assert (x[:, :, 1].sum(1) > 0).all()


def test_always_answering_one_has_an_error_of_a_sixth():
    _, y = draw(10, 200_000, chance())
    assert float((y - 1).square().mean()) == pytest.approx(ALWAYS_ONE, rel=0.01)


def test_the_same_seed_draws_the_same_sequences():
    assert torch.equal(draw(10, 4, chance(3))[0], draw(10, 4, chance(3))[0])


def test_biases_start_with_memories_of_one_step_to_the_whole_length():
    torch.manual_seed(0)
    lstm = LSTM(2, 1000)
    start_memories(lstm, 100)
    book = Textbook(lstm, "l0")
    assert 0 <= book.b_f.min() < 0.2
    assert np.log(95) < book.b_f.max() <= np.log(99)
    np.testing.assert_array_equal(book.b_i, -book.b_f)


@pytest.mark.parametrize("hidden_size", [2, 8, 32, 64])
def test_the_plain_rnn_has_at_least_as_many_parameters_and_hardly_more(hidden_size):
    twin = twin_size(hidden_size)
    wanted = count_parameters("LSTM", hidden_size)
    assert count_parameters("RNN", twin - 1) < wanted <= count_parameters("RNN", twin)


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_parameters_are_counted_without_making_a_network(kind):
    made = sum(p.numel() for p in Adder(kind, 7, 20).parameters())
    assert made == count_parameters(kind, 7)


def test_the_error_is_the_same_for_any_split_of_the_sequences():
    x, y = draw(12, 2500, chance())
    network = Adder("LSTM", 4, 12)
    with torch.no_grad():
        whole = float((network(x) - y).square().mean())
    assert mean_squared_error(network, x, y) == pytest.approx(whole, rel=1e-6)


def test_a_saved_adder_gives_the_same_bits_without_torch(tmp_path):
    network = Adder("LSTM", 6, 20)
    x, _ = draw(20, 3, chance())
    with torch.no_grad():
        answer = network(x).numpy()
    loaded = glasscell.load(glasscell.save(network, tmp_path / "adder"))
    np.testing.assert_array_equal(loaded.run(x.numpy()).output[-1, :, 0], answer)
