"""`glasscell fit` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml

import glasscell
from glasscell.cli import COMMANDS, main

FAST = ["--epochs", "1", "--seeds", "1", "--hidden-size", "4", "--horizon", "3", "--lookback", "8"]


@pytest.fixture
def data(tmp_path):
    times = pd.date_range("2020-01-01", periods=200, freq="D")
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": np.sin(np.arange(200) / 3)})
    frame.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def test_help_has_one_line_per_command(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    for name, line in COMMANDS.items():
        assert f"{name}" in out
        assert line in out


def test_the_version_is_that_of_the_package(capsys):
    assert call(capsys, "--version") == (0, f"glasscell {glasscell.__version__}\n", "")


def test_an_unknown_command_is_answered_with_those_there_are(capsys):
    code, _, err = call(capsys, "fti")
    assert code == 2
    assert "there is no command 'fti'" in err


def test_a_table_and_a_verdict_are_printed(capsys, data, tmp_path):
    code, out, err = call(capsys, "fit", data, "--out", tmp_path / "run", *FAST)
    assert code == 0
    for word in ("naive", "drift", "ridge", "plain RNN", "LSTM", "MASE"):
        assert word in out
    assert "epoch 1/1" in err


def test_json_stands_alone_on_standard_output(capsys, data, tmp_path):
    code, out, _ = call(capsys, "fit", data, "--out", tmp_path / "run", *FAST, "--json")
    assert code == 0
    assert json.loads(out)["task"] == "forecast"


def test_quiet_prints_nothing(capsys, data, tmp_path):
    assert call(capsys, "fit", data, "--out", tmp_path / "run", *FAST, "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "price"], "the columns found are unique_id, ds, y"),
        (["--horizon", "0"], "--horizon: expected at least 1, got 0"),
        (["--horizon", "many"], "horizon"),
        (["--gaps", "ignore"], "gaps"),
        (["--epoch", "3"], "epoch"),
        (["--freq", "sometimes"], "--freq 'sometimes'"),
        (["--lookback", "500"], "expected at least"),
        (["--max-gap", "2D"], "--gaps interpolate"),
    ],
)
def test_a_mistake_ends_with_one_message_and_code_2(capsys, data, tmp_path, arguments, message):
    code, out, err = call(capsys, "fit", data, "--out", tmp_path / "run", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert {p.name for p in tmp_path.iterdir()} == {"data.csv"}


def test_data_and_out_are_asked_for(capsys, data):
    assert "expected the CSV file" in call(capsys, "fit")[2]
    assert "expected --out" in call(capsys, "fit", data)[2]


def test_an_existing_run_needs_force(capsys, data, tmp_path):
    arguments = ["fit", data, "--out", tmp_path / "run", *FAST, "--quiet"]
    assert call(capsys, *arguments)[0] == 0
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert "--force" in err
    assert call(capsys, *arguments, "--force")[0] == 0


def test_the_resolved_options_of_a_run_are_a_config_file(capsys, data, tmp_path):
    call(capsys, "fit", data, "--out", tmp_path / "one", *FAST, "--quiet")
    settings = yaml.safe_load((tmp_path / "one" / "run.yaml").read_text())
    assert (settings["horizon"], settings["freq"], settings["season"]) == (3, "D", 7)
    config = tmp_path / "one" / "run.yaml"
    code, _, err = call(capsys, "fit", "--config", config, "--out", tmp_path / "two", "--quiet")
    assert (code, err) == (0, "")
    one, two = ((tmp_path / run / "model.safetensors").read_bytes() for run in ("one", "two"))
    assert one == two


def test_print_config_shows_every_option(capsys):
    code, out, _ = call(capsys, "fit", "--print_config")
    assert code == 0
    assert yaml.safe_load(out)["hidden_size"] == 32


def test_help_of_fit_names_the_flags(capsys):
    code, out, _ = call(capsys, "fit", "--help")
    assert code == 0
    for flag in ("--horizon", "--lookback", "--gaps", "--hidden-size", "--force", "--quiet"):
        assert flag in out


def test_ctrl_c_ends_with_130_and_a_loadable_run(data, tmp_path):
    command = [sys.executable, "-m", "glasscell", "fit", str(data), "--out", str(tmp_path / "run")]
    options = ["--epochs", "5000", "--patience", "5000", "--seeds", "1", "--hidden-size", "4"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "epoch 2/" in line:
                os.kill(process.pid, signal.SIGINT)
                break
        process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert glasscell.load(tmp_path / "run").config["type"] == "Forecaster"


def test_ctrl_c_while_reading_writes_nothing(capsys, data, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("glasscell.tasks.forecast.plan.read_panel", interrupted)
    code, _, err = call(capsys, "fit", data, "--out", tmp_path / "run")
    assert code == 130
    assert "nothing was written" in err
    assert not (tmp_path / "run").exists()


def test_a_missing_package_is_named(capsys, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonargparse", None)
    code, _, err = call(capsys, "fit", data, "--out", tmp_path / "run")
    assert code == 2
    assert "pip install 'glasscell[train]'" in err


def test_the_module_is_the_same_program():
    started = time.perf_counter()
    shown = subprocess.run(
        [sys.executable, "-m", "glasscell", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"glasscell {glasscell.__version__}\n"
    assert time.perf_counter() - started < 30


def test_a_narrow_terminal_shows_whole_numbers(capsys, data, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    _, out, err = call(capsys, "fit", data, "--out", tmp_path / "run", *FAST)
    assert "…" not in out
    assert "Measuring how far back the data help" in err
    assert "What was understood of data.csv:" in err


def test_data_come_from_standard_input(data, tmp_path):
    command = [sys.executable, "-m", "glasscell", "fit", "-", "--out", str(tmp_path / "run"), *FAST]
    done = subprocess.run(
        command, input=data.read_bytes(), capture_output=True, check=True, timeout=120
    )
    assert b"standard input" in done.stderr
    assert yaml.safe_load((tmp_path / "run" / "run.yaml").read_text())["data"] == "-"
    empty = subprocess.run(command[:-1], input=b"", capture_output=True, check=False, timeout=120)
    assert empty.returncode == 2


def test_a_place_that_cannot_be_written_is_named(capsys, data):
    code, _, err = call(capsys, "fit", data, "--out", "/dev/null/run", *FAST)
    assert code == 2
    assert "--out" in err
    assert "Errno" not in err


def test_how_a_file_is_written_may_be_said_by_hand(capsys, tmp_path):
    times = pd.date_range("2020-01-01", periods=12, freq="MS")
    rows = [f"{t:%d/%m/%Y},{'x' if i == 3 else i % 5}" for i, t in enumerate(times)]
    (tmp_path / "short.csv").write_text("when,y\n" + "\n".join(rows) + "\n")
    common = ["fit", tmp_path / "short.csv", *FAST, "--horizon", "1", "--lookback", "1"]
    common += ["--missing", "x", "--gaps", "interpolate"]
    code, _, err = call(capsys, *common, "--out", tmp_path / "run")
    assert (code, "--day-first true" in err) == (2, True)
    for name, way in enumerate((["--day-first"], ["--date-format", "%d/%m/%Y"], ["--freq", "MS"])):
        code, _, err = call(capsys, *common, "--out", tmp_path / f"run{name}", *way)
        assert code == 0, err
        metrics = json.loads((tmp_path / f"run{name}" / "metrics.json").read_text())
        assert metrics["data"]["frequency"] == "MS"
        assert any("1 interpolated" in note for note in metrics["notes"])
