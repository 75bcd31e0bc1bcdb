"""`torch.compile`: one graph through our layers, forward and backward, at any length and batch."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from glasscell.errors import DtypeError, ShapeError
from glasscell.nn import LSTM, RNN, convert, observing
from nn.cases import ANY_CELL, HIDDEN, INPUT, any_cell, flat, pair_of, states

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    gc.collect()  # a block that another test dropped keeps the compiler off until it is closed
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch.compiler.reset()


def _model(layer: Any) -> Any:
    first = torch.nn.Linear(INPUT, INPUT)

    def run(x: Tensor, hx: Any = None, **options: Any) -> list[Tensor]:
        return [result.sin() for result in flat(layer(first(x).tanh(), hx, **options))]

    return run


def _gradients(results: list[Tensor], of: list[Any]) -> Any:
    return torch.autograd.grad([r.sum() for r in results], of)


@pytest.mark.parametrize("name", ["lstm", "lstm all at once", "gru two layers", "rnn relu"])
def test_one_graph_for_all_sizes_and_both_passes(name: str) -> None:
    layer = pair_of(name)[1]
    run = _model(layer)
    compiled = torch.compile(run, backend="aot_eager", fullgraph=True, dynamic=True)
    own = list(layer.parameters())
    for shape in ((6, 4), (9, 3), (40, 7)):
        x = torch.randn(*shape, INPUT)
        found, expected = compiled(x), run(x)
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one, other)
        torch.testing.assert_close(_gradients(found, own), _gradients(expected, own))
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    with torch.no_grad():
        assert torch.equal(compiled(x)[0], run(x)[0])
    assert graphs == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("unbatched", [False, True])
@pytest.mark.parametrize("name", ["lstm", "lstm all at once", "rnn relu two layers both ways"])
def test_states_precisions_and_one_sequence(name: str, unbatched: bool, dtype: torch.dtype) -> None:
    layer: Any = pair_of(name)[1].to(dtype)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = torch.randn(6, INPUT, dtype=dtype) if unbatched else torch.randn(4, 4, INPUT, dtype=dtype)
    hx = states(layer, None if unbatched else 4, dtype)
    for one, other in zip(flat(compiled(x, hx)), flat(layer(x, hx)), strict=True):
        assert torch.equal(one, other)
        assert one.shape == other.shape


def test_the_default_backend_compiles_both_passes() -> None:
    layer = LSTM(INPUT, HIDDEN, bidirectional=True)
    run = _model(layer)
    compiled = torch.compile(run, fullgraph=True, dynamic=True)
    own = list(layer.parameters())
    for shape in ((6, 4), (9, 3)):
        x = torch.randn(*shape, INPUT)
        found, expected = compiled(x), run(x)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(_gradients(found, own), _gradients(expected, own))


def test_lengths_and_reset_are_inputs_of_the_graph() -> None:
    run = _model(LSTM(INPUT, HIDDEN, 2, bidirectional=True))
    compiled = torch.compile(run, backend="aot_eager", fullgraph=True)
    x = torch.randn(6, 4, INPUT)
    for lengths in ([6, 0, 2, 4], [1, 2, 3, 4]):
        options = {"lengths": torch.tensor(lengths), "reset": torch.rand(6, 4) < 0.4}
        for one, other in zip(compiled(x, **options), run(x, **options), strict=True):
            assert torch.equal(one, other)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_autocast_gives_the_same_dtypes_compiled() -> None:
    layer = LSTM(INPUT, HIDDEN)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = torch.randn(6, 4, INPUT)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for one, other in zip(flat(compiled(x)), flat(layer(x)), strict=True):
            assert one.dtype is other.dtype
            assert torch.equal(one, other)


@pytest.mark.parametrize("kind", [LSTM, RNN])
def test_what_no_operator_takes_breaks_the_graph_and_runs_as_it_is(kind: Any) -> None:
    layer = kind(INPUT, HIDDEN)
    compiled = torch.compile(layer, backend="eager")
    rows = pack_sequence([torch.randn(n, INPUT) for n in (5, 3)])
    found = compiled(rows)[0]
    assert isinstance(found, PackedSequence)
    assert torch.equal(found.data, layer(rows)[0].data)
    half = kind(INPUT, HIDDEN, dtype=torch.bfloat16)
    x = torch.randn(4, 2, INPUT, dtype=torch.bfloat16)
    assert torch.equal(torch.compile(half, backend="eager")(x)[0], half(x)[0])


@pytest.mark.parametrize("bad", [torch.zeros(4, 2, 3), torch.zeros(2, 2, 4, INPUT)])
def test_what_eager_refuses_a_compiled_model_refuses(bad: Tensor) -> None:
    layer = LSTM(INPUT, HIDDEN)
    with pytest.raises((RuntimeError, ValueError)):
        torch.compile(layer, backend="eager")(bad)


def test_blocks_that_end_in_another_order_leave_the_compiler_as_it_was() -> None:
    """As those of threads do: the second begins within the first and ends after it."""
    stance = torch._dynamo.eval_frame._stance.stance
    first, second = observing(_Nobody()), observing(_Nobody())
    first.__enter__()
    # A context of its own, as another thread has.
    apart = copy_context()
    apart.run(second.__enter__)
    assert torch._dynamo.eval_frame._stance.stance == "force_eager"
    first.__exit__(None, None, None)
    assert torch._dynamo.eval_frame._stance.stance == "force_eager"
    apart.run(second.__exit__, None, None, None)
    assert torch._dynamo.eval_frame._stance.stance == stance


class _Nobody:
    def forward(self, *_: object) -> None: ...


def test_torchs_own_layers_are_left_to_torch() -> None:
    theirs = torch.nn.LSTM(INPUT, HIDDEN)
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(theirs, backend="eager", fullgraph=True)(torch.randn(4, 2, INPUT))
    compiled = torch.compile(convert(theirs), backend="eager", fullgraph=True)
    compiled(torch.randn(4, 2, INPUT))


@pytest.mark.parametrize("options", [{}, {"peephole": True}])
def test_compiled_models_run_as_they_are_where_someone_looks_on(options: Any) -> None:
    class Count:
        calls = 0

        def forward(self, *_: Any) -> None:
            self.calls += 1

        def backward(self, *_: Any) -> None:
            pass

    model = torch.nn.Sequential(LSTM(INPUT, HIDDEN, **options))
    compiled, count, x = torch.compile(model, backend="eager"), Count(), torch.randn(4, 2, INPUT)
    expected = compiled(x)[0]
    with observing(count):
        found = compiled(x)[0]
    assert count.calls == 1
    assert torch.equal(found, expected)


def test_weights_changed_in_place_are_seen() -> None:
    layer, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        for _ in range(3):
            for weight in layer.parameters():
                weight.data.mul_(1.1)
            assert torch.equal(compiled(x)[0], layer(x)[0])


def test_the_compiler_is_not_loaded_for_it() -> None:
    program = (
        "import sys, glasscell.nn, torch; assert 'torch._dynamo' not in sys.modules; "
        "m = glasscell.nn.RNN(2, 3); "
        "print(torch.compile(m, backend='eager', fullgraph=True)(torch.zeros(2, 1, 2))[0].shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "torch.Size([2, 1, 3])" in done.stdout, done.stderr


EVERY_CELL = pytest.mark.parametrize("name", ANY_CELL)


@EVERY_CELL
def test_any_cell_is_one_graph_in_training_too(name: str) -> None:
    layer = any_cell(name)
    run = _model(layer)
    compiled = torch.compile(run, backend="aot_eager", fullgraph=True, dynamic=True)
    own = list(layer.parameters())
    for shape in ((6, 4), (9, 3), (40, 7)):
        x = torch.randn(*shape, INPUT)
        torch.manual_seed(2)
        found = compiled(x)
        torch.manual_seed(2)
        expected = run(x)
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one, other)
        torch.testing.assert_close(_gradients(found, own), _gradients(expected, own))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    layer.eval()
    assert torch.equal(compiled(x)[0], run(x)[0])


@EVERY_CELL
def test_any_cell_takes_states_lengths_and_reset_compiled(name: str) -> None:
    layer = any_cell(name, dtype=torch.float64).eval()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    sides = layer.num_layers * (2 if layer.bidirectional else 1)
    for batch in (None, 4):
        lead = (sides,) if batch is None else (sides, batch)
        given = tuple(torch.randn(*lead, HIDDEN, dtype=torch.float64) for _ in layer.cell.states)
        hx = given if len(given) > 1 else given[0]
        x = torch.randn(*((4,) if batch is None else (4, 4)), INPUT, dtype=torch.float64)
        options = {}
        if batch is not None:
            options = {"lengths": torch.tensor([4, 0, 2, 3]), "reset": torch.rand(4, 4) < 0.4}
        found, expected = flat(compiled(x, hx, **options)), flat(layer(x, hx, **options))
        for one, other in zip(found, expected, strict=True):
            assert one.shape == other.shape
            assert torch.equal(one, other)


def test_the_default_backend_compiles_any_cell() -> None:
    layer = any_cell("own")
    run = _model(layer)
    compiled, own = torch.compile(run, fullgraph=True, dynamic=True), list(layer.parameters())
    for shape in ((6, 4), (9, 3)):
        x = torch.randn(*shape, INPUT)
        found, expected = compiled(x), run(x)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(_gradients(found, own), _gradients(expected, own))


def test_the_default_backend_draws_new_masks_at_every_call() -> None:
    layer, x = any_cell("zoneout"), torch.randn(6, 4, INPUT)
    compiled = torch.compile(layer, fullgraph=True)
    assert not torch.equal(compiled(x)[0], compiled(x)[0])


def test_autocast_gives_any_cell_the_same_dtypes_compiled() -> None:
    layer = any_cell("peephole")
    compiled, x = (
        torch.compile(layer, backend="aot_eager", fullgraph=True),
        torch.randn(6, 4, INPUT),
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for one, other in zip(flat(compiled(x)), flat(layer(x)), strict=True):
            assert one.dtype is other.dtype
            assert torch.equal(one, other)


def test_any_cell_breaks_the_graph_where_no_operator_takes_it() -> None:
    layer = any_cell("own")
    compiled = torch.compile(layer, backend="eager")
    rows = pack_sequence([torch.randn(n, INPUT) for n in (5, 3)])
    assert torch.equal(compiled(rows)[0].data, layer(rows)[0].data)
    half, x = layer.bfloat16(), torch.randn(4, 2, INPUT, dtype=torch.bfloat16)
    assert torch.equal(torch.compile(half, backend="eager")(x)[0], half(x)[0])
    with pytest.raises(DtypeError, match=r"input: expected torch\.bfloat16"):
        torch.compile(layer, backend="eager")(x.float())
    with pytest.raises(ShapeError, match="input: expected"):
        torch.compile(layer, backend="eager")(x[..., 1:])
