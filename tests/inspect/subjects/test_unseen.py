"""What runs is shown, or it is said by name that it is not, at the line of the one who asked."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import glasscell
from glasscell.inspect import UnseenWarning


class CallsUp(torch.nn.LSTM):
    def forward(self, x: Tensor, hx: Any = None, doubled: bool = True) -> Any:
        output, state = super().forward(x, hx)
        return (2 * output if doubled else output), state


class CallsPast(torch.nn.LSTM):
    def forward(self, x: Tensor, hx: Any = None) -> Any:
        return torch.nn.LSTM.forward(self, x, hx)


class Scaled(torch.nn.LSTMCell):
    def forward(self, x: Tensor, hx: Any = None) -> Any:
        h, c = super().forward(x, hx)
        return h / 2, c


class Net(torch.nn.Module):
    def __init__(self, first: torch.nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, torch.nn.LSTM(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)[0])[0]


@pytest.fixture
def x() -> Tensor:
    return torch.randn(6, 2, 3)


@pytest.mark.parametrize("converted", [False, True])
def test_a_forward_that_calls_up_is_seen_where_it_does(converted: bool, x: Tensor) -> None:
    model = Net(CallsUp(3, 4))
    expected = model.first(x)[0]
    if converted:
        glasscell.convert(model)
    kinds = [type(module) for module in model.modules()]
    with glasscell.trace(model) as trace:
        output, _ = model.first(x)
    torch.testing.assert_close(output, expected)
    np.testing.assert_array_equal(2 * trace["first.l0"].hidden, output.detach().numpy())
    flow = glasscell.gradient_flow(model, x, lambda out: out[-1].sum())
    assert list(flow) == ["first.l0", "second.l0"]
    assert flow["first.l0"].hidden[0] > 0
    assert [type(module) for module in model.modules()] == kinds


def test_a_cell_whose_forward_calls_up_is_one_sequence() -> None:
    cell, state = Scaled(3, 4), None
    with glasscell.trace(cell) as trace:
        for x_t in torch.randn(5, 2, 3):
            state = cell(x_t, state)
    assert trace["cell"].hidden.shape == (5, 2, 4)


def test_a_parametrized_layer_with_a_forward_of_its_own_is_seen(x: Tensor) -> None:
    model = torch.nn.utils.parametrizations.weight_norm(CallsUp(3, 4), "weight_hh_l0")
    with glasscell.trace(model) as trace:
        model(x)
    assert list(trace) == ["l0"]


def test_what_is_not_seen_is_named_at_the_callers_line(x: Tensor) -> None:
    model = Net(CallsPast(3, 4))
    with pytest.warns(UnseenWarning, match=r"first \(CallsPast\) has a forward of its own") as said:
        glasscell.gradient_flow(model, x, lambda out: out[-1].sum())
    with pytest.warns(UnseenWarning, match="first") as again, glasscell.trace(model):
        model(x)
    assert [one.filename for one in (*said, *again)] == [__file__] * 2


def test_what_ran_unseen_is_named_once(x: Tensor) -> None:
    model = Net(CallsPast(3, 4))
    with pytest.warns(UnseenWarning, match="first") as said, glasscell.trace(model):
        model(torch.cat([model(x)[..., :3]]))
    assert len(said) == 1
    with warnings.catch_warnings(), glasscell.trace(model):
        warnings.simplefilter("error")
        model.second(torch.randn(3, 2, 4))


def test_what_an_inner_block_sees_is_none_of_the_outer_ones(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    with warnings.catch_warnings(), glasscell.trace(model) as trace:
        warnings.simplefilter("error")
        glasscell.gradient_flow(model, x, lambda out: out[-1].sum())
    assert not trace


class Wrapped(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.LSTM(3, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self.rnn(x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_scripted_layer_is_named(x: Tensor) -> None:
    scripted = torch.jit.script(Wrapped())
    model = Net(scripted)
    with pytest.warns(UnseenWarning, match=r"first\.rnn is a scripted module"):
        glasscell.gradient_flow(model, x, lambda out: out[-1].sum())
    with pytest.raises(ValueError, match="rnn is a scripted module"):
        glasscell.gradient_flow(scripted, x, lambda out: out[0].sum())


@pytest.mark.filterwarnings("ignore::glasscell.nn.SlowPathWarning")
def test_half_precision_is_named(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    model.first.to(torch.bfloat16)
    model.first.register_forward_pre_hook(lambda module, args: args[0].to(torch.bfloat16))
    model.first.register_forward_hook(lambda module, args, out: (out[0].float(), out[1]))
    with pytest.warns(UnseenWarning, match="first ran on torch's own code"):
        glasscell.gradient_flow(model, x, lambda out: out[-1].sum())


def test_an_error_in_the_block_is_all_that_is_said(x: Tensor) -> None:
    model = Net(CallsPast(3, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="mine"):
            run_and_fail(model, x)


def run_and_fail(model: torch.nn.Module, x: Tensor) -> None:
    with glasscell.trace(model):
        model(x)
        raise RuntimeError("mine")


def test_no_hook_stays(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    with glasscell.trace(model):
        model(x)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_model_that_runs_in_another_thread_is_seen(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(model, x).result()  # the thread is older than the block
        with glasscell.trace(model) as trace:
            pool.submit(model, x).result()
        pool.submit(model, x).result()
    assert {name: len(calls) for name, calls in trace.calls.items()} == {
        "first.l0": 1,
        "second.l0": 1,
    }


class InThreads(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = Net(torch.nn.LSTM(3, 4))

    def forward(self, x: Tensor) -> Tensor:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.net, x).result()


def test_a_model_that_starts_threads_flows_as_one_that_does_not(x: Tensor) -> None:
    model = InThreads()
    found = glasscell.gradient_flow(model, x, lambda out: out[-1].sum())
    expected = glasscell.gradient_flow(model.net, x, lambda out: out[-1].sum())
    for name, layer in expected.items():
        np.testing.assert_array_equal(found[f"net.{name}"].cell, layer.cell)


def test_other_models_in_other_threads_are_left_alone(x: Tensor) -> None:
    model, other = Net(torch.nn.LSTM(3, 4)), glasscell.nn.LSTM(3, 4)
    outputs: list[Tensor] = []
    with glasscell.trace(model) as trace:
        thread = Thread(target=lambda: outputs.append(other(x)[0]))
        thread.start()
        thread.join()
    assert not trace
    assert "Step" not in str(outputs[0].grad_fn)


class Compiled(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = torch.nn.LSTMCell(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for x_t in x:
            state = self.cell(x_t, state)
        return state[0]


def test_a_compiled_loop_runs_uncompiled_and_is_seen(x: Tensor) -> None:
    model = torch.compile(Compiled(), backend="eager")
    expected = model(x)
    with glasscell.trace(model) as trace:
        output = model(x)
    torch.testing.assert_close(output, expected)
    assert trace["_orig_mod.cell"].hidden.shape == (6, 2, 4)


class Stepwise(torch.nn.Module):
    """A loop that takes each step with what `each` makes of the cell."""

    def __init__(self, each: Callable[[torch.nn.Module], torch.nn.Module]) -> None:
        super().__init__()
        self.cell, self.each = torch.nn.LSTMCell(3, 4), each

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], 4)
        for t, x_t in enumerate(x):
            cell = self.each(self.cell) if t % 3 else self.cell
            h, c = cell(x_t, (h, c))
        return h


def replica(module: torch.nn.Module) -> torch.nn.Module:
    copied = module._replicate_for_data_parallel()  # type: ignore[operator]
    for name, weight in module._parameters.items():
        setattr(copied, name, weight)
    return copied


@pytest.mark.parametrize("each", [copy.copy, copy.deepcopy, replica])
def test_a_copy_of_a_layer_runs_in_its_place(
    each: Callable[[torch.nn.Module], torch.nn.Module], x: Tensor
) -> None:
    model, plain = Stepwise(each), Stepwise(lambda cell: cell)
    plain.load_state_dict(model.state_dict())
    flow = glasscell.gradient_flow(model, x, Tensor.sum)
    expected = glasscell.gradient_flow(plain, x, Tensor.sum)
    np.testing.assert_allclose(flow["cell"].hidden, expected["cell"].hidden, rtol=1e-5)
    assert flow["cell"].shown is None


def test_a_copy_made_in_a_block_can_be_used_and_pickled_after_it(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    with glasscell.trace(model) as trace:
        copied = copy.deepcopy(model)
        pickled = pickle.dumps(model)
    expected = model(x)
    torch.testing.assert_close(copied(x), expected)
    torch.testing.assert_close(pickle.loads(pickled)(x), expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(copied))(x), expected)
    assert not trace


def test_an_observer_is_gone_though_a_copy_made_in_its_block_is_not(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    with glasscell.trace(model) as trace:
        model(x)
        copied = copy.deepcopy(model)
    seen = weakref.ref(trace)
    del trace
    gc.collect()
    assert seen() is None
    copied(x)


@pytest.mark.filterwarnings("ignore::glasscell.nn.SlowPathWarning")
def test_calls_that_leave_our_kernels_are_counted(x: Tensor) -> None:
    model = torch.nn.LSTM(3, 4)

    def run() -> int:
        with glasscell.trace(model) as trace:
            for batch in (x, x[:, :0], x):
                model(batch)
        return len(trace.calls["l0"])

    with pytest.warns(UnseenWarning, match="the model ran on torch's own code in 1 of 3 calls"):
        assert run() == 2


class Foreign(torch.nn.RNNBase):
    def __init__(self) -> None:
        super().__init__("LSTM", 3, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return x @ self.weight_ih_l0.mT[:, :4], None


def test_a_layer_of_another_library_is_named(x: Tensor) -> None:
    model = Net(Foreign())
    match = rf"first is a {__name__}\.Foreign, no layer of torch\.nn"
    with pytest.warns(UnseenWarning, match=match), glasscell.trace(model):
        model(x)


class GRU(torch.nn.Module):
    """A model that other libraries name after the layer in it."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(3, 4)

    def forward(self, x: Tensor) -> Any:
        return self.rnn(x)


