"""What the kernels cannot read goes to torch's own forward: the same answer, and it is said."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch.autograd import forward_ad

from glasscell.nn import (
    GRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    RNNCell,
    SlowPathWarning,
    convert,
    observing,
)
from nn.cases import HIDDEN, INPUT, flat, pair_of, states, under_autocast

pytestmark = [
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]

LOW = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("name", ["rnn", "gru"])
@pytest.mark.parametrize("dtype", LOW)
def test_half_precision_modules_run_on_torch_and_say_so_once(dtype: torch.dtype, name: str) -> None:
    theirs, ours = (module.to(dtype) for module in pair_of(name))
    x = torch.randn(4, 2, INPUT, dtype=dtype)
    with pytest.warns(SlowPathWarning, match="neither float32 nor float64") as said:
        found = ours(x), ours(x)
    assert len(said) == 1
    assert torch.equal(found[0][0], theirs(x)[0])


@pytest.mark.filterwarnings("error")
def test_other_devices_run_on_torch() -> None:
    for kind in (LSTM, GRU, RNN):
        output, _ = kind(INPUT, HIDDEN, device="meta")(torch.empty(4, 2, INPUT, device="meta"))
        assert output.shape == (4, 2, HIDDEN)
        assert output.is_meta


@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("given", [{}, {"reset": True}])
def test_lengths_and_reset_where_the_kernels_cannot_run_take_the_slow_loop(
    given: dict[str, Any], kind: Any
) -> None:
    module = kind(INPUT, HIDDEN, num_layers=2, bidirectional=True)
    x = torch.randn(6, 3, INPUT)
    options: dict[str, Any] = {"lengths": [6, 0, 2]}
    if given:
        options["reset"] = torch.rand(6, 3) < 0.3
    expected = flat(module(x, **options))
    half = kind(INPUT, HIDDEN, num_layers=2, bidirectional=True, dtype=torch.bfloat16)
    half.load_state_dict(module.state_dict())
    with pytest.warns(SlowPathWarning, match="plain loop of torch operations"):
        found = flat(half(x.bfloat16(), **options))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype is torch.bfloat16
        assert torch.allclose(one.float(), other, atol=0.05)


def test_the_slow_loop_refuses_states_that_do_not_fit() -> None:
    module = LSTM(INPUT, HIDDEN, dtype=torch.bfloat16)
    x, state = (torch.zeros(s, dtype=torch.bfloat16) for s in ((4, 2, INPUT), (1, 1, HIDDEN)))
    with pytest.raises(RuntimeError, match="Expected hidden"):
        module(x, (state, state), lengths=[4, 2])


AUTOCAST_INPUTS = {
    "float32": (torch.float32, None),
    "bfloat16": (torch.bfloat16, None),
    "float32 with state": (torch.float32, torch.float32),
    "float32 with bfloat16 state": (torch.float32, torch.bfloat16),
}


@pytest.mark.parametrize("given", AUTOCAST_INPUTS)
@pytest.mark.parametrize(
    "name",
    [
        "lstm",
        "lstm two layers",
        "lstm without bias",
        "lstm projected",
        "gru",
        "gru two layers",
        "rnn",
        "rnn relu",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_autocast_gives_torchs_dtypes_and_nearer_values(
    name: str, given: str, packed: bool
) -> None:
    theirs, ours = pair_of(name)
    dtype, state = AUTOCAST_INPUTS[given]
    x = torch.randn(4, 2, INPUT, dtype=dtype)
    hx = None if state is None else states(theirs, 2, state)
    input = torch.nn.utils.rnn.pack_sequence([x[:, 0], x[:3, 1]]) if packed else x
    found, expected = flat(under_autocast(ours, input, hx)), under_autocast(theirs, input, hx)
    wide = input.float() if not packed else input._replace(data=input.data.float())
    h32 = tuple(s.float() for s in hx) if isinstance(hx, tuple) else hx
    h32 = h32.float() if isinstance(h32, torch.Tensor) else h32
    truth = flat(theirs(wide, h32))
    for one, exact in zip(found, truth, strict=True):
        rounding = torch.finfo(one.dtype).eps * exact.abs().max()
        assert (one - exact).abs().max() <= rounding + 1e-6
    # Where torch refuses it is at the one operation for all steps, which would give bfloat16.
    for one, other, exact in zip(found, flat(expected) if expected else found, truth, strict=True):
        assert one.dtype is (other.dtype if expected else torch.bfloat16)
        assert not expected or (one - exact).abs().max() <= (other - exact).abs().max() + 1e-6
    found[0].float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype is torch.float32 for p in ours.parameters())


@pytest.mark.parametrize(
    "kinds",
    [(torch.nn.LSTMCell, LSTMCell), (torch.nn.GRUCell, GRUCell), (torch.nn.RNNCell, RNNCell)],
)
@pytest.mark.parametrize("given", AUTOCAST_INPUTS)
def test_autocast_gives_torchs_dtypes_from_cells(kinds: Any, given: str) -> None:
    theirs, ours = (kind(INPUT, HIDDEN) for kind in kinds)
    ours.load_state_dict(theirs.state_dict())
    dtype, state = AUTOCAST_INPUTS[given]
    x, hx = torch.randn(2, INPUT, dtype=dtype), None
    if state is not None:
        h = torch.randn(2, HIDDEN, dtype=state)
        hx = (h, h) if kinds[1] is LSTMCell else h
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = ours(x, hx), theirs(x, hx)
    pairs = zip(found, expected, strict=True) if kinds[1] is LSTMCell else [(found, expected)]
    for one, other in pairs:
        assert one.dtype is other.dtype
        assert torch.allclose(one.float(), other.float(), atol=0.03)


def test_autocast_leaves_float64_alone() -> None:
    module, x = LSTM(INPUT, HIDDEN, dtype=torch.float64), torch.randn(4, 2, INPUT).double()
    expected = module(x)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(module(x)[0], expected)


@pytest.mark.parametrize("name", ["lstm two layers", "gru two layers"])
def test_tracing_and_export_record_torchs_own_operations(name: str) -> None:
    theirs, ours = pair_of(name)
    x = torch.randn(4, 2, INPUT)
    with pytest.warns(SlowPathWarning, match="traced"):
        traced = torch.jit.trace(ours, x)
    assert torch.equal(traced(x)[0], theirs(x)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(ours, (x,))
    assert torch.allclose(exported.module()(x)[0], theirs(x)[0], atol=1e-6)


def test_lengths_are_not_baked_into_a_trace() -> None:
    module = LSTM(INPUT, HIDDEN)
    with pytest.raises(RuntimeError, match="plain call only"):
        torch.jit.trace(
            lambda x, n: module(x, lengths=n), (torch.randn(4, 2, INPUT), torch.tensor([3, 4]))
        )


def test_scripting_uses_torchs_module_over_the_same_parameters() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = LSTM(INPUT, HIDDEN)
            self.cell = RNNCell(HIDDEN, HIDDEN)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output, _ = self.lstm(x)
            return self.cell(output[-1])

    model, x = Model(), torch.randn(4, 2, INPUT)
    expected = model(x)
    scripted = torch.jit.script(model)
    assert torch.allclose(scripted(x), expected, atol=1e-6)
    assert {name for name, _ in scripted.named_parameters()} == {
        name for name, _ in model.named_parameters()
    }


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_symbolic_tracing_keeps_the_layer_as_one_node(kind: Any) -> None:
    model = torch.nn.Sequential(kind(INPUT, HIDDEN))
    traced = torch.fx.symbolic_trace(model)
    assert [node.op for node in traced.graph.nodes] == ["placeholder", "call_module", "output"]
    x = torch.randn(4, 2, INPUT)
    assert torch.equal(traced(x)[0], model(x)[0])


@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_forward_mode_derivatives_are_torchs(name: str) -> None:
    theirs, ours = (module.double() for module in pair_of(name))
    x, v = torch.randn(2, 4, 2, INPUT, dtype=torch.float64)
    found = []
    for module in (theirs, ours):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlowPathWarning)
            with forward_ad.dual_level():
                output = module(forward_ad.make_dual(x, v))[0]
                found.append(forward_ad.unpack_dual(output).tangent)
    assert found[0] is not None
    assert torch.allclose(*found)


@pytest.mark.filterwarnings("ignore")
def test_compiled_models_keep_the_kernels() -> None:
    model = convert(torch.nn.ModuleDict({"lstm": torch.nn.LSTM(INPUT, HIDDEN)}))
    head = torch.nn.Linear(HIDDEN, 2)

    def run(x: torch.Tensor) -> torch.Tensor:
        return head(model["lstm"](x.tanh())[0]).relu()

    class Count:
        calls = 0

        def forward(self, *_: Any) -> None:
            self.calls += 1

        def backward(self, *_: Any) -> None:
            pass

    compiled, count = torch.compile(run, backend="eager"), Count()
    x = torch.randn(4, 2, INPUT, requires_grad=True)
    with observing(count):
        found = compiled(x)
    assert count.calls == 1
    assert torch.equal(found, run(x))
    found.sum().backward()
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore")
def test_compiled_cells_are_traced_as_torchs() -> None:
    cell = LSTMCell(INPUT, HIDDEN)

    def run(x: torch.Tensor) -> torch.Tensor:
        state = None
        for t in range(3):
            state = cell(x[t], state)
        return state[0]

    x = torch.randn(3, 2, INPUT)
    found = torch.compile(run, backend="eager", fullgraph=True)(x)
    assert torch.allclose(found, run(x), atol=1e-6)
    torch.compiler.reset()


def test_a_default_device_context_is_no_reason_to_leave() -> None:
    module = LSTM(INPUT, HIDDEN)
    with torch.device("cpu"), warnings.catch_warnings():
        warnings.simplefilter("error")
        module(torch.randn(4, 2, INPUT))


def test_a_tensor_subclass_reaches_torch() -> None:
    class Tagged(torch.Tensor):
        pass

    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    with pytest.warns(SlowPathWarning, match="subclass"):
        output = module(x.as_subclass(Tagged))[0]
    assert isinstance(output, Tagged)
    assert torch.allclose(output.as_subclass(torch.Tensor), module(x)[0], atol=1e-6)


def test_an_observer_is_told_that_it_does_not_see_a_call() -> None:
    class Nobody:
        def forward(self, *_: Any) -> None:
            raise AssertionError("not called")

        backward = forward

    with observing(Nobody()), pytest.warns(SlowPathWarning, match="do not see it"):
        LSTM(INPUT, HIDDEN, device="meta")(torch.empty(4, 2, INPUT, device="meta"))


def test_a_warning_points_at_the_callers_line_and_names_the_layer() -> None:
    model = torch.nn.Sequential(torch.nn.ModuleDict({"rnn": RNNCell(INPUT, HIDDEN)}))
    net = torch.nn.Module()
    net.encoder, net.forward = model, lambda x: model[0]["rnn"](x)  # type: ignore[method-assign]
    x = torch.randn(2, INPUT).bfloat16()
    with pytest.warns(SlowPathWarning, match=r"^encoder\.0\.rnn \(RNNCell\): the module") as said:
        net.bfloat16()(x)
    assert said[0].filename == __file__
    x = torch.randn(4, 2, INPUT, requires_grad=True)
    y = LSTM(INPUT, HIDDEN)(x)[0]
    with pytest.warns(SlowPathWarning, match="derivative of a derivative") as said:
        torch.autograd.grad(y.sum(), x, create_graph=True)
    assert {warning.filename for warning in said if "kernels" in str(warning.message)} == {__file__}
