"""Tells labels of new sequences with a finished run: reads, scales and runs without torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

import glasscell
from glasscell.arrays import Array
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.data.sequences.reading import Known, ReadingOptions, read_sequences
from glasscell.errors import DataError
from glasscell.model.model import Model
from glasscell.tasks.hub import OnHub
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.averaging import averaged
from glasscell.tasks.sequences.batches import by_length, padded_steps, unpadded
from glasscell.tasks.sequences.preprocessing import read_preprocessing, scaler_of
from glasscell.tasks.sequences.told import BOTH, Told, probabilities, told

SETTLED = ("features", "per_step", "goal")
"""What a run has settled, which a prediction cannot have otherwise."""


@dataclass(frozen=True, eq=False)
class Predictor(OnHub):
    """A finished run, ready to tell the labels of sequences.

    Args:
        model: The network.
        scaler: Of the features.
        told: What its scores come to.
        known: What the run knows of the data.
        settings: preprocessing.json.
    """

    model: Model
    scaler: Scaler
    told: Told
    known: Known
    settings: dict[str, Any]

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> Self:
        """Load a run folder written by `fit`.

        Raises:
            DataError: It is none.
            WeightFormatError: The model in it is damaged.
        """
        if not isinstance(run, str | os.PathLike):
            raise DataError(f"run: expected the path of a run folder, got {run!r}")
        settings = read_preprocessing(Path(run))
        model = glasscell.load(Path(run))
        known = Known.restore(settings["reading"])
        return cls(model, scaler_of(settings), told(settings), known, settings)

    def read(self, data: Any, **changes: Any) -> Sequences:
        """Read data as the run's were read.

        Args:
            data: Anything that `fit` takes; labels are optional.
            **changes: Reading options by name, where these data are written otherwise.

        Raises:
            DataError: The data cannot be read, or lack a feature of the run.
            TypeError: An option is none of reading, or one that the run has settled.
        """
        if strange := [n for n in changes if n in SETTLED or n not in vars(ReadingOptions())]:
            raise TypeError(f"expected options about how data are read, got {', '.join(strange)}")
        given = {name: value for name, value in changes.items() if value is not None}
        kept = {"missing": self.settings["missing"], "marks": self.settings.get("marks")}
        reading = ReadingOptions(
            **{**kept, "per_step": self.known.per_step, "goal": self.told.goal, **given}
        )
        return read_sequences(data, reading, self.known)

    def as_the_network_reads(self, sequences: Sequences) -> Sequences:
        """Average neighbouring steps, where the run does; runs of earlier versions did not."""
        return averaged(sequences, self.settings.get("stride") or 1)

    def scores(self, sequences: Sequences) -> Array:
        """Give (n, O) float32 scores, or a row for each step, batch after batch."""
        sequences = self.as_the_network_reads(sequences)
        everything = np.arange(len(sequences), dtype=np.int64)
        lengths = sequences.lengths
        rows = int(lengths.sum()) if self.known.per_step else len(sequences)
        scores = np.empty((rows, len(self.told.names)), np.float32)
        for batch in by_length(sequences, everything):
            x, steps = padded_steps(sequences, self.scaler, batch)
            output, places = unpadded(self.model.run(x, lengths=steps).output, batch, lengths)
            scores[places] = output
        return scores

    def outputs(self, sequences: Sequences) -> Array:
        """Give (n, K) probabilities, or (n, D) numbers in the data's unit; or a row a step."""
        return outputs(self.told.goal, self.scores(sequences), self.told.scaler)


def outputs(goal: str, scores: Array, target: Scaler | None) -> Array:
    """Turn scores into probabilities, or into numbers in the data's unit.

    Args:
        goal: "classify", "multilabel" or "regress".
        scores: (·, K) float32.
        target: Scaler of the numbers; None for classes.
    """
    if target is not None:
        return target.restore(scores.astype(np.float64))
    return probabilities(goal, scores)


def load_predictor(run: str | os.PathLike[str]) -> Predictor:
    """Load a run folder written by `fit`; see `Predictor.load`."""
    return Predictor.load(run)


