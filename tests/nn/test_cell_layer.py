"""`glasscell.nn.Recurrent`: every cell of the family, and what a layer of torch has to do."""

from __future__ import annotations

import copy
import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint as torch_checkpoint

import glasscell.nn
from cell_family import FAMILY
from glasscell.cells import GRU, LSTM, RNN, SLSTM, Cell, evaluate, sigmoid, tanh, zoo
from glasscell.errors import CellError, DtypeError, ShapeError
from glasscell.nn import Recurrent, cell_layer, masks, starts
from glasscell.nn.fallback import Reason

each_cell = pytest.mark.parametrize("cell", FAMILY.values(), ids=FAMILY)

T, B, I, H = 6, 3, 4, 5  # noqa: E741


class Leaky(Cell):
    """A dozen lines, as the docs have them."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012
    vectors = {"p": "peephole of forget"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        f, g = sigmoid(a.f + self.p * h), tanh(a.g)
        return f * h + (1 - f) * g


class UserLSTM(Cell):
    """The LSTM as a user writes it: runs as a program, and must give the fused kernel's bits."""

    gates = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell"}  # noqa: RUF012

    def step(self, a: Any, h: Any, c: Any) -> Any:
        i, f, g, o = sigmoid(a.i), sigmoid(a.f), tanh(a.g), sigmoid(a.o)
        c = f * c + i * g
        return o * tanh(c), c


class UserGRU(GRU):
    """Of another name, so that it runs as a program."""


class UserRNN(RNN):
    """Likewise."""


@pytest.fixture
def in_torch(monkeypatch):
    """Have every call run as a plain loop of torch operations."""

    def switch(on: bool) -> None:
        if on:
            reason = Reason("a test says so", said=False)
            monkeypatch.setattr(cell_layer, "reason_to_leave", lambda *_: reason)
        else:
            monkeypatch.undo()

    return switch


def made(cell: Any, **options: Any) -> Recurrent:
    torch.manual_seed(3)
    options = {"dtype": torch.float64} | options
    layer = Recurrent(cell, I, H, **options)
    for name, w in layer.named_parameters():
        if not name.startswith("n_"):
            torch.nn.init.normal_(w, std=0.4)
    return layer


def gradients(layer: Recurrent, *inputs: Any, **more: Any) -> dict[str, torch.Tensor]:
    """Run a layer, and give all that comes out of it and of its backward pass."""
    tensors = [x for x in inputs if isinstance(x, torch.Tensor)]
    tensors += [s for x in inputs if isinstance(x, tuple) for s in x]
    layer.zero_grad()
    for tensor in tensors:
        tensor.grad = None
    torch.manual_seed(5)
    output, states = layer(*inputs, **more)
    data = output.data if isinstance(output, PackedSequence) else output
    results = [data, *(states if isinstance(states, tuple) else [states])]
    torch.manual_seed(6)
    sum((r * torch.randn_like(r)).sum() for r in results).backward()
    found = {f"result {k}": r.detach() for k, r in enumerate(results)}
    found |= {f"d input {k}": t.grad for k, t in enumerate(tensors) if t.grad is not None}
    return found | {f"d {name}": w.grad for name, w in layer.named_parameters()}


