"""Nodes made of other nodes: Sequential, and the Forecaster that `glasscell fit` trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

__all__ = [
    "Forecaster",
    "Known",
    "Sequential",
    "chain",
    "forecaster",
    "known_ahead",
    "reads_indices",
    "with_spread",
]


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
class Known:
    """What of a Forecaster's rows is known ahead, and which channels hold codes.

    Args:
        channels: F, channels of a row.
        numbers: Channels that the recurrent network reads as they are, beside channel 0.
        skipped: Channels of the past that the skip reads beside channel 0.
        owned: Channels of a row ahead that its own linear path reads.
        codes: Channels that hold codes.
        embeddings: A table for each of `codes`.
        own: From the channels `owned` of a row ahead to the horizon; None: no row ahead is known.
        ahead: From the network's output at a row ahead to the horizon, or None likewise.
    """

    channels: int
    numbers: tuple[int, ...]
    skipped: tuple[int, ...]
    owned: tuple[int, ...]
    codes: tuple[int, ...]
    embeddings: tuple[Embedding, ...]
    own: Linear | None
    ahead: Linear | None

    @property
    def reads(self) -> int:
        """Width of what the recurrent network reads."""
        return 1 + len(self.numbers) + sum(table.writes for table in self.embeddings)


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A direct multi-horizon forecast of channel 0 from the last `lookback` rows.

    With last = x[:, lookback - 1, 0] and z = x, last subtracted from channel 0::

        y = last + skip(z[:, :, 0]) + head(recurrent(z)[:, -1])

    a linear autoregression beside a recurrent network, after LSTNet (Lai et al. 2018) and NLinear
    (Zeng et al. 2023). Where channels are known ahead, `horizon` rows follow the lookback, over
    which the network goes on, and each step k ahead adds to that what is known of it::

        own(x[:, lookback + k, owned])[k] + ahead(recurrent(z)[:, lookback + k])[k]

    Args:
        lookback: Rows of a window that are past.
        recurrent: The network, `batch_first`.
        head: From the network's output at the last row that is past to the horizon.
        skip: From the past's channel 0, and what else it reads, to the horizon.
        known: What is known ahead and which channels hold codes; None: nothing, and none.
        spread: From the network's output at the last row that is past to what is told beside the
            point; None: nothing.
        tells: What that is.
    """

    lookback: int
    recurrent: Recurrent
    head: Linear
    skip: Linear
    known: Known | None = None
    spread: Linear | None = None
    tells: Telling | None = None

    @property
    def reads(self) -> int:
        """F, channels of a row."""
        return self.recurrent.reads if self.known is None else self.known.channels

    @property
    def writes(self) -> int:
        """Steps of the forecast."""
        return self.head.writes

    @property
    def rows(self) -> int:
        """Rows of a window: the lookback, and the horizon where something is known ahead."""
        beyond = self.known is not None and self.known.own is not None
        return self.lookback + (self.writes if beyond else 0)

    @property
    def parts(self) -> tuple[Node, ...]:
        """Everything inside, in running order."""
        spread = () if self.spread is None else (self.spread,)
        if self.known is None:
            return self.recurrent, self.head, self.skip, *spread
        more = (part for part in (self.known.own, self.known.ahead) if part is not None)
        return *self.known.embeddings, self.recurrent, self.head, self.skip, *more, *spread

    def run(self, x: Array, call: Call) -> Array:
        """Forecast from windows (B, rows, F), or one window (rows, F)."""
        return self.told(x, self._read(x, call), call)

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
        output = self._read(x, call)
        raw = self.spread.run(output[..., self.lookback - 1, :], call)
        told: Array = self.tells.of(self.told(x, output, call), raw, np)
        return told

    def _read(self, x: Array, call: Call) -> Array:
        """Give what the recurrent network says of windows."""
        if x.shape[-2] != self.rows:
            ahead = self.rows - self.lookback
            raise ShapeError(
                f"expected windows (B, {self.rows}, F) of {self.lookback} rows"
                f"{f' and {ahead} ahead' if ahead else ''}, got {x.shape}"
            )
        return self.recurrent.run(self.shifted(x, call), call)

    def told(self, x: Array, output: Array, call: Call) -> Array:
        """Give the forecast from windows and what the recurrent network says of them."""
        past, known = self.lookback, self.known
        last = x[..., past - 1 : past, 0]
        change = x[..., :past, 0] - last
        if known is None:
            return last + self.skip.run(change, call) + self.head.run(output[..., -1, :], call)
        beside = x[..., :past, list(known.skipped)]
        flat = beside.reshape(*x.shape[:-2], -1)
        linear = self.skip.run(np.concatenate([change, flat], axis=-1), call)
        told: Array = last + linear + self.head.run(output[..., past - 1, :], call)
        if known.own is not None and known.ahead is not None:
            own = known.own.run(x[..., past:, list(known.owned)], call)
            ahead = known.ahead.run(output[..., past:, :], call)
            told = told + np.diagonal(own, 0, -2, -1) + np.diagonal(ahead, 0, -2, -1)
        return told

    def shifted(self, x: Array, call: Call) -> Array:
        """Give z, what the recurrent network reads of windows x."""
        past = self.lookback
        z = x.copy()
        z[..., :past, 0] -= x[..., past - 1 : past, 0]
        if self.known is None:
            return z
        parts = [z[..., :1], z[..., list(self.known.numbers)]]
        for channel, table in zip(self.known.codes, self.known.embeddings, strict=True):
            parts.append(table.run(x[..., channel].astype(np.int64), call))
        return np.concatenate(parts, axis=-1)

    def plan(self, source: Array, plan: Plan) -> Array:
        """Refuse: there is nothing to keep from one step to the next."""
        raise ShapeError(
            f"expected a model that reads step by step, but a Forecaster reads windows of "
            f"{self.lookback} rows, each shifted by its own last value, so that every step would "
            "start anew; keep the last rows and call run on them"
        )


