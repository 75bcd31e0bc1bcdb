"""The network of a fitted estimator, as plain values: it pickles and runs without torch.

What predicts is made of them when it is first asked for, and is left out of a pickle: nothing of
torch, and no code, is in one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from glasscell.arrays import Array
from glasscell.data.sequences.reading_options import Known
from glasscell.model import modelfile
from glasscell.model.model import Model
from glasscell.tasks.sequences.predict import Predictor
from glasscell.tasks.sequences.preprocessing import scaler_of
from glasscell.tasks.sequences.told import told
from glasscell.training import run_folder

__all__ = ["FittedNetwork"]


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """One trained network and what its inputs and outputs mean.

    Args:
        tree: What it is, as config.json has it.
        weights: Torch's parameter names to arrays.
        settings: How its sequences were prepared, as preprocessing.json has it.
        history: What every epoch gave: its number, training and validation loss, seconds.
        best_epoch: The epoch whose weights these are.
        optimizer: What Adam remembers, for `partial_fit`; None after a `fit`.
    """

    tree: dict[str, Any]
    weights: Mapping[str, Array]
    settings: dict[str, Any]
    history: tuple[dict[str, float], ...]
    best_epoch: int
    optimizer: Any = None

    @cached_property
    def predictor(self) -> Predictor:
        """The network, ready to tell the labels of sequences with NumPy alone."""
        return Predictor(
            Model(self.tree, self.weights),
            scaler_of(self.settings),
            told(self.settings),
            Known.restore(self.settings["reading"]),
            self.settings,
        )

    def save(self, out: str | os.PathLike[str], force: bool) -> Path:
        """Write a run folder with the model, its preparation and its log."""
        with run_folder.RunFolder(out, force=force) as folder:
            modelfile.write(folder.draft, self.tree, self.weights, force=True)
            folder.write_json(run_folder.PREPROCESSING, self.settings)
            folder.write_log(self.history)
            return folder.commit()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "predictor"}
