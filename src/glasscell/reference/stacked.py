"""A whole network: layers on top of each other, each in one or both directions.

Layer l reads the output of layer l-1; with two directions that is [forward, reverse] along the last
axis. States are stacked as torch stacks them: layer by layer, forward before reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import Config, LayerWeights
from glasscell.errors import ShapeError
from glasscell.reference.plain_rnn import RNNRun, rnn, rnn_backward
from glasscell.reference.sequence import Gradients
from glasscell.reference.through_time import LSTMRun, lstm, lstm_backward

__all__ = ["NetworkGradients", "NetworkRun", "backward", "forward"]


class NetworkRun(NamedTuple):
    """Output (T, B, D*P) or (B, T, D*P), h_n (L*D, B, P), c_n (L*D, B, H) or None, every layer."""

    output: Array
    h_n: Array
    c_n: Array | None
    layers: tuple[LSTMRun | RNNRun, ...]
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
        c0: (L*D, B, H), LSTM only; default zeros.
        lengths: (B,) integers from 0 to T; default all T.
        reset: (T, B) bool, in this layout whatever batch_first says; default no cuts.

    Returns:
        The output in the layout of x, the final states, and each layer's own run.

    Raises:
        ShapeError, DtypeError: An input does not fit.
    """
    _check_states(config, h0, c0)
    below = np.swapaxes(x, 0, 1) if config.batch_first else x
    runs: list[LSTMRun | RNNRun] = []
    for layer in range(config.num_layers):
        for direction in range(config.directions):
            place = len(runs)
            states = [None if state is None else state[place] for state in (h0, c0)]
            order = {"reverse": direction == 1, "lengths": lengths, "reset": reset}
            runs.append(_run_layer(config.mode, layers[place], below, *states, **order))
        first = layer * config.directions
        below = np.concatenate([run.h for run in runs[first:]], axis=2)
    return NetworkRun(
        output=np.swapaxes(below, 0, 1) if config.batch_first else below,
        h_n=np.stack([run.h_n for run in runs]),
        c_n=_stack([run.c_n if isinstance(run, LSTMRun) else None for run in runs]),
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
        dc_n: (L*D, B, H), LSTM only; default zeros.

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
            parts.append(_run_layer_back(run.layers[place], dy_part, *states))
        above = np.sum([part.dx for part in parts], axis=0)
        gradients = parts + gradients
    return NetworkGradients(
        dx=np.swapaxes(above, 0, 1) if config.batch_first else above,
        dh0=np.stack([part.dh0 for part in gradients]),
        dc0=_stack([part.dc0 for part in gradients]),
        layers=tuple(gradients),
    )


def _run_layer(
    mode: str, weights: LayerWeights, x: Array, h0: Array | None, c0: Array | None, **order: Any
) -> LSTMRun | RNNRun:
    if mode == "LSTM":
        return lstm(weights, x, h0, c0, **order)
    nonlinearity = "tanh" if mode == "RNN_TANH" else "relu"
    return rnn(weights, x, h0, nonlinearity=nonlinearity, **order)


def _run_layer_back(
    run: LSTMRun | RNNRun, dy: Array, dh_n: Array | None, dc_n: Array | None
) -> Gradients:
    if isinstance(run, LSTMRun):
        return lstm_backward(run, dy, dh_n, dc_n)
    return rnn_backward(run, dy, dh_n)


def _stack(parts: Sequence[Array | None]) -> Array | None:
    present = [part for part in parts if part is not None]
    return np.stack(present) if present else None


def _check_states(config: Config, h0: Array | None, c0: Array | None) -> None:
    if config.mode != "LSTM" and c0 is not None:
        raise ShapeError(f"expected no c0, for {config.mode} has no cell state; leave it out")
    for name, state in (("h0", h0), ("c0", c0)):
        if state is not None and len(state) != len(config.suffixes()):
            raise ShapeError(
                f"expected {name} with L*D = {len(config.suffixes())} on its first axis, "
                f"got shape {state.shape}"
            )