def test_a_model_named_like_the_layer_that_it_holds_is_seen(x: Tensor) -> None:
    model = Net(GRU())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with glasscell.trace(model) as trace:
            model(x)
    assert list(trace) == ["first.rnn.l0", "second.l0"]


@pytest.mark.parametrize("held", [lambda rnn: [rnn], lambda rnn: {"a": rnn}, lambda rnn: (rnn,)])
def test_a_layer_that_torch_does_not_find_is_named(
    held: Callable[[torch.nn.Module], Any], x: Tensor
) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    rnn = torch.nn.LSTM(4, 4)
    model.kept = held(rnn)
    with pytest.warns(UnseenWarning, match="kept holds a LSTM that named_modules"):
        flow = glasscell.gradient_flow(model, x, lambda out: rnn(out)[0].sum())
    assert list(flow) == ["first.l0", "second.l0"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        glasscell.gradient_flow(model, x, Tensor.sum)


def test_blocks_that_end_in_any_order_give_the_classes_back(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))
    one, two = contextlib.ExitStack(), contextlib.ExitStack()
    one.enter_context(glasscell.trace(model))
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(two.enter_context, glasscell.trace(model)).result()
        one.close()
        pool.submit(model, x).result()
        pool.submit(two.close).result()
    assert len(second.calls["first.l0"]) == 1
    assert [type(each) for each in (model.first, model.second)] == [torch.nn.LSTM] * 2


