"""glasscell: nn for sequences and training, the NumPy stream for one step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

import glasscell
from benchmarks.cases import Case
from benchmarks.engines import Run, cell_run, training_run
from glasscell.nn import LSTM, RNN, LSTMCell

NAME = "glasscell"


def prepare(case: Case, weights: torch.nn.Module, x: torch.Tensor, threads: int) -> Run | None:
    torch.set_num_threads(threads)
    glasscell.set_num_threads(threads)
    if case.task == "cell":
        return cell_run(LSTMCell(case.I, case.H), weights, x)
    module = (LSTM if case.mode == "LSTM" else RNN)(case.I, case.H)
    module.load_state_dict(weights.state_dict())
    if case.task == "step":
        with tempfile.TemporaryDirectory() as folder:
            glasscell.save(module, Path(folder) / "model")
            stream = glasscell.load(Path(folder) / "model").stream()
        x_t = x[0, 0].numpy()

        def first_step() -> np.ndarray:
            stream.reset()
            return stream.step(x_t).reshape(1, 1, -1).copy()

        return Run(lambda: stream.step(x_t), first_step)
    if case.task == "training":
        return training_run(module, x)
    if case.task == "trace":

        def traced() -> object:
            with torch.inference_mode(), glasscell.trace(module) as trace:
                module(x)
            return trace["l0"].forget

        return Run(traced, lambda: np.asarray(traced()))

    def infer() -> torch.Tensor:
        with torch.inference_mode():
            return module(x)[0]

    return Run(infer, lambda: infer().numpy())
