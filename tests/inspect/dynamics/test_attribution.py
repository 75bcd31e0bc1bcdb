"""Contributions sum up to the score, and are those of a derivative where the network is linear."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.dynamics.attribution import attribute, log_odds, one_output
from glasscell.tasks.sequences.network import SequenceNetwork, Shape


def saved(folder, pooling=("mean", "attention"), skip=False, **changes):
    torch.manual_seed(0)
    shape = Shape(features=3, outputs=4, pooling=pooling, skip=skip, **changes)
    network = SequenceNetwork("LSTM", 6, shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 3
    return glasscell.save(network, folder / "model"), network


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)


@pytest.mark.parametrize("pooling", [("last",), ("mean", "attention"), ("max",)])
@pytest.mark.parametrize("skip", [False, True])
def test_what_all_inputs_added_is_the_whole_score(tmp_path, x, pooling, skip):
    folder, network = saved(tmp_path, pooling, skip)
    found = attribute(folder, x, log_odds(2))
    with torch.no_grad():
        ends = torch.from_numpy(np.stack([x, np.zeros_like(x)]))
        z = network(ends, torch.tensor([20, 20])).double().numpy()
    wanted = z[:, 2] - np.log(np.exp(np.delete(z, 2, axis=1)).sum(axis=1))
    assert [found.score, found.base] == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert abs(found.error) <= 0.01 * abs(found.score - found.base) + 1e-5
    assert found.contribution.shape == x.shape


def test_what_the_mean_in_their_place_changes_is_measured(tmp_path, x):
    folder, network = saved(tmp_path)
    found = attribute(folder, x, one_output(1))
    assert found.steps.tolist() == sorted(np.argsort(-abs(found.by_step))[:2].tolist())
    without = x.copy()
    without[found.steps] = 0
    with torch.no_grad():
        z = network(torch.from_numpy(np.stack([x, without])), torch.tensor([20, 20])).numpy()
    assert found.fell == pytest.approx(z[0, 1] - z[1, 1], abs=1e-5)


def test_of_a_linear_path_each_step_adds_its_weight_and_loses_it_again(tmp_path, x):
    folder, network = saved(tmp_path, ("mean",), skip=True)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name != "skip.weight":
                parameter.zero_()
        network.skip.weight[:, 3:6] = 0  # the standard deviation alone is not linear
    folder = glasscell.save(network, tmp_path / "linear")
    found = attribute(folder, x, one_output(0))
    weight = network.skip.weight.detach().numpy()[0]
    wanted = np.repeat(weight[None, :3] / 20, 20, axis=0)
    wanted[0] += weight[6:9]
    wanted[-1] += weight[9:]
    np.testing.assert_allclose(found.contribution, wanted * x, atol=1e-5)
    assert found.fell == pytest.approx(found.said, abs=1e-5)


def test_a_score_in_another_unit_has_its_parts_in_it(tmp_path, x):
    found = attribute(saved(tmp_path)[0], x, one_output(0))
    scaled = found.scaled(10.0, 3.0)
    assert scaled.score == 10 * found.score + 3
    assert scaled.error == pytest.approx(10 * found.error, abs=1e-9)


def test_log_odds_of_equal_scores_and_far_scores_stay_finite():
    value, slope = log_odds(0)(np.array([[0.0, 0.0, 0.0], [2000.0, 0.0, -2000.0]]))
    assert value.tolist() == pytest.approx([-np.log(2), 2000.0])
    assert slope.tolist() == [[1.0, -0.5, -0.5], [1.0, -1.0, 0.0]]


def test_a_network_with_an_answer_a_step_and_a_batch_are_refused(tmp_path, x):
    with pytest.raises(ShapeError, match="one answer"):
        attribute(saved(tmp_path / "a", ())[0], x, one_output(0))
    folder, _ = saved(tmp_path / "b")
    with pytest.raises(ShapeError, match="one sequence"):
        attribute(folder, x[None], one_output(0))


def test_indices_are_refused(tmp_path):
    model = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.LSTM(3, 4, batch_first=True))
    folder = glasscell.save(model, tmp_path / "m")
    with pytest.raises(DataError, match="indices"):
        attribute(folder, np.zeros((4, 1)), one_output(0))


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_live_module_gives_what_its_saved_model_gives(tmp_path, x, batch_first):
    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = torch.nn.GRU(3, 5, batch_first=batch_first)
            self.head = torch.nn.Linear(5, 4)

        def forward(self, x):
            y = self.recurrent(x)[0]
            return self.head(y[:, -1] if batch_first else y[-1])

    torch.manual_seed(0)
    live = Last()
    found = attribute(live, x, log_odds(1))
    shape = Shape(features=3, outputs=4, pooling=("last",), bidirectional=False, skip=False)
    saved_one = SequenceNetwork("GRU", 5, shape)
    saved_one.recurrent.load_state_dict(live.recurrent.state_dict())
    saved_one.head.load_state_dict(live.head.state_dict())
    kept = attribute(glasscell.save(saved_one, tmp_path / "model"), x, log_odds(1))
    np.testing.assert_allclose(found.contribution, kept.contribution, atol=1e-6)
    assert found.fell == pytest.approx(kept.fell, abs=1e-6)
    assert live.training
    assert all(weight.grad is None for weight in live.parameters())


def test_a_score_that_jumps_on_the_way_is_still_divided_whole():
    class Switch(torch.nn.Module):
        """Its answer goes from 0 to 5 within a ten-thousandth of the way."""

        def __init__(self):
            super().__init__()
            self.recurrent = torch.nn.GRU(3, 5, batch_first=True)

        def forward(self, x):
            return 5 * torch.sigmoid(1e5 * (x[:, :, :1].mean(1) - 0.3)) + 0 * x.sum((1, 2))[:, None]

    found = attribute(Switch(), np.ones((4, 3), np.float32), one_output(0))
    assert found.score - found.base == pytest.approx(5.0)
    assert abs(found.error) < 0.05
    np.testing.assert_allclose(found.contribution, [[1.25, 0, 0]] * 4, atol=0.02)
