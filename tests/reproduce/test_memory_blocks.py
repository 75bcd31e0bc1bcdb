"""The compiled network of 1997 against its equations, and the equations against autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glasscell.engine.online import MemoryBlocks
from glasscell.errors import ShapeError
from glasscell.reference.memory_blocks import (
    BlockSizes,
    BlockState,
    block_step,
    truncated_gradient,
)

GATES = ("input_gate", "output_gate", "forget_gate")


@st.composite
def networks(draw):
    small = st.integers(1, 3)
    sizes = BlockSizes(
        inputs=draw(small),
        blocks=draw(small),
        cells_per_block=draw(small),
        outputs=draw(small),
        **{gate: draw(st.booleans()) for gate in GATES},
    )
    chance = np.random.default_rng(draw(st.integers(0, 999)))
    hidden = chance.normal(size=(sizes.units, sizes.sources))
    output = chance.normal(size=(sizes.outputs, sizes.output_sources))
    masks = chance.random(hidden.shape) < 0.8, chance.random(output.shape) < 0.8
    return sizes, hidden * masks[0], output * masks[1], *masks, chance


def lessons(sizes, chance, lengths=(4, 1, 3)):
    ends = np.cumsum(lengths)
    x = chance.normal(size=(ends[-1], sizes.inputs))
    target = chance.random((ends[-1], sizes.outputs))
    target[chance.random(target.shape) < 0.5] = np.nan
    target[-1] = 0.5
    return x, target, ends


def by_equations(sizes, hidden, output, masks, x, target, ends, rate, per_step):
    """Learn as the compiled core should; gives weights, outputs and cell states."""
    hidden, output = hidden.copy(), output.copy()
    outputs, states = [], []
    start = 0
    for end in ends:
        state = BlockState.zero(sizes)
        moves = np.zeros_like(hidden), np.zeros_like(output)
        for t in range(start, end):
            step = block_step(sizes, hidden, output, x[t], state)
            state = step.state
            outputs.append(step.output)
            states.append(state.cells)
            if not np.isnan(target[t]).all():
                given = truncated_gradient(sizes, output, step, target[t])
                moves = tuple(a + rate * b * m for a, b, m in zip(moves, given, masks, strict=True))
                if per_step:
                    hidden, output = hidden + moves[0], output + moves[1]
                    moves = np.zeros_like(hidden), np.zeros_like(output)
        hidden, output = hidden + moves[0], output + moves[1]
        start = end
    return hidden, output, np.array(outputs), np.array(states)


@given(networks(), st.booleans())
def test_the_core_learns_what_the_equations_say(made, per_step):
    sizes, hidden, output, hidden_mask, output_mask, chance = made
    x, target, ends = lessons(sizes, chance)
    net = MemoryBlocks(sizes, hidden, output, hidden_mask, output_mask)
    run = net.run(x, target, ends, rate=0.3, per_step=per_step, outputs=True, states=True)
    wanted = by_equations(
        sizes, hidden, output, (hidden_mask, output_mask), x, target, ends, 0.3, per_step
    )
    # Sums of at most 30 products in another order, over 8 steps.
    for found, right in zip((*net.weights, run.outputs, run.states), wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-12)
    errors = abs(target - wanted[2])
    starts = ends - np.diff(ends, prepend=0)
    for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
        known = errors[first:last][~np.isnan(target[first:last])]
        assert run.largest[number] == pytest.approx(known.max(initial=0.0))
        assert run.absolute[number] == pytest.approx(known.sum())
        assert run.squared[number] == pytest.approx(np.square(known).sum())


@given(networks())
def test_the_truncated_gradient_is_what_autograd_gives_where_the_rest_is_cut_off(made):
    sizes, hidden, output, _, _, chance = made
    x, target, _ = lessons(sizes, chance, (5,))
    W, V = (torch.tensor(w, requires_grad=True) for w in (hidden, output))
    K, n, S = sizes.cells, sizes.blocks, sizes.cells_per_block
    s = torch.zeros(K, dtype=torch.float64)
    heard = torch.zeros(sizes.units, dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    loss = torch.zeros((), dtype=torch.float64)
    for t in range(len(x)):
        z = torch.cat([torch.tensor(x[t]), heard.detach(), one])
        y = torch.sigmoid(W @ z)
        gates = [y[K + k * n : K + (k + 1) * n] for k in range(3)]
        gates = [
            gate if getattr(sizes, name) else torch.ones_like(gate)
            for gate, name in zip(gates, GATES, strict=True)
        ]
        i, o, f = (gate.repeat_interleave(S) for gate in gates)
        s = f * s + i * (4 * y[:K] - 2)
        y_c = o * (2 * torch.sigmoid(s) - 1)
        answer = torch.sigmoid(V @ torch.cat([y_c, torch.tensor(x[t]), one]))
        known = torch.tensor(~np.isnan(target[t]))
        loss = loss + (torch.tensor(target[t])[known] - answer[known]).square().sum() / 2
        heard = torch.cat([y_c, *gates])
    loss.backward()
    state, moves = BlockState.zero(sizes), [0.0, 0.0]
    for t in range(len(x)):
        step = block_step(sizes, hidden, output, x[t], state)
        state = step.state
        moves = [a + b for a, b in zip(moves, truncated_gradient(sizes, output, step, target[t]),
                                       strict=True)]  # fmt: skip
    np.testing.assert_allclose(-W.grad.numpy(), moves[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(-V.grad.numpy(), moves[1], rtol=1e-9, atol=1e-12)


@given(networks())
def test_a_stream_goes_on_where_it_stopped(made):
    sizes, hidden, output, hidden_mask, output_mask, chance = made
    x, target, _ = lessons(sizes, chance, (6,))
    whole, parts = (MemoryBlocks(sizes, hidden, output, hidden_mask, output_mask) for _ in range(2))
    once = whole.run(x, target, np.array([6]), rate=0.1, per_step=True, outputs=True)
    first = parts.run(x[:2], target[:2], np.array([2]), rate=0.1, per_step=True, outputs=True)
    then = parts.run(
        x[2:], target[2:], np.array([4]), rate=0.1, per_step=True, fresh=False, outputs=True
    )
    assert np.array_equal(once.outputs, np.concatenate([first.outputs, then.outputs]))
    assert all(map(np.array_equal, whole.weights, parts.weights))


def test_a_run_ends_at_an_error_that_is_too_large():
    sizes = BlockSizes(inputs=1, blocks=1, cells_per_block=1, outputs=1)
    masks = np.ones((4, 6), bool), np.ones((1, 3), bool)
    net = MemoryBlocks(sizes, np.zeros((4, 6)), np.zeros((1, 3)), *masks)
    target = np.array([[0.5], [0.5], [0.99], [0.5]])
    run = net.run(np.zeros((4, 1)), target, np.array([4]), stop=0.49, outputs=True)
    assert run.steps == 3
    assert np.isnan(run.outputs[3])


@pytest.mark.parametrize("shape", [(0, 1), (3, 2)])
def test_arrays_that_do_not_fit_are_refused(shape):
    sizes = BlockSizes(inputs=1, blocks=1, cells_per_block=1, outputs=1)
    masks = np.ones((4, 6), bool), np.ones((1, 3), bool)
    net = MemoryBlocks(sizes, np.zeros((4, 6)), np.zeros((1, 3)), *masks)
    with pytest.raises(ShapeError, match="expected"):
        net.run(np.zeros(shape), None, np.array([len(np.zeros(shape)) or 1]))
    with pytest.raises(ShapeError, match=r"hidden: expected \(4, 6\), got \(3, 6\)"):
        net.weights = np.zeros((3, 6)), np.zeros((1, 3))
