"""`checkpoint` keeps less for the backward pass, and changes no bit of what comes out of it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from glasscell import gradient_flow
from glasscell.nn import GRU, LSTM, RNN, SlowPathWarning, convert, restore
from glasscell.nn.checkpoint import segment_length
from nn.cases import HIDDEN, INPUT, LAYERS, everything, flat, leaves, pair_of, states

KEEPING = [name for name in LAYERS if not name.startswith("rnn")]  # a tape
BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
STEPS, BATCH = 23, 3


def _ends(name: str) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(5)
    reset = torch.rand(STEPS, BATCH, generator=generator) < 0.2
    lengths = torch.tensor([STEPS, 0, 9])
    return {"lengths": {"lengths": lengths}, "reset": {"reset": reset}}.get(
        name, {"lengths": lengths, "reset": reset} if name == "lengths and reset" else {}
    )


def _all(module: Any, ends: str, dtype: torch.dtype) -> list[torch.Tensor]:
    """Results and gradients of one call, by a loss that looks at all of the results."""
    torch.manual_seed(4)
    rows = [torch.randn(n, INPUT) for n in (9, STEPS, 4)]
    x = torch.randn(STEPS, BATCH, INPUT)
    given = _ends(ends)
    if module.batch_first:
        x = x.transpose(0, 1)
        given = {key: value.T if key == "reset" else value for key, value in given.items()}
    input = pack_sequence(rows, enforce_sorted=False) if ends == "packed" else x
    x, hx, inputs = leaves(input, states(module, BATCH, dtype), dtype)
    results = flat(module(x, hx, **given))
    loss = sum((result * torch.randn(result.shape).to(dtype)).sum() for result in results)
    return [*results, *torch.autograd.grad(loss, [*inputs, *module.parameters()])]


def _same_bits(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one.signbit(), other.signbit())


@BOTH
@pytest.mark.parametrize("ends", ["whole", "lengths", "reset", "lengths and reset", "packed"])
@pytest.mark.parametrize("name", KEEPING)
def test_results_and_gradients_have_the_same_bits(name: str, ends: str, dtype: torch.dtype) -> None:
    module = pair_of(name)[1].to(dtype)
    expected = _all(module, ends, dtype)
    for checkpoint in (True, 1, 4, STEPS - 1, STEPS, 10 * STEPS):
        module.checkpoint = checkpoint
        _same_bits(_all(module, ends, dtype), expected)


@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("batch", [1, 4, 33])
def test_any_number_of_threads_gives_the_same_bits(batch: int, kind: Any) -> None:
    module = kind(24, 64, num_layers=2, bidirectional=True)
    x, found = torch.randn(60, batch, 24), []
    for checkpoint in (None, 7):
        module.checkpoint = checkpoint
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            leaf = x.clone().requires_grad_()
            results = flat(module(leaf))
            loss = sum(r.pow(2).sum() for r in results)
            found.append([*results, *torch.autograd.grad(loss, [leaf, *module.parameters()])])
    for other in found[1:]:
        _same_bits(other, found[0])


def _kept(module: Any, x: torch.Tensor) -> int:
    """Numbers that the graph of one call keeps alive, each storage once."""
    seen: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes() // tensor.itemsize
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        module(x)[0].sum().backward()
    return sum(seen.values())


def test_what_is_kept_is_a_cell_state_for_each_segment() -> None:
    module, x = LSTM(INPUT, 16), torch.randn(100, 4, INPUT)
    weights = sum(parameter.numel() for parameter in module.parameters())
    rest = x.numel() + 100 * 4 * 16 + weights
    assert _kept(module, x) == rest + 100 * 4 * 5 * 16
    module.checkpoint = True
    assert _kept(module, x) == rest + 9 * 4 * 16
    module.checkpoint = 30
    assert _kept(module, x) == rest + 3 * 4 * 16


def test_of_a_gru_nothing_is_kept_but_input_and_output() -> None:
    module, x = GRU(INPUT, 16), torch.randn(100, 4, INPUT)
    weights = sum(parameter.numel() for parameter in module.parameters())
    rest = x.numel() + 100 * 4 * 16 + weights
    assert _kept(module, x) == rest + 100 * 4 * 4 * 16
    for module.checkpoint in (True, 30):
        assert _kept(module, x) == rest


PEAK = """
import sys, resource, torch
import glasscell.nn
torch.set_num_threads(1)
library = torch.nn if sys.argv[1] == "torch" else glasscell.nn
module = library.LSTM(16, 64, **({"checkpoint": True} if sys.argv[1] == "checkpoint" else {}))
def step(x):
    module(x)[0].sum().backward()
