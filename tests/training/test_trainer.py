"""The trainer alone, on a task made for it: what is kept, when it ends, the same bits again."""

from __future__ import annotations

import ast
import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import glasscell
from glasscell.inspect import Film
from glasscell.training.trainer import Averaged, Batch, Descent, Schedule, Trainer, shorten
from small_training import LastStep, Noise

TRAINING = Path(glasscell.__file__).parent / "training"


GENERATORS = {
    "torch": lambda: torch.Generator().manual_seed(1),
    "numpy": lambda: np.random.default_rng(1),
}


def trainer(chance="numpy", film=None, options=None, errors=None, **schedule):
    torch.manual_seed(0)
    network = LastStep()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, 30, cycle_momentum=False)
    objective = Noise(GENERATORS[chance](), options, errors)
    schedule = Schedule(**{"epochs": 4, **schedule})
    return Trainer(network, objective, optimizer, schedule, rates, film)


def finish(one):
    while not one.finished:
        one.step_epoch()
    return one


def assert_same(one, other):
    for part in ("network", "best"):
        states = [getattr(each, part) for each in (one, other)]
        states = [s if isinstance(s, dict) else s.state_dict() for s in states]
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert [e.train for e in one.history] == [e.train for e in other.history]
    assert [e.validation for e in one.history] == [e.validation for e in other.history]


@pytest.mark.parametrize("chance", GENERATORS)
@pytest.mark.parametrize("average", [None, 0.9])
def test_a_state_goes_on_to_the_same_bits_whoever_draws(chance, average, tmp_path):
    settings = {"chance": chance, "film": 2, "average": average}
    whole, first = finish(trainer(**settings)), trainer(**settings)
    first.step_epoch()
    torch.save(first.state_dict(), tmp_path / "state.pt")
    resumed = trainer(**settings)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert_same(finish(resumed), whole)
    for name, array in whole.film.reel.arrays().items():
        np.testing.assert_array_equal(resumed.film.reel.arrays()[name], array)


def test_an_epoch_that_is_stopped_leaves_no_line_and_the_last_state_goes_on():
    whole, one = finish(trainer()), trainer()
    one.step_epoch()
    state = copy.deepcopy(one.state_dict())
    assert not one.step_epoch(lambda part: part < 0.5)
    assert len(one.history) == 1
    resumed = trainer()
    resumed.load_state_dict(state)
    assert_same(finish(resumed), whole)


def test_the_best_epoch_is_kept_and_patience_begins_where_it_is_told():
    errors = [5.0, 3.0, 4.0, 4.0, 4.0, 4.0]
    one = finish(trainer(epochs=9, patience=2, errors=iter(errors)))
    assert (one.best_epoch, one.best_validation, len(one.history)) == (2, 3.0, 4)
    later = finish(trainer(epochs=9, patience=2, patient_from=4, errors=iter(errors)))
    assert len(later.history) == 6


@pytest.mark.parametrize(("keep", "best"), [(True, 0), (False, 1)])
def test_the_untrained_network_is_kept_only_where_that_is_wanted(keep, best):
    errors = iter(([1.0] if keep else []) + [2.0, 2.0])
    one = finish(trainer(epochs=2, keep_start=keep, errors=errors))
    assert one.best_epoch == best


def test_the_training_loss_is_the_mean_over_sequences_of_batches_of_any_size():
    one = trainer()
    losses, sizes = [], []
    real = one._descent.step

    def step(batch):
        losses.append(real(batch))
        sizes.append(len(batch.targets))
        return losses[-1]

    one._descent.step = step
    one.step_epoch()
    assert sizes == [4, 4, 2]
    assert one.history[0].train == pytest.approx(np.average(losses, weights=sizes))


def test_a_film_changes_no_bit_and_sees_the_network_without_the_options_of_a_batch():
    options = {"scale": 2.0}
    plain, filmed = finish(trainer(options=options)), finish(trainer(options=options, film=1))
    assert_same(plain, filmed)
    once = finish(trainer(film=1))
    first = [each.film.reel.layers["recurrent.l0"].profile[0] for each in (filmed, once)]
    np.testing.assert_allclose(first[0], first[1], rtol=1e-5)


def test_the_average_starts_fast_and_then_keeps_what_it_is_told():
    network = torch.nn.Linear(1, 1, bias=False)
    average = Averaged(network, 0.5)
    expected = None
    for step, value in enumerate((1.0, 2.0, 3.0, 4.0, 5.0, 6.0)):
        network.weight.data.fill_(value)
        average.update_parameters(network)
        keep = min(0.5, (1 + step) / (10 + step))
        expected = value if step == 0 else keep * expected + (1 - keep) * value
        assert average.module.weight.item() == pytest.approx(expected)


@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_a_gradient_is_shortened_to_the_bits_of_torch(size):
    ours = torch.nn.Sequential(torch.nn.Linear(12, 32), torch.nn.Linear(32, 7))
    theirs = copy.deepcopy(ours)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        one.grad = size * torch.randn_like(one)
        other.grad = one.grad.clone()
    shorten(ours.parameters(), 1.0)
    torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_the_gradient_is_clipped_after_the_film_has_seen_it():
    network = LastStep()
    film = Film(network, every=1)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    before = copy.deepcopy(network.state_dict())
    descent = Descent(network, optimizer, torch.nn.functional.mse_loss, clip=1e-3, film=film)
    descent.step(Batch(torch.randn(4, 5, 2), 100 * torch.ones(4, 1)))
    moved = [network.state_dict()[name] - value for name, value in before.items()]
    assert float(torch.cat([m.flatten() for m in moved]).norm()) <= 1.001e-3
    assert film.reel.layers["recurrent.l0"].profile.max() > 1e-3


def test_training_knows_no_task():
    for path in TRAINING.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                above = ("tasks", "reproduce", "demo", "cli", "bench")
                assert not node.module.startswith(tuple(f"glasscell.{room}" for room in above))
