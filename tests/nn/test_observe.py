"""An observer is shown what ran: the gates of every step, and the gradients that passed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from glasscell import cells
from glasscell.nn import GRU, LSTM, RNN, LSTMCell, Record, observing
from nn.cases import HIDDEN, INPUT, LAYERS, padded, pair_of, states


class Seen:
    """Keeps all that it is shown, in order."""

    def __init__(self) -> None:
        self.records: list[tuple[str, Record]] = []
        self.gradients: list[tuple[str, Any, Any, Any]] = []
        self.modules: list[torch.nn.Module] = []
        self.pairs: list[tuple[Record, Record]] = []

    def forward(self, module: torch.nn.Module, suffix: str, record: Record) -> None:
        self.modules.append(module)
        self.records.append((suffix, record))

    def follows(self, record: Record, earlier: Record) -> None:
        self.pairs.append((record, earlier))

    def backward(self, module: Any, suffix: str, record: Record, dy: Any, dh: Any, dc: Any) -> None:
        assert any(record is one for _, one in self.records)
        self.gradients.append((suffix, dy, dh, dc))


def _gate(record: Record, name: str) -> Any:
    return record.tape[..., cells.TAPE.index(name), : record.hidden_size]


def _shift(cell: Any, c0: Any, reverse: bool) -> Any:
    first = np.zeros_like(cell[:1]) if c0 is None else c0[None]
    return np.concatenate([cell[1:], first] if reverse else [first, cell[:-1]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("lstm")])
def test_the_cell_state_is_exactly_what_the_gates_say(name: str, dtype: torch.dtype) -> None:
    module = pair_of(name)[1].to(dtype)
    seen = Seen()
    with observing(seen):
        output, _ = module(padded(module, 6, 3, dtype), states(module, 3, dtype))
    assert [suffix for suffix, _ in seen.records] == [
        f"l{layer}{end}"
        for layer in range(module.num_layers)
        for end in (("", "_reverse") if module.bidirectional else ("",))
    ]
    for suffix, record in seen.records:
        cell = _gate(record, "cell")
        before = _shift(cell, record.c0, suffix.endswith("reverse"))
        kept = _gate(record, "forget") * before
        assert (kept + _gate(record, "input") * _gate(record, "candidate") == cell).all()
    last = seen.records[-module.bidirectional - 1 :]
    joined = np.concatenate([record.output for _, record in last], axis=-1)
    expected = output.transpose(0, 1) if module.batch_first else output
    assert (joined == expected.detach().numpy()).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("gru")])
def test_the_hidden_state_of_a_gru_is_exactly_what_its_gates_say(
    name: str, dtype: torch.dtype
) -> None:
    module, seen = pair_of(name)[1].to(dtype), Seen()
    with observing(seen):
        module(padded(module, 6, 3, dtype), states(module, 3, dtype))
    assert len(seen.records) == module.num_layers * (1 + module.bidirectional)
    for suffix, record in seen.records:
        reset, update, candidate = (record.tape[..., k, :HIDDEN] for k in range(3))
        assert ((reset > 0) & (reset < 1)).all()
        before = _shift(record.output, record.h0, suffix.endswith("reverse"))
        assert ((1 - update) * candidate + update * before == record.output).all()
        assert record.c0 is record.c_n is None
        assert record.mode == "GRU"


def test_a_record_says_how_the_call_was_laid_out() -> None:
    seen = Seen()
    first, plain = LSTM(INPUT, HIDDEN, batch_first=True), RNN(INPUT, HIDDEN)
    with observing(seen):
        first(torch.randn(3, 6, INPUT), lengths=[2, 6, 0], reset=torch.zeros(3, 6).bool())
        plain(torch.randn(6, INPUT))
        plain(pack_sequence([torch.randn(n, INPUT) for n in (2, 4)], enforce_sorted=False))
        LSTMCell(INPUT, HIDDEN)(torch.randn(3, INPUT))
    (_, a), (_, b), (_, c), (suffix, d) = seen.records
    assert a.batch_first
    assert a.output.shape == (6, 3, HIDDEN)
    assert a.lengths.tolist() == [2, 6, 0]
    assert a.reset.shape == (6, 3)
    assert not a.tape[2:, 0, :, :HIDDEN].any()
    assert b.unbatched
    assert (b.mode, b.tape, b.c_n, b.output.shape) == ("RNN_TANH", None, None, (6, 1, HIDDEN))
    assert c.batch_sizes.tolist() == [2, 2, 1, 1]
    assert c.sorted_indices.tolist() == [1, 0]
    assert c.output.shape == (6, HIDDEN)
    assert suffix == "cell"
    assert d.output.shape == (1, 3, HIDDEN)


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_that_pass_are_those_of_every_step(kind: Any, bidirectional: bool) -> None:
    """Against a chain of one-step calls, where torch itself keeps each state's gradient."""
    module = kind(INPUT, HIDDEN, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(5, 2, INPUT, dtype=torch.float64)
    weight = torch.randn(5, 2, HIDDEN * (1 + bidirectional), dtype=torch.float64)
    seen = Seen()
    with observing(seen, gradients=True) as watch:
        loss = (module(x)[0] * weight).sum()
        torch.autograd.grad(loss, watch.anchor)
    assert all(parameter.grad is None for parameter in module.parameters())
    for suffix, dy, dh, dc in seen.gradients:
        reverse = suffix.endswith("reverse")
        part = weight[..., HIDDEN:] if reverse else weight[..., :HIDDEN]
        assert (dy == part.numpy()).all()
        hidden, cell = _chain(module, x, part, suffix, reverse)
        assert np.allclose(dh, hidden)
        assert (dc is None) == (kind is not LSTM)
        assert dc is None or np.allclose(dc, cell)
    assert len(seen.gradients) == 1 + bidirectional


def _chain(module: Any, x: Any, weight: Any, suffix: str, reverse: bool) -> tuple[Any, Any]:
    kinds = {"LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell, "RNN_TANH": torch.nn.RNNCell}
    cell = kinds[module.mode](INPUT, HIDDEN, dtype=torch.float64)
    roles = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({role: getattr(module, f"{role}_{suffix}").detach() for role in roles})
    state, kept, loss = None, {}, torch.zeros((), dtype=torch.float64)
    for t in reversed(range(5)) if reverse else range(5):
        state = cell(x[t], state)
        kept[t] = state if isinstance(state, tuple) else (state,)
        for tensor in kept[t]:
            tensor.retain_grad()
        loss = loss + (kept[t][0] * weight[t]).sum()
    loss.backward()
    grads = [
        np.stack([torch.zeros(2, HIDDEN) if s[k].grad is None else s[k].grad for s in steps])
        for steps in [[kept[t] for t in range(5)]]
        for k in range(len(kept[0]))
    ]
    return grads[0], grads[-1]


def test_gradients_are_seen_where_nothing_requires_any() -> None:
    module = LSTM(INPUT, HIDDEN, num_layers=2).requires_grad_(False)
    seen = Seen()
    with observing(seen, gradients=True) as watch:
        _, (h_n, _) = module(torch.randn(4, 2, INPUT))
        torch.autograd.grad(h_n[-1].sum(), watch.anchor)
    assert [suffix for suffix, *_ in seen.gradients] == ["l1", "l0"]
    assert not seen.gradients[0][1].any()  # nothing arrives at the outputs directly
    assert seen.gradients[1][2].any()


def test_second_derivatives_can_be_watched_too() -> None:
    module, seen = LSTM(INPUT, HIDDEN), Seen()
    x = torch.randn(4, 2, INPUT, requires_grad=True)
    with observing(seen, gradients=True), pytest.warns(UserWarning, match="derivative"):
        (gradient,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
    gradient.pow(2).sum().backward()
    assert len(seen.gradients) == 1


def test_a_record_stays_as_it_was_when_the_user_edits_the_results() -> None:
    module, seen, x = LSTM(INPUT, HIDDEN), Seen(), torch.randn(4, 2, INPUT)
    expected, (h_n, c_n) = module(x)
    for context in (torch.no_grad(), torch.enable_grad()):
        with observing(seen), context:
            for result in (lambda r: (r[0], *r[1]))(module(x)):
                result.zero_()
        _, record = seen.records[-1]
        assert (record.output == expected.detach().numpy()).all()
        assert (record.h_n == h_n[0].detach().numpy()).all()
        assert (record.c_n == c_n[0].detach().numpy()).all()


def test_blocks_nest_and_end() -> None:
    outer, inner, module = Seen(), Seen(), LSTM(INPUT, HIDDEN)
    x = torch.randn(4, 2, INPUT)
    with observing(outer):
        with observing(inner):
            module(x)
        module(x)
        with pytest.raises(RuntimeError, match="stop"), observing(inner):
            raise RuntimeError("stop")
        module(x)
    module(x)
    assert (len(outer.records), len(inner.records)) == (2, 1)
    assert outer.modules == [module, module]
