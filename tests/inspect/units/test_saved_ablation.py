"""What a saved model loses with a unit, against torch's ablation of the same module."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import DataError
from glasscell.inspect import ablation
from glasscell.nn import LSTM, RNN


@pytest.mark.parametrize("kind", [LSTM, RNN])
@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 2}, {"bidirectional": True, "batch_first": True}]
)
def test_saved_models_lose_what_torch_modules_lose(tmp_path, kind, options):
    torch.manual_seed(0)
    model = kind(3, 7, **options).double()
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    theirs = ablation(model, x, lambda out: out[0].square().mean())
    folder = glasscell.save(model, tmp_path / "model")
    mine = ablation(folder, x.numpy(), lambda out: float(np.square(out).mean()))
    assert list(mine) == list(theirs)
    for name, cost in mine.items():
        # A closed gate lets exactly 0 through, and so does an unwritten cell.
        np.testing.assert_allclose(cost, theirs[name], rtol=1e-10, atol=1e-15)


def test_projection_and_no_bias_leave_the_units_of_the_cell(tmp_path):
    torch.manual_seed(0)
    model = LSTM(3, 7, proj_size=2, bias=False)
    x = torch.randn(6, 4, 3)
    whole = model(x)[0].detach().numpy()
    found = ablation(glasscell.save(model, tmp_path / "model"), x.numpy(), layer="l0")["l0"]
    assert found.shape == (7,)
    for unit in range(7):
        without = LSTM(3, 7, proj_size=2, bias=False)
        without.load_state_dict(model.state_dict())
        with torch.no_grad():
            without.weight_hr_l0[:, unit] = 0.0
            left = without(x)[0].numpy()
        # float32 outputs below 1: squares of differences of a few 2^-24 are all that is left.
        assert found[unit] == pytest.approx(np.square(left - whole).mean(), rel=1e-4)


def test_an_unknown_layer_is_named(tmp_path):
    folder = glasscell.save(LSTM(3, 5), tmp_path / "model")
    with pytest.raises(DataError, match="the layer 'l1' in the model; it has: l0"):
        ablation(folder, np.zeros((2, 1, 3), np.float32), layer="l1")
