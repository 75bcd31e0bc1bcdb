"""What every node of a model's tree can do: run whole sequences, or plan one step of a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from glasscell.arrays import Array

if TYPE_CHECKING:
    import numpy as np

    from glasscell.traces.layer import Record

__all__ = ["Call", "Keeper", "Keeping", "Node", "Plan"]


@dataclass(kw_only=True)
class Call:
    """What one call of `Model.run` carries past all nodes.

    Args:
        batched: Whether arrays have a batch axis.
        state: Name of a `Keeper` to its initial state; what it starts from where there is none.
        lengths: (B,) steps of each sequence, or None.
        reset: (T, B) whether the state starts anew before a step, or None.
        records: Filled with what each layer and direction did, by name; None: not kept.
        final: Filled with the final state of each `Keeper`, by name.
    """

    batched: bool
    state: dict[str, Any] = field(default_factory=dict)
    lengths: npt.NDArray[np.int64] | None = None
    reset: npt.NDArray[np.bool_] | None = None
    records: dict[str, Record] | None = None
    final: dict[str, Any] = field(default_factory=dict)


@dataclass
class Plan:
    """One step of a stream, laid out once: what to call, in order, on buffers that never move."""

    steps: list[Callable[[], None]] = field(default_factory=list)
    keeping: dict[str, Keeping] = field(default_factory=dict)


class Node(Protocol):
    """A part of a model: what it reads and writes, and how to run it.

    `reads` is the width of the last axis that the node accepts, None if any. `writes` is the width
    that it gives, None if that of its input.
    """

    @property
    def reads(self) -> int | None:
        """Width of the last axis that it accepts."""

    @property
    def writes(self) -> int | None:
        """Width of the last axis that it gives."""

    def run(self, x: Array, call: Call) -> Array:
        """Run whole sequences."""

    def plan(self, source: Array, plan: Plan) -> Array:
        """Append to `plan` what turns the buffer `source` (1, 1, ·) into the one returned."""


class Keeper(Protocol):
    """A node with a state from one step to the next, by its name."""

    @property
    def name(self) -> str:
        """Key of the state, where there are several."""

    def unpack_state(self, state: Any, batch: int, batched: bool) -> tuple[Array | None, ...]:
        """Check a state in the user's form, and give the arrays that it is kept as."""


class Keeping(Protocol):
    """One sequence's state of a `Keeper` in a stream."""

    @property
    def network(self) -> Keeper:
        """Whose state it is."""

    @property
    def state(self) -> Any:
        """A copy, in the user's form."""

    @property
    def hold(self) -> Callable[..., None]:
        """Set the state to what `unpack_state` gave; without arguments to the start."""
