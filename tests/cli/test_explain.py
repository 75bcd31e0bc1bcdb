"""`glasscell explain` as a user meets it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cli import main
from glasscell.nn import LSTM, RNN
from pages import data_of


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    torch.manual_seed(0)
    glasscell.save(LSTM(2, 5, 2, batch_first=True), folder / "model")
    glasscell.save(RNN(2, 5), folder / "plain")
    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((3, 9, 2)))
    np.save(folder / "wide.npy", np.zeros((3, 9, 7)))
    return folder


@pytest.fixture
def call(capsys, tmp_path):
    def called(*arguments):
        out = str(tmp_path / "lesson.html")
        return main(["explain", *map(str, arguments), "--out", out]), *capsys.readouterr()

    return called


def test_without_a_run_it_explains_the_network_that_it_carries(call, tmp_path):
    code, out, err = call()
    assert (code, err) == (0, "")
    assert "lesson.html" in out
    found = data_of(tmp_path / "lesson.html")
    assert found["measures"]["lesson"]["carried"]
    assert [layer["mode"] for layer in found["layers"]] == ["LSTM", "RNN_TANH"]


def test_a_saved_model_is_explained_on_data_or_on_chance(call, place, tmp_path):
    assert call(place / "model", "--quiet", "--lang", "zh") == (0, "", "")
    found = data_of(tmp_path / "lesson.html")
    assert (found["lang"], found["measures"]["lesson"]["source"]) == ("zh", "random")
    assert call(place / "model", place / "x.npy", "--force")[0] == 0
    found = data_of(tmp_path / "lesson.html")
    assert found["measures"]["lesson"]["source"] == "data"
    assert found["series"][0]["T"] == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "expected a model folder, found none"),
        (["{place}/plain"], "expected a network with an LSTM layer to explain, got RNN alone"),
        (["{place}/model", "{place}/wide.npy"], "expected x of shape (B, T, 2) or (T, 2)"),
        (["{place}/model", "nothing.npy"], "found nothing to read"),
    ],
)
def test_what_cannot_be_explained_is_said_and_writes_nothing(
    call, place, tmp_path, arguments, message
):
    code, _, err = call(*[argument.format(place=place) for argument in arguments])
    assert code == 2
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_a_lesson_that_is_there_needs_force(call, tmp_path):
    (tmp_path / "lesson.html").write_text("mine")
    code, _, err = call()
    assert (code, (tmp_path / "lesson.html").read_text()) == (2, "mine")
    assert "--force" in err
    assert call("--force", "--quiet") == (0, "", "")
