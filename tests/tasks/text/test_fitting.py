"""Fitting a text from end to end, small enough for seconds: files, resume, sampling, scoring."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

import glasscell
from glasscell.errors import DataError
from glasscell.tasks.text import fit, sample, score
from glasscell.tasks.text.evaluation import costs
from glasscell.tasks.text.network import bits
from glasscell.tasks.text.preprocessing import read_vocabulary
from glasscell.training.progress import Reporter
from glasscell.training.run_folder import CHECKPOINT

LINES = ['the cat (sat) on "a mat".\n', "a dog ran [far] away.\n", '"no", she said.\n']
TEXT = "".join(LINES[k] for k in np.random.default_rng(0).integers(0, 3, 150))
SMALL = {"hidden_size": 8, "epochs": 2, "seeds": 2, "truncation": 16, "jobs": 1}
FILES = {
    "README.md",
    "config.json",
    "log.jsonl",
    "metrics.json",
    "model.safetensors",
    "plain-rnn",
    "preprocessing.json",
    "report.html",
    "run.yaml",
    "sample.txt",
    "text.npz",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fit([TEXT], tmp_path_factory.mktemp("runs") / "run", **SMALL)


class PressCtrlC(Reporter):
    """Sends the process a real interrupt after an epoch."""

    left = 3

    def epoch(self, *args):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_folder_is_complete(run):
    assert {path.name for path in run.folder.iterdir()} == FILES
    metrics = json.loads((run.folder / "metrics.json").read_text())
    names = [method["name"] for method in metrics["methods"]]
    assert names == ["unigram", "5-gram", "xz", "bz2", "plain RNN", "LSTM"]
    assert metrics["methods"][-1]["bits"] == run.methods[-1].bits
    assert len(metrics["verdict"]) == 2
    assert metrics["data"]["test_bytes"] == len(run.plan.test)


def test_a_saved_run_scores_as_the_network_did(run):
    """NumPy gives what torch gave, up to the rounding of torch's own softmax."""
    model = glasscell.load(run.folder)
    mine, torchs = costs(model, run.plan.test), bits(run.best.network, run.plan.test)
    assert np.allclose(mine, torchs, rtol=1e-5, atol=1e-5)


def test_units_are_stronger_than_chance(run):
    assert run.units
    for found in run.units:
        assert all(abs(one["correlation"]) > found["by_chance"] for one in found["units"])


def test_stopped_and_resumed_is_never_stopped(run, tmp_path):
    stopped = fit([TEXT], tmp_path / "run", reporter=PressCtrlC(quiet=True), **SMALL)
    assert stopped.interrupted
    assert (stopped.folder / CHECKPOINT).is_file()
    resumed = fit([TEXT], tmp_path / "run", resume=True, **SMALL)
    assert not resumed.interrupted
    assert [m.bits for m in resumed.methods] == [m.bits for m in run.methods]
    for name in ("model.safetensors", "sample.txt", "text.npz", "preprocessing.json"):
        if name.endswith("npz"):
            continue  # a zip holds the time of writing
        assert (resumed.folder / name).read_bytes() == (run.folder / name).read_bytes()
    with pytest.raises(DataError, match="nothing to go on with"):
        fit([TEXT], tmp_path / "run", resume=True, **SMALL)


def test_the_truncation_is_measured_where_none_is_given():
    found = fit([TEXT], **{**SMALL, "truncation": None, "seeds": 1, "epochs": 1})
    assert found.reach is not None
    assert found.plan.options.truncation == found.reach.chosen
    assert any(note.startswith("Truncation: ") for note in found.plan.notes)
    assert found.metrics()["truncation"]["measured"]["cosine"]


def test_the_same_seed_writes_the_same_text(run):
    first, again, other = (sample(run.folder, "the ", 60, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 60
    assert "\ufffd" not in first
    coldest = sample(run.folder, "the ", 30, temperature=0)
    assert coldest == sample(run.folder, "the ", 30, seed=9, top_k=1)


def test_a_score_is_the_sum_over_documents(run):
    parts = ["the cat", " sat on €"]
    one, two = (score(run.folder, [part]) for part in parts)
    both = score(run.folder, parts)
    assert both["bits"] == pytest.approx(one["bits"] + two["bits"], rel=1e-6)
    assert (both["symbols"], both["bytes"], both["unknown"]) == (16, 18, 1)
    assert both["bits_per_byte"] == pytest.approx(both["bits"] / 18)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"unit": "byte"}, "LSTM"),
        ({"unit": "token", "separator": " ", "cell": "gru"}, "GRU"),
        ({"cell": "rnn", "layers": 2, "film": 50}, "plain RNN"),
    ],
)
def test_other_units_and_cells(changes, kind, tmp_path):
    found = fit([TEXT * 3], tmp_path / "run", **{**SMALL, "seeds": 1, "epochs": 1, **changes})
    assert found.methods[-1].name == kind
    assert len(sample(found.folder, length=20)) > 0
    vocabulary = read_vocabulary(found.folder)
    assert len(vocabulary) == len(found.plan.vocabulary)
    assert (found.folder / "film.npz").is_file() == ("film" in changes)


def test_nothing_is_written_for_a_text_of_one_character(tmp_path):
    with pytest.raises(DataError, match="got 'a' alone"):
        fit(["a" * 1000], tmp_path / "run", **SMALL)
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_there_stays(run):
    with pytest.raises(DataError, match="exists"):
        fit([TEXT], run.folder, **SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"length": -1}, "--length: expected at least 0"),
        ({"temperature": -0.1}, "--temperature: expected a number from 0"),
        ({"top_k": 0}, "--top-k: expected at least 1"),
        ({"seed": -1}, "--seed"),
        ({"prime": "\udcff"}, "--prime: expected text in UTF-8"),
    ],
)
def test_wrong_samples_are_told(run, wrong, message):
    with pytest.raises(DataError, match=message):
        sample(run.folder, **wrong)


def test_no_run_of_a_text_is_told(tmp_path):
    with pytest.raises(DataError, match=r"found no preprocessing\.json"):
        sample(tmp_path)
