"""`import glasscell`, load, run and stream where torch cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glasscell

REPLAY = Path(__file__).parent / "golden" / "replay.py"

HIDE = """
import importlib.abc, sys

class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Hide())
"""


def _python(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", HIDE + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_saved_model_runs_and_streams_to_the_same_bits():
    output = _python(f"import runpy; runpy.run_path({str(REPLAY)!r}, run_name='__main__')")
    assert "outputs have the bits of glasscell.nn" in output


def test_what_is_imported_is_numpy_and_safetensors_and_the_standard_library():
    output = _python(
        """

before = set(sys.modules)
import glasscell
glasscell.load, glasscell.Model, glasscell.Run, glasscell.Stream, glasscell.inspect
glasscell.cells, glasscell.reference, glasscell.cells.parameters
top = {name.split(".")[0] for name in set(sys.modules) - before}
print(*sorted(top - sys.stdlib_module_names))
"""
    )
    allowed = {"glasscell", "numpy", "safetensors"}
    editable = {name for name in output.split() if name.startswith(("_editable", "__editable"))}
    assert set(output.split()) - editable <= allowed


def test_import_alone_reads_almost_nothing():
    output = _python(
        "import glasscell; print(*[m for m in sys.modules if m.startswith('glasscell.')])"
    )
    assert output.split() == ["glasscell.errors"]


@pytest.mark.parametrize("name", ["save", "convert", "restore", "nn"])
def test_what_needs_torch_says_so_and_how_to_get_it(name):
    output = _python(
        f"""
import glasscell
try:
    glasscell.{name}
except ModuleNotFoundError as error:
    print(error.name, error)
"""
    )
    assert output.startswith(f"torch expected torch, which glasscell.{name} needs")
    assert "pip install 'glasscell[train]'" in output


def test_a_folder_is_looked_into_by_every_measure(tmp_path):
    import torch

    model = torch.nn.Sequential(torch.nn.LSTM(3, 4), torch.nn.Linear(4, 1))
    folder = str(glasscell.save(model, tmp_path / "model"))
    output = _python(
        f"""
import numpy as np, glasscell
from glasscell import inspect
from glasscell.report.page import collect
x = np.random.default_rng(0).normal(size=(12, 2, 3)).astype(np.float32)
for model in ({folder!r}, glasscell.load({folder!r})):
    print(*glasscell.gradient_flow(model, x), *inspect.ablation(model, x), end=" ")
    print(*inspect.truncation(model, x).lengths, *inspect.examine(model, x).kinds, end=" ")
    print(inspect.model_influence(model, x[:, 0]).shape, collect(model, x[:, 0]).series[0].steps)
"""
    )
    first, second = output.splitlines()
    assert first == second
    assert first.startswith("0.l0 0.l0 1 2 4 8 12 ")
    assert first.endswith("(12, 12) 12")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of every task, fitted by torch, and the data that it can be used on."""
    import pandas as pd

    from glasscell.tasks.forecast import fit as fit_series
    from glasscell.tasks.sequences import fit as fit_sequences
    from glasscell.tasks.text import fit as fit_text

    folder, draw = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    times = pd.date_range("2020", periods=200, freq="D")
    pd.DataFrame({"ds": times, "y": draw.normal(size=200).cumsum()}).to_csv(folder / "series.csv")
    x, y = draw.normal(size=(60, 5)).astype(np.float32), np.arange(60) % 2
    np.savez(folder / "sequences.npz", x=x, y=y)
    (folder / "text.txt").write_text("the cat sat on a mat. a dog ran away. " * 60)
    small = {"epochs": 1, "hidden_size": 4}
    fit_series(folder / "series.csv", folder / "forecast", seeds=1, **small)
    fit_sequences(folder / "sequences.npz", folder / "sequences", rounds=1, **small)
    fit_text(folder / "text.txt", folder / "text", seeds=1, **small)
    return folder


USES = {
    "forecast": ("forecast.predict:predict", "forecast.evaluation:evaluate", "series.csv"),
    "sequences": ("sequences.predict:predict", "sequences.predict:evaluate", "sequences.npz"),
    "text": ("text.sampling:sample", "text.evaluation:score", "text.txt"),
}


@pytest.mark.parametrize("task", USES)
def test_a_run_of_every_task_is_used_and_measured(task, runs):
    used, measured, data = USES[task]
    told = "length=20" if task == "text" else repr(str(runs / data))
    output = _python(
        f"""
from glasscell.tasks.{used.replace(":", " import ")} as use
from glasscell.tasks.{measured.replace(":", " import ")} as measure
print(len(use({str(runs / task)!r}, {told})))
print(measure({str(runs / task)!r}, {str(runs / data)!r}))
print("torch" in sys.modules)
"""
    )
    used, found, torch = output.splitlines()
    assert int(used) > 0
    assert found.startswith("{")
    assert "nan" not in found
    assert torch == "False"


def test_every_public_name_is_there():
    for name in glasscell.__all__:
        assert getattr(glasscell, name) is not None
        assert name in dir(glasscell)
    assert callable(glasscell.trace)
    assert callable(glasscell.gradient_flow)
    assert callable(glasscell.convert)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lstm'"):
        _ = glasscell.lstm
