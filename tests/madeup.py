"""Small models made up for tests: trees of config.json with random weights, no torch needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.cells.parameters import Config
from glasscell.model.model import Model
from glasscell.model.nodes import kind_of

CONFIGS = [
    Config(mode="LSTM", input_size=3, hidden_size=5),
    Config(mode="LSTM", input_size=3, hidden_size=5, num_layers=2, batch_first=True),
    Config(mode="LSTM", input_size=2, hidden_size=6, num_layers=2, bidirectional=True),
    Config(mode="LSTM", input_size=3, hidden_size=5, num_layers=2, proj_size=2, batch_first=True),
    Config(mode="LSTM", input_size=3, hidden_size=4, proj_size=3, bidirectional=True, bias=False),
    Config(mode="RNN_TANH", input_size=3, hidden_size=5, num_layers=3),
    Config(mode="RNN_RELU", input_size=4, hidden_size=3, bidirectional=True, batch_first=True),
    Config(mode="GRU", input_size=3, hidden_size=5, num_layers=2),
    Config(mode="GRU", input_size=4, hidden_size=6, num_layers=2, bidirectional=True, bias=False),
]
FORWARD_ONLY = [config for config in CONFIGS if not config.bidirectional]


def name_of(config: Config) -> str:
    """A short name for a parametrized test."""
    flags = [k for k in ("batch_first", "bidirectional", "proj_size") if getattr(config, k)]
    return "-".join([config.cell_name, str(config.num_layers), *flags])


def recurrent(
    config: Config, name: str = "", dtype: str = "float32", seed: int = 0
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The node and the weights of one recurrent network."""
    rng = np.random.default_rng(seed)
    prefix = f"{name}." if name else ""
    arrays = {
        f"{prefix}{role}_{suffix}": rng.uniform(-0.7, 0.7, shape).astype(dtype)
        for place, suffix in enumerate(config.suffixes())
        for role, shape in config.shapes(place // config.directions).items()
    }
    return {"type": kind_of(config), **config.description(), "weights": name}, arrays


def linear(
    wide: int, out: int, name: str, dtype: str = "float32", seed: int = 1
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The node and the weights of one Linear."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(-1, 1, (out, wide)).astype(dtype)
    bias = rng.uniform(-1, 1, out).astype(dtype)
    node = {"type": "Linear", "in_features": wide, "out_features": out, "bias": True}
    return {**node, "weights": name}, {f"{name}.weight": weight, f"{name}.bias": bias}


def sequence_network(
    kinds: tuple[str, ...],
    config: Config,
    outputs: int = 4,
    dtype: str = "float32",
    grams: tuple[int, int] | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A SequenceNetwork with a skip if it pools, whose largest score so far rises often.

    With `grams`, an order and rows, the skip reads those.
    """
    width = config.directions * config.output_size
    linears = {
        "attention": (width, 1) if "attention" in kinds else None,
        "head": (width * (len(kinds) or 1), outputs),
        "skip": (4 * config.input_size, outputs) if kinds else None,
    }
    parts = {name: size and linear(*size, name, dtype) for name, size in linears.items()}
    parts["recurrent"] = recurrent(config, "recurrent", dtype)
    if grams is not None:
        order, rows = grams
        sizes = {"features": config.input_size, "outputs": outputs, "order": order, "rows": rows}
        held = linear(rows, outputs, "skip", dtype)[1]
        held["skip.weight"] = np.ascontiguousarray(held["skip.weight"].T)
        parts["skip"] = {"type": "Grams", **sizes, "weights": "skip"}, held
    arrays = {name: array for part in parts.values() if part for name, array in part[1].items()}
    if "attention" in kinds:
        arrays["attention.weight"] *= arrays["attention.weight"].dtype.type(20)
    nodes = {name: part and part[0] for name, part in parts.items()}
    return {"type": "SequenceNetwork", "pooling": list(kinds), **nodes}, arrays


def sequential(*parts: tuple[dict[str, Any], dict[str, np.ndarray]]) -> Model:
    """A Sequential of parts."""
    arrays = {name: array for _, found in parts for name, array in found.items()}
    return Model({"type": "Sequential", "children": [node for node, _ in parts]}, arrays)


def encoder_decoder(dtype: str = "float32") -> Model:
    """Two recurrent layers with a Linear and an activation between and behind them."""
    return sequential(
        recurrent(Config(mode="LSTM", input_size=3, hidden_size=5, num_layers=2), "0", dtype),
        linear(5, 4, "1", dtype),
        ({"type": "Tanh"}, {}),
        recurrent(Config(mode="RNN_TANH", input_size=4, hidden_size=3), "3", dtype, seed=2),
        linear(3, 2, "4", dtype, seed=3),
    )


def inputs(model: Model, *shape: int, seed: int = 9) -> np.ndarray:
    """Random input of the shape without its last axis, in the model's dtype."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*shape, model.input_size)).astype(model.dtype)
