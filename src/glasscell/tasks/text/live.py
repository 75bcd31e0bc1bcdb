"""A run on text, as it comes: lines in, the bits of surprise of each out; needs no torch."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell.tasks.live_streams import MOST, LiveStreams
from glasscell.tasks.text.evaluation import log_probabilities
from glasscell.tasks.text.preprocessing import read_vocabulary
from glasscell.training import run_folder

__all__ = ["Live"]


class Live:
    """Any number of live texts through the network of a run, a piece of text a call.

    A symbol costs ``-log2 p(x_t | x_1 … x_{t-1})`` bits, as in `glasscell.tasks.text.score`; the
    first of a text, which nothing foretells, log2 V.

    Args:
        run: Run folder that `fit` wrote on a text.
        most: Texts that may be open at a time.

    Raises:
        DataError: The run cannot be used.

    Attributes:
        columns: Names of what `step` gives.
    """

    columns = ("symbols", "bits", "bits_per_symbol", "highest")

    def __init__(self, run: str | os.PathLike[str], most: int = MOST) -> None:
        settings = run_folder.read_preprocessing(Path(run), "text", ())
        self._vocabulary = read_vocabulary(Path(run))
        model = glasscell.load(run)
        # Beside each state lies what the network foretells of the next symbol, log2 of each.
        self.streams = LiveStreams(model, settings, len(self._vocabulary), most)

    def step(self, text: str, name: str = "") -> list[Any]:
        """Read a piece of a text.

        Args:
            text: What comes next.
            name: Which text; a new name begins one. Default: the only one.

        Returns:
            The count of symbols, their bits in all and per symbol, and the bits of the one that was
            foretold worst; None in place of the last two where there is no symbol.
        """
        costs = self.costs(text, name)
        if not len(costs):
            return [0, 0.0, None, None]
        return [len(costs), float(costs.sum()), float(costs.mean()), float(costs.max())]

    def costs(self, text: str, name: str = "") -> Any:
        """Give the bits (S,) float64 of each symbol of a piece of a text."""
        symbols = self._vocabulary.encode(text)
        costs = np.empty(len(symbols))
        foretold = self.streams.beside(name)
        for place, symbol in enumerate(symbols):
            known = foretold[symbol]
            costs[place] = math.log2(len(self._vocabulary)) if np.isnan(known) else -known
            foretold[:] = log_probabilities(self.streams.step(name, symbols[place : place + 1]))
        return costs

    def reset(self, name: str | None = None) -> None:
        """End one text, or all."""
        self.streams.reset(name)
