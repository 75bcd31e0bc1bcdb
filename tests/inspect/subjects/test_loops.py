"""Whatever a loop does with the state between its calls, they are one sequence; against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import glasscell
from glasscell.inspect import examine

STEPS, BATCH, INPUT, HIDDEN = 12, 4, 3, 5
LENGTHS = torch.tensor([12, 9, 5, 7])

Between = Callable[[int, Tensor, Tensor], Tensor]


def drawn(t: int, like: Tensor, share: float = 0.3) -> Tensor:
    """A random mask that is the same whenever a loop is run."""
    return torch.rand(like.shape, generator=torch.Generator().manual_seed(t)) < share


def plain(t: int, new: Tensor, old: Tensor) -> Tensor:
    return new


def padding(t: int, new: Tensor, old: Tensor) -> Tensor:
    return torch.where((t < LENGTHS)[:, None], new, old)


def padding_by_product(t: int, new: Tensor, old: Tensor) -> Tensor:
    mask = (t < LENGTHS)[:, None].to(new.dtype)
    return mask * new + (1 - mask) * old


def left_padding(t: int, new: Tensor, old: Tensor) -> Tensor:
    return torch.where((t >= STEPS - LENGTHS)[:, None], new, old)


def zoneout(t: int, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(drawn(t, new), old, new)


def zoneout_in_eval(t: int, new: Tensor, old: Tensor) -> Tensor:
    return 0.9 * new + 0.1 * old


def dropped(t: int, new: Tensor, old: Tensor) -> Tensor:
    return new * drawn(t, new, 0.7) / 0.7


def episodes(t: int, new: Tensor, old: Tensor) -> Tensor:
    done = torch.zeros(BATCH, 1, dtype=new.dtype)
    done[t % BATCH] = float(t % 3 == 0)
    return new * (1 - done)


def every_second(t: int, new: Tensor, old: Tensor) -> Tensor:
    ticks = (t % torch.arange(1, BATCH + 1) == 0)[:, None]
    return torch.where(ticks, new, old)


def through_copies(t: int, new: Tensor, old: Tensor) -> Tensor:
    rows = torch.stack(new.clone().to(torch.float32).to(new.dtype).unbind(0))
    return torch.cat(rows.chunk(2, dim=0))[torch.arange(BATCH)]


def shuffled(t: int, new: Tensor, old: Tensor) -> Tensor:
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
        self.results: list[tuple[Tensor, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        lstm = isinstance(self.cell, torch.nn.LSTMCell)
        state = tuple(x.new_zeros(x.shape[1], HIDDEN) for _ in range(1 + lstm))
        outputs = []
        self.results = []
        for t, x_t in enumerate(x):
            new = self.cell(x_t, state if lstm else state[0])
            new = new if lstm else (new,)
            self.results.append(new)
            state = tuple(
                self.between(t, n, o) if name in self.parts else n
                for name, n, o in zip("hc", new, state, strict=False)
            )
            outputs.append(state[0])
        return torch.stack(outputs)


def true_norms(loop: Loop, x: Tensor, loss: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """|dL/dh_t| and |dL/dc_t| by torch's autograd, of torch's own cell."""
    value = loss(loop(x.clone()))
    flat = [part for state in loop.results for part in state]
    found = torch.autograd.grad(value, flat, allow_unused=True)
    filled = [
        torch.zeros_like(part) if gradient is None else gradient
        for part, gradient in zip(flat, found, strict=True)
    ]
    if len(loop.results[0]) == 1:
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
    expected = torch.stack([result[0] for result in loop.results]).detach().numpy()
    np.testing.assert_array_equal(trace["cell"].hidden, expected)
    assert trace.calls["cell"][3].hidden.shape == (1, BATCH, HIDDEN)


ROWS = st.lists(st.sampled_from("nozh"), min_size=BATCH, max_size=BATCH)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS.filter(lambda kinds: set(kinds) != {"o"}), min_size=4, max_size=9))
def test_whatever_becomes_of_each_row_the_flow_is_torchs(table: list[list[str]]) -> None:
    """n: the new state, o: the old one, z: zeros, h: half the new one; only o gives a call up."""

    def mixed(t: int, new: Tensor, old: Tensor) -> Tensor:
        kinds = {"n": new, "o": old, "z": 0 * new, "h": new / 2}
        return torch.stack([kinds[kind][b] for b, kind in enumerate(table[t])])

    x = torch.randn(len(table), BATCH, INPUT, dtype=torch.float64)
    flow = assert_true(Loop(torch.nn.LSTMCell, mixed), x, all_steps)
    assert len(flow.hidden) == len(table)


def run_of(forward: Callable[..., Tensor], **cells: torch.nn.Module) -> torch.nn.Module:
    """A model with these cells, whose forward pass is a function of them and of x."""

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, cell in cells.items():
                self.add_module(name, cell.double())

        def forward(self, x: Tensor) -> Tensor:
            return forward(self, x)

    return Model()


def both(model: torch.nn.Module, x: Tensor, loss: Any = all_steps) -> Any:
    """A trace without a graph, and the flow."""
    with torch.no_grad(), glasscell.trace(model) as trace:
        model(x)
    return trace, glasscell.gradient_flow(model, x, loss)


def cell_of(inputs: int = INPUT) -> torch.nn.LSTMCell:
    return torch.nn.LSTMCell(inputs, HIDDEN)


def zeros(x: Tensor, rows: int = BATCH) -> tuple[Tensor, Tensor]:
    return x.new_zeros(rows, HIDDEN), x.new_zeros(rows, HIDDEN)


@pytest.mark.parametrize("leading", [True, False])
def test_sequences_that_leave_the_batch_have_their_lengths(leading: bool, x: Tensor) -> None:
    lengths = np.array([12, 9, 7, 3] if leading else [7, 12, 3, 9])

    def forward(self: Any, x: Tensor) -> Tensor:
        state, there, total = zeros(x), np.arange(BATCH), x.new_zeros(())
        for t, x_t in enumerate(x):
            going = lengths[there] > t
            there = there[going]
            state = self.cell(x_t[there], tuple(part[torch.as_tensor(going)] for part in state))
            total = total + state[0].sin().sum()
        return total

    model = run_of(forward, cell=cell_of())
    trace, flow = both(model, x, torch.sum)
    np.testing.assert_array_equal(trace["cell"].lengths, lengths)
    squares = np.zeros(STEPS)
    for b, length in enumerate(lengths):
        alone = Loop(torch.nn.LSTMCell, plain)
        alone.cell.load_state_dict(model.cell.state_dict())
        with glasscell.trace(alone) as one:
            alone(x[:length, b : b + 1])
        np.testing.assert_array_equal(trace["cell"].sequence(b).cell, one["cell"].cell[:, 0])
        squares[:length] += true_norms(alone, x[:length, b : b + 1], all_steps)[0] ** 2
    np.testing.assert_allclose(flow["cell"].hidden, np.sqrt(squares), rtol=1e-9)


def test_sequences_that_join_the_batch_have_their_start(x: Tensor) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        state, total = zeros(x, 1), x.new_zeros(())
        for t, x_t in enumerate(x):
            rows = min(BATCH, 1 + t // 3)
            new = zeros(x, rows - len(state[0]))
            state = tuple(torch.cat(pair) for pair in zip(state, new, strict=True))
            state = self.cell(x_t[:rows], state)
            total = total + state[0].sin().sum()
        return total

    model = run_of(forward, cell=cell_of())
    trace, flow = both(model, x, torch.sum)
    layer = trace["cell"]
    assert layer.starts.tolist() == [0, 3, 6, 9]
    assert layer.lengths.tolist() == [12, 9, 6, 3]
    squares = np.zeros(STEPS)
    for b, start in enumerate(layer.starts):
        alone = Loop(torch.nn.LSTMCell, plain)
        alone.cell.load_state_dict(model.cell.state_dict())
        with glasscell.trace(alone) as one:
            alone(x[start:, b : b + 1])
        np.testing.assert_array_equal(layer.sequence(b).cell, one["cell"].cell[:, 0])
        squares[start:] += true_norms(alone, x[start:, b : b + 1], all_steps)[0] ** 2
    np.testing.assert_allclose(flow["cell"].hidden, np.sqrt(squares), rtol=1e-9)
    np.testing.assert_array_equal(layer.alive().sum(axis=0), layer.lengths)


def test_a_padding_mask_gives_the_lengths_and_an_episodes_end_a_reset(x: Tensor) -> None:
    trace, _ = both(Loop(torch.nn.LSTMCell, padding), x)
    assert trace["cell"].lengths.tolist() == LENGTHS.tolist()
    assert trace["cell"].shown is None
    for b, length in enumerate(LENGTHS.tolist()):
        assert trace["cell"].sequence(b).cell.shape == (length, HIDDEN)
    reset = both(Loop(torch.nn.LSTMCell, episodes), x)[0]["cell"].reset
    ends = [(t + 1, t % BATCH) for t in range(STEPS - 1) if t % 3 == 0]
    assert list(zip(*np.nonzero(reset), strict=True)) == ends


def test_two_cells_in_turn_and_two_layers_of_cells_are_two_sequences(x: Tensor) -> None:
    def in_turn(self: Any, x: Tensor) -> Tensor:
        state, total = zeros(x), x.new_zeros(())
        for t, x_t in enumerate(x):
            state = (self.teacher, self.student)[t % 2](x_t, state)
            total = total + state[0].sin().sum()
        return total

    def stacked(self: Any, x: Tensor) -> Tensor:
        below = above = None
        total = x.new_zeros(())
        for x_t in x:
            below = self.student(x_t, below)
            above = self.top(torch.where(below[0] > 0, below[0], 0.0), above)
            total = total + above[0].sum()
        return total

    cells = {"teacher": cell_of(), "student": cell_of(), "top": cell_of(HIDDEN)}
    for shown in both(run_of(in_turn, **cells), x):
        assert {name: len(layer.hidden) for name, layer in shown.items()} == {
            "teacher": STEPS // 2,
            "student": STEPS // 2,
        }
    for shown in both(run_of(stacked, **cells), x):
        assert {name: len(layer.hidden) for name, layer in shown.items()} == {
            "student": STEPS,
            "top": STEPS,
        }


@pytest.mark.parametrize("start", [0.0, 0.3])
@pytest.mark.parametrize("interleaved", [True, False])
def test_of_two_loops_the_last_is_shown_and_it_is_said(
    start: float, interleaved: bool, x: Tensor
) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        states = [tuple(part + start for part in zeros(x)) for _ in range(2)]
        order = [(t, k) for t in range(len(x)) for k in (0, 1)]
        for t, k in order if interleaved else sorted(order, key=lambda pair: pair[1]):
            states[k] = self.cell((k + 1) * x[t], states[k])
        return states[0][0] + states[1][0]

    trace, flow = both(run_of(forward, cell=cell_of()), x)
    assert trace["cell"].hidden.shape[0] == len(flow["cell"].hidden) == STEPS
    assert repr(trace) == "Trace(cell: 12 of 24 calls)"
    assert "12 of 24 calls" in str(trace)
    assert flow.verdict.splitlines()[0].startswith("cell: 12 of 24 calls shown")
    assert flow.said("zh").splitlines()[0].startswith("cell：共运行 24 次")


def test_of_two_loops_the_one_that_the_loss_reaches_is_measured(x: Tensor) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        first = zeros(x)
        for x_t in x:
            first = self.cell(x_t, first)
        self.cell(x[0])
        return first[0]

    flow = both(run_of(forward, cell=cell_of()), x)[1]
    assert (flow["cell"].hidden > 0).all()
    assert flow["cell"].shown.calls == STEPS


def test_a_call_that_is_given_up_is_not_among_those_that_hand_their_state_on(x: Tensor) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        state = zeros(x)
        for x_t in x:
            self.cell(-x_t, state)
            state = self.cell(x_t, state)
        return state[0]

    trace, flow = both(run_of(forward, cell=cell_of()), x)
    assert repr(trace) == "Trace(cell: 12 of 24 calls)"
    assert (flow["cell"].hidden > 0).all()


def test_a_mask_may_shut_out_the_last_calls_altogether(x: Tensor) -> None:
    trace, _ = both(Loop(torch.nn.LSTMCell, padding), torch.cat([x, x]))
    assert trace["cell"].hidden.shape[0] == 2 * STEPS
    assert trace["cell"].lengths.tolist() == LENGTHS.tolist()


def test_a_layer_called_step_by_step_is_one_sequence_in_a_trace_too(x: Tensor) -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN, num_layers=2)

    def forward(self: Any, x: Tensor) -> Tensor:
        state = None
        for x_t in x:
            output, state = self.rnn(x_t[None], state)
        return output

    trace, flow = both(run_of(forward, rnn=layer), x)
    with glasscell.trace(layer) as whole:
        layer(x)
    for name, expected in whole.items():
        np.testing.assert_array_equal(trace[f"rnn.{name}"].cell, expected.cell)
    assert flow["rnn.l0"].cell_path is not None


def test_a_belt_that_is_changed_between_calls_is_not_measured_by_forget_gates(x: Tensor) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        state = None
        for part in x.split(3):
            output, (h, c) = self.rnn(part, state)
            state = h, 0.9 * c
        return output

    trace, flow = both(run_of(forward, rnn=torch.nn.LSTM(INPUT, HIDDEN)), x)
    assert len(flow["rnn.l0"].hidden) == STEPS
    assert flow["rnn.l0"].cell_path is None
    assert flow["rnn.l0"].direct_by_lag is None
    assert "cell changed between them" in str(trace)
    with pytest.raises(ValueError, match="calls between which the cell state is changed"):
        glasscell.inspect.layer_provenance(trace["rnn.l0"].sequence(0))


def test_a_state_that_is_written_over_in_place_is_what_it_was(x: Tensor) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        h, c = zeros(x)
        for x_t in x:
            for kept, new in zip((h, c), self.cell(x_t, (h, c)), strict=True):
                kept.copy_(new)
        return h

    model = run_of(forward, cell=cell_of())
    with torch.no_grad(), glasscell.trace(model) as trace:
        model(x)
    layer = trace["cell"]
    assert layer.hidden.shape == (STEPS, BATCH, HIDDEN)
    assert layer.shown is None


def test_a_truncated_loop_is_whole_and_its_gradient_ends_at_the_cut(x: Tensor) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        state = zeros(x)
        for t, x_t in enumerate(x):
            state = self.cell(x_t, tuple(part.detach() for part in state) if t == 5 else state)
        return state[0]

    flow = both(run_of(forward, cell=cell_of()), x)[1]
    assert len(flow["cell"].hidden) == STEPS
    assert (flow["cell"].hidden[:5] == 0).all()
    assert (flow["cell"].hidden[5:] > 0).all()


def test_states_that_are_not_finite_do_not_end_a_loop(x: Tensor) -> None:
    x[4] = torch.nan
    trace, flow = both(Loop(torch.nn.LSTMCell, plain), x)
    assert len(trace["cell"].hidden) == len(flow["cell"].hidden) == STEPS
    loop = Loop(torch.nn.RNNCell, plain)
    loop.cell.nonlinearity = "relu"
    loop.cell.weight_hh.data.fill_(1e60)
    trace, flow = both(loop, x.abs().nan_to_num())
    assert np.isinf(trace["cell"].hidden[-1]).any()
    assert len(trace["cell"].hidden) == len(flow["cell"].hidden) == STEPS


def test_where_only_the_order_says_that_calls_are_a_loop_it_is_said(x: Tensor) -> None:
    loop = Loop(torch.nn.RNNCell, zoneout_in_eval)
    with torch.no_grad(), glasscell.trace(loop) as trace:
        loop(x)
    assert "12 of 12 calls by their order" in str(trace)


def test_what_is_made_anew_for_each_call_is_no_loop(x: Tensor) -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN, dtype=torch.float64)
    with torch.no_grad(), glasscell.trace(layer) as trace:
        for _ in range(3):
            layer(x, tuple(torch.randn(1, BATCH, HIDDEN, dtype=torch.float64) for _ in range(2)))
    assert trace["l0"].hidden.shape == (STEPS, BATCH, HIDDEN)
    assert repr(trace) == "Trace(l0: 1 of 3 calls)"


def test_a_masked_loop_is_measured_as_a_layer_with_lengths_is(x: Tensor) -> None:
    loop = Loop(torch.nn.LSTMCell, padding)
    layer = glasscell.nn.LSTM(INPUT, HIDDEN, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": w for name, w in loop.cell.state_dict().items()})
    found = glasscell.gradient_flow(loop, x, lambda out: out[-1].sin().sum())["cell"]
    given = {"lengths": LENGTHS.tolist()}
    whole = glasscell.gradient_flow(layer, x, lambda out: out[1][0].sin().sum(), given)["l0"]
    for field in ("hidden", "cell", "by_lag", "half_life"):
        np.testing.assert_allclose(getattr(found, field), getattr(whole, field), rtol=1e-9)
    assert found.judge().kind == whole.judge().kind


def test_episodes_are_measured_as_a_layer_with_reset_is(x: Tensor) -> None:
    loop = Loop(torch.nn.LSTMCell, episodes)
    layer = glasscell.nn.LSTM(INPUT, HIDDEN, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": w for name, w in loop.cell.state_dict().items()})
    reset = torch.from_numpy(both(loop, x)[0]["cell"].reset)
    with glasscell.trace(layer) as trace:
        layer(x, reset=reset)
    np.testing.assert_allclose(both(loop, x)[0]["cell"].cell, trace["l0"].cell, rtol=1e-9)
    found = glasscell.gradient_flow(loop, x, lambda out: loop.results[-1][1].sum())["cell"]
    whole = glasscell.gradient_flow(layer, x, lambda out: out[1][1].sum(), reset=reset)["l0"]
    for field in ("hidden", "cell", "by_lag"):
        np.testing.assert_allclose(getattr(found, field), getattr(whole, field), rtol=1e-9)


def test_a_diagnosis_says_that_not_all_calls_were_judged() -> None:
    class Thrice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.LSTM(INPUT, HIDDEN)

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([self.layer(one)[0][-1] for one in x])

    found = examine(Thrice(), torch.randn(3, STEPS, BATCH, INPUT), torch.sum)
    assert found.said().startswith("layer.l0: 1 of 3 calls shown")
    assert found.said("zh").startswith("layer.l0：共运行 3 次")
