"""A small network and random batches for it, which tests of training share."""

from __future__ import annotations

import numpy as np
import torch

from glasscell.nn import LSTM
from glasscell.training.trainer import Batch


class LastStep(torch.nn.Module):
    """Answers (B, 1) to (B, T, 2); `scale` is an option of a batch."""

    def __init__(self):
        super().__init__()
        self.recurrent = LSTM(2, 3, batch_first=True)
        self.head = torch.nn.Linear(3, 1)

    def forward(self, x, scale=1.0):
        return scale * self.head(self.recurrent(x)[0][:, -1])


class Noise:
    """Random sequences and answers, in three batches an epoch; the errors may be told."""

    def __init__(self, generator, options=None, errors=None):
        self.loss = torch.nn.functional.mse_loss
        self.steps, self.generator = 3, generator
        self.options, self.errors = options or {}, errors

    def draw(self, *shape):
        if isinstance(self.generator, torch.Generator):
            return torch.randn(shape, generator=self.generator)
        return torch.from_numpy(self.generator.normal(size=shape).astype(np.float32))

    def batches(self, epoch):
        for size in (4, 4, 2):
            yield Batch(self.draw(size, 5, 2), self.draw(size, 1), self.options)

    def error(self, network):
        if self.errors is not None:
            return next(self.errors)
        with torch.no_grad():
            return float(network(torch.ones(1, 5, 2)).abs().mean())
