"""What `glasscell explain RUN` looks into: the run's own data, data that are given, or chance."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.model.model import Model
from glasscell.report.lesson import lesson
from glasscell.report.page import Exploration
from glasscell.report.page.collect import collect
from glasscell.training import run_folder

__all__ = ["own_lesson", "random_input"]

STEPS, SEQUENCES = 60, 3


def own_lesson(
    run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None
) -> Exploration:
    """Put the lesson together on the reader's own network; needs no torch, without data no pandas.

    Args:
        run: A run folder, or any folder that `glasscell.save` wrote, with an LSTM layer.
        data: A CSV, .npy or .npz file, as for `glasscell.tasks.inspect_run.look`. Default the run's
            own windows; for a folder without any, random numbers, and the page says so.

    Returns:
        `Exploration` for `glasscell.report.lesson.write`.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: The network has no LSTM layer, or the data do not fit it.
    """
    folder = Path(run)
    if data is None and not (folder / run_folder.PREPROCESSING).is_file():
        title = folder.resolve().name
        subject = SavedModel.read(folder)
        return lesson(collect(subject, random_input(subject.model), title=title), "random")
    if find_spec("pandas") is None:
        raise DataError("reading a run or data takes pandas; pip install 'glasscell[train]'")
    from glasscell.tasks.inspect_run import look

    return lesson(look(folder, data), "run" if data is None else "data")


def random_input(model: Model, seed: int = 0) -> Array:
    """Draw sequences that a model can read: standard normal numbers, or indices.

    Args:
        model: Which.
        seed: Of the numbers.

    Returns:
        (B, T, I) float32, (B, T) int64 for a model that begins with an Embedding; T is a
        Forecaster's lookback.
    """
    nodes = list(_nodes(model.config))
    steps = next((node["lookback"] for node in nodes if "lookback" in node), STEPS)
    generator = np.random.default_rng(seed)
    if model.input_size is None:
        words = next(node["num_embeddings"] for node in nodes if "num_embeddings" in node)
        return generator.integers(0, words, (SEQUENCES, steps))
    return generator.normal(size=(SEQUENCES, steps, model.input_size)).astype(np.float32)


def _nodes(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for child in tree.get("children", ()):
        yield from _nodes(child)
