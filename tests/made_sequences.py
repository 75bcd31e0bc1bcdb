"""Small labelled sequences that a network learns in a second."""

from __future__ import annotations

import numpy as np

from glasscell.data.sequences.collection import Labels, Sequences


def made(kind="class", per_step=False, n=36, seed=0, groups=None, test=None):
    """Sequences of 4 to 8 steps of two features; the first one's sign tells the label."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 9, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    sign = np.where(np.arange(n) % 2, 1.0, -1.0)
    owner = np.repeat(np.arange(n), lengths)
    values = rng.normal(size=(offsets[-1], 2)).astype(np.float32)
    values[:, 0] += sign[owner]
    step = (values[:, 0] > 0).astype(np.int64)
    of_sequence = (sign > 0).astype(np.int64)
    mean = np.add.reduceat(values[:, 0], offsets[:-1]) / lengths
    label = {
        ("class", False): (of_sequence, ("low", "high")),
        ("class", True): (step, ("low", "high")),
        ("multilabel", False): (np.stack([of_sequence, mean > 0], 1).astype(bool), ("up", "over")),
        ("multilabel", True): (np.stack([step, 1 - step], 1).astype(bool), ("up", "down")),
        ("number", False): (mean[:, None].astype(np.float64) * 10 + 3, ("level",)),
        ("number", True): (values[:, :1].astype(np.float64) * 10 + 3, ("level",)),
    }[kind, per_step]
    return Sequences(
        values,
        offsets,
        ("x", "noise"),
        np.array([f"s{k}" for k in range(n)]),
        Labels(kind, *label, per_step=per_step),
        groups=None if groups is None else np.asarray(groups),
        test=None if test is None else np.asarray(test, bool),
        source="made up",
    )
