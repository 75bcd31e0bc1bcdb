"""`glasscell predict` as a user meets it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from glasscell.cli import main
from glasscell.tasks.forecast.fitting import fit

TIMES = pd.date_range("2020-01-01", periods=200, freq="D")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    wide = pd.DataFrame({"date": TIMES, "销量": np.sin(np.arange(200) / 3), "b": np.arange(200)})
    wide.to_csv(folder / "data.csv", index=False)
    fit(
        folder / "data.csv", folder / "run", horizon=3, lookback=8, epochs=1, seeds=1, hidden_size=4
    )
    return folder


def call(capsys, place, out, *arguments, data="data.csv"):
    code = main(["predict", *map(str, (place / "run", place / data, "--out", out, *arguments))])
    return code, *capsys.readouterr()


def test_forecasts_of_every_series_are_written(capsys, place, tmp_path):
    code, out, err = call(capsys, place, tmp_path / "f.csv")
    assert (code, err) == (0, "")
    assert "6 forecasts of 2 series" in out
    written = pd.read_csv(tmp_path / "f.csv")
    ends = [f"forecast-{end}-{level}" for level in (80, 90) for end in ("lo", "hi")]
    assert list(written.columns) == ["unique_id", "ds", "horizon", "forecast", *ends]
    assert set(written["unique_id"]) == {"销量", "b"}
    assert written["ds"][:3].tolist() == ["2020-07-19", "2020-07-20", "2020-07-21"]
    assert np.isfinite(written["forecast"]).all()


def test_an_existing_file_needs_force(capsys, place, tmp_path):
    (tmp_path / "f.csv").write_text("mine")
    code, _, err = call(capsys, place, tmp_path / "f.csv")
    assert code == 2
    assert "--force" in err
    assert (tmp_path / "f.csv").read_text() == "mine"
    assert call(capsys, place, tmp_path / "f.csv", "--force", "--quiet") == (0, "", "")
    assert [p.name for p in tmp_path.iterdir()] == ["f.csv"]


def test_json_holds_the_forecasts(capsys, place, tmp_path):
    _, out, _ = call(capsys, place, tmp_path / "f.csv", "--json")
    assert len(json.loads(out)) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("date,b\n2020-01-01,x\n", "expected a number, got 'x'"),
        ("date,b\n2020-01-01,1\n2020-01-02,2\n", "at least 8 time steps"),
        ("date,b\n2020-01-01,1\n", "got 1"),
        ("date,b\n" + "".join(f"{t},1\n" for t in TIMES[::7]), "the run has frequency 'D'"),
    ],
)
def test_broken_data_end_with_one_message_and_code_2(capsys, place, tmp_path, content, message):
    (place / "broken.csv").write_text(content)
    code, out, err = call(capsys, place, tmp_path / "f.csv", data="broken.csv")
    assert (code, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_refused(capsys, place, tmp_path):
    weights = place / "run" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9])
    try:
        code, _, err = call(capsys, place, tmp_path / "f.csv")
    finally:
        weights.write_bytes(whole)
    assert code == 2
    assert "Traceback" not in err


def test_a_dash_is_standard_output(capsys, place):
    code, out, err = call(capsys, place, "-", "--quiet")
    assert (code, err) == (0, "")
    assert len(pd.read_csv(io.StringIO(out))) == 6
    assert len(json.loads(call(capsys, place, "-", "--json")[1])) == 6
    assert not Path("-").exists()


def test_a_reader_that_leaves_early_is_no_error(place):
    files = (str(place / "run"), str(place / "data.csv"))
    command = [sys.executable, "-m", "glasscell", "predict", *files, "--out", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_how_the_file_is_written_can_be_given(capsys, place, tmp_path):
    text = (place / "data.csv").read_text().replace(",", ";").replace(".", ",")
    (place / "comma.csv").write_text(text)
    code, out, _ = call(capsys, place, "-", "--decimal", ",", "--quiet", data="comma.csv")
    assert (code, len(out.splitlines())) == (0, 7)
    code, _, err = call(capsys, place, "-", "--decimal", "x", data="comma.csv")
    assert code == 2
    assert "--decimal: expected . or ," in err


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(capsys, place):
    code, _, err = call(capsys, place, "/proc/forecast.csv")
    assert code == 2
    assert "--out /proc/forecast.csv: cannot write there" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fdr", "0.1"], "--fdr: expected --anomalies as well"),
        (["--anomalies", "--horizon", "2"], "--horizon is no option beside --anomalies"),
        (["--anomalies", "--future", "f.csv"], "--future is no option beside --anomalies"),
        (["--anomalies", "--reasons"], "--reasons is no option beside --anomalies"),
        (["--anomalies", "--engine", "dask"], "--engine is no option beside --anomalies"),
        (["--anomalies", "--jobs", "2"], "--jobs is no option beside --anomalies"),
    ],
)
def test_flags_that_mean_nothing_together_are_refused(capsys, place, tmp_path, arguments, message):
    code, out, err = call(capsys, place, tmp_path / "f.csv", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []
