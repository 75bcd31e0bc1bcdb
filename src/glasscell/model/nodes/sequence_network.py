"""The network that labels sequences: recurrent layers, what they give over time pooled, a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError
from glasscell.model.nodes.base import Call, Node, Plan
from glasscell.model.nodes.feedforward import Linear
from glasscell.model.nodes.fields import Fields, Tensors, refuse
from glasscell.model.nodes.grams import Grams, read_grams
from glasscell.model.nodes.pooled_steps import POOLINGS, Pool, Summary, attention_weights
from glasscell.model.nodes.recurrent import Recurrent

__all__ = ["Pooled", "SequenceNetwork", "build_grams", "sequence_network"]


@dataclass(frozen=True, eq=False)
class Pooled:
    """Steps to one row of numbers a sequence; what is kept of the steps is its state.

    Args:
        name: "pooling", of what the recurrent network gives; "summary" or "grams", of what it
            reads.
        how: What is kept, and what it comes to.
        attention: From a step to its score, where `how` asks for it.
    """

    name: str
    how: Pool | Summary | Grams
    attention: Linear | None = None

    @property
    def reads(self) -> int:
        """W, width of a step."""
        return self.how.width

    @property
    def writes(self) -> int:
        """K, numbers of a pooled sequence."""
        return self.how.gives

    def run(self, x: Array, call: Call) -> Array:
        """Pool steps (B, T, W), or (T, W) of one sequence, after those of `call.state`."""
        steps = x if call.batched else x[None]
        (held,) = self.unpack_state(call.state.get(self.name), len(steps), call.batched)
        pooled = self._absorb(held, steps, call)
        call.final[self.name] = self.pack_state(held, call.batched)
        return pooled if call.batched else pooled[0]

    def _absorb(self, held: Array, steps: Array, call: Call) -> Array:
        if isinstance(self.how, Summary | Grams):
            return self.how.absorb(held, steps, call.lengths)
        return self.how.absorb(held, steps, call.lengths, self.scores(steps))

    def scores(self, steps: Array) -> Array | None:
        """Give the attention's score of every step (B, T), None without attention."""
        if self.attention is None:
            return None
        scores: Array = self.attention.run(steps, Call(batched=True))[..., 0]
        return scores

    def weights(self, steps: Array, lengths: npt.NDArray[np.int64] | None = None) -> Array | None:
        """Give what every step counts for in attention (B, T), 0 after the end, or None."""
        scores = self.scores(steps)
        return None if scores is None else attention_weights(scores, lengths)

    def plan(self, source: Array, plan: Plan) -> Array:
        """Pool what a fixed buffer has held so far, at each step."""
        step = PooledStep(self, source)
        plan.keeping[self.name] = step
        plan.steps.append(step.step)
        return step.sink

    def unpack_state(self, state: Array | None, batch: int, batched: bool) -> tuple[Array]:
        """Check an initial state and give a copy of it as (B, S); of no step by default."""
        if state is None:
            return (self.how.begin(batch),)
        array = np.asarray(state)
        shape = (batch, self.how.size) if batched else (self.how.size,)
        if array.shape != shape:
            raise ShapeError(
                f"expected state {self.name!r} of shape {'(B, ·)' if batched else '(·,)'} = "
                f"{shape}, got {array.shape}; give what an earlier run returned"
            )
        if array.dtype != np.float64:
            raise DtypeError(
                f"expected state {self.name!r} as float64, whatever the model's dtype, got "
                f"{array.dtype}"
            )
        held = array.reshape(batch, self.how.size).copy()
        if isinstance(self.how, Grams):
            self.how.require(held)
        return (held,)

    def pack_state(self, held: Array, batched: bool) -> Array:
        """Undo `unpack_state`."""
        return held if batched else held[0]


class PooledStep:
    """The steps of one sequence that were pooled so far, in a stream.

    Args:
        network: How they are pooled.
        source: (1, 1, W) buffer that each step reads.
    """

    def __init__(self, network: Pooled, source: Array) -> None:
        self.network = network
        self._source, self._call = source, Call(batched=True)
        self.sink: Array = np.empty((1, 1, network.writes), source.dtype)
        self.hold()

    def hold(self, held: Array | None = None) -> None:
        """Set the state to held (1, S); default that of no step."""
        self._held = self.network.how.begin(1) if held is None else held

    def step(self) -> None:
        """Read `source`, write `sink`."""
        self.sink[:, 0] = self.network._absorb(self._held, self._source, self._call)

    @property
    def state(self) -> Array:
        """A copy of the state (S,)."""
        return np.array(self._held[0])


@dataclass(frozen=True, eq=False)
class SequenceNetwork:
    """Scores of whole sequences, or of every step of them.

    With pool, skip and summary where there are some::

        y = head(pool(recurrent(x))) + skip(summary(x))        pooled
        y = head(pool(recurrent(x))) + grams(x)                pooled, of symbols
        y_t = head(recurrent(x)_t)                             without a pool

    Args:
        recurrent: The network, `batch_first`.
        pooling: What its output comes to over time; None: scores at every step.
        head: To the scores.
        linear: Of what the network reads: its summary, or scores of its n-grams; None: nothing is
            added.
        skip: From the summary to the scores; None without one.
    """

    recurrent: Recurrent
    pooling: Pooled | None
    head: Linear
    linear: Pooled | None
    skip: Linear | None

    @property
    def reads(self) -> int:
        """F, features of a step."""
        return self.recurrent.reads

    @property
    def writes(self) -> int:
        """Scores."""
        return self.head.writes

    @property
    def parts(self) -> list[Node]:
        """Everything in it, in running order."""
        parts = [self.recurrent, self.pooling, self.head, self.linear, self.skip]
        return [part for part in parts if part is not None]

    def run(self, x: Array, call: Call) -> Array:
        """Score sequences (B, T, F), or one (T, F): (B, outputs), or (B, T, outputs) unpooled."""
        return self.read(self.recurrent.run(x, call), x, call)

    def read(self, y: Array, x: Array, call: Call) -> Array:
        """Score what the recurrent network gave for x."""
        if self.pooling is None:
            return self.head.run(y, call)
        self._require_steps(x, call)
        scores = self.head.run(self.pooling.run(y, call), call)
        if self.linear is None:
            return scores
        told = self.linear.run(x, call)
        return scores + (told if self.skip is None else self.skip.run(told, call))

    def _require_steps(self, x: Array, call: Call) -> None:
        shortest = x.shape[-2] if call.lengths is None else call.lengths.min(initial=x.shape[-2])
        if shortest == 0:
            raise ShapeError(
                "expected sequences of at least one step, got one without any, of which there is "
                "nothing to pool; leave it out"
            )
        if call.reset is not None:
            raise ShapeError(
                "expected no reset, as the steps of a sequence are pooled; give what follows a "
                "reset as a sequence of its own"
            )

    def plan(self, source: Array, plan: Plan) -> Array:
        """Score what a fixed buffer has held so far, at each step."""
        y = self.recurrent.plan(source, plan)
        if self.pooling is None:
            return self.head.plan(y, plan)
        scores = self.head.plan(self.pooling.plan(y, plan), plan)
        if self.linear is None:
            return scores
        more = self.linear.plan(source, plan)
        more = more if self.skip is None else self.skip.plan(more, plan)
        sink = np.empty_like(scores)

        def step() -> None:
            np.add(scores, more, out=sink)

        plan.steps.append(step)
        return sink


def sequence_network(
    kinds: Sequence[Any],
    parts: dict[str, Node | None],
    path: str,
) -> SequenceNetwork:
    """Put a SequenceNetwork together, refusing parts that do not fit.

    Args:
        kinds: Its poolings; none: scores at every step.
        parts: "recurrent", "attention", "head" and "skip".
        path: Where it stands, for messages.

    Raises:
        WeightFormatError: A part is of the wrong kind or size, missing, or of no use.
    """
    if list(kinds) != [kind for kind in POOLINGS if kind in kinds]:
        refuse(
            path, f"expected pooling as some of {', '.join(POOLINGS)}, in that order, got {kinds}"
        )
    recurrent = parts["recurrent"]
    if not isinstance(recurrent, Recurrent) or not recurrent.config.batch_first:
        refuse(f"{path}.recurrent", "expected a recurrent layer with batch_first true")
    if recurrent.name in ("pooling", "summary", "grams"):
        refuse(f"{path}.recurrent", f"expected weights of another name than {recurrent.name!r}")
    pool = Pool(tuple(kinds), recurrent.writes, recurrent.config.bidirectional)
    summary = Summary(recurrent.reads)
    head = _linear(parts["head"], f"{path}.head", pool.gives if kinds else recurrent.writes)
    if head is None:
        refuse(f"{path}.head", "expected a Linear, got null")
    attention = _linear(parts["attention"], f"{path}.attention", recurrent.writes, 1)
    if (attention is None) == ("attention" in kinds):
        refuse(
            f"{path}.attention", f"expected a Linear if pooling has attention, else null: {kinds}"
        )
    skip, linear = parts["skip"], None
    if isinstance(skip, Pooled):
        if (skip.reads, skip.writes) != (recurrent.reads, head.writes):
            refuse(f"{path}.skip", f"expected Grams from {recurrent.reads} to {head.writes}")
        skip, linear = None, skip
    elif skip is not None:
        skip = _linear(skip, f"{path}.skip", summary.gives, head.writes)
        linear = Pooled("summary", summary)
    if linear is not None and not kinds:
        refuse(
            f"{path}.skip", "expected null, as scores at every step have no summary to skip from"
        )
    return SequenceNetwork(
        recurrent,
        Pooled("pooling", pool, attention) if kinds else None,
        head,
        linear,
        skip,
    )


def build_grams(fields: Fields, tensors: Tensors, kind: str) -> Pooled:
    """Build the linear path of n-grams of a SequenceNetwork from its sizes and weights."""
    if not fields.path.endswith(".skip"):
        refuse(
            fields.path, f"expected {kind} to be the skip of a SequenceNetwork, got it elsewhere"
        )
    return Pooled("grams", read_grams(fields, tensors))


def _linear(node: Node | None, path: str, reads: int, writes: int | None = None) -> Linear | None:
    if node is None:
        return None
    if not isinstance(node, Linear) or node.reads != reads or writes not in (None, node.writes):
        refuse(path, f"expected a Linear from {reads}{f' to {writes}' if writes else ''}")
    return node
