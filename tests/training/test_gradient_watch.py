"""Faults of the gradient's way through time are said in training, once, and change no bit of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glasscell.training.gradient_watch import GradientWatch
from glasscell.training.trainer import Schedule, Trainer
from small_training import LastStep, Noise


class Dropping(LastStep):
    """Draws from torch's own random state in training."""

    def forward(self, x, scale=1.0):
        return torch.nn.functional.dropout(super().forward(x, scale), 0.5, self.training)


def trained(watch, change=lambda network: None, film=None, epochs=5, network=LastStep):
    torch.manual_seed(0)
    one = network()
    change(one)
    optimizer = torch.optim.Adam(one.parameters(), lr=0.01)
    chance = torch.Generator().manual_seed(1)
    trainer = Trainer(one, Noise(chance), optimizer, Schedule(epochs=epochs), None, film, watch)
    said = []
    while not trainer.finished:
        trainer.step_epoch()
        said.append(list(trainer.warnings))
    return trainer, said


def saturate(network):
    with torch.no_grad():
        for parameter in network.recurrent.parameters():
            parameter.mul_(1000)


def blind(network):
    """No gradient reaches the layer."""
    torch.nn.init.zeros_(network.head.weight)
    network.head.weight.requires_grad = False


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [(saturate, "saturated", "is saturated"), (blind, "silent", "receives no gradient")],
)
def test_a_fault_is_said_when_seen_twice_and_then_no_more(change, kind, words):
    trainer, said = trained(True, change)
    assert not said[0]
    assert [words in " ".join(sentences) for sentences in said[1:]] == [True, *[False] * 3]
    assert f"recurrent.l0: {kind}" in trainer.watch.state()["said"]


def test_weights_that_are_no_numbers_are_said_at_once():
    def break_it(network):
        network.recurrent.weight_hh_l0.data[0, 0] = float("nan")

    assert "not finite" in " ".join(trained(True, break_it)[0].watch.state()["said"])
    assert trained(True, break_it)[1][0]


def test_a_healthy_network_hears_nothing():
    assert not any(trained(True)[1])


@pytest.mark.parametrize("film", [None, 2])
@pytest.mark.parametrize("network", [LastStep, Dropping])
def test_watching_changes_no_bit_of_the_training(film, network):
    watched, alone = (trained(watch, film=film, network=network)[0] for watch in (True, False))
    assert watched.network.training
    for name, value in alone.network.state_dict().items():
        assert torch.equal(watched.network.state_dict()[name], value)
    if film is not None:
        ours, theirs = (one.film.reel.arrays() for one in (watched, alone))
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name])


def test_what_was_said_is_not_said_again_after_going_on():
    first, _ = trained(True, saturate, epochs=2)
    torch.manual_seed(0)
    network = LastStep()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    chance = torch.Generator().manual_seed(1)
    again = Trainer(network, Noise(chance), optimizer, Schedule(epochs=4))
    again.load_state_dict(first.state_dict())
    while not again.finished:
        again.step_epoch()
        assert not again.warnings
    assert again.watch.state()["said"] == first.watch.state()["said"]


def test_it_looks_often_at_first_and_then_seldom():
    assert [epoch for epoch in range(60) if GradientWatch().due(epoch)] == [1, 2, 3, 5, 8, 13, 21,
                                                                             34, 55]  # fmt: skip
