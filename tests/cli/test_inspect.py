"""`glasscell inspect` as a user meets it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

import glasscell
from glasscell.cli import main
from glasscell.nn import LSTM, Linear
from glasscell.tasks.forecast.fitting import fit
from pages import data_of
from pooled_networks import Pooled

TIMES = pd.date_range("2020-01-01", periods=260, freq="D")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    wide = pd.DataFrame({"date": TIMES, "销量": np.sin(np.arange(260) / 3), "b": np.arange(260)})
    wide.to_csv(folder / "data.csv", index=False)
    options = {"horizon": 3, "lookback": 12, "epochs": 1, "seeds": 1, "hidden_size": 4, "film": 2}
    fit(folder / "data.csv", folder / "run", **options)
    torch.manual_seed(0)
    glasscell.save(LSTM(2, 5, 2, batch_first=True), folder / "model")
    glasscell.save(torch.nn.Sequential(torch.nn.Embedding(7, 3), LSTM(3, 5)), folder / "letters")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"day": TIMES[:30], "warm": rng.random(30), "wet": rng.random(30)})
    frame.to_csv(folder / "two.csv", index=False)
    np.save(folder / "x.npy", rng.standard_normal((6, 9, 2)))
    return folder


@pytest.fixture
def call(capsys, place, tmp_path):
    def called(run, *arguments, out="page.html"):
        code = main(
            ["inspect", str(place / run), *map(str, arguments), "--out", f"{tmp_path}/{out}"]
        )
        return code, *capsys.readouterr()

    return called


def test_a_run_needs_nothing_but_its_folder(call, place, tmp_path):
    code, out, err = call("run")
    assert (code, err) == (0, "")
    assert "recurrent.l0" in out
    assert "page.html" in out
    found = data_of(tmp_path / "page.html")
    assert [len(found["series"]), found["series"][0]["T"]] == [4, 12]
    assert found["series"][0]["inputs"] == ["target less its last value"]
    # A day is written as a day, and names the window with its series.
    assert len(found["series"][0]["labels"][-1]) == len("2020-01-31")
    assert found["series"][0]["name"].endswith(found["series"][0]["labels"][-1])
    assert {"film/steps", "film/0/rate"} <= set(found["arrays"])
    assert found["measures"]["worth"] == "loss"
    assert len(found["measures"]["dossier"]["0"]["ablation"]) == 4


def test_a_run_reads_new_data_as_predict_does(call, place, tmp_path):
    code, *_ = call("run", place / "data.csv", "--series", "1,0", "--lang", "zh", "--quiet")
    assert code == 0
    found = data_of(tmp_path / "page.html")
    assert found["lang"] == "zh"
    assert len(found["series"]) == 2


def test_the_gradient_of_a_run_is_that_of_its_forecast_error(place):
    from glasscell.tasks.forecast.kept_windows import Specimens
    from glasscell.tasks.forecast.network import Forecaster
    from glasscell.tasks.inspect_run import look

    kept = Specimens.load(place / "run" / "windows.npz")
    shown = look(place / "run")
    network = Forecaster("LSTM", kept.x.shape[2], 4, lookback=12, horizon=3)
    _, arrays = glasscell.model.modelfile.read(place / "run")
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    y = torch.from_numpy(kept.y)
    flow = glasscell.gradient_flow(
        network, torch.from_numpy(kept.x), lambda out: torch.nn.functional.l1_loss(out, y)
    )
    mine = shown.series[0].flows[0]
    # float32 backward passes of the same kernels; the sign of an error of one ulp may differ.
    np.testing.assert_allclose(mine.cell, flow["recurrent.l0"].cell, rtol=1e-5)


def test_any_saved_model_reads_a_csv_file(call, place, tmp_path):
    code, out, _ = call("model", place / "two.csv", "--steps", "5:25", "--lag", "6")
    assert code == 0
    found = data_of(tmp_path / "page.html")
    assert found["series"][0]["inputs"] == ["warm", "wet"]
    assert found["series"][0]["labels"][0] == "2020-01-06"
    assert [found["series"][0]["T"], found["measures"]["lag"]] == [20, 6]
    assert "--lag N" not in out
    assert "?" not in out


def test_columns_can_be_named_in_the_models_order(call, place, tmp_path):
    assert call("model", place / "two.csv", "--inputs", "wet,warm", "--quiet") == (0, "", "")
    assert data_of(tmp_path / "page.html")["series"][0]["inputs"] == ["wet", "warm"]


def test_numpy_files_bring_names_and_text(call, place, tmp_path):
    assert call("model", place / "x.npy", "--series", "5,2", "--quiet")[0] == 0
    assert [s["name"] for s in data_of(tmp_path / "page.html")["series"]] == ["#5", "#2"]
    text = np.array([list("gate"), list("cell")])
    np.savez(tmp_path / "t.npz", x=[[0, 1, 2, 3], [4, 5, 6, 6]], text=text, names=["a", "b"])
    assert call("letters", tmp_path / "t.npz", out="t.html")[0] == 0
    series = data_of(tmp_path / "t.html")["series"]
    assert [(s["name"], "".join(s["text"])) for s in series] == [("a", "gate"), ("b", "cell")]


def test_sequences_of_several_lengths_are_shown_to_their_ends(call, place, tmp_path):
    torch.manual_seed(0)
    glasscell.save(Pooled(("mean", "attention"), features=2), place / "pooled")
    x = np.load(place / "x.npy")[:3]
    x[1, 4:] = np.nan  # padding is not looked at
    np.savez(tmp_path / "x.npz", x=x, lengths=[x.shape[1], 4, 1])
    assert call("pooled", tmp_path / "x.npz", "--quiet") == (0, "", "")
    found = data_of(tmp_path / "page.html")
    assert [s["T"] for s in found["series"]] == [x.shape[1], 4, 1]
    assert found["model"]["type"] == "SequenceNetwork"
    code, _, err = call("pooled", tmp_path / "x.npz", "--steps", "2:5", out="other.html")
    assert code == 2
    assert "every sequence has, 0 … 0" in err


def test_compressed_weights_are_shown_as_what_they_stand_for(call, place, tmp_path):
    glasscell.compress(place / "model", tmp_path / "small", "int8")
    assert call(tmp_path / "small", place / "x.npy")[0] == 0


@pytest.fixture
def printed(capsys, place, tmp_path, monkeypatch):
    """Call without --out, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        code = main(["inspect", *map(str, arguments)])
        return code, *capsys.readouterr()

    return called


