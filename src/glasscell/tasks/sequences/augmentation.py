"""Changes sequences in training: few are cut, faster, slower, stronger; symbols are left out.

As Um et al. 2017 (Data augmentation of wearable sensor data, ICMI) do: window slicing, time warping
and scaling, here in one resampling of each sequence.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from glasscell.data.sequences.collection import Sequences

__all__ = ["changed", "continuous", "left_out", "symbols"]

WARP = 0.2
"""Largest logarithm of the tempo, and how far it may differ within a sequence."""

CROP = 0.2
"""Largest part of a sequence that is left out at its ends."""

SCALE = 0.1
"""Standard deviation of the logarithm of the factor of each feature."""


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


def changed(
    x: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Change each sequence of a batch at random.

    Step t of n reads, by linear interpolation, the place::

        p(u) = p_0 + (p_1 - p_0) (u + a sin(π u) / π + b sin(2 π u) / (2 π)),    u = t / (n - 1)

    Args:
        x: (B, T, F) scaled steps, zeros after the end of each.
        lengths: (B,) int64 steps of each.
        generator: Draws the first and the last place p_0 and p_1, the tempo, which gives n, the
            warps a and b, and the factor of each feature.

    Returns:
        (B, T', F) steps, zeros after the end of each, and (B,) int64 steps n of each.
    """
    batch, _, features = x.shape
    kept, start, tempo, a, b = torch.rand(5, batch, generator=generator, dtype=torch.float64)
    last = (lengths - 1).double()
    kept = 1 - CROP * kept
    first, span = last * (1 - kept) * start, last * kept
    steps = (lengths * kept * torch.exp(WARP * (2 * tempo - 1))).round().long().clamp(min=1)
    place = torch.arange(int(steps.max()))
    u = (place / (steps - 1).clamp(min=1)[:, None]).clamp(max=1)
    a, b = (WARP * (2 * warp[:, None] - 1) for warp in (a, b))
    u = u + a * (math.pi * u).sin() / math.pi + b * (2 * math.pi * u).sin() / (2 * math.pi)
    at = first[:, None] + span[:, None] * u.clamp(0, 1)
    low = at.floor().long()
    high = torch.minimum(low + 1, lengths[:, None] - 1)
    rows = torch.arange(batch)[:, None]
    part = (at - low)[..., None].float()
    told = x[rows, low] + part * (x[rows, high] - x[rows, low])
    strength = torch.randn(batch, 1, features, generator=generator)
    told = told * torch.exp(SCALE * strength)
    return told.masked_fill((place >= steps[:, None])[..., None], 0.0), steps
