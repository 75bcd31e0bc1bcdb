"""Linear models of n-grams in torch: their derivative, and what torch's own operations say."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from glasscell.errors import DtypeError, ShapeError
from glasscell.nn import Grams, SlowPathWarning
from pooled_networks import ragged_symbols

ROWS = [{"order": 2}, {"order": 3, "rows": 20}, {"order": 1, "rows": 3}]


def made(how, dtype=torch.float64, features=3):
    torch.manual_seed(0)
    grams = Grams(features, 2, **how, dtype=dtype)
    for weight in grams.parameters():
        torch.nn.init.normal_(weight)
    return grams


@pytest.mark.parametrize("how", ROWS, ids=str)
@pytest.mark.parametrize("short", [False, True])
def test_the_derivatives_are_those_of_differences(how, short):
    grams = made(how)
    x, lengths = ragged_symbols(dtype=torch.float64)

    def run(weight, bias):
        given = {"weight": weight, "bias": bias}
        return functional_call(grams, given, (x, lengths if short else None))

    assert gradcheck(run, tuple(grams.parameters()))
    assert gradgradcheck(run, tuple(grams.parameters()))


@pytest.mark.parametrize("how", ROWS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torchs_own_operations_agree_to_rounding(how, dtype):
    grams = made(how, dtype)
    x, lengths = ragged_symbols(dtype=dtype)
    share = torch.randn(5, 2, dtype=dtype)
    for given in (lengths, None):
        own = grams.in_torch(x, given, grams.weight, grams.bias)
        ours = grams(x, given)
        torch.testing.assert_close(own, ours)
        found, expected = (
            torch.autograd.grad((scores * share).sum(), list(grams.parameters()))
            for scores in (ours, own)
        )
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlowPathWarning)  # said once in a process
        mapped = torch.vmap(lambda one: grams(one[None])[0])(x)
    torch.testing.assert_close(mapped, grams(x))


def test_a_symbol_is_picked_and_not_measured():
    grams = made(ROWS[0], torch.float32)
    x, lengths = ragged_symbols()
    x.requires_grad_()
    grams(x, lengths).sum().backward()
    assert x.grad is None
    assert torch.equal(grams(3 * x, lengths), grams(x, lengths))


def test_what_follows_an_end_is_not_read():
    grams = made(ROWS[1], torch.float32)
    x, lengths = ragged_symbols()
    after = torch.arange(17) >= lengths[:, None]
    filled = x.masked_fill(after[..., None], torch.nan)
    assert torch.equal(grams(filled, lengths), grams(x, lengths))
    grads = []
    for steps in (x, filled):
        (grad,) = torch.autograd.grad(grams(steps, lengths).square().sum(), grams.weight)
        grads.append(grad)
    assert torch.equal(*grads)


def test_half_precision_is_computed_by_torch():
    x, lengths = ragged_symbols(dtype=torch.bfloat16)
    grams = made(ROWS[0], torch.bfloat16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlowPathWarning)  # said once in a process
        assert grams(x, lengths).dtype is torch.bfloat16


def test_what_is_asked_for_is_checked():
    for wrong in ({"features": 1}, {"order": 0}, {"rows": 0}, {"outputs": 0}):
        with pytest.raises(ValueError, match="features >= 2"):
            Grams(**{"features": 3, "outputs": 2, **wrong})
    grams = made(ROWS[0])
    assert "order=2, rows=60" in repr(grams)
    with pytest.raises(ShapeError, match="T > 0"):
        grams(torch.zeros(2, 0, 3))
    with pytest.raises(DtypeError, match="lengths"):
        grams(torch.zeros(2, 3, 3), torch.tensor([1.0, 2.0]))
