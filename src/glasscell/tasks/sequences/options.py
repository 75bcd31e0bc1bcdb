"""Options of a run on labelled sequences: one definition for Python, the command line, run.yaml."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from glasscell.data.sequences.reading_options import Goal, Layout, Missing, ReadingOptions
from glasscell.errors import DataError
from glasscell.tasks.option_checks import plain, require_within
from glasscell.training.kinds import CellName

MOST = 2**31 - 1
BOUNDS = {
    **dict.fromkeys(("batch_size", "patience", "film"), (1, MOST)),
    "rounds": (1, 1000),
    "seed": (0, MOST),
    "epochs": (1, 1_000_000),
    "hidden_size": (1, 4096),
    "layers": (1, 16),
    "stride": (1, MOST),
}
"""Least and most of every whole number."""

POOLINGS = ("last", "mean", "max", "attention")
"""What the head may read of the recurrent outputs of all steps."""


@dataclass(frozen=True, kw_only=True)
class SequenceOptions:
    """How to read labelled sequences, split them and train.

    Args:
        goal: What to tell: one class, several labels at once, or numbers. Default: found from the
            labels.
        label: Label column, or with commas several. Default: label, class, target or y.
        sequence: Column that names the sequences. Default: sequence, sequence_id, case, id ...
        time: Column of times or step numbers, by which the steps are put in order. Default: found;
            without one the order of the rows.
        features: Columns to read. Default: every other column of numbers.
        group: Column that says whom or what a sequence comes from; one group never lies in two
            parts. In a folder of files also a regular expression of their names: subject[0-9]+.
        part: Column that says train or test for each sequence. Default: none.
        per_step: Whether each step has a label of its own; default one a sequence.
        layout: Order of the axes of an array: ntc (sequence, time, feature) or nct. Arrays of
            three axes and lists of arrays need it where it cannot be seen.
        missing: Missing values: refuse them, interpolate linearly within a sequence, take the
            previous one, or zero after scaling (the feature's mean).
        marks: Further marks of a missing value in text files, with commas.
        class_weight: Weigh every class alike (balanced), or every sequence (none).
        cell: The recurrent layer: lstm, gru or rnn.
        hidden_size: Units of a layer and direction. Default: from the number of sequences.
        layers: Recurrent layers.
        bidirectional: Read from both ends. Default: true, false with per_step or one pooling
            last, as such a network runs step by step.
        pooling: What the head reads of the outputs: last, mean, max, attention, or with commas
            several.
        stride: Neighbouring steps that are averaged to one, for the network alone. Default: 1, and
            of sequences of more than 128 steps so many that the longest has no more; with per_step
            1, as each step is told, and 1 where each step is a symbol, of which there is no mean:
            if asked, the network reads how often each comes, as numbers.
        skip: Add a linear path from mean, deviation, first and last of each feature to the scores,
            which starts at the ridge regression on them; where each step is a symbol the scores
            are the mean of the recurrent layers' and those of a logistic regression on n-grams.
            None with per_step.
        dropout: Part of what the head reads that is left out in training, at random. Default: 0.5,
            of a single feature 0.2.
        noise: Standard deviation of the noise that is added to scaled features in training.
            Default: 0.3; of a single feature none, as its details would be lost in it, and of whole
            numbers none, as they are codes or counts. Where each step is a symbol (one feature is
            1, all others are 0) it is the share of steps that are left out: 0.2; none with
            per_step.
        augment: Whether each pass over the training sequences sees half of them changed: cut at
            their ends, faster and slower, stronger and weaker. Default: where classes or labels of
            fewer than 1,000 sequences of no whole numbers are to be told; never with per_step.
        rounds: Networks of each kind to train, each with its own seed; where the data do not fix a
            test part and are few, each with its own test part too, so that all are tested once.
        seed: The first seed; the others follow it.
        epochs: Most passes over the training sequences.
        batch_size: Sequences per training step. Default: from the number of sequences.
        learning_rate: Adam's for LSTM and GRU, at its highest; the plain RNN takes 0.3 of it.
        patience: Epochs without a better validation loss before training stops.
        film: Training steps between two frames of the training film. Default: no film.
    """

    goal: Goal | None = None
    label: str | list[str] | None = None
    sequence: str | None = None
    time: str | None = None
    features: list[str] | None = None
    group: str | None = None
    part: str | None = None
    per_step: bool = False
    layout: Layout | None = None
    missing: Missing = "raise"
    marks: str | list[str] | None = None
    class_weight: Literal["none", "balanced"] = "none"
    cell: CellName = "lstm"
    hidden_size: int | None = None
    layers: int = 1
    bidirectional: bool | None = None
    pooling: str | list[str] | None = None
    stride: int | None = None
    skip: bool = True
    dropout: float | None = None
    noise: float | None = None
    augment: bool | None = None
    rounds: int = 5
    seed: int = 0
    epochs: int = 100
    batch_size: int | None = None
    learning_rate: float = 0.01
    patience: int = 20
    film: int | None = None

    def __post_init__(self) -> None:
        for name, value in plain(self).items():
            object.__setattr__(self, name, value)
        require_within(self, BOUNDS)
        if not 0 < self.learning_rate < 10:
            raise DataError(f"--learning-rate: expected between 0 and 10, got {self.learning_rate}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise DataError(f"--dropout: expected from 0 to less than 1, got {self.dropout}")
        if self.noise is not None and not 0 <= self.noise < 100:
            raise DataError(f"--noise: expected from 0 to less than 100, got {self.noise}")

    def reading(self) -> ReadingOptions:
        """Give what reading the data needs to know."""
        return ReadingOptions(**{f.name: getattr(self, f.name) for f in fields(ReadingOptions)})

    def record(self) -> dict[str, Any]:
        """Give all options as plain values."""
        return asdict(self)
