"""A film shows what a look at the network shows, changes no bit of training, goes on exactly."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

import glasscell
from glasscell import nn
from glasscell.errors import DataError
from glasscell.inspect import Film, Reel

KINDS = {"ours": (nn.LSTM, nn.RNN), "torch": (torch.nn.LSTM, torch.nn.RNN)}


def mean_of_last(out: Any) -> torch.Tensor:
    return out[0][-1].square().mean()


def train(model: torch.nn.Module, steps: int, film: Film | None, x: torch.Tensor) -> list[float]:
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.01), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = mean_of_last(model(x))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if film is not None:
            film.step(loss)
    return losses


def one_frame(model: torch.nn.Module, x: Any, loss: Any, sequences: int = 8) -> Reel:
    film = Film(model, every=1, sequences=sequences)
    value = loss(model(*(x if type(x) is tuple else (x,))))
    value.backward()
    film.step(value)
    film.close()
    return film.reel


@pytest.mark.parametrize("whose", KINDS)
@pytest.mark.parametrize("kind", [0, 1])
def test_training_has_the_same_bits_with_and_without_a_film(whose: str, kind: int) -> None:
    x, results = torch.randn(12, 20, 3), []
    for filmed in (False, True):
        torch.manual_seed(1)
        model = KINDS[whose][kind](3, 5, num_layers=2, dropout=0.5)
        film = Film(model, every=2) if filmed else None
        losses = train(model, 7, film, x)
        results.append((losses, torch.rand(1), model.state_dict()))
    (plain, chance, weights), (filmed_losses, chance_after, filmed_weights) = results
    assert plain == filmed_losses
    assert torch.equal(chance, chance_after)
    assert all(torch.equal(weights[name], filmed_weights[name]) for name in weights)


def test_a_frame_shows_the_flow_and_the_gates_of_the_whole_network() -> None:
    model, x = nn.LSTM(3, 6, num_layers=2, bidirectional=True), torch.randn(15, 4, 3)
    reel = one_frame(model, x, lambda out: out[0][-1].sum() + out[1][1].sin().sum())
    flow = glasscell.gradient_flow(model, x, lambda out: out[0][-1].sum() + out[1][1].sin().sum())
    with glasscell.trace(model) as trace:
        model(x)
    assert list(reel.layers) == list(flow) == ["l0", "l0_reverse", "l1", "l1_reverse"]
    for name, layer in reel.layers.items():
        np.testing.assert_array_equal(layer.lags, np.arange(15))
        np.testing.assert_allclose(layer.profile[0], flow[name].profile, rtol=1e-5)
        np.testing.assert_allclose(layer.half_life[0], flow[name].half_life, rtol=1e-6)
        assert layer.kind[0] == flow[name].judge().kind
        opened = glasscell.inspect.saturation(trace[name].output).open
        np.testing.assert_allclose(layer.open[0, 2], opened, rtol=1e-6)


@pytest.mark.parametrize("layout", ["TBH", "BTH", "TH", "packed", "lengths"])
def test_the_first_sequences_are_looked_at_in_every_layout(layout: str) -> None:
    model = nn.LSTM(2, 4, batch_first=layout == "BTH")
    lengths, x = [3, 9, 6, 9], torch.randn(9, 4, 2)
    keywords: dict[str, Any] = {}
    chosen: Any = x[:, :2]
    given: Any = x
    if layout == "BTH":
        given, chosen = x.swapaxes(0, 1), chosen.swapaxes(0, 1)
    elif layout == "TH":
        given = chosen = x[:, 1]
    elif layout == "packed":
        # The kernels see the longest sequences first.
        given = pack_sequence([x[:n, b] for b, n in enumerate(lengths)], enforce_sorted=False)
        chosen = pack_sequence([x[:, 1], x[:, 3]])
    elif layout == "lengths":
        keywords["lengths"] = torch.tensor(lengths)

    def ends(out: Any) -> torch.Tensor:
        return out[1][0].sum()

    film = Film(model, every=1, sequences=2)
    ends(model(given, **keywords)).backward()
    film.step(0.0)
    if layout == "lengths":
        chosen = pack_sequence([x[:3, 0], x[:, 1]], enforce_sorted=False)
    flow = glasscell.gradient_flow(model, chosen, ends)["l0"]
    layer = film.reel.layers["l0"]
    np.testing.assert_allclose(layer.profile[0], flow.profile, rtol=1e-5)
    np.testing.assert_allclose(layer.half_life[0], flow.half_life, rtol=1e-6)


def test_states_and_projections_are_repeated() -> None:
    model, x = nn.LSTM(3, 6, proj_size=2), torch.randn(8, 3, 3)
    state = torch.randn(1, 3, 2), torch.randn(1, 3, 6)
    reel = one_frame(model, (x, state), mean_of_last)
    flow = glasscell.gradient_flow(model, (x, state), mean_of_last)
    np.testing.assert_allclose(reel.layers["l0"].profile[0], flow["l0"].profile, rtol=1e-5)


def test_frames_come_every_so_many_steps_with_the_mean_loss_between() -> None:
    model = torch.nn.RNN(3, 4)
    film = Film(model, every=3)
    losses = train(model, 8, film, torch.randn(6, 2, 3))
    np.testing.assert_array_equal(film.reel.steps, [1, 4, 7])
    expected = [losses[0], np.mean(losses[1:4]), np.mean(losses[4:7])]
    np.testing.assert_allclose(film.reel.loss, expected, rtol=1e-6)
    assert film.reel.layers["l0"].half_life is None
    assert film.reel.layers["l0"].extreme.shape == (3, 4)


def test_evaluation_between_steps_is_not_filmed() -> None:
    model, x = nn.LSTM(2, 3), torch.randn(6, 2, 2)
    film = Film(model, every=1)
    loss = mean_of_last(model(x))
    with torch.no_grad():
        model(torch.randn(50, 2, 2))
    loss.backward()
    film.step(loss)
    assert film.reel.layers["l0"].profile.shape == (1, 6)


def test_a_layer_that_rests_leaves_a_gap_and_shorter_sequences_leave_nan() -> None:
    model = torch.nn.ModuleDict({"a": nn.LSTM(2, 3), "b": nn.RNN(2, 3)})
    film = Film(model, every=1)
    for steps, names in ((6, "ab"), (4, "a"), (9, "ab")):
        loss = sum(mean_of_last(model[name](torch.randn(steps, 2, 2))) for name in names)
        loss.backward()
        film.step(loss)
    a, b = film.reel.layers["a.l0"], film.reel.layers["b.l0"]
    assert np.isnan(a.profile[1, 4:]).all()
    assert np.isfinite(a.profile[[0, 2]]).all()
    assert list(b.kind == "") == [False, True, False]
    assert np.isnan(b.profile[1]).all()


def test_a_film_that_goes_on_is_the_film_that_never_stopped(tmp_path: Any) -> None:
    x, films = torch.randn(10, 4, 3), []
    for broken in (False, True):
        torch.manual_seed(3)
        model = nn.LSTM(3, 5)
        film = Film(model, every=4)
        train(model, 6, film, x)
        if broken:
            torch.save(film.state_dict(), tmp_path / "film.pt")
            film.close()
            film = Film(model, every=4)
            film.load_state_dict(torch.load(tmp_path / "film.pt", weights_only=True))
        train(model, 6, film, x)
        films.append(film.reel.arrays())
    assert films[0].keys() == films[1].keys()
    for name in films[0]:
        np.testing.assert_array_equal(films[0][name], films[1][name])


def test_a_film_is_read_back_as_it_was_written(tmp_path: Any) -> None:
    model = torch.nn.ModuleDict({"<script>": nn.LSTM(2, 3), "rnn": nn.RNN(2, 3)})
    film = Film(model, every=1)
    x = torch.randn(70, 2, 2)
    (mean_of_last(model["<script>"](x)) + mean_of_last(model["rnn"](x))).backward()
    film.step(1.0)
    read = Reel.load(film.save(tmp_path / "film.npz"))
    assert list(read.layers) == ["<script>.l0", "rnn.l0"]
    for name, value in film.reel.arrays().items():
        np.testing.assert_array_equal(read.arrays()[name], value)
    assert len(read.layers["rnn.l0"].lags) == 65


@pytest.mark.parametrize("damage", ["cut", "other", "newer"])
def test_a_damaged_film_is_refused(tmp_path: Any, damage: str) -> None:
    path = Reel(np.array([1]), np.array([0.5]), {}).save(tmp_path / "film.npz")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "other":
        np.savez(path, x=np.zeros(3))
    else:
        np.savez(path, format=np.array(2))
    with pytest.raises(DataError):
        Reel.load(path)


def test_half_lives_are_told_in_quantiles_of_units_even_where_some_never_fade() -> None:
    model = nn.LSTM(1, 4)
    film = one_frame(model, torch.zeros(5, 1, 1), mean_of_last).layers["l0"]
    film.half_life[0] = [1, 2, 3, np.inf]
    np.testing.assert_array_equal(film.half_life_quantiles((0, 0.5, 1)), [[1, 2, np.inf]])


def test_copies_and_pickles_of_a_filmed_model_film_nothing() -> None:
    model, x = nn.LSTM(2, 3), torch.randn(5, 2, 2)
    film = Film(model, every=1)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        mean_of_last(other(x)).backward()
    with pytest.raises(RuntimeError, match=r"after loss\.backward"):
        film.step(0.0)


def test_a_step_without_gradients_is_refused() -> None:
    model = nn.LSTM(2, 3)
    film = Film(model)
    loss = mean_of_last(model(torch.randn(5, 2, 2)))
    with pytest.raises(RuntimeError, match=r"after loss\.backward"):
        film.step(loss)


def test_models_that_cannot_be_filmed_are_refused() -> None:
    with pytest.raises(ValueError, match="steps by hand"):
        Film(torch.nn.LSTMCell(2, 3))
    with pytest.raises(TypeError, match=r"torch\.nn\.Module"):
        Film([1])
    with pytest.raises(ValueError, match="every >= 1, got 0"):
        Film(nn.LSTM(1, 1), every=0)
