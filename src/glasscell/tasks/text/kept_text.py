"""The stretches of the test text that `glasscell inspect` reads with a run on text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError

__all__ = ["KeptText", "keep"]


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptText:
    """Stretches of equal length, evenly spaced over a text that the network has never read.

    Args:
        read: (B, T) int64 what the network reads.
        after: (B, T) int64 what follows each of them, which it is to foretell.
        first: (B,) int64 where in the text each begins.
        symbols: (V,) what each index stands for.
    """

    read: Array
    after: Array
    first: Array
    symbols: Array

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **vars(self))

    @classmethod
    def load(cls, path: Path) -> KeptText:
        """Read what `save` wrote.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return cls(**{field.name: file[field.name] for field in fields(cls)})
        except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
            raise DataError(f"{path} is damaged: {error}; fit again") from error

    def text(self, row: int) -> list[str]:
        """Give the T symbols of a stretch."""
        # An array of texts drops zeros at a text's end: the symbol NUL comes back empty.
        return [str(self.symbols[index]) or "\0" for index in self.read[row]]


def keep(indices: Array, symbols: Sequence[str], stretches: int = 8, steps: int = 1000) -> KeptText:
    """Cut stretches out of a text.

    Args:
        indices: (N,) the text as the network reads it, N >= 2.
        symbols: (V,) what each index stands for.
        stretches: How many at most; default 8, fewer of a text that is shorter than all of them.
        steps: How long each is at most; default 1000.

    >>> kept = keep(np.array([0, 1, 0, 0, 1]), ["a", "b"], stretches=2, steps=2)
    >>> kept.read.tolist(), kept.after.tolist(), kept.text(0)
    ([[0, 1], [0, 0]], [[1, 0], [0, 1]], ['a', 'b'])
    """
    indices = np.asarray(indices, np.int64)
    if len(indices) < 2:
        raise DataError(f"expected a text of two symbols or more, got {len(indices)}")
    steps = min(steps, len(indices) - 1)
    count = max(1, min(stretches, (len(indices) - 1) // steps))
    first = np.linspace(0, len(indices) - 1 - steps, count).round().astype(np.int64)
    places = first[:, None] + np.arange(steps)
    return KeptText(
        read=indices[places],
        after=indices[places + 1],
        first=first,
        symbols=np.array([str(symbol) for symbol in symbols], np.str_),
    )
