"""Gradients back through the parts of a saved model that know no time, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.model.nodes import Call, Node

__all__ = ["Pull", "pointwise"]

Pull: TypeAlias = Callable[[Array], Array]
"""The gradient of a part's output to that of its input."""

DIFFERENCE = 2.0**-17
"""Step of a central difference in float64: the cube root of its rounding leaves 10 digits."""


def pointwise(
    tree: Mapping[str, Any], node: Node, arrays: Mapping[str, Array], x: Array, y: Array
) -> Pull:
    """Give the pullback of a leaf that treats every step alone.

    Args:
        tree: Its piece of config.json.
        node: The same, built.
        arrays: All parameters of the model.
        x: What it read.
        y: What it gave.

    Returns:
        dL/dy to dL/dx, both float64; for an Embedding dL/dy as it is, as indices have none.
    """
    kind, prefix = tree["type"], f"{tree['weights']}." if tree.get("weights") else ""
    if kind in ("Identity", "Dropout", "Embedding"):
        return lambda dy: dy
    if kind == "Linear":
        weight = arrays[f"{prefix}weight"].astype(np.float64)
        return lambda dy: dy @ weight
    if kind == "LayerNorm":
        scale = arrays[f"{prefix}weight"].astype(np.float64) if tree["weight"] else 1.0
        return _layer_norm(x, scale, tree["eps"])
    if kind == "Softmax":
        share = y.astype(np.float64)
        return lambda dy: share * (dy - (share * dy).sum(axis=-1, keepdims=True))
    if kind == "LogSoftmax":
        share = np.exp(y.astype(np.float64))
        return lambda dy: dy - share * dy.sum(axis=-1, keepdims=True)
    slope = _slope(node, x.astype(np.float64))

    def pull(dy: Array) -> Array:
        dx: Array = slope * dy
        return dx

    return pull


def _slope(node: Node, x: Array) -> Array:
    """Derivative of a function of each element."""
    step: Array = DIFFERENCE * np.maximum(abs(x), 1.0)
    call = Call(batched=True)
    rise: Array = node.run(x + step, call) - node.run(x - step, call)
    return rise / (2.0 * step)


def _layer_norm(x: Array, scale: Array | float, eps: float) -> Pull:
    centred = x - x.mean(axis=-1, keepdims=True, dtype=np.float64)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
    unit = centred / deviation

    def pull(dy: Array) -> Array:
        du = dy * scale
        along = (du * unit).mean(axis=-1, keepdims=True)
        dx: Array = (du - du.mean(axis=-1, keepdims=True) - along * unit) / deviation
        return dx

    return pull
