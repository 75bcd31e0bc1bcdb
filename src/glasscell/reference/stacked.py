"""A whole network: layers on top of each other, each in one or both directions.

Layer l reads the output of layer l-1; with two directions that is [forward, reverse] along the last
axis. States are stacked as torch stacks them: layer by layer, forward before reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Cell, of
from glasscell.cells.parameters import Config, LayerWeights
from glasscell.errors import ShapeError
from glasscell.reference.by_program import CellRun, run_cell, run_cell_backward
from glasscell.reference.gru_equations import GRURun, gru, gru_backward
from glasscell.reference.plain_rnn import RNNRun, rnn, rnn_backward
from glasscell.reference.sequence import Gradients
from glasscell.reference.through_time import LSTMRun, lstm, lstm_backward

__all__ = [
    "NetworkGradients",
    "NetworkRun",
    "backward",
    "forward",
    "run_layer",
    "run_layer_backward",
]


Run: TypeAlias = LSTMRun | RNNRun | GRURun | CellRun
"""What one layer in one direction did."""


class NetworkRun(NamedTuple):
    """Output (T, B, D*P) or (B, T, D*P), h_n (L*D, B, P), c_n (L*D, B, H) or None, every layer.

    c_n is (L*D, B, S, H) of a cell with S > 1 states beside the hidden one.
    """

    output: Array
    h_n: Array
    c_n: Array | None
    layers: tuple[Run, ...]
    config: Config


class NetworkGradients(NamedTuple):
    """Gradients of x, h0 and c0 in their own layouts, and of each layer and direction."""

    dx: Array
    dh0: Array
    dc0: Array | None
    layers: tuple[Gradients, ...]


def forward(
    config: Config,
    layers: Sequence[LayerWeights],
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    lengths: Any = None,
    reset: Any = None,
) -> NetworkRun:
    """Run every layer and direction of a network.

    Args:
        config: What the network is.
        layers: One per layer and direction, in the order of `Config.suffixes`.
        x: (T, B, I), or (B, T, I) with batch_first.
        h0: (L*D, B, P); default zeros.
        c0: (L*D, B, H), (L*D, B, S, H) of a cell with S > 1 states beside the hidden one, none of
            one without; default zeros, or what the cell starts from.
        lengths: (B,) integers from 0 to T; default all T.
        reset: (T, B) bool, in this layout whatever batch_first says; default no cuts.

    Returns:
        The output in the layout of x, the final states, and each layer's own run.

    Raises:
        ShapeError, DtypeError: An input does not fit.
    """
    _check_states(config, h0, c0)
    below = np.swapaxes(x, 0, 1) if config.batch_first else x
    runs: list[Run] = []
    for layer in range(config.num_layers):
        for direction in range(config.directions):
            place = len(runs)
            states = [None if state is None else state[place] for state in (h0, c0)]
            order = {"reverse": direction == 1, "lengths": lengths, "reset": reset}
            runs.append(run_layer(config.mode, layers[place], below, *states, **order))
        first = layer * config.directions
        below = np.concatenate([run.h for run in runs[first:]], axis=2)
    return NetworkRun(
        output=np.swapaxes(below, 0, 1) if config.batch_first else below,
        h_n=np.stack([run.h_n for run in runs]),
        c_n=_stack([getattr(run, "c_n", None) for run in runs]),
        layers=tuple(runs),
        config=config,
    )


def backward(
    run: NetworkRun, dy: Array, dh_n: Array | None = None, dc_n: Array | None = None
) -> NetworkGradients:
    """Carry a gradient back through every layer and direction of a network.

    Args:
        run: What `forward` returned.
        dy: Gradient of the output, in its layout.
        dh_n: (L*D, B, P), gradient of the final hidden states; default zeros.
        dc_n: As c_n; default zeros.

    Returns:
        Gradients of inputs, and of each layer and direction in the order of `Config.suffixes`.
    """
    config, P = run.config, run.config.output_size
    above = np.swapaxes(dy, 0, 1) if config.batch_first else dy
    gradients: list[Gradients] = []
    for layer in reversed(range(config.num_layers)):
        parts = []
        for direction in range(config.directions):
            place = layer * config.directions + direction
            states = [None if state is None else state[place] for state in (dh_n, dc_n)]
            dy_part = above[..., direction * P : (direction + 1) * P]
            parts.append(run_layer_backward(run.layers[place], dy_part, *states))
        above = np.sum([part.dx for part in parts], axis=0)
        gradients = parts + gradients
    return NetworkGradients(
        dx=np.swapaxes(above, 0, 1) if config.batch_first else above,
        dh0=np.stack([part.dh0 for part in gradients]),
        dc0=_stack([part.dc0 for part in gradients]),
        layers=tuple(gradients),
    )


def _rnn(nonlinearity: str) -> Callable[..., RNNRun]:
    return lambda *given, **order: rnn(*given, nonlinearity=nonlinearity, **order)


_BY_HAND: dict[Any, Callable[..., Run]] = {
    "LSTM": lstm,
    "RNN_TANH": _rnn("tanh"),
    "RNN_RELU": _rnn("relu"),
    "GRU": gru,
}
"""Cells whose equations are written out; all others run by their program."""

_BACK: dict[type[Run], Callable[..., Gradients]] = {
    LSTMRun: lstm_backward,
    RNNRun: rnn_backward,
    GRURun: gru_backward,
    CellRun: run_cell_backward,
}


def run_layer(
    mode: str | Cell,
    weights: LayerWeights,
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    **order: Any,
) -> Run:
    """Run one layer in one direction: by the equations of its cell, else by its program.

    Args:
        mode: Torch's name of a cell, or a cell.
        weights: Arrays of any one floating dtype.
        x: (T, B, I).
        h0: (B, P); default what the cell starts from.
        c0: (B, H), (B, S, H) of a cell with S > 1 states beside the hidden one; default as h0.
        **order: reverse, lengths, reset, as in `lstm`.
    """
    if mode not in _BY_HAND:
        return run_cell(mode, weights, x, h0, c0, **order)
    given = (h0, c0) if of(mode).extra_states else (h0,)
    return _BY_HAND[mode](weights, x, *given, **order)


def run_layer_backward(
    run: Run, dy: Array, dh_n: Array | None = None, dc_n: Array | None = None
) -> Gradients:
    """Carry a gradient back through what `run_layer` did, as `lstm_backward`."""
    given = (dh_n,) if getattr(run, "c_n", None) is None else (dh_n, dc_n)
    return _BACK[type(run)](run, dy, *given)


def _stack(parts: Sequence[Array | None]) -> Array | None:
    present = [part for part in parts if part is not None]
    return np.stack(present) if present else None


def _check_states(config: Config, h0: Array | None, c0: Array | None) -> None:
    if not config.cell.extra_states and c0 is not None:
        raise ShapeError(f"expected no c0, for {config.cell_name} has no cell state; leave it out")
    for name, state in (("h0", h0), ("c0", c0)):
        if state is not None and len(state) != len(config.suffixes()):
            raise ShapeError(
                f"expected {name} with L*D = {len(config.suffixes())} on its first axis, "
                f"got shape {state.shape}"
            )
