"""Scores a finished run on any text; needs no torch."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.text.corpus import read_text
from glasscell.errors import DataError
from glasscell.model.model import Model, load
from glasscell.tasks.text.preprocessing import read_vocabulary

AT_ONCE = 4096
"""Steps that run in one call."""


def score(
    run: str | os.PathLike[str], data: Any, say: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Give the bits that a text costs a run: the fewer, the better it is foretold.

    ``bits = -sum_t log2 p(x_t | x_1 … x_{t-1})``, the state carried through each document.

    Args:
        run: A run folder that `fit` wrote.
        data: Path of a file or folder, or a list of texts, read as the run's own text was.
        say: Called with each sentence on what was found; default silent.

    Returns:
        symbols, characters and bytes that were scored, unknown (symbols that the run does not
        know), bits in all, bits_per_symbol, bits_per_character, bits_per_byte. The first symbol of
        a document, which nothing foretells, costs log2 V.

    Raises:
        DataError: The run or the text cannot be used.
    """
    folder = Path(run)
    vocabulary = read_vocabulary(folder)
    model = load(folder)
    corpus = read_text(data, vocabulary.reading)
    indices = vocabulary.indices(corpus)
    documents = zip(corpus.offsets, corpus.offsets[1:], strict=False)
    total = sum(float(costs(model, indices[a:b]).sum()) for a, b in documents)
    times = np.bincount(corpus.symbols, minlength=len(corpus.known))
    characters, size = (int(times @ each) for each in corpus.sizes())
    lost = 0 if vocabulary.unknown is None else int((indices == vocabulary.unknown).sum())
    if say is not None:
        for note in corpus.notes:
            say(note)
        if lost:
            say(f"{lost:,} of {len(indices):,} symbols are unknown to the run, and cost as one.")
    return {
        "symbols": len(indices),
        "characters": characters,
        "bytes": size,
        "unknown": lost,
        "bits": total,
        "bits_per_symbol": total / len(indices),
        "bits_per_character": total / max(characters, 1),
        "bits_per_byte": total / size,
    }


def surprises(
    run: str | os.PathLike[str], data: Any, say: Callable[[str], None] | None = None
) -> Any:
    """Give the bits that each symbol of a text costs a run, the state carried as in `score`.

    Args:
        run: A run folder that `fit` wrote.
        data: As for `score`.
        say: Called with each sentence on what was found; default silent.

    Returns:
        A pandas frame with document, symbol and bits.

    Raises:
        DataError: The run or the text cannot be used.
    """
    import pandas as pd

    vocabulary, model = read_vocabulary(Path(run)), load(run)
    corpus = read_text(data, vocabulary.reading)
    for note in corpus.notes:
        (say or (lambda _: None))(note)
    indices = vocabulary.indices(corpus)
    documents = zip(corpus.offsets, corpus.offsets[1:], strict=False)
    return pd.DataFrame(
        {
            "document": np.repeat(np.array(corpus.names, object), np.diff(corpus.offsets)),
            "symbol": np.array(corpus.known, object)[corpus.symbols],
            "bits": np.concatenate([costs(model, indices[a:b]) for a, b in documents]),
        }
    )


def costs(model: Model, indices: Array) -> npt.NDArray[np.float32]:
    """Give the bits (S,) that each symbol of one document costs a model."""
    symbols = model.root.writes
    if symbols is None or model.input_size is not None:
        raise DataError(f"expected a model of text, with an Embedding first, got {model}")
    text = np.asarray(indices, np.int64)
    found, state = [np.full(1, math.log2(symbols))], None
    for first in range(0, len(text) - 1, AT_ONCE):
        read = text[first : first + AT_ONCE + 1]
        run = model.run(read[:-1], state)
        state = run.state
        found.append(-log_probabilities(run.output)[np.arange(len(read) - 1), read[1:]])
    joined: npt.NDArray[np.float32] = np.concatenate(found).astype(np.float32)
    return joined


def log_probabilities(scores: Array) -> npt.NDArray[np.float64]:
    """Give log2 of the softmax over the last axis.

    >>> log_probabilities(np.zeros(4)).tolist()
    [-2.0, -2.0, -2.0, -2.0]
    """
    above = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    sums = np.log2(np.exp(above).sum(axis=-1, keepdims=True))
    result: npt.NDArray[np.float64] = above / math.log(2) - sums
    return result
