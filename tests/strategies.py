"""Hypothesis strategies: whole layer problems whose sizes lie around the seams of the kernels.

Seams are where a vector, a tile or a chunk ends (4, 6, 8, 16, 32): one below, at, and one above.
Numbers come from a drawn seed, so an example shrinks by its sizes and options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from glasscell.arrays import Array
from glasscell.cells import Cell
from glasscell.cells.parameters import Config, LayerWeights

STEPS = (0, 1, 2, 3, 5, 8)
BATCHES = (1, 2, 5, 6, 7, 11, 12, 13)
INPUTS = (1, 2, 3, 7, 8, 9, 17)
HIDDENS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33)


@dataclass(frozen=True, eq=False)
class Problem:
    """All that one layer in one direction is given; repr shows what Hypothesis needs to print."""

    config: Config
    dtype: Any
    T: int
    B: int
    seed: int
    weights: LayerWeights = field(repr=False)
    x: Array = field(repr=False)
    h0: Array = field(repr=False)
    c0: Array | None = field(repr=False)
    reverse: bool = False
    lengths: Array | None = None
    reset: Array | None = None

    def order(self) -> dict[str, Any]:
        return {"reverse": self.reverse, "lengths": self.lengths, "reset": self.reset}


def layer_weights(
    config: Config, rng: np.random.Generator, dtype: Any = np.float64, layer: int = 0
) -> LayerWeights:
    """Weights as torch draws them: uniform within 1 / sqrt(H), here a little wider."""
    bound = 1.5 / np.sqrt(config.hidden_size)
    shapes = config.shapes(layer).items()
    return LayerWeights.named(
        {name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes},
        config.hidden_size,
    )


def network_weights(
    config: Config, rng: np.random.Generator, dtype: Any = np.float64
) -> list[LayerWeights]:
    """One `LayerWeights` per layer and direction, in the order of `Config.suffixes`."""
    places = range(len(config.suffixes()))
    return [layer_weights(config, rng, dtype, place // config.directions) for place in places]


def make_problem(
    config: Config,
    T: int,
    B: int,
    *,
    seed: int = 0,
    dtype: Any = np.float64,
    reverse: bool = False,
    ragged: bool = False,
    cut: bool = False,
) -> Problem:
    """One problem with given sizes; ragged draws lengths from 0 to T, cut draws resets."""
    rng = np.random.default_rng(seed)
    S, H = config.cell.extra_states, config.hidden_size
    return Problem(
        config=config,
        dtype=dtype,
        T=T,
        B=B,
        seed=seed,
        weights=layer_weights(config, rng, dtype),
        x=rng.standard_normal((T, B, config.input_size)).astype(dtype),
        h0=rng.uniform(-1, 1, (B, config.output_size)).astype(dtype),
        c0=rng.uniform(-2, 2, (B, S, H) if S > 1 else (B, H)).astype(dtype) if S else None,
        reverse=reverse,
        lengths=rng.integers(0, T, B, endpoint=True) if ragged else None,
        reset=rng.random((T, B)) < 0.3 if cut else None,
    )


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    modes: tuple[str | Cell, ...] = ("LSTM", "RNN_TANH", "RNN_RELU", "GRU"),
    dtypes: tuple[Any, ...] = (np.float64,),
    steps: tuple[int, ...] = STEPS,
    batches: tuple[int, ...] = BATCHES,
    inputs: tuple[int, ...] = INPUTS,
    hiddens: tuple[int, ...] = HIDDENS,
) -> Problem:
    """Any mode, size, dtype, projection, direction, lengths and resets."""
    mode, H = draw(st.sampled_from(modes)), draw(st.sampled_from(hiddens))
    projections = [0] + [p for p in (1, H // 2, H - 1) if 0 < p < H and mode == "LSTM"]
    config = Config(
        mode=mode,
        input_size=draw(st.sampled_from(inputs)),
        hidden_size=H,
        bias=draw(st.booleans()),
        proj_size=draw(st.sampled_from(projections)),
    )
    return make_problem(
        config,
        draw(st.sampled_from(steps)),
        draw(st.sampled_from(batches)),
        seed=draw(st.integers(0, 2**32 - 1)),
        dtype=draw(st.sampled_from(dtypes)),
        reverse=draw(st.booleans()),
        ragged=draw(st.booleans()),
        cut=draw(st.booleans()),
    )
