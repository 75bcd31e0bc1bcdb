"""Whatever a loop does with the state between its calls, they are one sequence; against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

import glasscell

STEPS, BATCH, INPUT, HIDDEN = 12, 4, 3, 5
LENGTHS = torch.tensor([12, 9, 5, 7])

Between = Callable[["Loop", int, Tensor, Tensor], Tensor]


def drawn(loop: Loop, t: int, like: Tensor, share: float = 0.3) -> Tensor:
    """A random mask that is the same whenever a loop is run."""
    generator = torch.Generator().manual_seed(1000 * id_of(like) + t)
    return torch.rand(like.shape, generator=generator) < share


def id_of(like: Tensor) -> int:
    return like.shape[-1]


def plain(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return new


def padding(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return torch.where((t < LENGTHS)[:, None], new, old)


def padding_by_product(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    mask = (t < LENGTHS)[:, None].to(new.dtype)
    return mask * new + (1 - mask) * old


def left_padding(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return torch.where((t >= STEPS - LENGTHS)[:, None], new, old)


def zoneout(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(drawn(loop, t, new), old, new)


def zoneout_in_eval(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return 0.9 * new + 0.1 * old


def dropped(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return new * drawn(loop, t, new, 0.7) / 0.7


def episodes(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    done = torch.zeros(BATCH, 1, dtype=new.dtype)
    done[t % BATCH] = float(t % 3 == 0)
    return new * (1 - done)


def every_second(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    ticks = (t % torch.arange(1, BATCH + 1) == 0)[:, None]
    return torch.where(ticks, new, old)


def through_copies(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    rows = torch.stack(new.clone().to(torch.float32).to(new.dtype).unbind(0))
    return torch.cat(rows.chunk(2, dim=0))[torch.arange(BATCH)]


def shuffled(loop: Loop, t: int, new: Tensor, old: Tensor) -> Tensor:
    return new[torch.tensor([1, 0, 3, 2])]


BETWEEN: list[Between] = [
    plain,
    padding,
    padding_by_product,
    left_padding,
    zoneout,
    zoneout_in_eval,
    dropped,
    episodes,
    every_second,
    through_copies,
    shuffled,
]


class Loop(torch.nn.Module):
    """A loop over a cell; `parts` are the states that the change between two calls is made to."""

    def __init__(self, kind: type, between: Between, parts: str = "hc") -> None:
        super().__init__()
        self.cell = kind(INPUT, HIDDEN, dtype=torch.float64)
        self.between, self.parts = between, parts
        self.given: list[tuple[Tensor, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        lstm = isinstance(self.cell, torch.nn.LSTMCell)
        state = tuple(x.new_zeros(x.shape[1], HIDDEN) for _ in range(1 + lstm))
        outputs = []
        self.given = []
        for t, x_t in enumerate(x):
            new = self.cell(x_t, state if lstm else state[0])
            new = new if lstm else (new,)
            self.given.append(new)
            state = tuple(
                self.between(self, t, n, o) if name in self.parts else n
                for name, n, o in zip("hc", new, state, strict=False)
            )
            outputs.append(state[0])
        return torch.stack(outputs)


def true_norms(loop: Loop, x: Tensor, loss: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """|dL/dh_t| and |dL/dc_t| by torch's autograd, of torch's own cell."""
    value = loss(loop(x.clone()))
    flat = [part for state in loop.given for part in state]
    found = torch.autograd.grad(value, flat, allow_unused=True)
    filled = [
        torch.zeros_like(part) if gradient is None else gradient
        for part, gradient in zip(flat, found, strict=True)
    ]
    if len(loop.given[0]) == 1:
        return norms(filled), None
    return norms(filled[::2]), norms(filled[1::2])


def norms(parts: list[Tensor]) -> np.ndarray:
    return np.array([part.detach().norm().item() for part in parts])


def all_steps(out: Tensor) -> Tensor:
    return out.sin().sum()


def last_step(out: Tensor) -> Tensor:
    return out[-1].pow(2).sum()


def assert_true(loop: Loop, x: Tensor, loss: Any) -> glasscell.inspect.LayerFlow:
    hidden, cell = true_norms(loop, x, loss)
    flow = glasscell.gradient_flow(loop, x, loss)["cell"]
    np.testing.assert_allclose(flow.hidden, hidden, rtol=1e-9, atol=1e-300)
    if cell is not None:
        np.testing.assert_allclose(flow.cell, cell, rtol=1e-9, atol=1e-300)
    return flow


@pytest.fixture
def x() -> Tensor:
    return torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64)


@pytest.mark.parametrize("loss", [last_step, all_steps])
@pytest.mark.parametrize("between", BETWEEN, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", [torch.nn.LSTMCell, torch.nn.RNNCell])
def test_a_loop_that_changes_its_state_flows_as_torch_says(
    kind: type, between: Between, loss: Any, x: Tensor
) -> None:
    flow = assert_true(Loop(kind, between), x, loss)
    assert flow.shown is None or not flow.shown.noted


@pytest.mark.parametrize("parts", ["h", "c"])
@pytest.mark.parametrize("between", [zoneout, dropped, padding], ids=lambda each: each.__name__)
def test_one_of_the_two_states_may_be_changed_alone(
    parts: str, between: Between, x: Tensor
) -> None:
    flow = assert_true(Loop(torch.nn.LSTMCell, between, parts), x, last_step)
    assert flow.shown is not None
    assert flow.shown.altered == ({"h": "hidden", "c": "cell"}[parts],)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("between", BETWEEN, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", [torch.nn.LSTMCell, torch.nn.RNNCell])
def test_a_trace_shows_every_step_of_the_loop(
    kind: type, between: Between, graph: bool, x: Tensor
) -> None:
    loop = Loop(kind, between)
    with torch.set_grad_enabled(graph), glasscell.trace(loop) as trace:
        loop(x)
    expected = torch.stack([given[0] for given in loop.given]).detach().numpy()
    np.testing.assert_array_equal(trace["cell"].hidden, expected)
    assert trace.calls["cell"][3].hidden.shape == (1, BATCH, HIDDEN)
