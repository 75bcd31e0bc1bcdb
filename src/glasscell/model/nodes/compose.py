"""Nodes made of other nodes: Sequential, and the Forecaster that `glasscell fit` trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.model.nodes.activation import Identity
from glasscell.model.nodes.base import Call, Node, Plan
from glasscell.model.nodes.feedforward import Embedding, Linear
from glasscell.model.nodes.fields import refuse
from glasscell.model.nodes.recurrent import Recurrent
from glasscell.model.nodes.telling import Telling

__all__ = ["Forecaster", "Sequential", "chain", "forecaster", "reads_indices", "with_spread"]


@dataclass(frozen=True, eq=False)
class Sequential:
    """Nodes one after another; of a recurrent layer the output goes on, not the state.

    Args:
        children: The nodes.
        reads: Width of the input, None if any.
        writes: Width of the output, None if that of the input.
    """

    children: tuple[Node, ...]
    reads: int | None
    writes: int | None

    def run(self, x: Array, call: Call) -> Array:
        """Run whole sequences through every child."""
        for child in self.children:
            x = child.run(x, call)
        return x

    def plan(self, source: Array, plan: Plan) -> Array:
        """Plan every child, each on the buffer of the one before."""
        for child in self.children:
            source = child.plan(source, plan)
        return source


def chain(children: Sequence[Node], path: str) -> Sequential:
    """Put nodes one after another, refusing neighbours whose widths do not fit.

    Args:
        children: The nodes.
        path: Where the Sequential stands, for messages.

    Raises:
        WeightFormatError: One child gives another width than the next one reads, or an Embedding
            would read features instead of indices.
    """
    reads = width = None
    for place, child in enumerate(children):
        here = f"{path}.children[{place}] ({type(child).__name__})"
        if reads_indices(child) and not all(isinstance(c, Identity) for c in children[:place]):
            refuse(here, "an Embedding reads indices, so it must come before any other layer")
        if child.reads is not None:
            if width is not None and child.reads != width:
                refuse(here, f"reads {child.reads} features, the child before gives {width}")
            reads = child.reads if width is None and reads is None else reads
        width = child.writes if child.writes is not None else width
    return Sequential(tuple(children), reads, width)


def reads_indices(node: Node) -> bool:
    """Whether a step of the node's input is one index, as an Embedding takes it."""
    if isinstance(node, Sequential):
        heads = [child for child in node.children if not isinstance(child, Identity)]
        return bool(heads) and reads_indices(heads[0])
    return isinstance(node, Embedding)


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A direct multi-horizon forecast of channel 0 from the last `lookback` rows.

    With last = x[:, -1, 0] and z = x, last subtracted from channel 0::

        y = last + skip(z[:, :, 0]) + head(recurrent(z)[:, -1])

    a linear autoregression beside a recurrent network, after LSTNet (Lai et al. 2018) and NLinear
    (Zeng et al. 2023).

    Args:
        lookback: Rows of a window.
        recurrent: The network, `batch_first`.
        head: From the network's last output to the horizon.
        skip: From the window's channel 0 to the horizon.
        spread: From the network's last output to what is told beside the point; None: nothing.
        tells: What that is.
    """

    lookback: int
    recurrent: Recurrent
    head: Linear
    skip: Linear
    spread: Linear | None = None
    tells: Telling | None = None

    @property
    def reads(self) -> int:
        """F, channels of a row."""
        return self.recurrent.reads

    @property
    def writes(self) -> int:
        """Steps of the forecast."""
        return self.head.writes

    def run(self, x: Array, call: Call) -> Array:
        """Forecast from windows (B, lookback, F), or one window (lookback, F)."""
        return self._forecast(x, call)[0]

    def tell(self, x: Array) -> Array:
        """Give (B, horizon, P) of windows: quantiles, or location, scale, degrees of freedom.

        Raises:
            ShapeError: The windows have another shape, or there is nothing but a point.
        """
        if self.spread is None or self.tells is None:
            raise ShapeError(
                "expected a network that tells quantiles or a distribution, got points"
            )
        call = Call(batched=x.ndim > 2)
        point, hidden = self._forecast(x, call)
        told: Array = self.tells.of(point, self.spread.run(hidden, call), np)
        return told

    def _forecast(self, x: Array, call: Call) -> tuple[Array, Array]:
        """Give the forecast, and the network's last output."""
        if x.shape[-2] != self.lookback:
            raise ShapeError(
                f"expected windows (B, lookback, F) of {self.lookback} rows, got {x.shape}"
            )
        last, z = x[..., -1:, 0], self.shifted(x)
        hidden = self.recurrent.run(z, call)[..., -1, :]
        return last + self.skip.run(z[..., 0], call) + self.head.run(hidden, call), hidden

    def shifted(self, x: Array) -> Array:
        """Give z, what the recurrent network reads of windows x."""
        z = x.copy()
        z[..., 0] -= x[..., -1:, 0]
        return z

    def plan(self, source: Array, plan: Plan) -> Array:
        """Refuse: there is nothing to keep from one step to the next."""
        raise ShapeError(
            f"expected a model that reads step by step, but a Forecaster reads windows of "
            f"{self.lookback} rows, each shifted by its own last value, so that every step would "
            "start anew; keep the last rows and call run on them"
        )


def forecaster(
    lookback: int, horizon: int, recurrent: Node, head: Node, skip: Node, path: str
) -> Forecaster:
    """Put a Forecaster together, refusing parts that do not fit.

    Raises:
        WeightFormatError: A part is of the wrong kind or size.
    """
    if not isinstance(recurrent, Recurrent) or not recurrent.config.batch_first:
        refuse(f"{path}.recurrent", "expected a recurrent layer with batch_first true")
    for name, node, width in (("head", head, recurrent.writes), ("skip", skip, lookback)):
        if not isinstance(node, Linear) or (node.reads, node.writes) != (width, horizon):
            refuse(f"{path}.{name}", f"expected a Linear from {width} to {horizon} (the horizon)")
    assert isinstance(head, Linear)
    assert isinstance(skip, Linear)
    return Forecaster(lookback, recurrent, head, skip)


def with_spread(point: Forecaster, spread: Node, tells: Telling, path: str) -> Forecaster:
    """Give a Forecaster that tells more than a point, refusing a layer that does not fit.

    Raises:
        WeightFormatError: The layer is of the wrong kind or size.
    """
    size = point.recurrent.writes, point.writes * tells.numbers
    if not isinstance(spread, Linear) or (spread.reads, spread.writes) != size:
        refuse(f"{path}.spread", f"expected a Linear from {size[0]} to {size[1]}")
    return replace(point, spread=spread, tells=tells)
