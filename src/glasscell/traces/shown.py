"""Which of a layer's calls its arrays show, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Shown", "notes"]

_PART = (
    "{names}: {calls} of {of} calls shown, the last ones that hand their state on; trace.calls has "
    "them all",
    "{names}：共运行 {of} 次，这里只显示最后前后相接的 {calls} 次；trace.calls 中有全部各次",
)
_PRESUMED = (
    "{names}: {calls} of {of} calls shown, put together in the order in which they ran: none of "
    "them began with a state that another one ended with",
    "{names}：共运行 {of} 次，这里显示 {calls} 次，只按先后顺序接起来："
    "没有哪一次的初始状态来自另一次的末状态",
)


@dataclass(frozen=True)
class Shown:
    """Which calls of a layer were put together along time.

    Attributes:
        calls: How many.
        of: How many there were.
        presumed: Whether only their order suggests that they belong together.
        altered: Names of the states ("hidden", "cell") that the caller changes between two calls
            (zoneout, dropout, skipped steps), so that a call does not begin with what the one
            before it gave. Sequences that begin anew or end are not meant: those are in a trace's
            `reset` and `lengths`.
    """

    calls: int
    of: int
    presumed: bool = False
    altered: tuple[str, ...] = ()

    @property
    def noted(self) -> bool:
        """Whether a reader of the numbers has to know."""
        return self.presumed or self.calls < self.of

    def __str__(self) -> str:
        order = " by their order" if self.presumed else ""
        changed = f", {' and '.join(self.altered)} changed between them" if self.altered else ""
        return f"{self.calls} of {self.of} calls{order}{changed}"


def notes(layers: Mapping[str, Any], lang: str = "en") -> list[str]:
    """Name the layers of which only a part of the calls is shown.

    Args:
        layers: Name to `LayerTrace` or `LayerFlow`.
        lang: "en" or "zh"; default "en".

    Returns:
        One line for each group of layers that the same sentence holds for.

    >>> from types import SimpleNamespace as Layer
    >>> notes({"cell": Layer(shown=Shown(1, 20)), "other": Layer(shown=None)})
    ['cell: 1 of 20 calls shown, the last ones that hand their state on; trace.calls has them all.']
    """
    groups: dict[tuple[int, int, bool], list[str]] = {}
    for name, layer in layers.items():
        shown: Shown | None = layer.shown
        if shown is not None and shown.noted:
            groups.setdefault((shown.calls, shown.of, shown.presumed), []).append(name)
    zh, stop = lang == "zh", "。" if lang == "zh" else "."
    return [
        (_PRESUMED if presumed else _PART)[zh].format(names=", ".join(names), calls=calls, of=of)
        + stop
        for (calls, of, presumed), names in groups.items()
    ]
