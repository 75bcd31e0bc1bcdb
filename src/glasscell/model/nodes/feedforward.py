"""Layers that know no time: Linear, Embedding and LayerNorm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.model.nodes.base import Call, Plan
from glasscell.model.nodes.fields import Fields, Tensors

__all__ = [
    "Embedding",
    "LayerNorm",
    "Linear",
    "build_embedding",
    "build_layer_norm",
    "build_linear",
]


@dataclass(frozen=True, eq=False)
class Linear:
    """y = x W^T + b, with the bits of `glasscell.nn.Linear`; `torch.nn.Linear` rounds otherwise."""

    packed: engine.PackedLinear
    reads: int
    writes: int

    def run(self, x: Array, call: Call) -> Array:
        """Map the last axis, in_features wide, to out_features."""
        return engine.linear(self.packed, np.ascontiguousarray(x))

    def plan(self, source: Array, plan: Plan) -> Array:
        """Map a fixed buffer at each step."""
        sink = np.empty((*source.shape[:-1], self.writes), source.dtype)

        def step() -> None:
            engine.linear(self.packed, source, out=sink, threads=1)

        plan.steps.append(step)
        return sink


@dataclass(frozen=True, eq=False)
class Embedding:
    """One row of `weight` (num_embeddings, embedding_dim) for each index."""

    weight: Array
    writes: int
    reads: None = None

    def run(self, x: Array, call: Call) -> Array:
        """Look up each index of an integer array of any shape; adds a last axis."""
        self._require_range(x)
        return self.weight[x]

    def plan(self, source: Array, plan: Plan) -> Array:
        """Look up a fixed index buffer at each step."""
        sink = np.empty((*source.shape, self.writes), self.weight.dtype)

        def step() -> None:
            self._require_range(source)
            np.take(self.weight, source, axis=0, out=sink)

        plan.steps.append(step)
        return sink

    def _require_range(self, x: Array) -> None:
        size = len(self.weight)
        if x.size and (x.min() < 0 or x.max() >= size):
            raise DataError(
                f"expected indices in 0 … {size - 1} (num_embeddings = {size}), "
                f"got {x.min()} … {x.max()}"
            )


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis."""

    weight: Array | None
    bias: Array | None
    eps: float
    reads: int
    writes: int

    def run(self, x: Array, call: Call) -> Array:
        """Normalize the last axis of an array of any shape."""
        x = np.ascontiguousarray(x)
        out = np.empty_like(x)
        self._apply(x, out)
        return out

    def plan(self, source: Array, plan: Plan) -> Array:
        """Normalize a fixed buffer at each step."""
        sink = np.empty_like(source)
        plan.steps.append(lambda: self._apply(source, sink))
        return sink

    def _apply(self, x: Array, out: Array) -> None:
        with np.errstate(all="ignore"):
            np.subtract(x, x.mean(axis=-1, keepdims=True), out=out)
            out /= np.sqrt((out * out).mean(axis=-1, keepdims=True) + self.eps)
            if self.weight is not None:
                out *= self.weight
            if self.bias is not None:
                out += self.bias


def build_linear(fields: Fields, tensors: Tensors, kind: str) -> Linear:
    """Build a Linear from in_features, out_features, bias and weights."""
    wide, out = fields.integer("in_features", 1), fields.integer("out_features", 1)
    prefix = fields.prefix()
    weight = tensors.take(f"{prefix}weight", (out, wide), fields.path)
    bias = tensors.take(f"{prefix}bias", (out,), fields.path) if fields.flag("bias") else None
    return Linear(engine.pack_linear(weight, bias), wide, out)


def build_embedding(fields: Fields, tensors: Tensors, kind: str) -> Embedding:
    """Build an Embedding from num_embeddings, embedding_dim and weights."""
    shape = fields.integer("num_embeddings", 1), fields.integer("embedding_dim", 1)
    weight = tensors.take(f"{fields.prefix()}weight", shape, fields.path)
    return Embedding(weight, shape[1])


def build_layer_norm(fields: Fields, tensors: Tensors, kind: str) -> LayerNorm:
    """Build a LayerNorm over the last axis from its size, eps, weight, bias and weights."""
    size = fields.integer("size", 1)
    prefix = fields.prefix()
    arrays = {
        name: tensors.take(f"{prefix}{name}", (size,), fields.path) if fields.flag(name) else None
        for name in ("weight", "bias")
    }
    return LayerNorm(arrays["weight"], arrays["bias"], fields.number("eps"), size, size)