def test_json_is_all_that_is_printed_and_no_page_is_written(printed, place, tmp_path):
    first, second = (printed(place / "run", "--json") for _ in range(2))
    assert first == second
    code, out, err = first
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["page"] is None
    assert list(tmp_path.iterdir()) == []
    assert found["findings"][0]["layer"] == "recurrent.l0"
    assert set(found["findings"][0]["text"]) == {"en", "zh"}


def test_json_writes_a_page_where_one_is_asked_for(call, tmp_path):
    code, out, _ = call("run", "--json")
    assert code == 0
    assert json.loads(out)["page"] == f"{tmp_path}/page.html"
    assert (tmp_path / "page.html").is_file()


def test_json_has_the_numbers_that_the_verdict_rests_on(printed, place):
    found = json.loads(printed(place / "model", place / "x.npy", "--json", "--lag", "3")[1])
    assert [layer["name"] for layer in found["layers"]] == ["l0", "l1"]
    for layer in found["layers"]:
        gradient = layer["gradient"]
        assert (gradient["lag"], len(gradient["by_lag"])) == (3, 9)
        # Its own numbers, recounted: how much is left at the lag, and where it stays below 1/10000.
        judged = gradient["last_step_by_lag"] or gradient["by_lag"]
        left = judged[3] / judged[0]
        assert gradient["change"] == pytest.approx(left, rel=1e-4)
        assert len(layer["half_life"]) == layer["units"] == 5
        halves = np.sort(layer["half_life"])
        assert layer["half_life_of_slow_units"] == pytest.approx(halves[int(0.9 * 4)], rel=1e-5)


def test_in_chinese_the_last_line_is_chinese_too(call):
    _, out, _ = call("run", "--lang", "zh")
    lines = out.strip().splitlines()
    assert "请用浏览器打开" in lines[-1]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in line) for line in lines)


