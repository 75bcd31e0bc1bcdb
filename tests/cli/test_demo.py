"""glasscell demo: its folder, its page, its refusals; with networks small enough for seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import glasscell
from glasscell.cli import demo_command, main
from glasscell.demo.glucose import OPTIONS
from glasscell.demo.showcase import demo_folder
from glasscell.reproduce.duel import DuelOptions
from glasscell.tasks.forecast.lag import Lag
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.training.workers import WorkerError, Workers
from pages import data_of

DUEL = DuelOptions(
    length=20,
    hidden_size=4,
    rates=(0.01,),
    steps=10,
    batch_size=8,
    check_every=5,
    validation=20,
    held_out=50,
)
FORECAST = OPTIONS.record() | {"seeds": 1, "epochs": 1, "hidden_size": 4, "season": 288}


def readings(days=12):
    """A person who eats three times a day."""
    n = 288 * days
    rng = np.random.default_rng(0)
    level = np.full(n, 110.0)
    for day in range(days):
        for hour in (7, 12, 19):
            start = 288 * day + 12 * hour + int(rng.integers(0, 12))
            rise = 90 * np.exp(-(((np.arange(n) - start - 12) / 9) ** 2))
            level += rise
    times = pd.date_range("2021-03-01", periods=n, freq="5min")
    return pd.DataFrame({"datetime": times, "glucose": level + rng.normal(size=n)})


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    options = ForecastOptions(**FORECAST)
    found = demo_command.play(demo_folder(out), DUEL, options, data=readings(), quiet=True)
    return found, out


def test_the_folder_holds_page_numbers_and_models(played):
    _, out = played
    assert {p.name for p in out.iterdir()} == {"report.html", "demo.json", "adding", "glucose"}
    assert glasscell.load(out / "adding").input_size == 2
    assert glasscell.load(out / "glucose").config["type"] == "Forecaster"
    assert not [p for p in out.parent.iterdir() if p.name.startswith(".")]


def test_the_page_shows_both_parts(played):
    found, out = played
    page = (out / "report.html").read_text(encoding="utf-8")
    for text in ("adding problem", "blood glucose", "steep rise", "plain RNN", "ridge"):
        assert text in page
    assert found.meals is not None
    shown = data_of(out / "report.html")
    assert [one["layers"] for one in shown["series"]] == [[0, 2]] * 4 + [[2, 4]]
    names = ["recurrent.l0", "RNN: recurrent.l0"]
    assert [one["name"] for one in shown["layers"]] == names + [
        f"adding problem: {n}" for n in names
    ]
    assert shown["measures"]["events"]["0"]
    assert len(shown["measures"]["events"]["4"]) == 2
    assert shown["measures"]["lags"] == {"4": 19}
    # The lag that data and network were measured to need.
    kept = json.loads((out / "glucose" / "preprocessing.json").read_text(encoding="utf-8"))
    assert shown["measures"]["lag"] == Lag.of_record(kept["lag"]).needed
    assert {"0/0/cell", "4/2/cell", "4/3/hidden", "duel/3/cell_path"} <= set(shown["arrays"])
    # What is said of a layer names it as the page does.
    for one in shown["verdicts"]:
        if one["layer"] is not None:
            assert one["text"][0].startswith(shown["layers"][one["layer"]]["name"])


def test_the_page_without_script_shows_both_parts_too(played):
    _, out = played
    page = (out / "report.html").read_text(encoding="utf-8")
    static = page.split('id="static"')[1].split('id="console"')[0]
    for text in ("always answer 1", "seasonal naive", "steep rise", "RNN, untrained", "medical"):
        assert text in static


def test_the_json_holds_both_tables(played):
    found, out = played
    record = json.loads((out / "demo.json").read_text(encoding="utf-8"))
    assert [one["network"] for one in record["adding"]["tries"]] == ["plain RNN", "LSTM"]
    assert record["glucose"]["methods"][-1]["name"] == "LSTM"
    assert record["adding"] == found.record()["adding"]


def test_the_end_shows_both_tables_and_the_report(played, capsys):
    found, out = played
    demo_command.conclude(found, out)
    shown = capsys.readouterr().out
    assert "The adding problem, 20 steps" in shown
    assert "Errors in mg/dL" in shown
    assert str(out / "report.html") in shown.replace("\n", "")
    assert f"glasscell inspect {out / 'glucose'}" in shown


def test_the_parts_run_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("glasscell.reproduce.duel.DuelOptions", lambda seed: DUEL)
    out = tmp_path / "out"
    assert main(["demo", "--out", str(out), "--only", "adding", "--jobs", "1", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["glucose"] is None
    assert record["adding"]["length"] == 20


def test_what_exists_is_refused_without_force(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["demo", "--out", str(tmp_path / "out")]) == 2
    assert "exists; choose another --out, or replace it with --force" in capsys.readouterr().err


def test_force_replaces_no_folder_of_somebody_else(tmp_path, capsys):
    thesis = tmp_path / "out" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    assert main(["demo", "--out", str(thesis.parent), "--force"]) == 2
    assert "was not written by glasscell demo" in capsys.readouterr().err
    assert thesis.read_text() == "years of work"


def test_force_replaces_an_earlier_demo(played, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "demo.json").write_text("{}")
    (out / "old").write_text("old")
    demo_command.play(demo_folder(out, force=True), DUEL, None, quiet=True)
    assert {p.name for p in out.iterdir()} == {"report.html", "demo.json", "adding"}


def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("glasscell.reproduce.duel.duel", interrupted)
    assert main(["demo", "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert "stopped; nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_side_by_side_finds_the_same_numbers(played, tmp_path):
    found, _ = played
    options = ForecastOptions(**FORECAST)
    folder = demo_folder(tmp_path / "out")
    again = demo_command.play(folder, DUEL, options, data=readings(), quiet=True, jobs=2)
    assert without_seconds(again.record()) == without_seconds(found.record())
    assert (found.record()["jobs"], again.record()["jobs"]) == (1, 2)


def without_seconds(record):
    if isinstance(record, dict):
        return {k: without_seconds(v) for k, v in record.items() if k not in ("seconds", "jobs")}
    return [without_seconds(each) for each in record] if isinstance(record, list) else record


def test_a_worker_that_is_killed_leaves_nothing_to_resume(tmp_path, monkeypatch, capsys):
    def killed(self, function, shared, tasks, hear, stopped=None, names=()):
        """Tell one epoch of a network, then die."""
        return call(self, kill_after_one, (function, shared), tasks, hear, names=names)

    def kill_after_one(both, task, line):
        function, shared = both
        function(shared, task, line)
        raise WorkerError("the process for LSTM, seed 0 was killed by SIGKILL")

    call = Workers.call
    monkeypatch.setattr(Workers, "call", killed)
    monkeypatch.setattr("glasscell.demo.glucose.load_glucose", readings)
    monkeypatch.setattr("glasscell.demo.glucose.OPTIONS", ForecastOptions(**FORECAST))
    monkeypatch.setattr(demo_command, "SEEDS", 1)
    command = ["demo", "--out", str(tmp_path / "out"), "--only", "glucose", "--jobs", "1"]
    assert main([*command, "--quiet"]) == 2
    message = capsys.readouterr().err
    assert "seed 0 was killed by SIGKILL" in message
    assert "--resume" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["demo"], ["fit", "none.csv"]])
def test_jobs_are_counted_from_one(command, tmp_path, capsys):
    assert main([*command, "--out", str(tmp_path / "out"), "--jobs", "0"]) == 2
    assert "--jobs: expected a whole number from 1, got 0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(tmp_path, monkeypatch, capsys):
    def find(name):
        return None if name == "bokeh_sampledata" else object()

    monkeypatch.setattr(demo_command, "find_spec", find)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 2
    assert "needs bokeh_sampledata; pip install 'glasscell[demo]'" in capsys.readouterr().err


def test_a_negative_seed_is_refused(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "out"), "--seed=-1"]) == 2
    assert "--seed: expected 0 or more, got -1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("gates.py", "C_t = f_t * C_{t-1} + i_t * C̃_t, exactly: True"),
        ("gradient_flow.py", "vanishes after"),
        ("stream_without_torch.py", "same bits as in training: True"),
        ("detector.py", "same bits with a restart in the middle: True"),
    ],
)
def test_an_example_prints_what_it_claims(name, claim, request):
    path = request.config.rootpath / "examples" / name
    environment = os.environ | {"PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=True,
    )
    assert claim in run.stdout
    assert run.stderr == ""
