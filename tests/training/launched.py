"""What test_distribution starts once for every process: trains a small network, writes its weights.

Arguments: the file to write, "stop" or "whole", the number of the process that wants to stop.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from glasscell.training import distribution
from glasscell.training.trainer import Batch, Schedule, Trainer
from small_training import LastStep


class Weighted:
    """Batches of 5, 4 and 1 sequences, whose loss is a mean with a weight for each."""

    steps = 3

    def __init__(self):
        self.generator = np.random.default_rng(1)

    def loss(self, output, target):
        answer, weight = target[:, :1], target[:, 1:]
        return (weight * (output - answer).square()).sum() / weight.sum()

    def draw(self, size):
        x = self.generator.normal(size=(size, 5, 2)).astype(np.float32)
        answer = x.sum(axis=(1, 2), keepdims=True)[:, 0]
        weight = self.generator.uniform(0.1, 2, (size, 1)).astype(np.float32)
        target = torch.from_numpy(np.concatenate([answer, weight], axis=1))
        return Batch(torch.from_numpy(x), target, weights=target[:, 1])

    def batches(self, epoch):
        for size in (5, 4, 1):
            yield self.draw(size)

    def error(self, network):
        # As if this process rounded otherwise: the first one's number counts for all.
        return float(distribution.rank() + 1) / (1 + len(list(network.parameters())))


def main(path, mode, stopper):
    # Other processes begin elsewhere, as another machine might: the first one's weights count.
    torch.manual_seed(distribution.rank())
    network = LastStep()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    trainer = Trainer(network, Weighted(), optimizer, Schedule(epochs=4, patience=3), film=2)
    batches = 0

    def after_batch(part):
        nonlocal batches
        batches += 1
        return not (mode == "stop" and distribution.rank() == int(stopper) and batches >= 4)

    while not trainer.finished and trainer.step_epoch(after_batch):
        pass
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    history = np.array([[e.train, e.validation] for e in trainer.history])
    np.savez(path, history=history, batches=batches, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