def predict(
    run: str | os.PathLike[str] | Predictor,
    data: Any,
    *,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """Tell the label of every sequence of the data, or of every step.

    Args:
        run: A run folder written by `fit`, or one that is loaded.
        data: Anything that `fit` takes; labels are optional.
        say: Called with each sentence on what was done; None: silent.
        **reading: How the data are read, by the names of `ReadingOptions`; None: as in the run.

    Returns:
        A frame with sequence, step (from 0, where each has a label), truth (if the data have
        labels), predicted and p(CLASS) for each class, or the numbers by name.

    Raises:
        DataError: The run or the data cannot be used.
        WeightFormatError: The model in the run is damaged.
        TypeError: An option is none about how the data are read.
    """
    predictor = run if isinstance(run, Predictor) else Predictor.load(run)
    sequences = predictor.read(data, **reading)
    for note in sequences.notes:
        (say or (lambda _: None))(note)
    every = np.arange(len(sequences), dtype=np.int64)
    return frame(sequences, every, predictor.outputs(sequences), predictor.told)


def evaluate(
    run: str | os.PathLike[str],
    data: Any,
    *,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> dict[str, float]:
    """Measure a finished run on data with labels, as the table of `fit` does.

    Args:
        run: A run folder written by `fit`.
        data: Anything that `fit` takes, with labels.
        say: Called with each sentence on what was done; None: silent.
        **reading: As for `predict`.

    Raises:
        DataError: The data have no labels, or cannot be used.
    """
    from glasscell.tasks.sequences.measures import metrics

    predictor = load_predictor(run)
    sequences = predictor.read(data, **reading)
    for note in sequences.notes:
        (say or (lambda _: None))(note)
    labels = sequences.labels
    if labels is None:
        raise DataError(
            f"{sequences.source or 'the data'}: expected labels to compare with, found none; name "
            "their column with --label"
        )
    goal, truth = predictor.told.goal, labels.values
    scale = np.ones(1)
    if goal == "regress":
        truth = truth.reshape(len(truth), -1)
        if predictor.told.scaler is not None and truth.shape[1] > 1:
            scale = predictor.told.scaler.scale
    return metrics(goal, truth, predictor.outputs(sequences), scale)


def frame(sequences: Sequences, chosen: Array, said: Array, told: Told) -> pd.DataFrame:
    """Lay predictions out as a table.

    Args:
        sequences: The data; a truth column comes of their labels, if they have any.
        chosen: (m,) which of them.
        said: (m, K) probabilities or (m, D) numbers; or a row for each of their steps.
        told: What they are.
    """
    labels, by_step = sequences.labels, len(said) != len(chosen)
    rows = np.asarray(chosen, np.int64)
    columns: dict[str, Any] = {"sequence": sequences.names[chosen]}
    if by_step or (labels is not None and labels.per_step):
        owner = np.repeat(chosen, sequences.lengths[chosen])
        rows = sequences.steps(chosen)
        columns = {"sequence": sequences.names[owner], "step": rows - sequences.offsets[owner]}
    if labels is not None:
        columns |= _truth(labels, rows)
    if told.goal == "regress":
        return pd.DataFrame({**columns, **dict(zip(told.names, said.T, strict=True))})
    if told.goal == "classify":
        columns["predicted"] = np.array(told.names, object)[said.argmax(axis=1)]
    else:
        columns["predicted"] = _held(told.names, said > 0.5)
    return pd.DataFrame({**columns, **dict(zip(told.columns[1:], said.T, strict=True))})


def _truth(labels: Labels, rows: Array) -> dict[str, Any]:
    values = labels.values[rows]
    if labels.kind == "class":
        return {"truth": np.array(labels.names, object)[values]}
    if labels.kind == "multilabel":
        return {"truth": _held(labels.names, values)}
    columns = values.reshape(len(values), -1).T
    return {f"truth {name}": one for name, one in zip(labels.names, columns, strict=True)}


def _held(names: tuple[str, ...], holds: Array) -> list[str]:
    return [BOTH.join(n for n, yes in zip(names, row, strict=True) if yes) for row in holds]
