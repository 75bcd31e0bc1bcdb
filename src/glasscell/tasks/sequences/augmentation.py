"""Changes sequences in training: few are cut, faster, slower, stronger; symbols are left out.

As Um et al. 2017 (Data augmentation of wearable sensor data, ICMI) do: window slicing, time warping
and scaling, here in one resampling of each sequence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from glasscell.data.sequences.collection import Sequences

__all__ = ["Changes", "continuous", "left_out", "symbols"]

WARP = 0.2
"""Largest logarithm of the tempo, and how far it may differ within a sequence."""

CROP = 0.2
"""Largest part of a sequence that is left out at its ends."""

SCALE = 0.1
"""Standard deviation of the logarithm of the factor of each feature."""

UNCHANGED = 0.5
"""Share of the sequences, drawn at random, that a pass leaves as they are.

What is to be told later is unchanged too. Measured on the training parts of five sets, see
docs/decisions/sequences.md.
"""


def continuous(sequences: Sequences) -> bool:
    """Tell whether some feature is no whole number: between two codes there is no third.

    >>> letters = Sequences(np.eye(3, dtype=np.float32), np.array([0, 3]), ("a", "b", "c"),
    ...                     np.array(["abc"]))
    >>> continuous(letters)
    False
    """
    # A column at a time, as a copy of all would be as large as the data.
    return any(bool((np.abs(column % 1) > 0).any()) for column in sequences.values.T)


def symbols(sequences: Sequences) -> bool:
    """Tell whether each step is one of several symbols: a feature is 1, all others are 0.

    >>> letters = Sequences(np.eye(3, dtype=np.float32), np.array([0, 3]), ("a", "b", "c"),
    ...                     np.array(["abc"]))
    >>> symbols(letters)
    True
    """
    ones = np.zeros(len(sequences.values), np.int64)
    for column in sequences.values.T:
        one = column == 1
        if not (one | (column == 0)).all():
            return False
        ones += one
    return len(sequences.features) > 1 and bool((ones == 1).all())


def left_out(x: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Give what takes a share of the steps (B, T, F), drawn at random, to no symbol when added."""
    drawn = torch.rand(x.shape[:2], generator=generator) < share
    return torch.where(drawn[..., None], -x, 0)


@dataclass(frozen=True, eq=False)
class Changes:
    """How each of n sequences is changed, drawn before any is: so lengths are known beforehand.

    Step t of n reads, by linear interpolation, the place::

        p(u) = p_0 + (p_1 - p_0) (u + a sin(π u) / π + b sin(2 π u) / (2 π)),    u = t / (n - 1)

    Args:
        first: (n,) float64 p_0.
        span: (n,) float64 p_1 - p_0.
        warps: (2, n) float64 a and b.
        steps: (n,) int64 steps of each, once it is changed.
        strength: (n, F) float32 factor of each feature.
    """

    first: torch.Tensor
    span: torch.Tensor
    warps: torch.Tensor
    steps: torch.Tensor
    strength: torch.Tensor

    @classmethod
    def draw(cls, lengths: torch.Tensor, features: int, generator: torch.Generator) -> Changes:
        """Draw what happens to sequences of some lengths (n,), `UNCHANGED` of them nothing.

        >>> draw = torch.Generator().manual_seed(0)
        >>> Changes.draw(torch.tensor([100, 1]), 2, draw).steps
        tensor([80,  1])
        """
        numbers = torch.rand(6, len(lengths), generator=generator, dtype=torch.float64)
        strength = torch.randn(len(lengths), features, generator=generator)
        changes = (numbers[0] >= UNCHANGED).double()
        cut, start, tempo, *warps = numbers[1:]
        kept = 1 - CROP * changes * cut
        tempo = torch.exp(WARP * changes * (2 * tempo - 1))
        last = (lengths - 1).double()
        return cls(
            first=last * (1 - kept) * start,
            span=last * kept,
            warps=WARP * changes * (2 * torch.stack(warps) - 1),
            steps=(lengths * kept * tempo).round().long().clamp(min=1),
            strength=torch.exp(SCALE * changes.float()[:, None] * strength),
        )

    def of(self, chosen: npt.NDArray[np.int64]) -> Changes:
        """Give those of some of the sequences."""
        rows = torch.from_numpy(chosen)
        return Changes(
            self.first[rows],
            self.span[rows],
            self.warps[:, rows],
            self.steps[rows],
            self.strength[rows],
        )

    def apply(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Change x (n, T, F), scaled steps of some `lengths`, to (n, T', F), zeros after the end.

        T' is the largest of `steps`.
        """
        place = torch.arange(int(self.steps.max()), dtype=torch.float64)
        u = (place / (self.steps - 1).clamp(min=1)[:, None]).clamp(max=1)
        a, b = self.warps[..., None]
        u = u + a * (math.pi * u).sin() / math.pi + b * (2 * math.pi * u).sin() / (2 * math.pi)
        at = self.first[:, None] + self.span[:, None] * u.clamp(0, 1)
        low = at.floor().long()
        high = torch.minimum(low + 1, lengths[:, None] - 1)
        rows = torch.arange(len(x))[:, None]
        part = (at - low)[..., None].float()
        before = x[rows, low]
        told: torch.Tensor = (before + part * (x[rows, high] - before)) * self.strength[:, None]
        return told.masked_fill((place >= self.steps[:, None])[..., None], 0.0)