def forecaster(
    lookback: int,
    horizon: int,
    parts: Mapping[str, Node],
    known: Known | None,
    path: str,
) -> Forecaster:
    """Put a Forecaster together, refusing parts that do not fit.

    Args:
        lookback: Rows of a window that are past.
        horizon: Steps of the forecast.
        parts: The nodes recurrent, head and skip.
        known: What is known ahead and which channels hold codes.
        path: Where it stands, for messages.

    Raises:
        WeightFormatError: A part is of the wrong kind or size.
    """
    recurrent = parts["recurrent"]
    if not isinstance(recurrent, Recurrent) or not recurrent.config.batch_first:
        refuse(f"{path}.recurrent", "expected a recurrent layer with batch_first true")
    skipped = lookback * (1 + (len(known.skipped) if known else 0))
    head = _to_horizon(parts["head"], f"{path}.head", recurrent.writes, horizon)
    skip = _to_horizon(parts["skip"], f"{path}.skip", skipped, horizon)
    if known is not None:
        if known.reads != recurrent.reads:
            refuse(f"{path}.recurrent", f"reads {recurrent.reads} numbers, gets {known.reads}")
        if known.own is not None and known.ahead is not None:
            _to_horizon(known.own, f"{path}.known", len(known.owned), horizon)
            _to_horizon(known.ahead, f"{path}.ahead", recurrent.writes, horizon)
    return Forecaster(lookback, recurrent, head, skip, known)


def with_spread(point: Forecaster, spread: Node, tells: Telling, path: str) -> Forecaster:
    """Give a Forecaster that tells more than a point, refusing a layer that does not fit.

    Raises:
        WeightFormatError: The layer is of the wrong kind or size.
    """
    size = point.recurrent.writes, point.writes * tells.numbers
    if not isinstance(spread, Linear) or (spread.reads, spread.writes) != size:
        refuse(f"{path}.spread", f"expected a Linear from {size[0]} to {size[1]}")
    return replace(point, spread=spread, tells=tells)


def known_ahead(
    channels: int,
    places: Mapping[str, Sequence[object]],
    embeddings: Sequence[Node],
    parts: Mapping[str, Node],
    path: str,
) -> Known:
    """Put together what is known ahead, refusing what does not fit.

    Args:
        channels: F, channels of a row.
        places: The lists of channels: numbers, skipped, owned and codes.
        embeddings: A table for each of the codes.
        parts: The nodes known and ahead, or neither.
        path: Where the Forecaster stands, for messages.

    Raises:
        WeightFormatError: A list holds no channels, or a part is of the wrong kind.
    """
    lists: dict[str, tuple[int, ...]] = {}
    for name, listed in places.items():
        inside = tuple(c for c in listed if type(c) is int and 0 <= c < channels)
        if len(set(inside)) != len(listed):
            refuse(f"{path}.{name}", f"expected different channels of 0 … {channels - 1}")
        lists[name] = inside
    tables = tuple(table for table in embeddings if isinstance(table, Embedding))
    if len(tables) != len(embeddings) or len(tables) != len(lists["codes"]):
        refuse(f"{path}.embeddings", "expected an Embedding for each of codes")
    linear = {name: part for name, part in parts.items() if isinstance(part, Linear)}
    if len(linear) != len(parts):
        refuse(f"{path}.known", "expected a Linear, as in ahead")
    return Known(
        channels, **lists, embeddings=tables, own=linear.get("known"), ahead=linear.get("ahead")
    )


def _to_horizon(node: Node, path: str, width: int, horizon: int) -> Linear:
    if not isinstance(node, Linear) or (node.reads, node.writes) != (width, horizon):
        refuse(path, f"expected a Linear from {width} to {horizon} (the horizon)")
    return node