step(torch.randn(2, 2, 16))
x = torch.randn(1000, 32, 16)
def kilobytes(field):
    text = open("/proc/self/status").read()
    return int(text.split(field + ":")[1].split()[0])
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark starts again from here
before = kilobytes("VmRSS")
step(x)
print(kilobytes("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads /proc")
def test_a_training_step_of_a_thousand_steps_takes_a_fifth_of_torchs_memory() -> None:
    peak = {}
    for name in ("torch", "ours", "checkpoint"):
        command = [sys.executable, "-W", "ignore", "-c", PEAK, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peak[name] = int(done.stdout)
    assert peak["ours"] <= peak["torch"]
    assert peak["checkpoint"] <= peak["torch"] / 5


@pytest.mark.parametrize("name", ["lstm projected", "gru"])
def test_an_output_that_is_edited_in_place_reaches_no_gradient(name: str) -> None:
    found = []
    for checkpoint in (None, 2):
        module = pair_of(name)[1]
        module.checkpoint = checkpoint
        output = module(torch.ones(6, 2, INPUT))[0]
        output.mul_(0.5)
        found.append(torch.autograd.grad(output.sum(), module.parameters()))
    _same_bits(*map(list, found))


@pytest.mark.filterwarnings("ignore:a derivative of a derivative")
@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_second_derivatives_are_those_without(kind: Any) -> None:
    found = []
    for checkpoint in (None, 2):
        torch.manual_seed(1)
        module = kind(2, 3, dtype=torch.float64, checkpoint=checkpoint)
        x = torch.ones(5, 1, 2, dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
        found.append(torch.autograd.grad(first.pow(2).sum(), list(module.parameters())))
    _same_bits(*map(list, found))


def test_whoever_looks_on_sees_every_step() -> None:
    flows = []
    for checkpoint in (None, True):
        torch.manual_seed(1)
        module = LSTM(INPUT, HIDDEN, num_layers=2, checkpoint=checkpoint)
        flows.append(gradient_flow(module, torch.ones(30, 2, INPUT), lambda out: out[0][-1].sum()))
    for name in ("l0", "l1"):
        assert (flows[0][name].cell == flows[1][name].cell).all()
        assert (flows[0][name].hidden == flows[1][name].hidden).all()


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_under_torchs_own_checkpointing_too(kind: Any) -> None:
    found = []
    for checkpoint in (None, 3):
        torch.manual_seed(1)
        module, x = kind(INPUT, HIDDEN, checkpoint=checkpoint), torch.ones(9, 2, INPUT)
        x.requires_grad_()
        output = torch.utils.checkpoint.checkpoint(module, x, use_reentrant=False)[0]
        found.append(torch.autograd.grad(output.sum(), [x, *module.parameters()]))
    _same_bits(*map(list, found))


def test_it_travels_with_the_module_and_not_with_its_state() -> None:
    module = LSTM(INPUT, HIDDEN, checkpoint=5)
    module(torch.ones(6, 1, INPUT))
    for twin in (copy.deepcopy(module), copy.copy(module), pickle.loads(pickle.dumps(module))):
        assert twin.checkpoint == 5
    assert list(module.state_dict()) == list(torch.nn.LSTM(INPUT, HIDDEN).state_dict())
    assert "checkpoint=5" in repr(module)
    assert "checkpoint" not in repr(LSTM(INPUT, HIDDEN))


def test_convert_sets_it_and_restore_takes_it_away() -> None:
    kinds = torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN, torch.nn.LSTMCell
    model = torch.nn.ModuleList([kind(3, 4) for kind in kinds])
    assert convert(model)[0].checkpoint is None
    assert [layer.checkpoint for layer in convert(model, checkpoint=True)[:3]] == [True] * 3
    assert convert(model)[0].checkpoint is True
    assert not hasattr(restore(model)[0], "checkpoint")
    assert not any("glasscell" in name for name in vars(model[0]))
    with pytest.raises(ValueError, match="positive number of steps, got 0"):
        convert(model, checkpoint=0)
    assert type(model[0]) is torch.nn.LSTM


def test_a_module_that_was_pickled_before_it_had_one_has_none() -> None:
    module = LSTM(INPUT, HIDDEN)
    del module.__dict__["_glasscell_checkpoint"]
    assert pickle.loads(pickle.dumps(module)).checkpoint is None


def test_an_rnn_takes_it_and_needs_nothing() -> None:
    module = RNN(INPUT, HIDDEN, checkpoint=True)
    plain = RNN(INPUT, HIDDEN)
    plain.load_state_dict(module.state_dict())
    found = [
        everything(one, torch.ones(9, 2, INPUT), None, torch.float32) for one in (module, plain)
    ]
    _same_bits(*(list(values.values()) for values in found))


@pytest.mark.parametrize("wrong", [0, -3])
def test_a_number_that_is_not_positive_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match=f"positive number of steps, got {wrong}"):
        LSTM(INPUT, HIDDEN, checkpoint=wrong)
    module = LSTM(INPUT, HIDDEN)
    module.checkpoint = wrong
    with pytest.raises(ValueError, match=f"got {wrong}"):
        module(torch.ones(6, 1, INPUT))


@pytest.mark.parametrize("wrong", ["yes", 2.5])
def test_what_is_no_number_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected checkpoint as None, True, False or a positive"):
        LSTM(INPUT, HIDDEN, checkpoint=wrong)


def test_segments_of_the_square_root_or_of_a_given_length() -> None:
    assert [segment_length(True, steps) for steps in (1, 2, 4, 5, 9, 10)] == [0, 0, 2, 3, 3, 4]
    assert [segment_length(5, steps) for steps in (4, 5, 6)] == [0, 0, 5]
    assert segment_length(False, 100) == 0


@pytest.mark.filterwarnings("ignore:.*plain loop of torch operations")
def test_where_the_kernels_cannot_run_it_is_without_effect() -> None:
    module = LSTM(INPUT, HIDDEN, checkpoint=2, dtype=torch.bfloat16)
    x = PackedSequence(torch.ones(6, INPUT, dtype=torch.bfloat16), torch.tensor([2, 2, 2]))
    with pytest.warns(SlowPathWarning):
        module(x)
    module(torch.ones(6, 2, INPUT, dtype=torch.bfloat16), lengths=[6, 3])[0].sum().backward()
