"""Activations in NumPy, under torch's names and with torch's parameters.

They agree with torch's to rounding, not to the bit: the two use different libraries' exp and tanh.
Arrays are made contiguous first, so that one element's bits do not depend on its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.model.nodes.base import Call, Plan
from glasscell.model.nodes.fields import Fields, Tensors, refuse

__all__ = ["ACTIVATIONS", "Activation", "Identity", "build_activation", "build_identity"]

_erf = np.frompyfunc(math.erf, 1, 1)


def _sigmoid(x: Array, out: Array) -> None:
    e = np.exp(-np.abs(x))
    np.divide(np.where(x >= 0, np.ones_like(e), e), 1 + e, out=out)


def _relu(x: Array, out: Array) -> None:
    np.maximum(x, 0, out=out)


def _silu(x: Array, out: Array) -> None:
    _sigmoid(x, out)
    np.multiply(x, out, out=out)


def _gelu(x: Array, out: Array, *, approximate: str) -> None:
    if approximate == "tanh":
        np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x), out=out)
    else:
        out[...] = _erf(x.astype(np.float64) / math.sqrt(2))
    np.multiply(0.5 * x, 1 + out, out=out)


def _leaky_relu(x: Array, out: Array, *, negative_slope: float) -> None:
    np.copyto(out, np.where(x >= 0, x, x * negative_slope))


def _elu(x: Array, out: Array, *, alpha: float) -> None:
    np.copyto(out, np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


def _softplus(x: Array, out: Array, *, beta: float, threshold: float) -> None:
    scaled = x * beta
    curved = np.log1p(np.exp(np.minimum(scaled, threshold))) / beta
    np.copyto(out, np.where(scaled > threshold, x, curved))


def _log_softmax(x: Array, out: Array) -> None:
    shifted = x - x.max(axis=-1, keepdims=True)
    np.subtract(shifted, np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), out=out)


def _softmax(x: Array, out: Array) -> None:
    np.exp(x - x.max(axis=-1, keepdims=True), out=out)
    np.divide(out, out.sum(axis=-1, keepdims=True), out=out)


ACTIVATIONS: dict[str, tuple[Callable[..., object], tuple[str, ...]]] = {
    "ELU": (_elu, ("alpha",)),
    "GELU": (_gelu, ("approximate",)),
    "LeakyReLU": (_leaky_relu, ("negative_slope",)),
    "LogSoftmax": (_log_softmax, ()),
    "ReLU": (_relu, ()),
    "SiLU": (_silu, ()),
    "Sigmoid": (_sigmoid, ()),
    "Softmax": (_softmax, ()),
    "Softplus": (_softplus, ("beta", "threshold")),
    "Tanh": (np.tanh, ()),
}
"""torch's name of each activation to its function and the parameters that torch gives it.

Softmax and LogSoftmax act on the last axis.
"""


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each element, or of each row for Softmax and LogSoftmax.

    Args:
        function: Called as function(x, out, **parameters).
        parameters: Torch's constructor arguments.
    """

    function: Callable[..., object]
    parameters: dict[str, Any]
    reads: None = None
    writes: None = None

    def run(self, x: Array, call: Call) -> Array:
        """Apply to an array of any shape."""
        x = np.ascontiguousarray(x)
        out = np.empty_like(x)
        self._apply(x, out)
        return out

    def plan(self, source: Array, plan: Plan) -> Array:
        """Apply to a fixed buffer at each step."""
        sink = np.empty_like(source)
        plan.steps.append(lambda: self._apply(source, sink))
        return sink

    def _apply(self, x: Array, out: Array) -> None:
        # As in torch, infinities and NaN flow through as numbers do: no warnings.
        with np.errstate(all="ignore"):
            self.function(x, out, **self.parameters)


@dataclass(frozen=True, eq=False)
class Identity:
    """What Identity and Dropout are outside training."""

    reads: None = None
    writes: None = None

    def run(self, x: Array, call: Call) -> Array:
        """Return x itself."""
        return x

    def plan(self, source: Array, plan: Plan) -> Array:
        """Return the buffer itself."""
        return source


def build_activation(fields: Fields, tensors: Tensors, kind: str) -> Activation:
    """Build an activation from its fields; `kind` is a key of `ACTIVATIONS`."""
    function, names = ACTIVATIONS[kind]
    read = {"approximate": fields.text}
    parameters = {name: read.get(name, fields.number)(name) for name in names}
    if parameters.get("approximate", "none") not in ("none", "tanh"):
        refuse(fields.path, f'expected approximate "none" or "tanh", got {parameters}')
    if parameters.get("beta") == 0:
        refuse(fields.path, "expected beta other than 0, got 0")
    return Activation(function, parameters)


def build_identity(fields: Fields, tensors: Tensors, kind: str) -> Identity:
    """Build the node of an Identity or a Dropout."""
    return Identity()
