"""One subject: a live module, a loaded model and a folder give the same measures."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell import engine, inspect
from glasscell.errors import DataError, WeightFormatError
from glasscell.inspect.subjects import subject_of
from glasscell.model import modelfile
from glasscell.nn import LSTM, RNN, Linear
from glasscell.nn.saving import describe
from glasscell.report.page import collect
from glasscell.tasks.forecast.network import Forecaster
from glasscell.tasks.inspect_run import look

CLOSE = {"rtol": 1e-9, "atol": 1e-13}


class Chain(torch.nn.Module):
    """A Sequential whose recurrent layers hand on their outputs alone, as a saved one does."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = torch.nn.Sequential(*parts)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
            x = x[0] if isinstance(x, tuple) else x
        return x

    def glasscell_node(self, child):
        return child("parts")


def networks():
    torch.manual_seed(0)
    return {
        "stack": Chain(LSTM(3, 5, 2), torch.nn.Tanh(), RNN(5, 4), Linear(4, 2)).double(),
        "batch first": Chain(LSTM(3, 5, batch_first=True), Linear(5, 2)).double(),
        "projected": Chain(LSTM(3, 5, proj_size=2)).double(),
    }


def folder_and_loaded(model, tmp_path):
    folder = glasscell.save(model, tmp_path / "model")
    return folder, glasscell.load(folder)


def of_saved(output):
    """The mean square of the output, and its gradient."""
    return float(np.square(output).mean()), 2 * output / output.size


def of_live(output):
    return output.square().mean()


@pytest.mark.parametrize("name", networks())
def test_flow_ablation_and_truncation_of_all_three_agree(name, tmp_path):
    model = networks()[name].eval()
    x = torch.randn(7, 7, 3, dtype=torch.float64)
    flow = glasscell.gradient_flow(model, x, of_live)
    worth = inspect.ablation(model, x, of_live)
    cut = inspect.truncation(model, x, of_live)
    for saved in folder_and_loaded(model, tmp_path):
        mine = glasscell.gradient_flow(saved, x.numpy(), of_saved)
        assert mine.loss == pytest.approx(flow.loss, rel=1e-12)
        assert list(mine) == list(flow)
        for layer, one in mine.items():
            np.testing.assert_allclose(one.profile, flow[layer].profile, **CLOSE)
            np.testing.assert_allclose(one.hidden, flow[layer].hidden, **CLOSE)
        for layer, cost in inspect.ablation(saved, x.numpy(), of_saved).items():
            np.testing.assert_allclose(cost, worth[layer], **CLOSE)
        short = inspect.truncation(saved, x.numpy(), of_saved)
        assert short.lengths.tolist() == cut.lengths.tolist() == [1, 2, 4, 7]
        np.testing.assert_allclose(short.cosine, cut.cosine, **CLOSE)
        np.testing.assert_allclose(short.ratio, cut.ratio, **CLOSE)


@pytest.mark.parametrize("name", networks())
def test_influence_of_all_three_agrees(name, tmp_path):
    model = networks()[name].eval()
    x = torch.randn(6, 3, dtype=torch.float64)
    theirs = inspect.model_influence(model, x, outputs=[1, 5])
    for saved in folder_and_loaded(model, tmp_path):
        mine = inspect.model_influence(saved, x.numpy(), outputs=[1, 5])
        np.testing.assert_allclose(mine, theirs, rtol=1e-8)


def test_influence_on_a_forecast_goes_past_the_network_too(tmp_path):
    torch.manual_seed(0)
    model = Forecaster("LSTM", 2, 6, lookback=9, horizon=3).double()
    for weight in model.parameters():  # Its head and its linear path start at 0.
        torch.nn.init.normal_(weight, std=0.3)
    x = torch.randn(9, 2, dtype=torch.float64)
    theirs = inspect.model_influence(model, x, probes=3)
    for saved in folder_and_loaded(model, tmp_path):
        mine = inspect.model_influence(saved, x.numpy(), probes=3)
        assert mine.shape == (1, 9)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)


def test_influence_on_indices_is_that_of_what_the_embedding_gives(tmp_path):
    torch.manual_seed(0)
    model = Chain(torch.nn.Embedding(5, 3), LSTM(3, 4)).double()
    x = torch.randint(5, (6,))
    theirs = inspect.model_influence(model, x)
    folder, _ = folder_and_loaded(model, tmp_path)
    np.testing.assert_allclose(inspect.model_influence(folder, x.numpy()), theirs, rtol=1e-9)


def test_a_diagnosis_of_all_three_says_the_same(tmp_path):
    model = networks()["stack"].eval()
    with torch.no_grad():
        model.parts[0].weight_hh_l0.mul_(1000)
    x = torch.randn(20, 6, 3, dtype=torch.float64)
    theirs = inspect.examine(model, x, of_live)
    assert "saturated" in theirs.kinds
    for saved in folder_and_loaded(model, tmp_path):
        assert str(inspect.examine(saved, x.numpy(), of_saved)) == str(theirs)


