"""Labelled sequences, and what a network could have said of them, made by hand."""

import numpy as np

from glasscell.data.sequences.collection import Labels, Sequences


def made(values, lengths, names=("a", "b", "c"), kind="class", per_step=False):
    """Sequences s0, s1 … of two features that count up."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = np.arange(2 * offsets[-1], dtype=np.float32).reshape(-1, 2)
    called = np.array([f"s{k}" for k in range(len(lengths))])
    labels = Labels(kind, np.asarray(values), names, per_step)
    return Sequences(steps, offsets, ("x", "y"), called, labels)


def sure(classes, said, probability):
    """(m, K): the probability for what is said, the rest shared."""
    rows = np.repeat((1 - np.array(probability))[:, None] / (classes - 1), classes, axis=1)
    rows[np.arange(len(said)), said] = probability
    return rows
