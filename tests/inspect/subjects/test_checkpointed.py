"""Under torch.utils.checkpoint layers run twice: what is shown and measured is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

import glasscell

FIELDS = ("hidden", "cell", "cell_path", "by_lag", "direct_by_lag", "last_step_by_lag")


class Net(torch.nn.Module):
    """Layers and a loop with a mask, recomputed in the backward pass in one of several ways."""

    def __init__(self, parts: str, reentrant: bool | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before = torch.nn.Linear(3, 3)
        self.encoder = torch.nn.LSTM(3, 4, 2, dropout=0.3, bidirectional=True)
        self.cell = torch.nn.LSTMCell(8, 4)
        self.ours = glasscell.nn.LSTM(4, 4, checkpoint=True)
        self.parts, self.reentrant = parts, reentrant
        self.double()

    def again(self, run: Any, *args: Tensor) -> Any:
        if self.reentrant is None:
            return run(*args)
        return checkpoint(run, *args, use_reentrant=self.reentrant)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        new = self.cell(x, (h, c))
        mask = torch.tensor([[True], [False]]) | (x.detach().sum() > 0)
        return torch.where(mask, new[0], h), torch.where(mask, new[1], c)

    def loop(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs = []
        for x_t in x:
            h, c = (
                self.again(self.step, x_t, h, c) if self.parts == "steps" else self.step(x_t, h, c)
            )
            outputs.append(h)
        return torch.stack(outputs), h, c

    def body(self, x: Tensor) -> Tensor:
        once = self.again if self.parts == "layers" else lambda run, *args: run(*args)
        y = once(lambda x: self.encoder(x)[0], x)
        h = c = y.new_zeros(2, 4)
        outputs = []
        for part in y.split(3 if self.parts == "segments" else len(y)):
            run = self.again if self.parts == "segments" else once
            output, h, c = run(self.loop, part, h, c)
            outputs.append(output)
        return once(lambda x: self.ours(x)[0], torch.cat(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        if self.parts == "nested":
            return self.again(lambda x: self.again(self.body, x), x)
        return self.again(self.body, x) if self.parts == "whole" else self.body(x)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(8, 2, 3, dtype=torch.float64)


def last_step(out: Tensor) -> Tensor:
    return out[-1].pow(2).sum()


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("parts", ["whole", "layers", "segments", "steps", "nested"])
def test_a_checkpoint_changes_no_number(parts: str, reentrant: bool, x: Tensor) -> None:
    plain, model = Net(parts, None), Net(parts, reentrant)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.manual_seed(1)
    expected = glasscell.gradient_flow(plain, x, last_step)
    torch.manual_seed(1)
    found = glasscell.gradient_flow(model, x, last_step)
    assert list(found) == list(expected)
    for name, layer in expected.items():
        for field in FIELDS:
            theirs = getattr(layer, field)
            if theirs is None:
                assert getattr(found[name], field) is None
            else:
                np.testing.assert_allclose(getattr(found[name], field), theirs, rtol=1e-12)
    assert found.verdict == expected.verdict
    assert all((parameter.grad == 1).all() for parameter in model.parameters())


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("parts", ["whole", "layers", "segments", "steps", "nested"])
def test_a_trace_shows_each_call_once(parts: str, reentrant: bool, x: Tensor) -> None:
    model = Net(parts, reentrant)
    with glasscell.trace(model) as trace:
        for _ in range(2):
            model(x).sum().backward()
    counts = {name: len(calls) for name, calls in trace.calls.items()}
    assert counts == {name: 16 if name == "cell" else 2 for name in trace}
    assert trace["cell"].hidden.shape == (8, 2, 4)


def test_two_calls_of_the_same_numbers_keep_their_own_gradients() -> None:
    layer = torch.nn.LSTM(3, 4, dtype=torch.float64)

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = layer

        def forward(self, x: Tensor) -> Tensor:
            first, second = (
                checkpoint(lambda x: self.rnn(x)[0], x, use_reentrant=True) for _ in range(2)
            )
            return first + 3 * second

    x = torch.zeros(5, 2, 3, dtype=torch.float64, requires_grad=True)
    found = glasscell.gradient_flow(Twice(), x, lambda out: out[-1].sum())["rnn.l0"]
    alone = glasscell.gradient_flow(layer, x, lambda out: 3 * out[0][-1].sum())["l0"]
    np.testing.assert_allclose(found.cell, alone.cell, rtol=1e-12)
    assert found.shown.of == 2
    assert x.grad is None


def test_optimizers_that_step_in_the_backward_pass_do_not(x: Tensor) -> None:
    model, stepped = Net("whole", True), []
    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(stepped.append)
    glasscell.gradient_flow(model, x, last_step)
    assert not stepped
    model(x).sum().backward()
    assert len(stepped) == len(list(model.parameters()))


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_a_reentrant_checkpoint_without_a_gradient_to_start_from_is_explained() -> None:
    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(lambda x: self.rnn(x)[0], x, use_reentrant=True)

    with pytest.raises(ValueError, match="one of its inputs must require a gradient"):
        glasscell.gradient_flow(Whole(), torch.randn(5, 2, 3), last_step)
