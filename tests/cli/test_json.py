"""What every command prints with --json: one value and nothing else; progress is plain lines."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from glasscell.cli import COMMANDS, main
from glasscell.reproduce import laboratory

SMALL = ["--epochs", "1", "--hidden-size", "4", "--jobs", "1"]
OF_TASK = {
    "series": ["--seeds", "1", "--horizon", "3", "--lookback", "8", "--baselines", "[]"],
    "labels": ["--rounds", "1", "--bidirectional", "false", "--pooling", "last"],
    "poem": ["--seeds", "1", "--truncation", "10"],
}
DATA = {"series": "series.csv", "labels": "labels.csv", "poem": "poem.txt"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data and a run of each task, and what fitting them printed."""
    folder = tmp_path_factory.mktemp("json")
    days = pd.date_range("2024-01-01", periods=120)
    series = pd.DataFrame({"ds": days, "y": np.sin(np.arange(120) / 3)})
    series.to_csv(folder / "series.csv", index=False)
    steps = [{"sequence": k, "time": t, "x": t * (-1) ** k} for k in range(20) for t in range(4)]
    labels = pd.DataFrame(steps).assign(label=lambda rows: np.where(rows.sequence % 2, "a", "b"))
    labels.to_csv(folder / "labels.csv", index=False)
    (folder / "poem.txt").write_text("the cat sat on the mat.\nthe dog sat.\n" * 60)
    for task, options in OF_TASK.items():
        arguments = [str(folder / DATA[task]), "--out", str(folder / task), *SMALL, *options]
        done = subprocess.run(
            [sys.executable, "-m", "glasscell", "fit", *arguments, "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        (folder / f"{task}.out").write_text(done.stdout)
        (folder / f"{task}.err").write_text(done.stderr)
    return folder


@pytest.mark.parametrize("task", OF_TASK)
def test_fit_tells_its_progress_on_standard_error_in_plain_lines(place, task):
    printed = json.loads((place / f"{task}.out").read_text())
    assert printed == json.loads((place / task / "metrics.json").read_text())
    lines = (place / f"{task}.err").read_text()
    assert "epoch 1/1" in lines
    assert not {"\r", "\x1b"} & set(lines)


def calls(place):
    """Give a call of every command, by its name and what is told apart there."""
    for task in OF_TASK:
        files = [str(place / task), str(place / DATA[task])]
        yield "predict", task, [*files, "--out", "-"]
        yield "predict", f"{task} and a file", [*files, "--out", str(place / f"told of {task}.csv")]
        yield "evaluate", task, files
        yield "inspect", task, [files[0]]
    files = [str(place / "series"), str(place / "series.csv")]
    yield "predict", "anomalies", [*files, "--out", "-", "--anomalies"]
    yield "predict", "reasons", [*files, "--out", "-", "--reasons"]
    yield "sample", "poem", [str(place / "poem"), "--length", "9", "--prime", "cat"]
    yield "datasets", "all", []
    yield "datasets", "one", ["nile"]
    yield "reproduce", "list", ["list"]
    yield "bench", "list", ["--list"]
    yield "explain", "lesson", ["--out", str(place / "lesson.html"), "--force"]
    grouped = pd.read_csv(place / "series.csv").assign(shop=np.repeat(["a", "b"], 60))
    grouped.to_csv(place / "shops.csv", index=False)
    options = [*SMALL, *OF_TASK["series"], "--force", "--per-group", "shop"]
    yield "fit", "groups", [str(place / "shops.csv"), "--out", str(place / "shops"), *options]


def test_one_json_value_is_all_that_stands_on_standard_output(place, capsys):
    for name, what, arguments in calls(place):
        assert main([name, *arguments, "--json"]) == 0, (name, what)
        out, err = capsys.readouterr()
        assert json.loads(out), (name, what)
        assert not {"\r", "\x1b"} & set(err), (name, what)


def test_what_is_written_and_measured_is_in_the_json(place, capsys):
    arguments = ["--length", "9", "--prime", "cat", "--seed", "3"]
    assert main(["sample", str(place / "poem"), *arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["sample", str(place / "poem"), *arguments]) == 0
    assert capsys.readouterr().out == f"cat{told['text']}\n"
    assert (told["prime"], told["seed"], told["top_k"]) == ("cat", 3, None)


def test_bench_prints_the_file_that_it_writes(tmp_path, capsys):
    only = ["--cases", "RNN one step 32", "--engines", "glasscell", "--turns", "1"]
    assert main(["bench", *only, "--threads", "1", "--out", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads((tmp_path / "bench.json").read_text())
    assert "RNN one step (1, 1, 32, 32): " in err


def test_reproduce_prints_what_came_out(tmp_path, capsys, monkeypatch):
    class Tiny:
        """An experiment of no time at all."""

        NAME, TITLE, SOURCE = "tiny", ("Tiny", "小"), "nobody (1900)"
        COLUMNS = (("value", ("value", "值")),)
        trials = staticmethod(lambda quick, seeds: [laboratory.Trial("a", {}, 0)])
        run = staticmethod(lambda trial, line: {"value": 2.0, "said": "done"})
        rows = staticmethod(lambda done: [laboratory.Row("a", {"value": 1.0}, {"value": 2.0}, 1)])
        sentence = staticmethod(lambda rows: ("two", "二"))

    Tiny.__name__ = "tiny_experiment"
    monkeypatch.setattr(laboratory, "import_module", lambda name: Tiny)
    monkeypatch.setattr("glasscell.reproduce.experiments.experiment", lambda name: Tiny)
    assert main(["reproduce", "tiny", "--out", str(tmp_path), "--jobs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["sentence"] == ["two", "二"]
    assert "Tiny (nobody (1900))" in err


def test_every_command_has_it(capsys):
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert "--json" in capsys.readouterr().out, name
