"""Gradient flow of a saved model without torch, against torch's own backward pass on the same."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import ShapeError
from glasscell.nn import LSTM, RNN, Linear
from glasscell.tasks.forecast.network import Forecaster

LEAVES = [
    torch.nn.ELU(0.7), torch.nn.GELU(), torch.nn.GELU("tanh"), torch.nn.LeakyReLU(0.1),
    torch.nn.ReLU(), torch.nn.SiLU(), torch.nn.Sigmoid(), torch.nn.Softplus(2.0), torch.nn.Tanh(),
    torch.nn.Softmax(-1), torch.nn.LogSoftmax(-1), torch.nn.LayerNorm(6),
    torch.nn.LayerNorm(6, elementwise_affine=False), torch.nn.Dropout(0.5), torch.nn.Identity(),
]  # fmt: skip


def both(tmp_path, model, given, call, first):
    """The flow by torch and by NumPy of one loss: a weighted sum of all outputs."""
    generator = np.random.default_rng(1)
    with torch.no_grad():
        shape = tuple(call(given).shape)
    share = generator.standard_normal(shape)
    weight = torch.from_numpy(share).to(next(model.parameters()).dtype)

    class Called(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            return call(x)

    theirs = glasscell.gradient_flow(Called(), given, lambda out: (out * weight).sum())
    folder = glasscell.save(model, tmp_path / "model")

    def loss(output):
        assert output.shape == shape
        return float((output * share).sum()), share.astype(output.dtype)

    mine = glasscell.gradient_flow(folder, given.numpy(), loss)
    return {
        name.removeprefix("inner.").removeprefix("inner"): f for name, f in theirs.items()
    }, mine


def agree(theirs, mine, tolerance):
    assert list(theirs) == list(mine)
    for name, flow in mine.items():
        for part in ("hidden", "cell", "cell_path", "by_lag", "direct_by_lag", "last_step_by_lag"):
            left, right = getattr(flow, part), getattr(theirs[name], part)
            assert (left is None) == (right is None), (name, part)
            if left is not None:
                np.testing.assert_allclose(
                    left, right, rtol=tolerance, atol=tolerance * np.nanmax(right)
                )


@pytest.mark.parametrize("kind", [LSTM, RNN])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_first": True, "num_layers": 3},
        {"bidirectional": True, "num_layers": 2},
        {"num_layers": 2, "bias": False},
    ],
)
def test_a_network_of_layers_has_the_flow_that_torch_measures(tmp_path, kind, options):
    torch.manual_seed(0)
    model = kind(3, 9, **options).double()
    given = torch.randn(7, 5, 3, dtype=torch.float64)
    agree(*both(tmp_path, model, given, lambda x: model(x)[0], options.get("batch_first")), 1e-12)


def test_a_projection_has_the_flow_that_torch_measures(tmp_path):
    torch.manual_seed(0)
    model = LSTM(3, 9, 2, proj_size=4).double()
    given = torch.randn(7, 5, 3, dtype=torch.float64)
    agree(*both(tmp_path, model, given, lambda x: model(x)[0], False), 1e-12)


@pytest.mark.parametrize("leaf", LEAVES, ids=str)
def test_every_part_between_two_layers_passes_its_gradient_on(tmp_path, leaf):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        LSTM(2, 6, batch_first=True), leaf, RNN(6, 6, batch_first=True), leaf, Linear(6, 2)
    ).double().eval()  # fmt: skip
    given = torch.randn(4, 8, 2, dtype=torch.float64)

    def call(x):
        for part in model:
            x = part(x)
            x = x[0] if isinstance(x, tuple) else x
        return x

    agree(*both(tmp_path, model, given, call, True), 1e-8)


def test_indices_through_an_embedding(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(11, 5), LSTM(5, 4, batch_first=True)).double()
    given = torch.randint(11, (3, 9))
    agree(*both(tmp_path, model, given, lambda x: model(x)[0], True), 1e-12)


def test_a_forecaster_in_float32(tmp_path):
    torch.manual_seed(0)
    model = Forecaster("LSTM", 2, 8, lookback=12, horizon=3)
    given = torch.randn(5, 12, 2)
    # One backward pass each in float32, of the same kernels, from dL/dh_T that differ by rounding.
    agree(*both(tmp_path, model, given, model, True), 1e-5)


def test_the_default_loss_reads_the_ends(tmp_path):
    torch.manual_seed(0)
    for options in ({}, {"batch_first": True, "bidirectional": True}):
        model = LSTM(3, 5, **options).double()
        given = torch.randn(6, 4, 3, dtype=torch.float64)
        mine = glasscell.gradient_flow(
            glasscell.save(model, tmp_path / str(options)), given.numpy()
        )
        time = 1 if options else 0

        def ends(out, time=time, options=options):
            steps = out[0].movedim(time, 0)
            return steps[-1].sum() + (steps[0].sum() if options else 0)

        theirs = glasscell.gradient_flow(model, given, ends)
        agree(theirs, mine, 1e-12)
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-12)


def test_compressed_weights_count_as_what_they_stand_for(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(7, 16), LSTM(16, 16))
    x = np.random.default_rng(0).integers(0, 7, (20, 3))
    full = glasscell.gradient_flow(glasscell.save(model, tmp_path / "full"), x)["1.l0"]
    for storage in ("bfloat16", "int8"):
        few = glasscell.gradient_flow(
            glasscell.compress(tmp_path / "full", tmp_path / storage, storage), x
        )
        # Weights up to 1/4 that are off by half of 1/127 or 2^-8 of the largest: a few percent.
        np.testing.assert_allclose(few["1.l0"].cell, full.cell, rtol=0.1)
        assert (few["1.l0"].cell != full.cell).all()


def test_a_gradient_of_another_shape_is_refused(tmp_path):
    folder = glasscell.save(LSTM(3, 5), tmp_path / "model")
    with pytest.raises(ShapeError, match=r"of the output's shape \(6, 4, 5\), got \(2,\)"):
        glasscell.gradient_flow(
            folder, np.zeros((6, 4, 3), np.float32), lambda out: (0.0, np.zeros(2))
        )