def test_blocks_of_two_models_within_one_another_see_their_own(x: Tensor) -> None:
    one, two = torch.nn.LSTM(3, 4), torch.nn.RNN(3, 4)
    with glasscell.trace(one) as outer, glasscell.trace(two) as inner:
        one(x)
        two(x)
        flow = glasscell.gradient_flow(one, x, lambda out: out[0].sum())
    assert len(outer.calls["l0"]) == len(inner.calls["l0"]) == 1
    assert outer["l0"].mode == "LSTM"
    assert list(flow) == ["l0"]


def test_a_copy_that_runs_in_another_thread_is_seen(x: Tensor) -> None:
    model = torch.nn.LSTM(3, 4)
    with glasscell.trace(model) as trace, ThreadPoolExecutor(1) as pool:
        pool.submit(copy.deepcopy(model), x).result()
    assert len(trace.calls["l0"]) == 1


def test_a_layer_that_comes_into_the_model_is_named(x: Tensor) -> None:
    model = Net(torch.nn.LSTM(3, 4))

    def run() -> None:
        with glasscell.trace(model):
            model.second = torch.nn.LSTM(4, 4)
            model(x)

    with pytest.warns(UnseenWarning, match="second came into the model while it ran"):
        run()


def test_a_call_that_raises_is_no_call_unseen(x: Tensor) -> None:
    model = torch.nn.LSTM(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with glasscell.trace(model) as trace:
            with pytest.raises(RuntimeError, match="input"):
                model(x[..., :2])
            model(x)
    assert len(trace.calls["l0"]) == 1
