"""A network of an experiment after its training, with sequences to look at it on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from zipfile import BadZipFile

import numpy as np
import torch

import glasscell
from glasscell.errors import DataError
from glasscell.reproduce.problems.examples import Examples

LossName = Literal["squares", "classes"]

EXAMPLES, ABOUT = "examples.npz", "about.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimen:
    """What is kept of one trained network.

    Args:
        network: The module, as `glasscell.save` takes it, or the folder where it lies.
        examples: Sequences that it was not trained on.
        loss: What it was trained to make small.
        task: What it does; networks of one task read the same sequences.
    """

    network: torch.nn.Module | Path
    examples: Examples
    loss: LossName
    task: str

    def keep(self, folder: Path) -> None:
        """Write everything to a folder, in place of what is there."""
        assert isinstance(self.network, torch.nn.Module)
        glasscell.save(self.network, folder, force=True)
        one = self.examples
        np.savez(folder / EXAMPLES, x=one.x, target=one.target, ends=one.ends)
        about = {"loss": self.loss, "task": self.task}
        (folder / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Specimen:
        """Read what `keep` wrote; its network is the folder.

        Raises:
            DataError: The folder is damaged.
        """
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            with np.load(folder / EXAMPLES) as arrays:
                examples = Examples(arrays["x"], arrays["target"], arrays["ends"])
            loss, task = cast(LossName, about["loss"]), str(about["task"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise DataError(
                f"{folder}: expected a network of glasscell reproduce, got: {error}; remove the "
                "folder, and the page is written without it"
            ) from error
        return cls(network=folder, examples=examples, loss=loss, task=task)
