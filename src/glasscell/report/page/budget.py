"""What fits into a page of 4 MB: which arrays travel exactly, which rounded, which thinned out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

__all__ = ["PAGE_BYTES", "Budget", "Plan", "allot", "plan"]

PAGE_BYTES: Final = 3_950_000
"""What a whole page may weigh: 4 MB, less a margin for what `plan` does not count."""
EXACT_BYTES: Final = 600_000
"""Up to this many bytes all values of all units travel as float32, nothing rounded."""
ROW_BYTES: Final = 400_000
"""What the unpooled rows of chosen units may take where the maps are pooled or one byte deep."""
FIRST: Final = 0.6
"""The share of the maps' room that the first series may take to be whole where not all can be."""
HEAVY: Final = 0.5
"""The share of all room that weights may take where maps have to be thinned out for them."""

SIZES: Final = {"f32": 4, "i16": 2, "u8": 1, None: 0}


@dataclass(frozen=True)
class Plan:
    """How the maps of a series are stored: `kind` ("f32", "i16", "u8"), `size` steps a column."""

    kind: str
    size: int

    @property
    def exact(self) -> bool:
        """Whether every step of every unit is there to more digits than the page prints."""
        return self.size == 1 and self.kind != "u8"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is stored how.

    Attributes:
        maps: One plan a series.
        weights: Type of the recurrent layers' weights; None: they are left out.
        parameters: Type of the other nodes' weights; None: they are left out.
        again: Whether the browser runs series again whose maps are not exact here.
    """

    maps: tuple[Plan, ...]
    weights: str | None
    parameters: str | None
    again: bool


def plan(values: Sequence[int], room: float) -> tuple[Plan, ...]:
    """Choose how the maps of each series fit.

    Args:
        values: Numbers in the maps of each series.
        room: bytes.

    >>> plan([3 * 6 * 200 * 128], 1_000_000)
    (Plan(kind='i16', size=1),)
    >>> plan([100_000, 100_000], 150_000)
    (Plan(kind='u8', size=2), Plan(kind='u8', size=2))
    """
    total, room = sum(values), max(1.0, room)
    for kind, most in (("f32", min(room, EXACT_BYTES)), ("i16", room), ("u8", room)):
        if SIZES[kind] * total <= most:
            return (Plan(kind, 1),) * len(values)
    first = values[0]
    if len(values) > 1 and first <= FIRST * room:
        rest = Plan("u8", _ceil((total - first) / (room - first)))
        return Plan("u8", 1), *[rest] * (len(values) - 1)
    return (Plan("u8", _ceil(total / room)),) * len(values)


def allot(
    maps: Sequence[int], weights: int, parameters: int, room: float, again: bool = False
) -> Budget:
    """Divide a page's room between the maps and the weights.

    Args:
        maps: Numbers in the maps of each series.
        weights: Numbers in the weights of the recurrent layers.
        parameters: Numbers in all other weights.
        room: Bytes that both may take together.
        again: Whether the browser could run the network again in a moment, given all its weights.

    Returns:
        Exact weights if the maps need not be thinned out for them (or only those that the browser
        computes again), else weights of 16 bits, else of 8; at each, where all do not fit, those of
        the recurrent layers only; else none.
    """
    for both, own in product(("f32", "i16", "u8", None), (True, False)):
        others = both if own else None
        taken = SIZES[both] * weights + SIZES[others] * parameters
        anew = again and both == "f32" and own
        plans = plan(maps, room - taken)
        if not anew and not all(one.exact for one in plans):
            plans = plan(maps, room - taken - ROW_BYTES)
        light = taken <= HEAVY * room or (plans[0].size == 1 and (anew or plans[-1].size == 1))
        if taken <= room and light:
            break
    return Budget(maps=plans, weights=both, parameters=others, again=anew)


def _ceil(ratio: float) -> int:
    return -int(-ratio // 1)
