"""A run on labelled sequences, step by step: a row of features in, its scores out; NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import glasscell
from glasscell.arrays import Array
from glasscell.errors import DataError, ShapeError
from glasscell.tasks.live_streams import MOST, LiveStreams, numbers_of
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.averaging import Block
from glasscell.tasks.sequences.told import told
from glasscell.training import run_folder

__all__ = ["Live"]

POLICIES = ("raise", "previous", "zero")
"""What a stream may do with a missing value, as it does not see the next."""
LARGEST = float(np.finfo(np.float32).max)
NEEDED = ("goal", "features", "scaler", "missing")
"""What preprocessing.json must have, beside classes or targets."""


class Live:
    """Any number of live sequences through the network of a run, one row a call.

    What is said after a row is what the network says of the sequence up to it, to the bit what
    `glasscell.load(run).run` gives for these rows, averaged and scaled as in the run: until the
    rows that are averaged to one step are all there, the last step is the mean of those that are.

    Args:
        run: Run folder that `fit` wrote on labelled sequences.
        missing: What stands for a value that is missing: the one before it (previous), or the mean
            of the feature (zero); raise refuses the row. Default: as in the run; a run that
            interpolates has to be told, as that needs the next value.
        most: Sequences that may be open at a time.

    Raises:
        DataError: The run cannot be used, or reads from both ends, which no stream can.

    Attributes:
        features: Names of what a row holds, in order.
        marks: Further marks of a missing value in text, as the run was told.
    """

    def __init__(
        self, run: str | os.PathLike[str], missing: str | None = None, most: int = MOST
    ) -> None:
        settings = run_folder.read_preprocessing(Path(run), "sequences", NEEDED)
        model = glasscell.load(run)
        self.features: tuple[str, ...] = tuple(settings["features"])
        self._missing = missing or settings["missing"]
        if self._missing not in POLICIES:
            raise DataError(
                f"{run}: the run interpolates missing values, which takes the value after them; "
                f"choose --missing {', '.join(POLICIES)} for the stream"
            )
        marks = settings.get("marks") or ()
        self.marks = tuple(marks.split(",") if isinstance(marks, str) else marks)
        # Runs of earlier versions name the means; else a missing value is 0 once it is scaled.
        means = settings.get("reading", {}).get("means") or [np.nan] * len(self.features)
        self._means = np.array(means, np.float32)
        self._scaler = Scaler(
            np.array(settings["scaler"]["mean"]), np.array(settings["scaler"]["scale"])
        )
        self._told = told(settings)
        try:
            self._stride = settings.get("stride") or 1
            # The value before; and of the rows of a step that is not whole yet their number, sums
            # and counts.
            width = len(self.features)
            beside = width if self._stride == 1 else 3 * width + 1
            self._streams = LiveStreams(model, settings, beside, most)
        except ShapeError as error:
            raise DataError(
                f"{run}: its network reads sequences from both ends, so it cannot go step by step; "
                "fit one that can with --bidirectional false"
            ) from error

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what `step` gives."""
        return self._told.columns

    @property
    def streams(self) -> LiveStreams:
        """The states, to save and restore."""
        return self._streams

    def step(self, row: Mapping[str, Any] | Sequence[float] | Array, name: str = "") -> list[Any]:
        """Read one row of one sequence.

        Args:
            row: Its features by name, or in the order of `features`; NaN or None where missing.
            name: Which sequence; a new name begins one. Default: the only one.

        Returns:
            What is told, in the order of `columns`: for classes the likeliest and the probability
            of each; for several labels those that hold and the probability of each; for numbers the
            numbers, in their unit.

        Raises:
            DataError: A feature is missing or no finite number, or there are too many sequences.
        """
        values = self._filled(self._values(row), name)
        return self._told.row(self._scores(values, name))

    def _scores(self, values: npt.NDArray[np.float32], name: str) -> Array:
        """Go on by a row, or by a part of the step that it becomes with others."""
        if self._stride == 1:
            return self._streams.step(name, self._scaler.network_input(values[None]))
        width = len(self.features)
        held = self._streams.beside(name)[width:]
        if np.isnan(held[0]) or held[0] == self._stride:
            held[:] = 0.0
        held[0] += 1
        block = Block((width,), held[1 : width + 1], held[width + 1 :])
        block.add(values)
        go_on = self._streams.step if held[0] == self._stride else self._streams.peek
        return go_on(name, self._scaler.network_input(block.mean[None]))

    def reset(self, name: str | None = None) -> None:
        """End one sequence, or all."""
        self._streams.reset(name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the states of all sequences, whole or not at all; see `LiveStreams.save`."""
        self._streams.save(path)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file of `save`; see `LiveStreams.restore`."""
        self._streams.restore(path)

    def _values(self, row: Mapping[str, Any] | Sequence[float] | Array) -> npt.NDArray[np.float32]:
        values = numbers_of(row, self.features)
        large = abs(values) > LARGEST
        if large.any():
            name = self.features[int(np.argmax(large))]
            raise DataError(
                f"{name}: expected a finite number within float32, got {values.tolist()}"
            )
        return values.astype(np.float32)

    def _filled(self, values: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
        """Put what the policy says in place of what is missing."""
        gaps = np.isnan(values)
        if gaps.any():
            if self._missing == "raise":
                absent = [each for each, gap in zip(self.features, gaps, strict=True) if gap]
                raise DataError(
                    f"{', '.join(absent)}: the value is missing; --missing previous or zero takes "
                    "another in its place"
                )
            if self._missing == "previous":
                values[gaps] = self._streams.beside(name)[: len(gaps)][gaps]
            # Before the first value there is none to take: the mean stands there.
            gaps = np.isnan(values)
            values[gaps] = self._means[gaps]
        if self._missing == "previous":
            self._streams.beside(name)[: len(values)] = values
        return values