def test_a_page_that_is_there_needs_force(call, tmp_path):
    (tmp_path / "page.html").write_text("mine")
    code, _, err = call("run")
    assert (code, (tmp_path / "page.html").read_text()) == (2, "mine")
    assert "--force" in err
    assert call("run", "--force", "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "expected a model folder, found none"),
        (["model"], "holds a model and no data"),
        (["model", "nothing.csv"], "found nothing to read"),
        (["letters", "{place}/data.csv"], "expected 1 input column (I = 1 of the model), found 2"),
        (["model", "{place}/two.csv", "--inputs", "warm"], "found 1: warm"),
        (["model", "{place}/two.csv", "--inputs", "warm,cold"], "found no cold; there are day"),
        (["model", "{place}/two.csv", "--steps", "40:50"], "within 0:30"),
        (["model", "{place}/two.csv", "--steps", "40"], "FIRST:END"),
        (["model", "{place}/x.npy", "--series", "6"], "--series: expected numbers of 0 … 5, got"),
        (["model", "{place}/x.npy", "--series", "a"], "expected numbers such as 0,5,7"),
        (["model", "{place}/x.npy", "--lag", "0"], "--lag: expected 1 step or more"),
        (["letters", "{place}/x.npy"], "expected x of shape (B, T) or (T,) integers"),
        (["letters", "{place}/half.npy"], "expected integers for the model's Embedding"),
        (["model", "{place}/wide.npy"], "expected x of shape (B, T, 2) or (T, 2)"),
        (["model", "{place}/words.npy"], "numbers, got <U1"),
        (["model", "{place}/object.npy"], "expected numbers in NumPy's format"),
        (["model", "{place}/noise.npz"], "expected numbers in NumPy's format"),
        (["model", "{place}/no_x.npz"], "expected an array named x, found y"),
        (["model", "{place}/names.npz"], "expected 6 names, got 1"),
        (["model", "{place}/lengths.npz"], "expected lengths as 6 integers in 1 …"),
        (
            ["letters", "{place}/first.npz"],
            "expected a model whose recurrent layers are batch_first",
        ),
        (
            ["model", "{place}/nan.npy"],
            "found 2 that are not, first in input 1, step 3, sequence 1",
        ),
        (["run", "{place}/short.csv"], "expected 12 time steps in a row without a gap"),
        (["run", "{place}/data.csv", "--steps", "0:3"], "a run knows its columns"),
        (["run", "{place}/x.npy"], "expected x of shape (B, T, 1) or (T, 1)"),
        (["run", "{place}/one.npy"], "expected windows (B, 12, F) of 12 rows"),
    ],
)
def test_what_cannot_be_shown_is_explained_and_writes_nothing(
    call, place, tmp_path, arguments, message
):
    np.save(place / "half.npy", np.full((2, 3), 0.5))
    np.save(place / "one.npy", np.zeros((2, 5, 1)))
    np.save(place / "wide.npy", np.zeros((2, 3, 5)))
    np.save(place / "words.npy", np.array([["a", "b"]]))
    np.save(place / "object.npy", np.array([{}, None]), allow_pickle=True)
    (place / "noise.npz").write_bytes(b"PK\x03\x04 no zip at all")
    np.savez(place / "no_x.npz", y=np.zeros(3))
    x = np.load(place / "x.npy")
    np.savez(place / "names.npz", x=x, names=["a"])
    np.savez(place / "lengths.npz", x=x, lengths=[0, 1, 2, 3, 4, 5])
    np.savez(place / "first.npz", x=[[0, 1, 2], [3, 4, 0]], lengths=[3, 2])
    x[1, 3, 1] = x[4, 0, 0] = np.nan
    np.save(place / "nan.npy", x)
    short = pd.DataFrame({"date": TIMES[:7], "销量": np.arange(7.0), "b": np.arange(7.0)})
    short.to_csv(place / "short.csv", index=False)
    code, _, err = call(*[argument.format(place=place) for argument in arguments])
    assert code == 2
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_shown_on_request(call, place, tmp_path, value):
    x = np.load(place / "x.npy")
    x[0, 4:, 1] = value
    np.save(tmp_path / "x.npy", x)
    code, out, err = call("model", tmp_path / "x.npy", "--nan", "show")
    assert (code, err) == (0, "")
    # An infinite input shuts or opens gates for good: what comes out of them is finite.
    assert "not finite" in out or np.isinf(value)
    assert "x1 at 2" in out or "x1 at t" in out


def test_damaged_windows_are_refused(place, call, tmp_path):
    import shutil

    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / "windows.npz").write_bytes(b"PK broken")
    code, _, err = call(tmp_path / "run")
    assert code == 2
    assert "is damaged" in err
    (tmp_path / "run" / "windows.npz").unlink()
    assert "give the CSV file" in call(tmp_path / "run")[2]


def test_linear_models_have_nothing_to_look_into(call, place, tmp_path):
    glasscell.save(torch.nn.Sequential(Linear(2, 1)), tmp_path / "flat")
    code, _, err = call(tmp_path / "flat", place / "x.npy")
    assert code == 2
    assert "expected a model with an LSTM, GRU or RNN" in err
