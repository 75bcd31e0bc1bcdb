"""A network that pools its steps, looked into: gradients against torch's and differences."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.inspect.subjects.torch_model import TorchModel
from pooled_networks import POOLED, Pooled, ragged

KINDS = [*POOLED, ()]


def made(kinds, bidirectional=False, skip=True, dtype=torch.float64):
    torch.manual_seed(0)
    return Pooled(kinds, bidirectional=bidirectional, skip=skip and bool(kinds)).to(dtype)


@pytest.fixture(params=KINDS, ids=lambda kinds: "-".join(kinds) or "steps")
def kinds(request):
    return request.param


def weighted(shape):
    """A loss that reads every output, each with a weight of its own."""
    share = np.random.default_rng(1).standard_normal(shape)
    return lambda output: (float((output * share).sum()), share)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_flow_is_that_of_torch(tmp_path, kinds, bidirectional):
    model = made(kinds, bidirectional)
    x, _ = ragged()
    shape = tuple(model(x).shape)
    share = torch.from_numpy(weighted(shape)(np.zeros(shape))[1])
    theirs = glasscell.gradient_flow(model, x, lambda out: (out * share).sum())
    mine = glasscell.gradient_flow(
        glasscell.save(model, tmp_path / "m"), x.numpy(), weighted(shape)
    )
    assert list(mine) == list(theirs)
    for name, flow in mine.items():
        np.testing.assert_allclose(flow.hidden, theirs[name].hidden, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(flow.cell, theirs[name].cell, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_influences_are_those_of_differences(tmp_path, kinds, bidirectional):
    """dy/dx of one sequence in float64: by the pullback, by torch, and by central differences."""
    module = made(kinds, bidirectional)
    saved = SavedModel.read(glasscell.save(module, tmp_path / "m"))
    x = ragged()[0][1].numpy()
    found = []
    for subject, read in ((saved, x), (TorchModel(module), torch.from_numpy(x))):
        with subject.copying(read) as copies:
            T, width = copies.shape
            found.append(copies.pull(np.eye(T * width).reshape(-1, T, width)))
    step = 2.0**-20
    moves = step * np.eye(x.size).reshape(-1, *x.shape)
    rise = saved.model.run(x + moves).output - saved.model.run(x - moves).output
    slopes = (rise / (2 * step)).reshape(x.size, -1).T.reshape(-1, *x.shape)
    # A central difference is off by about step^2 = 1e-12 and by rounding / step = 2e-10.
    np.testing.assert_allclose(found[0], slopes, atol=1e-8)
    np.testing.assert_allclose(found[0], found[1], atol=1e-13)


def test_in_a_ragged_batch_every_sequence_has_the_gradients_that_it_has_alone(tmp_path, kinds):
    subject = SavedModel.read(glasscell.save(made(kinds), tmp_path / "m"))
    x, lengths = (part.numpy() for part in ragged())
    # No gradient has a part in what lies after the end.
    x = np.where(np.arange(x.shape[1])[:, None] < lengths[:, None, None], x, 1e6)
    recording, _ = subject.of_lengths(lengths).recording(x)
    for row, length in enumerate(lengths):
        alone, _ = subject.recording(x[row : row + 1, :length])
        answer = alone.output[0] if kinds else alone.output[0, -1]
        ours = recording.output[row] if kinds else recording.output[row, length - 1]
        np.testing.assert_array_equal(ours, answer)
    total = np.sum([
        np.square(subject.measured(x[row : row + 1, :length]).flow["recurrent.l0"].hidden[0])
        for row, length in enumerate(lengths)
    ])  # fmt: skip
    first = recording.flow["recurrent.l0"].hidden[0]
    np.testing.assert_allclose(np.square(first), total, rtol=1e-10)


def test_what_a_unit_is_worth_is_what_zero_weights_would_cost(tmp_path, kinds):
    module = made(kinds, skip=False)
    subject = SavedModel.read(glasscell.save(module, tmp_path / "m"))
    x, lengths = ragged()
    bound = subject.of_lengths(lengths.numpy())
    loss = lambda output: float(np.square(output).sum())  # noqa: E731
    with bound.holding(x.numpy(), loss) as value:
        found = value(("recurrent.l0", 2))
    with torch.no_grad():
        for name, part in module.recurrent.named_parameters():
            part.view(4, -1, *part.shape[1:])[3, 2] = -1e4 if name == "bias_ih_l0" else 0
    output = module(x, lengths).detach().numpy()
    if not kinds:
        output[np.arange(x.shape[1]) >= lengths.numpy()[:, None]] = 0
    assert found == pytest.approx(loss(output), rel=1e-12)


def test_truncated_gradients_are_torchs(tmp_path, kinds):
    module = made(kinds)
    x, _ = ragged()
    folder = glasscell.save(module, tmp_path / "m")
    loss = lambda output: output.square().sum()  # noqa: E731
    theirs = glasscell.inspect.truncation(module, x, loss=loss)
    mine = glasscell.inspect.truncation(
        folder, x.numpy(), loss=lambda output: (float(np.square(output).sum()), 2 * output)
    )
    np.testing.assert_allclose(mine.cosine, theirs.cosine, rtol=1e-8)
    np.testing.assert_allclose(mine.ratio, theirs.ratio, rtol=1e-8)