def assert_close(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Of a tensor that nothing depends on, None is as good as zeros."""
    for name in one.keys() | other.keys():
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            assert not any(t is not None and t.any() for t in (a, b)), name
            continue
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11, msg=lambda t, n=name: f"{n}: {t}")


def assert_same_bits(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def states_of(cell: Cell, sides: int) -> Any:
    torch.manual_seed(7)
    drawn = [torch.randn(sides, B, H, dtype=torch.float64) for _ in cell.states]
    if isinstance(cell, SLSTM):
        drawn[2] = drawn[2].abs() + 1
    for state in drawn:
        state.requires_grad_()
    return drawn[0] if len(drawn) == 1 else tuple(drawn)


@each_cell
def test_kernels_give_what_a_loop_of_torch_gives(cell, in_torch):
    layer = made(cell, num_layers=2, bidirectional=True, dropout=0.2)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    hx = states_of(cell, 4)
    one = gradients(layer, x, hx)
    in_torch(True)
    assert_close(one, gradients(layer, x, hx))


@each_cell
def test_ragged_and_reset_give_what_a_loop_of_torch_gives(cell, in_torch):
    layer = made(cell, bidirectional=True, batch_first=True)
    x = torch.randn(B, T, I, dtype=torch.float64, requires_grad=True)
    more = {"lengths": [4, 0, T], "reset": torch.rand(B, T) < 0.3}
    one = gradients(layer, x, **more)
    in_torch(True)
    assert_close(one, gradients(layer, x, **more))


@each_cell
def test_kernels_give_what_numpy_gives(cell):
    layer = made(cell).eval()
    x = torch.randn(T, B, I, dtype=torch.float64)
    own = {name.removesuffix("_l0"): w.detach().numpy() for name, w in layer.named_parameters()}
    program, order = cell.evaluation, list(cell.gates)
    states = [np.full((B, H), cell.initial.get(letter, 0.0)) for letter in cell.states]
    outputs = []
    for x_t in x.numpy():
        sums = []
        for gate, reads in program.sums:
            rows = slice(order.index(gate) * H, (order.index(gate) + 1) * H)
            total = np.zeros((B, H))
            if "x" in reads:
                total = total + x_t @ own["weight_ih"][rows].T + own["bias_ih"][rows]
            if "h" in reads:
                total = total + states[0] @ own["weight_hh"][rows].T + own["bias_hh"][rows]
            sums.append(total)
        vectors = [np.broadcast_to(own[name], (B, H)) for name in program.vectors]
        values = evaluate(program.operations, [*sums, *states, *vectors])
        states = [values[k] for k in program.outputs]
        outputs.append(states[0])
    output, last = layer(x)
    np.testing.assert_allclose(output.detach().numpy(), np.stack(outputs), rtol=1e-10, atol=1e-12)
    for mine, theirs in zip(last if isinstance(last, tuple) else [last], states, strict=True):
        np.testing.assert_allclose(mine[0].detach().numpy(), theirs, rtol=1e-10, atol=1e-12)


PAIRS = {
    "LSTM": (UserLSTM, glasscell.nn.LSTM, {}),
    "GRU": (UserGRU, glasscell.nn.GRU, {}),
    "RNN_TANH": (UserRNN("tanh"), glasscell.nn.RNN, {"nonlinearity": "tanh"}),
    "RNN_RELU": (UserRNN("relu"), glasscell.nn.RNN, {"nonlinearity": "relu"}),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 7, 8, 16, 17, 33, 64])
@pytest.mark.parametrize("mode", PAIRS)
def test_a_program_has_the_bits_of_the_fused_kernel(mode, size, dtype):
    cell, fused, options = PAIRS[mode]
    torch.manual_seed(size)
    kind: Any = {"num_layers": 2, "bidirectional": True, "dtype": dtype}
    one = Recurrent(cell, size + 1, size, **kind)
    other = fused(size + 1, size, **kind, **options)
    other.load_state_dict(one.state_dict())
    x = torch.randn(7, 5, size + 1, dtype=dtype, requires_grad=True)
    cases: list[dict[str, Any]] = [
        {},
        {"lengths": [7, 3, 0, 1, 6], "reset": torch.rand(7, 5) < 0.3},
    ]
    for more in cases:
        assert_same_bits(gradients(one, x, **more), gradients(other, x, **more))
    packed = pack_padded_sequence(x.detach(), [7, 3, 2, 1, 6], enforce_sorted=False)
    assert_same_bits(gradients(one, packed), gradients(other, packed))


@each_cell
def test_a_sequence_has_the_same_bits_alone_and_cut(cell):
    layer = made(cell, dtype=torch.float32).eval()
    x = torch.randn(T, B, I)
    with torch.no_grad():
        output, last = layer(x)
        for b in range(B):
            assert torch.equal(layer(x[:, b])[0], output[:, b])
        first, states = layer(x[:2])
        rest, end = layer(x[2:], states)
        assert torch.equal(torch.cat([first, rest]), output)
        for one, other in zip(end, last, strict=True):
            assert torch.equal(one, other)
        lengths = torch.tensor([2, T, 5])
        ragged, _ = layer(x, lengths=lengths)
        packed, _ = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        assert torch.equal(pad_packed_sequence(packed)[0], ragged)


@each_cell
def test_checkpoints_give_the_same_bits(cell):
    x = torch.randn(T, B, I, requires_grad=True)
    whole = gradients(made(cell, dtype=torch.float32), x)
    for setting in (True, 2):
        assert_same_bits(whole, gradients(made(cell, dtype=torch.float32, checkpoint=setting), x))
    layer = made(cell, dtype=torch.float32)
    run = layer.forward
    layer.forward = lambda *given: torch_checkpoint(run, *given, use_reentrant=False)  # type: ignore[method-assign]
    assert_same_bits(whole, gradients(layer, x))


@pytest.mark.filterwarnings("ignore::glasscell.nn.SlowPathWarning")
@pytest.mark.parametrize("cell", [Leaky(), SLSTM(), zoo.SRU(), LSTM(layer_norm=True)], ids=repr)
def test_gradcheck(cell):
    layer = made(cell)
    x = torch.randn(3, 2, I, dtype=torch.float64, requires_grad=True)

    def run(x: Any, *weights: Any) -> Any:
        names = [name for name, _ in layer.named_parameters()]
        output, states = torch.func.functional_call(
            layer, dict(zip(names, weights, strict=True)), x
        )
        return output, *(states if isinstance(states, tuple) else [states])

    weights = [w.detach().clone().requires_grad_() for w in layer.parameters()]
    assert torch.autograd.gradcheck(run, (x, *weights), fast_mode=True)
    assert torch.autograd.gradgradcheck(run, (x, *weights), fast_mode=True)


def test_names_and_shapes_of_parameters():
    layer = Recurrent(LSTM(peephole=True), I, H, num_layers=2, bidirectional=True)
    shapes = {name: tuple(w.shape) for name, w in layer.named_parameters()}
    assert shapes["weight_ih_l1_reverse"] == (4 * H, 2 * H)
    assert shapes["weight_hh_l0"] == (4 * H, H)
    assert shapes["p_f_l1"] == (H,)
    assert len(shapes) == 4 * 7
    names = [name for name, _ in Recurrent(zoo.IndRNN, I, H).named_parameters()]
    assert names == ["weight_ih_l0", "bias_ih_l0", "u_h_l0"]
    assert [n for n, _ in Recurrent(zoo.MinGRU, I, H, bias=False).named_parameters()] == [
        "weight_ih_l0"
    ]


@pytest.mark.parametrize(("cell", "peer"), [(LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)])
def test_a_seed_gives_torchs_numbers(cell, peer):
    torch.manual_seed(1)
    one = Recurrent(cell, I, H, num_layers=2, bidirectional=True)
    torch.manual_seed(1)
    other = peer(I, H, num_layers=2, bidirectional=True)
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, w in other.state_dict().items():
        assert torch.equal(one.state_dict()[name], w)
    x = torch.randn(T, B, I)
    torch.testing.assert_close(one(x)[0], other(x)[0], rtol=1e-4, atol=1e-6)


def test_a_layer_is_shown_copied_and_pickled():
    layer = made(LSTM(peephole=True), num_layers=2)
    assert repr(layer) == "Recurrent(LSTM(peephole=True), 4, 5, num_layers=2)"
    x = torch.randn(T, B, I, dtype=torch.float64)
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    for copied in (copy.deepcopy(layer), torch.load(buffer, weights_only=False)):
        assert torch.equal(copied(x)[0], layer(x)[0])
        assert copied.cell == layer.cell


def test_a_parametrized_weight_is_read_as_it_is():
    class Dropped(torch.nn.Module):
        def forward(self, w: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.dropout(w, 0.5, self.training)

    layer = made(Leaky)
    parametrize.register_parametrization(layer, "weight_hh_l0", Dropped())
    x = torch.randn(T, B, I, dtype=torch.float64)
    torch.manual_seed(1)
    one = layer(x)[0]
    torch.manual_seed(2)
    assert not torch.equal(one, layer(x)[0])
    torch.manual_seed(1)
    assert torch.equal(one, layer(x)[0])
    layer(x)[0].sum().backward()
    assert layer.parametrizations.weight_hh_l0.original.grad.any()


def test_autocast_gives_low_precision():
    layer = Recurrent(UserLSTM, I, H)
    x = torch.randn(T, B, I)
    with torch.autocast("cpu", torch.bfloat16):
        output, (h_n, c_n) = layer(x.bfloat16())
    assert (output.dtype, h_n.dtype) == (torch.bfloat16, torch.bfloat16)
    torch.testing.assert_close(output.float(), layer(x)[0], rtol=0.05, atol=0.02)
    assert c_n.dtype is torch.float32


def test_half_precision_runs_as_a_loop_and_says_so():
    layer = Recurrent(Leaky, I, H).bfloat16()
    x = torch.randn(T, B, I).bfloat16()
    with pytest.warns(glasscell.nn.SlowPathWarning, match="a plain loop of torch operations"):
        output, _ = layer(x)
    assert output.dtype is torch.bfloat16


def test_meta_tensors_run_as_a_loop():
    layer = Recurrent(UserGRU, I, H, device="meta")
    assert layer(torch.empty(T, B, I, device="meta"))[0].shape == (T, B, H)


class Model(torch.nn.Module):
    """A layer between others."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = Recurrent(Leaky, I, H), torch.nn.Linear(H, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0])


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_compiled_model_has_the_kernels_numbers():
    model, x = Model(), torch.randn(T, B, I)
    compiled = torch.compile(model, backend="eager")
    assert torch.equal(compiled(x), model(x))
    torch._dynamo.reset()


def test_torch_func_gives_the_kernels_gradients():
    layer, x = Recurrent(Leaky, I, H), torch.randn(T, B, I)
    parameters = dict(layer.named_parameters())

    def total(given: Any) -> torch.Tensor:
        return torch.func.functional_call(layer, given, x)[0].sum()

    with warnings.catch_warnings():
        warnings.simplefilter("error", glasscell.nn.SlowPathWarning)
        found = torch.func.grad(total)(parameters)
        mapped = torch.vmap(lambda one: layer(one)[0], 1, 1)(x)
    layer(x)[0].sum().backward()
    for name, w in layer.named_parameters():
        torch.testing.assert_close(found[name], w.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mapped, layer(x)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")
def test_scripting_is_refused_with_what_to_use():
    with pytest.raises(NotImplementedError, match=r"use torch\.compile or torch\.export"):
        torch.jit.script(Recurrent(Leaky, I, H))


def test_a_batch_of_nobody():
    layer = Recurrent(SLSTM, I, H)
    output, states = layer(torch.zeros(T, 0, I))
    assert output.shape == (T, 0, H)
    assert [s.shape for s in states] == [(1, 0, H)] * 4


def test_a_cell_of_a_dozen_lines_learns():
    """To say at the end what stood at the beginning."""
    torch.manual_seed(0)
    layer, head = Recurrent(Leaky, 1, 16, forget_bias=2.0), torch.nn.Linear(16, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    losses = []
    for _ in range(300):
        x = torch.randn(10, 32, 1)
        loss = (head(layer(x)[1][0]) - x[0]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-20:]) < 0.15 * np.mean(losses[:20])


# Masks


MASKED = {name: cell for name, cell in FAMILY.items() if cell.masks}


@pytest.mark.parametrize("cell", MASKED.values(), ids=MASKED)
def test_masks_are_drawn_anew_in_training_alone_and_from_torchs_generator(cell):
    layer = made(cell)
    x = torch.randn(T, B, I, dtype=torch.float64)
    torch.manual_seed(1)
    one = layer(x)[0]
    assert not torch.equal(one, layer(x)[0])
    torch.manual_seed(1)
    assert torch.equal(one, layer(x)[0])
    layer.eval()
    before = torch.get_rng_state()
    assert torch.equal(layer(x)[0], layer(x)[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_masks_have_their_two_values_with_their_probability():
    cell = LSTM(zoneout=(0.25, 0.0), recurrent_dropout=0.4)
    assert cell.program.masks == ("d_g", "z_h") or cell.program.masks == ("z_h", "d_g")
    drawn = masks.draw(cell, 50, 40, 30, torch.zeros(1))
    assert drawn.shape == (50, 40, 2, 30)
    where = dict(zip(cell.program.masks, drawn.unbind(2), strict=True))
    assert set(where["z_h"].unique().tolist()) == {0.0, 1.0}
    assert where["z_h"].mean().item() == pytest.approx(0.25, abs=0.01)
    assert where["d_g"].unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    assert where["d_g"].mean().item() == pytest.approx(1.0, abs=0.02)


def test_variational_masks_stay_for_the_sequence():
    cell = GRU(recurrent_dropout=0.5, variational=True)
    assert masks.draw(cell, 9, 3, 4, torch.zeros(1)).shape == (1, 3, 1, 4)
    both = GRU(recurrent_dropout=0.5, variational=True, zoneout=0.5)
    drawn = masks.draw(both, 9, 3, 40, torch.zeros(1))
    where = dict(zip(both.program.masks, drawn.unbind(2), strict=True))
    assert torch.equal(where["d_n"], where["d_n"][:1].expand(9, -1, -1))
    assert not torch.equal(where["z_h"], where["z_h"][:1].expand(9, -1, -1))
    assert masks.draw(GRU(), 9, 3, 4, torch.zeros(1)) is None


def test_hidden_dropout_drops_what_the_product_with_r_reads():
    layer = made(RNN(hidden_dropout=0.5))
    w_ih, w_hh, b_ih, b_hh = (one.detach() for one in layer.parameters())
    x = torch.randn(T, B, I, dtype=torch.float64)
    torch.manual_seed(3)
    mask = masks.draw(layer.cell, T, B, H, x)[0, :, 0]
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    torch.manual_seed(3)
    output, _ = layer(x)
    h = torch.zeros(B, H, dtype=torch.float64)
    for t in range(T):
        h = torch.tanh(x[t] @ w_ih.T + b_ih + (h * mask) @ w_hh.T + b_hh)
        torch.testing.assert_close(output[t], h)
    once = layer.eval()(x)[0]
    assert torch.equal(once, layer(x)[0])


def test_zoneout_keeps_what_was():
    layer = made(RNN(zoneout=0.999999))
    hx = torch.randn(1, B, H, dtype=torch.float64)
    torch.manual_seed(0)
    output, _ = layer(torch.randn(T, B, I, dtype=torch.float64), hx)
    assert torch.equal(output, hx.expand(T, B, H))


# Initial values


def test_orthogonal_is_orthogonal_gate_by_gate():
    layer = Recurrent(LSTM(peephole=True), I, H, bidirectional=True, init="orthogonal")
    for end in ("", "_reverse"):
        for block in getattr(layer, f"weight_hh_l0{end}").split(H):
            torch.testing.assert_close(block @ block.T, torch.eye(H), atol=1e-5, rtol=0)
        bound = (6 / (I + H)) ** 0.5
        assert getattr(layer, f"weight_ih_l0{end}").abs().max() <= bound
        assert not getattr(layer, f"bias_ih_l0{end}").any()
        assert getattr(layer, f"p_i_l0{end}").any()


def test_chrono_spreads_what_is_kept_over_the_lag():
    layer = Recurrent(LSTM, I, 2000, init="chrono", lag=100)
    i, f = (layer.bias_ih_l0[k * 2000 : (k + 1) * 2000] for k in (0, 1))
    assert torch.equal(i, -f)
    kept = f.detach().exp()
    assert kept.min() >= 1
    assert kept.max() <= 99
    assert kept.mean().item() == pytest.approx(50, abs=2)
    assert not layer.bias_hh_l0[: 2 * 2000].any()
    assert layer.bias_hh_l0[2 * 2000 :].any()
    gru = Recurrent(GRU, I, H, init="chrono", lag=10)
    assert (gru.bias_ih_l0[H : 2 * H] >= 0).all()
    mgu = Recurrent(zoo.MGU, I, H, init="chrono", lag=10)
    assert (mgu.bias_ih_l0[:H] <= 0).all()


@pytest.mark.parametrize(
    ("cell", "name", "rows", "value"),
    [
        (LSTM(), "bias_ih_l0", slice(H, 2 * H), 1.5),
        (LSTM(coupled=True), "bias_ih_l0", slice(0, H), 1.5),
        (LSTM(layer_norm=True), "b_f_l0", slice(None), 1.5),
        (GRU(), "bias_ih_l0", slice(H, 2 * H), 1.5),
        (GRU(layer_norm=True), "b_x_z_l0", slice(None), 1.5),
        (zoo.MinGRU(), "bias_ih_l0", slice(0, H), -1.5),
        (zoo.MinLSTM(), "bias_ih_l0", slice(0, H), 1.5),
        (SLSTM(), "bias_ih_l0", slice(H, 2 * H), 1.5),
    ],
    ids=repr,
)
def test_forget_bias_opens_the_gate_that_keeps(cell, name, rows, value):
    torch.manual_seed(1)
    plain = Recurrent(cell, I, H)
    torch.manual_seed(1)
    layer = Recurrent(cell, I, H, forget_bias=1.5)
    assert (getattr(layer, name)[rows] == value).all()
    changed = {
        key for key, w in layer.state_dict().items() if not torch.equal(w, plain.state_dict()[key])
    }
    assert changed <= {name, "bias_hh_l0"}


@pytest.mark.parametrize(
    ("cell", "options", "said"),
    [
        (LSTM(), {"init": "xavier"}, "init: expected one of torch, orthogonal, chrono"),
        (LSTM(), {"init": "chrono"}, "lag: expected the longest lag"),
        (LSTM(), {"lag": 10}, "lag: expected the longest lag"),
        (LSTM(), {"init": "chrono", "lag": 2}, "lag: expected more than 2 steps"),
        (LSTM(), {"init": "chrono", "lag": 9, "bias": False}, "bias: expected biases with init"),
        (LSTM(), {"forget_bias": 1.0, "bias": False}, "bias: expected biases with forget_bias"),
        (LSTM(), {"init": "chrono", "lag": 9, "forget_bias": 1.0}, "forget_bias: expected None"),
        (LSTM(), {"forget_bias": float("nan")}, "forget_bias: expected a finite number"),
        (RNN(), {"forget_bias": 1.0}, "a gate that says what a state keeps"),
        (RNN(), {"init": "chrono", "lag": 9}, "a gate that says what a state keeps"),
        (zoo.MinGRU(), {"init": "orthogonal"}, "a cell with a matrix R"),
    ],
)
def test_initial_values_that_do_not_fit_are_refused(cell, options, said):
    with pytest.raises(ValueError, match="expected") as error:
        Recurrent(cell, I, H, **options)
    assert said in str(error.value)


def test_a_missing_parameter_is_told():
    layer = Recurrent(Leaky, I, H)
    layer.weight_hh_l0 = None
    with pytest.raises(RuntimeError, match="expected all parameters"):
        layer(torch.zeros(T, B, I))


def test_a_vector_of_another_shape_is_told():
    layer = Recurrent(Leaky, I, H)
    layer.p_l0 = torch.nn.Parameter(torch.zeros(H, 1))
    with pytest.raises(RuntimeError, match=r"expected p_l0 of shape \(H,\) = \(5,\), got \(5, 1\)"):
        layer(torch.zeros(T, B, I))


def test_dropout_that_does_nothing_is_told():
    with pytest.warns(UserWarning, match=r"got dropout=0\.5 and num_layers=1; it does nothing"):
        Recurrent(Leaky, I, H, dropout=0.5)


def test_options_that_there_are_not_are_refused():
    with pytest.raises(TypeError, match=r"expected options out of init, .*, got inits, peephole"):
        Recurrent(LSTM, I, H, inits="orthogonal", peephole=True)  # type: ignore[call-arg]


def test_reset_parameters_starts_again():
    layer = Recurrent(LSTM(layer_norm=True), I, H, forget_bias=1.0)
    torch.manual_seed(1)
    layer.reset_parameters()
    first = copy.deepcopy(layer.state_dict())
    torch.manual_seed(1)
    layer.reset_parameters()
    assert all(torch.equal(w, first[name]) for name, w in layer.state_dict().items())
    assert (layer.n_c_l0 == 1).all()
    assert (layer.b_f_l0 == 1).all()
    assert starts.INITS == ("torch", "orthogonal", "chrono")


# What is refused


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ((object(), I, H), CellError, "expected a glasscell.cells.Cell, or a class of one"),
        ((torch.nn.LSTM, I, H), CellError, "write a class that extends Cell"),
        ((Cell, I, H), CellError, "at least one gate"),
        ((LSTM, 0, H), ValueError, "input_size: expected 1 or more, got 0"),
        ((LSTM, I, 2.0), TypeError, "hidden_size: expected a whole number, got float"),
        ((LSTM, I, H, 0), ValueError, "num_layers: expected 1 or more"),
        ((LSTM, I, H, 1, True, False, 1.5), ValueError, "dropout: expected a probability"),
        ((LSTM, I, H, 1, 1), TypeError, "bias: expected True or False, got 1"),
        (("LSTM", I, H), CellError, "expected a glasscell.cells.Cell, or a class of one, got str"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, kind, said):
    with pytest.raises(kind) as error:
        Recurrent(*arguments)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda m: m([1.0]), DtypeError, "input: expected a tensor, got list"),
        (lambda m: m(torch.zeros(T, B, I + 1)), ShapeError, "with I = 4, got (6, 3, 5)"),
        (lambda m: m(torch.zeros(I)), ShapeError, "input: expected (T, B, I) or (T, I)"),
        (lambda m: m(torch.zeros(0, B, I)), ShapeError, "at least one step"),
        (lambda m: m(torch.zeros(T, B, I).double()), DtypeError, "the parameters' own"),
        (lambda m: m(torch.zeros(T, B, I).int()), DtypeError, "the parameters' own"),
        (
            lambda m: m(torch.zeros(T, B, I), torch.zeros(1, B, H)),
            ShapeError,
            "a tuple of hidden, cell",
        ),
        (
            lambda m: m(torch.zeros(T, B, I), (torch.zeros(1, B, H), torch.zeros(1, B, H + 1))),
            ShapeError,
            "hx, cell: expected (L * D, B, H) = (1, 3, 5), got (1, 3, 6)",
        ),
        (
            lambda m: m(torch.zeros(T, I), (torch.zeros(1, B, H), torch.zeros(1, B, H))),
            ShapeError,
            "hx, hidden: expected (L * D, H) = (1, 5)",
        ),
        (
            lambda m: m(torch.zeros(T, B, I), (torch.zeros(1, B, H).double(),) * 2),
            DtypeError,
            "hx, hidden: expected torch.float32",
        ),
        (
            lambda m: m(torch.zeros(T, B, I), lengths=[1, 2]),
            ShapeError,
            "expected lengths of shape",
        ),
        (lambda m: m(torch.zeros(T, B, I), reset=torch.zeros(T, B)), DtypeError, "reset as bool"),
    ],
)
def test_calls_that_do_not_fit_are_refused(call, kind, said):
    with pytest.raises(kind) as error:
        call(Recurrent(UserLSTM, I, H))
    assert said in str(error.value)
