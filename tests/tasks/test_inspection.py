"""What is found in a run whose network training could not better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import glasscell
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.network import Forecaster
from glasscell.tasks.inspect_run import LINEAR, look


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    return pd.DataFrame({"ds": np.arange(300), "y": rng.normal(size=300).cumsum()})


def test_a_network_kept_as_its_linear_start_is_called_so_and_nothing_else(data, tmp_path):
    # So high a rate makes every epoch worse than the start.
    options = {"horizon": 1, "lookback": 4, "epochs": 1, "hidden_size": 2, "learning_rate": 9.0}
    run = fit(data, tmp_path / "run", **options, seeds=1)
    assert run.best.best_epoch == 0
    data.to_csv(tmp_path / "data.csv", index=False)
    np.save(tmp_path / "x.npy", run.plan.test.inputs())
    for given in (None, tmp_path / "data.csv", tmp_path / "x.npy"):
        assert look(run.folder, given).findings == [LINEAR]
    for text in (*LINEAR.text, *LINEAR.advice):
        assert "detach" not in text


def test_a_network_that_learnt_is_judged(tmp_path):
    torch.manual_seed(0)
    glasscell.save(Forecaster("LSTM", 1, 3, lookback=5, horizon=2), tmp_path / "model")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(6, 5, 1)))
    assert LINEAR not in look(tmp_path / "model", tmp_path / "x.npy").findings
