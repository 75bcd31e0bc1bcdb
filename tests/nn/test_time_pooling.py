"""Pooling over time in torch: the bits of a saved model, and torch's own derivative."""

import warnings

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

import glasscell
from glasscell.errors import DtypeError, ShapeError
from glasscell.nn import GRU, LSTM, RNN, Pooling, SlowPathWarning, Summary
from pooled_networks import POOLED, Pooled, ragged

EVERY = POOLED[-1]


def steps(dtype=torch.float64, width=4):
    y, lengths = ragged(dtype, width)
    return y.requires_grad_(), lengths


def called(pooling, lengths):
    """The pooling as a function of the steps and of the attention's weights."""
    given = dict(pooling.named_parameters())

    def run(y, *weights):
        return functional_call(pooling, dict(zip(given, weights, strict=True)), (y, lengths))

    return run, tuple(given.values())


@pytest.mark.parametrize("kinds", POOLED, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("short", [False, True])
def test_the_derivatives_are_those_of_differences(kinds, bidirectional, short):
    torch.manual_seed(0)
    y, lengths = steps()
    run, weights = called(
        Pooling(kinds, 4, bidirectional, dtype=torch.float64), lengths if short else None
    )
    assert gradcheck(run, (y, *weights))
    assert gradgradcheck(run, (y, *weights))


@pytest.mark.parametrize("short", [False, True])
def test_a_summary_has_the_derivatives_of_differences(short):
    x, lengths = steps()
    # Of a single step the deviation has a corner at 0; there the derivative is 0 by definition.
    lengths = lengths.clamp(min=2)
    assert gradcheck(lambda x: Summary(4)(x, lengths if short else None), (x,))
    assert gradgradcheck(lambda x: Summary(4)(x, lengths if short else None), (x,))


def test_what_never_changes_has_no_deviation_and_no_slope():
    x = torch.full((2, 5, 3), 0.1, requires_grad=True)
    found = Summary(3)(x)
    assert not found[:, 3:6].any()
    found[:, 3:6].sum().backward()
    assert not x.grad.any()
    x = torch.randn(1, 5, 3, requires_grad=True)  # one step that counts, and what follows
    Summary(3)(x, torch.tensor([1]))[:, 3:6].sum().backward()
    assert not x.grad.any()


@pytest.mark.parametrize("kinds", [*POOLED, ()], ids=lambda kinds: "-".join(kinds) or "steps")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layer", [LSTM, GRU, RNN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_saved_network_has_the_bits_of_the_module(tmp_path, kinds, dtype, layer, bidirectional):
    torch.manual_seed(0)
    module = Pooled(kinds, layer=layer, bidirectional=bidirectional, skip=bool(kinds), layers=2)
    module = module.to(dtype)
    model = glasscell.load(glasscell.save(module, tmp_path / "model"))
    x, lengths = ragged(dtype)
    with torch.no_grad():
        theirs, whole = module(x, lengths).numpy(), module(x).numpy()
    if not kinds:
        theirs[np.arange(x.shape[1]) >= lengths.numpy()[:, None]] = 0
    assert model.run(x.numpy(), lengths=lengths.numpy()).output.tobytes() == theirs.tobytes()
    assert model.run(x.numpy()).output.tobytes() == whole.tobytes()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_torchs_own_operations_agree_to_rounding(bidirectional):
    """Where the CPU's memory cannot be read: another device, a tracer, half precision."""
    torch.manual_seed(0)
    y, lengths = steps(torch.float32)
    pooling = Pooling(EVERY, 4, bidirectional)
    weights = (pooling.attention.weight, pooling.attention.bias)
    for given in (lengths, None):
        own = pooling.in_torch(y, given, *weights)
        torch.testing.assert_close(own, pooling(y, given), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(Summary(4).in_torch(y, given), Summary(4)(y, given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlowPathWarning)  # said once in a process
        mapped = torch.vmap(lambda one: Summary(4)(one[None])[0])(y)
    torch.testing.assert_close(mapped, Summary(4)(y))


def test_what_follows_an_end_is_not_read():
    y, lengths = steps(torch.float32)
    filled = torch.where(torch.arange(9)[:, None] < lengths[:, None, None], y, torch.nan).detach()
    pooling = Pooling(EVERY, 4, True)
    assert torch.equal(pooling(filled, lengths), pooling(y, lengths))
    assert torch.equal(Summary(4)(filled, lengths), Summary(4)(y, lengths))


def test_half_precision_is_computed_by_torch():
    y, lengths = steps(torch.bfloat16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlowPathWarning)  # said once in a process
        found = Pooling(("mean",), 4, False)(y, lengths)
    assert found.dtype is torch.bfloat16


def test_what_is_asked_for_is_checked():
    for kinds in ((), ("median",), ("mean", "mean")):
        with pytest.raises(ValueError, match="each once"):
            Pooling(kinds, 4, False)
    assert Pooling(("mean", "last"), 4, False).kinds == ("last", "mean")
    pooling = Pooling(("mean",), 4, False)
    assert pooling.width == 4
    assert Pooling(EVERY, 4, True).width == 16
    for y in (torch.zeros(2, 0, 4), torch.zeros(2, 3, 5), torch.zeros(3, 4)):
        with pytest.raises(ShapeError, match="T > 0"):
            pooling(y)
    y = torch.zeros(2, 3, 4)
    for lengths, error in (
        ([1.0, 2.0], DtypeError),
        ([1], ShapeError),
        ([0, 3], ShapeError),
        ([1, 4], ShapeError),
    ):
        with pytest.raises(error, match="lengths"):
            pooling(y, torch.tensor(lengths))
    assert pooling(y[:0], torch.zeros(0, dtype=torch.int64)).shape == (0, 4)


@pytest.mark.parametrize("kinds", POOLED, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_gradients_are_torchs_own_and_those_that_can_be_differentiated(kinds, bidirectional, first):
    """In both layouts of the steps; values that are reached twice, and rubbish after the ends."""
    torch.manual_seed(0)
    y, lengths = steps(torch.float64)
    y = y.detach().round(decimals=1)  # ties
    over = torch.arange(9) >= lengths[:, None]
    filled = y.masked_fill(over[..., None], torch.nan)
    filled = filled if first else filled.transpose(0, 1).contiguous().transpose(0, 1)
    filled.requires_grad_()
    pooling = Pooling(kinds, 4, bidirectional, dtype=torch.float64)
    share = torch.randn(4, pooling.width, dtype=torch.float64)
    wanted = [filled, *pooling.parameters()]
    (pooling(filled, lengths) * share).sum().backward()
    ours = [part.grad for part in wanted]
    assert not ours[0][over].any()
    y.requires_grad_()
    twice = torch.autograd.grad(
        (pooling(y, lengths) * share).sum(), [y, *wanted[1:]], create_graph=True
    )
    plain = pooling.in_torch(y, lengths, *wanted[1:])
    theirs = torch.autograd.grad((plain * share).sum(), [y, *wanted[1:]], materialize_grads=True)
    for found in (ours, twice):
        for ours_, theirs_ in zip(found, theirs, strict=True):
            torch.testing.assert_close(ours_, theirs_)
