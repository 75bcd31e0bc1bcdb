"""From models to explorations: torch modules and folders give the same page."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import DataError, ShapeError
from glasscell.report.page.collect import collect

STEPS = 20


def network(**kwargs):
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(3, 5, **kwargs)
    width = 5 * (2 if kwargs.get("bidirectional") else 1)
    return torch.nn.Sequential(lstm, torch.nn.Linear(width, 1))


class Last(torch.nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 5, 2, batch_first=batch_first)

    def forward(self, x):
        return self.lstm(x)[0]


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, STEPS, 3)).astype(np.float32)


@pytest.mark.parametrize("batch_first", [True, False])
def test_x_is_batch_time_input_whatever_the_layers_take(x, batch_first):
    model = Last(batch_first)
    found = collect(model, x, ways=False)
    with torch.no_grad():
        given = torch.from_numpy(x if batch_first else x.swapaxes(0, 1).copy())
        wanted = model(given).numpy()[1] if batch_first else model(given).numpy()[:, 1]
    assert [layer.name for layer in found.layers] == ["lstm.l0", "lstm.l1"]
    assert np.allclose(found.series[1].output, wanted, atol=1e-6)
    assert np.array_equal(found.series[1].x, x[1])
    assert found.series[1].traces[0].forget.shape == (STEPS, 5)


def test_a_folder_gives_the_page_of_the_module_that_it_was_saved_from(x, tmp_path):
    model = network(bidirectional=True)
    folder = glasscell.save(model, tmp_path / "m")
    found = collect(folder, x, ways=False)
    with glasscell.trace(model[0]) as trace, torch.no_grad():
        model[0](torch.from_numpy(x.swapaxes(0, 1).copy()))
    assert [layer.name for layer in found.layers] == ["0.l0", "0.l0_reverse"]
    assert np.array_equal(found.series[0].traces[1].cell, trace["l0_reverse"].sequence(0).cell)
    assert found.model["type"] == "Sequential"
    assert set(found.parameters) == {"1.weight", "1.bias"}
    assert np.array_equal(found.layers[0].weights["weight_ih"], model[0].weight_ih_l0.detach())


def test_layers_that_save_accepts_bring_a_model_for_the_page_to_run(x):
    assert collect(torch.nn.LSTM(3, 5, batch_first=True), x, ways=False).model["type"] == "LSTM"
    assert collect(Last(True), x, ways=False).model is None


def test_without_a_loss_the_last_step_is_read(x):
    flow = collect(Last(True), x, ways=False).series[0].flows[1]
    assert flow.hidden[-1] > flow.hidden[-2]


def test_a_nan_in_the_data_reaches_the_page_as_a_gap(x):
    x[0, 5] = np.nan
    found = collect(Last(True), x, ways=False)
    assert np.isnan(found.series[0].traces[0].cell[6]).all()


def test_series_to_show_can_be_chosen_and_must_exist(x):
    found = collect(Last(True), x, shown=[1], names=["second"], ways=False)
    assert [one.name for one in found.series] == ["second"]
    with pytest.raises(DataError, match="0 … 1"):
        collect(Last(True), x, shown=[2])


def test_x_of_another_rank_is_refused():
    with pytest.raises(ShapeError, match=r"\(B, T, I\)"):
        collect(Last(True), np.zeros((1, 2, 3, 4), np.float32))


def test_cells_without_biases_have_weights_on_the_page():
    class Loop(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.LSTMCell(3, 4, bias=False)

        def forward(self, x):
            state, seen = None, []
            for step in x.unbind(1):
                state = self.cell(step, state)
                seen.append(state[0])
            return torch.stack(seen, 1)

    found = collect(Loop(), np.ones((1, 6, 3), np.float32), ways=False)
    assert set(found.layers[0].weights) == {"weight_ih", "weight_hh"}


@pytest.mark.parametrize("saved", [False, True])
def test_a_latch_is_seen_to_remember_on_pages_of_modules_and_of_folders(saved, tmp_path):
    latch = torch.nn.RNN(1, 1, bias=False, batch_first=True)
    with torch.no_grad():
        for weight in latch.parameters():
            weight.fill_(3.0)
    x = 0.05 * np.random.default_rng(0).normal(size=(6, STEPS, 1)).astype(np.float32)
    x[:, 0, 0] = [1, -1] * 3
    model = torch.nn.Sequential(latch)
    found = collect(glasscell.save(model, tmp_path / "m") if saved else model, x, lag=STEPS - 1)
    assert [one.kind for one in found.findings] == ["healthy"]
    assert "remembers through a loop" in found.findings[0].text[0]