def test_the_default_loss_is_that_of_the_last_step_everywhere(tmp_path):
    model = networks()["batch first"].eval()
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    asked = glasscell.gradient_flow(model, x, lambda out: out[:, -1].sum())
    for subject, read in ((model, x), (glasscell.save(model, tmp_path / "m"), x.numpy())):
        flow = glasscell.gradient_flow(subject, read)
        assert flow.loss == pytest.approx(asked.loss, rel=1e-12)


def test_a_saved_model_says_what_it_cannot_do(tmp_path):
    folder, loaded = folder_and_loaded(LSTM(3, 5, bidirectional=True), tmp_path)
    x = np.zeros((4, 2, 3), np.float32)
    with pytest.raises(ValueError, match="'l0_reverse' is bidirectional"):
        inspect.truncation(folder, x)
    with pytest.raises(TypeError, match="expected no keywords for a saved model, got lengths"):
        glasscell.gradient_flow(folder, x, lengths=[4, 4])
    with pytest.raises(TypeError, match="expected no read"):
        inspect.model_influence(folder, x[:, 0], read=lambda out: out)
    with pytest.raises(glasscell.ShapeError, match=r"one sequence x \(T, I\)"):
        inspect.model_influence(folder, x)
    with pytest.raises(glasscell.ShapeError, match=r"shape \(T, B, I\), got \(4, 3\)"):
        glasscell.gradient_flow(folder, x[:, 0])
    with pytest.raises(DataError, match=r"or a folder, got Model\(LSTM"):
        subject_of(glasscell.Model(loaded.config, subject_of(folder).arrays))
    with pytest.raises(TypeError, match=r"torch\.nn\.Module, got int"):
        glasscell.gradient_flow(3, x)


def test_a_loaded_model_whose_folder_has_changed_is_refused(tmp_path):
    network = torch.nn.Sequential(LSTM(3, 5), Linear(5, 1))
    _, loaded = folder_and_loaded(network, tmp_path)
    torch.nn.init.ones_(network[1].weight)
    glasscell.save(network, tmp_path / "model", force=True)
    with pytest.raises(WeightFormatError, match="changed since Model"):
        subject_of(loaded)


@pytest.mark.parametrize("storage", ["bfloat16", "int8"])
def test_a_model_that_was_compressed_when_it_was_loaded_counts_as_what_runs(storage, tmp_path):
    torch.manual_seed(0)
    folder = glasscell.save(LSTM(3, 16), tmp_path / "full")
    x = np.random.default_rng(0).normal(size=(9, 2, 3)).astype(np.float32)
    small = glasscell.compress(folder, tmp_path / "small", storage)
    theirs = glasscell.gradient_flow(small, x)["l0"]
    for model in (glasscell.load(folder, storage), glasscell.load(small)):
        np.testing.assert_array_equal(glasscell.gradient_flow(model, x)["l0"].cell, theirs.cell)


def test_a_module_is_described_without_a_folder(tmp_path, monkeypatch):
    model = networks()["stack"]
    read = modelfile.read(glasscell.save(model, tmp_path / "m"))
    monkeypatch.setattr(modelfile, "write", None)
    tree, arrays = describe(model)
    assert tree == read[0]
    assert arrays.keys() == read[1].keys()
    assert all(np.array_equal(arrays[name], read[1][name]) for name in arrays)
    page = collect(model, torch.randn(2, 7, 3), ways=False)
    assert page.model == tree
    assert page.parameters.keys() == {"parts.3.weight", "parts.3.bias"}


@pytest.fixture
def counted(monkeypatch):
    """How often a folder is read, and weights packed."""
    counts = {"read": 0, "pack": 0}

    def counting(module, name, what):
        plain = getattr(module, name)

        def count(*args, **kwargs):
            counts[what] += 1
            return plain(*args, **kwargs)

        monkeypatch.setattr(module, name, count)

    counting(modelfile, "read", "read")
    counting(engine, "pack", "pack")
    return counts


def test_a_page_of_a_folder_reads_it_once_and_packs_each_layer_once(counted, tmp_path):
    model = torch.nn.Sequential(LSTM(3, 5, 2), RNN(5, 4))
    folder = glasscell.save(model, tmp_path / "model")
    x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    counted.update(read=0, pack=0)
    collect(folder, x, of_saved, ways=False)
    assert counted == {"read": 1, "pack": 3}
    collect(folder, x, of_saved)
    # And each unit that is held at 0 packs its own layer anew, and no other.
    assert counted == {"read": 2, "pack": 3 + 3 + 5 + 5 + 4}


def test_inspect_reads_a_folder_once(counted, tmp_path):
    folder = glasscell.save(LSTM(3, 5), tmp_path / "model")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(2, 6, 3)))
    counted.update(read=0, pack=0)
    look(folder, tmp_path / "x.npy")
    assert counted == {"read": 1, "pack": 1 + 5}


def test_a_loaded_model_reads_its_folder_once_and_packs_nothing_anew(counted, tmp_path):
    loaded = glasscell.load(glasscell.save(LSTM(3, 5), tmp_path / "model"))
    x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    counted.update(read=0, pack=0)
    collect(loaded, x, ways=False)
    assert counted == {"read": 1, "pack": 0}
