"""A campaign of another task than forecasting: the recipe alone says what is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from glasscell.errors import DataError
from glasscell.nn import LSTM, RNN
from glasscell.training.campaign import LONG, Campaign, best_of_each, candidates, hire
from glasscell.training.progress import Reporter, Stop
from glasscell.training.run_folder import CHECKPOINT, PREPROCESSING, RunFolder
from glasscell.training.trainer import Batch, Schedule, Trainer
from glasscell.training.workers import Workers


class Classes(torch.nn.Module):
    """Tells which of two kinds a sequence is."""

    def __init__(self, kind):
        super().__init__()
        self.recurrent = {"LSTM": LSTM, "RNN": RNN}[kind](1, 3, batch_first=True)
        self.head = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


class Rising:
    """Whether a sequence rises, told by cross entropy."""

    def __init__(self, seed):
        self.loss = torch.nn.functional.cross_entropy
        self.steps, self.generator = 4, np.random.default_rng(seed)

    def draw(self, generator):
        x = generator.normal(size=(8, 6, 1)).astype(np.float32)
        return Batch(torch.from_numpy(x), torch.from_numpy((x[:, -1, 0] > x[:, 0, 0]) * 1))

    def batches(self, epoch):
        for _ in range(self.steps):
            yield self.draw(self.generator)

    def error(self, network):
        batch = self.draw(np.random.default_rng(99))
        with torch.no_grad():
            return float(self.loss(network(batch.inputs), batch.targets))


@dataclass
class Recipe:
    fingerprint: str = "rising"
    epochs: int = 3
    film: int | None = 2

    def network(self, kind, seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Classes(kind)

    def trainer(self, kind, seed):
        network = self.network(kind, seed)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        schedule = Schedule(epochs=self.epochs, keep_start=True)
        return Trainer(network, Rising(seed), optimizer, schedule, film=self.film)


class StopAfter(Reporter):
    def __init__(self, epochs):
        super().__init__(quiet=True)
        self.left, self.stop = epochs, Stop()

    def epoch(self, *args):
        self.left -= 1
        self.stop.pressed = self.left <= 0


def run(folder=None, after=99, recipe=None):
    reporter = StopAfter(after)
    one = Campaign(recipe or Recipe(), candidates(5, 2), reporter, folder, Workers(1))
    return one, one.run(reporter.stop)


def assert_same(some, others):
    assert [(t.kind, t.seed) for t in some] == [(t.kind, t.seed) for t in others]
    for one, other in zip(some, others, strict=True):
        assert [e.validation for e in one.history] == [e.validation for e in other.history]
        for name, value in one.network.state_dict().items():
            assert torch.equal(value, other.network.state_dict()[name])
        for name, array in one.film.arrays().items():
            np.testing.assert_array_equal(array, other.film.arrays()[name])


def test_all_seeds_of_both_kinds_are_trained_and_the_best_on_validation_is_told():
    one, whole = run()
    assert whole
    assert [(t.kind, t.seed) for t in one.done] == [
        ("LSTM", 5), ("LSTM", 6), ("RNN", 5), ("RNN", 6),
    ]  # fmt: skip
    best = best_of_each(one.done)
    for kind in ("LSTM", "RNN"):
        assert best[kind].validation == min(t.validation for t in one.done if t.kind == kind)


@pytest.mark.parametrize("after", [1, 4, 8])
def test_a_stopped_campaign_goes_on_to_the_same_bits(tmp_path, after):
    with RunFolder(tmp_path / "run") as folder:
        _, whole = run(folder, after)
        assert not whole
        folder.write_text(PREPROCESSING, "{}")
        folder.commit(keep_checkpoint=True)
    with RunFolder(tmp_path / "run", resume=True) as folder:
        resumed, whole = run(folder)
    assert whole
    assert_same(resumed.done, run()[0].done)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    with RunFolder(tmp_path / "run") as folder:
        run(folder, 1)
        assert (folder.draft / CHECKPOINT).is_file()
    with (
        RunFolder(tmp_path / "run", resume=True) as folder,
        pytest.raises(DataError, match="other options or other data"),
    ):
        run(folder, recipe=Recipe(fingerprint="falling"))


def test_processes_are_started_for_long_training_alone_unless_asked():
    with hire(None, 4, LONG) as workers:
        assert workers.jobs == 1
    with hire(2, 4, 0.0) as workers:
        assert workers.jobs == 2
    mine = Workers(1)
    with hire(mine, 4, 2 * LONG) as workers:
        assert workers is mine
