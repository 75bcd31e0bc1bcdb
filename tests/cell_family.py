"""Every cell of the family with every option that changes its program, for tests that take all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.cells import GRU, LSTM, RNN, SLSTM, Cell, zoo

Array = npt.NDArray[Any]

FAMILY: dict[str, Cell] = {
    repr(cell): cell
    for cell in (
        LSTM(),
        LSTM(peephole=True),
        LSTM(coupled=True),
        LSTM(without=("input",)),
        LSTM(without=("forget",)),
        LSTM(without=("output",)),
        LSTM(without=("candidate",)),
        LSTM(without=("activation",)),
        LSTM(peephole=True, clip=0.5, coupled=True),
        LSTM(zoneout=(0.3, 0.4)),
        LSTM(recurrent_dropout=0.3),
        LSTM(recurrent_dropout=0.3, variational=True),
        LSTM(hidden_dropout=0.3),
        LSTM(layer_norm=True),
        LSTM(peephole=True, clip=0.5, zoneout=(0.2, 0.1), recurrent_dropout=0.2, layer_norm=True),
        GRU(),
        GRU(zoneout=0.25),
        GRU(recurrent_dropout=0.25),
        GRU(layer_norm=True, zoneout=0.1),
        RNN(),
        RNN("relu"),
        RNN("tanh", zoneout=0.5),
        SLSTM(),
        SLSTM(forget="exp"),
        *(getattr(zoo, name)() for name in zoo.__all__),
        zoo.IndRNN("tanh"),
    )
}
"""By what each is called in the name of a test."""

GREFF = {
    "V": LSTM(peephole=True),
    "NIG": LSTM(peephole=True, without=("input",)),
    "NFG": LSTM(peephole=True, without=("forget",)),
    "NOG": LSTM(peephole=True, without=("output",)),
    "NIAF": LSTM(peephole=True, without=("candidate",)),
    "NOAF": LSTM(peephole=True, without=("activation",)),
    "CIFG": LSTM(peephole=True, coupled=True),
    "NP": LSTM(),
}
"""Greff et al. 2017: the vanilla LSTM and its variants, but for FGR, whose gates read old gates."""


def drawn(cell: Cell, rng: np.random.Generator, shape: tuple[int, ...] = (3, 5)) -> list[Array]:
    """Give an array for each input of a cell's program, in float64."""
    program = cell.program
    inputs = [rng.normal(size=shape) for _ in (*program.sums, *program.states, *program.vectors)]
    if isinstance(cell, SLSTM):  # a normaliser of a run is never below 1
        inputs[len(program.sums) + 2] = rng.uniform(1, 3, size=shape)
    for letter in program.masks:
        mask = cell.masks[letter]
        inputs.append(np.where(rng.random(shape) < mask.probability, mask.on, mask.off))
    return inputs
