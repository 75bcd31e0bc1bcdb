"""The engine in float32 is at most twice as far from the numbers of float64 as torch itself is.

Those come from the reference, of a GRU from torch in float64.

The floor under that is what one entry may lose by its own chain of roundings: 2^-24 for every term
of the longest sum, and eight for what is done element by element.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glasscell import engine, reference
from glasscell.cells.parameters import LayerWeights
from oracles import relative_error

CASES = [
    # mode, T, B, I, H, P
    ("LSTM", 1, 1, 7, 9, 0),
    ("LSTM", 17, 1, 33, 65, 0),
    ("LSTM", 17, 5, 8, 16, 0),
    ("LSTM", 50, 13, 31, 64, 0),
    ("LSTM", 20, 7, 65, 33, 0),
    ("LSTM", 20, 6, 16, 32, 7),
    ("LSTM", 2, 2, 1, 15, 14),
    ("LSTM", 60, 16, 16, 96, 0),
    ("GRU", 1, 1, 7, 9, 0),
    ("GRU", 17, 1, 33, 65, 0),
    ("GRU", 50, 13, 31, 64, 0),
    ("GRU", 20, 7, 65, 33, 0),
    ("GRU", 60, 16, 16, 96, 0),
    ("RNN_TANH", 17, 6, 9, 33, 0),
    ("RNN_TANH", 50, 2, 64, 17, 0),
    ("RNN_RELU", 17, 13, 15, 31, 0),
    ("RNN_RELU", 2, 1, 8, 65, 0),
]


def torch_layer(mode, I, H, P):  # noqa: E741
    torch.manual_seed(0)
    if mode == "LSTM":
        return torch.nn.LSTM(I, H, proj_size=P)
    if mode == "GRU":
        return torch.nn.GRU(I, H)
    return torch.nn.RNN(I, H, nonlinearity=mode.removeprefix("RNN_").lower())


def from_torch(module, x, state, dy):
    """Output, final state, and the gradients of x, the initial state and every parameter."""
    x, *state = (torch.from_numpy(a)[None].clone() for a in (x, *state))
    x = x[0].requires_grad_()
    state = [s.requires_grad_() for s in state]
    y, last = module(x, tuple(state) if len(state) == 2 else state[0])
    y.backward(torch.from_numpy(dy))
    last = last if isinstance(last, tuple) else (last,)
    arrays = [y, *(s[0] for s in last), x.grad, *(s.grad[0] for s in state)]
    return [a.detach().numpy() for a in arrays] + [p.grad.numpy() for p in module.parameters()]


def from_engine(mode, weights, x, state, dy):
    layer = engine.pack(mode, weights)
    run = engine.forward(layer, x, *state, tape=True)
    h0, c0 = state if len(state) == 2 else (*state, None)
    back = engine.backward(layer, x, run.output, h0, c0, run.tape, dy)
    named = [run.output, run.h_n, run.c_n, back.x, back.h0, back.c0]
    bias_hh = back.bias if back.bias_hh is None else back.bias_hh
    named += [back.weight_ih, back.weight_hh, back.bias, bias_hh, back.weight_hr]
    return [a for a in named if a is not None]


def exact(mode, weights, x, state, dy):
    wide = LayerWeights(**{name: a.astype(np.float64) for name, a in weights.arrays().items()})
    x, dy, *state = (a.astype(np.float64) for a in (x, dy, *state))
    if mode == "GRU":
        module = torch.nn.GRU(weights.weight_ih.shape[1], weights.weight_hh.shape[1]).double()
        module.load_state_dict(
            {f"{name}_l0": torch.from_numpy(a) for name, a in wide.arrays().items()}
        )
        return from_torch(module, x, state, dy)
    if mode == "LSTM":
        run = reference.lstm(wide, x, *state)
        back = reference.lstm_backward(run, dy)
    else:
        run = reference.rnn(wide, x, *state, nonlinearity=mode.removeprefix("RNN_").lower())
        back = reference.rnn_backward(run, dy)
    named = [run.h, run.h_n, getattr(run, "c_n", None), *back[:8]]
    return [a for a in named if a is not None]


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")  # torch says so of itself
@pytest.mark.parametrize(("mode", "T", "B", "I", "H", "P"), CASES)
def test_error_is_at_most_twice_that_of_torch(mode, T, B, I, H, P):  # noqa: E741
    module = torch_layer(mode, I, H, P)
    named = {name.removesuffix("_l0"): p.detach().numpy() for name, p in module.named_parameters()}
    weights = LayerWeights(**named)
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((T, B, n)).astype(np.float32) for n in (I, P or H))
    sizes = (P or H, H) if mode == "LSTM" else (H,)
    state = [rng.uniform(-1, 1, (B, n)).astype(np.float32) for n in sizes]
    truth = exact(mode, weights, x, state, dy)
    theirs = from_torch(module, x, state, dy)
    ours = from_engine(mode, weights, x, state, dy)
    floor = (max(I + (P or H), 4 * H, T * B) + 8) * 2.0**-24
    for a, b, e in zip(ours, theirs, truth, strict=True):
        assert relative_error(a, e) <= max(2 * relative_error(b, e), floor)
