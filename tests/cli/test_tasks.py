"""`fit`, `predict`, `evaluate` and `stream` on labelled sequences and on text, in turn."""

from __future__ import annotations

import csv
import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from jsonargparse import ArgumentParser

from glasscell.cli import main
from glasscell.cli.fit_command import OPTIONS, options_of
from glasscell.cli.flags import add_options, read_options
from glasscell.tasks.sequences.options import SequenceOptions

FAST = ["--epochs", "2", "--hidden-size", "4", "--jobs", "1", "--quiet"]
AS_STREAM = ["--pooling", "last,mean", "--bidirectional", "false", "--rounds", "2"]


def table(count=24, seed=0):
    """Sequences that rise or fall, of 5 to 9 steps."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(count):
        steps = int(rng.integers(5, 10))
        slope = 1 if number % 2 else -1
        parts.append(
            pd.DataFrame(
                {
                    "sequence": f"s{number}",
                    "time": np.arange(steps),
                    "x": slope * np.arange(steps) + rng.normal(size=steps).round(3),
                    "z": rng.normal(size=steps).round(3),
                    "label": "up" if slope > 0 else "down",
                }
            )
        )
    return pd.concat(parts)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    table().to_csv(folder / "data.csv", index=False)
    (folder / "poem.txt").write_text("the cat sat on the mat.\nthe dog sat on the log.\n" * 60)
    for data, run, more in (
        ("data.csv", "labels", AS_STREAM),
        ("poem.txt", "text", ["--seeds", "1", "--truncation", "10"]),
    ):
        assert main(["fit", str(folder / data), "--out", str(folder / run), *FAST, *more]) == 0
    return folder


def call(capsys, *arguments):
    code = main([str(each) for each in arguments])
    return code, *capsys.readouterr()


def stream(capsys, monkeypatch, text, *arguments):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, out, err = call(capsys, "stream", *arguments)
    return code, list(csv.DictReader(io.StringIO(out))), err


@pytest.mark.parametrize("task", OPTIONS)
def test_the_command_line_has_the_defaults_of_python(task):
    parser, options = ArgumentParser(exit_on_error=False), options_of(task)
    add_options(parser, options)
    assert options(**read_options(parser.parse_args([]), options)) == options()


def test_a_switch_that_is_on_can_be_turned_off():
    parser = ArgumentParser(exit_on_error=False)
    add_options(parser, SequenceOptions)
    for given, on in ((["--skip", "false"], False), (["--skip"], True), ([], True)):
        assert parser.parse_args(given).skip is on


def test_the_data_say_the_task(place):
    tasks = [
        yaml.safe_load((place / run / "run.yaml").read_text())["task"] for run in ("labels", "text")
    ]
    assert tasks == ["sequences", "text"]


@pytest.mark.parametrize("run", ["labels", "text"])
def test_the_options_of_a_run_fit_it_again(capsys, place, tmp_path, run):
    config = place / run / "run.yaml"
    code, _, err = call(
        capsys, "fit", "--config", config, "--out", tmp_path / "two", "--jobs", "1", "--quiet"
    )
    assert (code, err) == (0, "")
    one, two = (
        (folder / "model.safetensors").read_bytes() for folder in (place / run, tmp_path / "two")
    )
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["data.csv", "--horizon", "3"],
            "--horizon is an option of --task forecast; got data",
        ),
        (["poem.txt", "--pooling", "max"], "--pooling is an option of --task classify; got poem"),
        (["data.csv", "--task", "forecast", "--label", "label"], "got --task forecast"),
        (["data.csv", "--task", "classify", "--goal", "regress"], "--goal: expected what --task"),
        (["data.csv", "--task", "tag"], "--task: expected auto or forecast or classify"),
        (["data.csv", "--hiden-size", "3"], "there is no option --hiden-size; did you mean"),
    ],
)
def test_a_flag_of_another_task_is_named(capsys, place, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(place)
    code, out, err = call(capsys, "fit", *arguments, "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "there", "absent"),
    [
        ([], ["--task", "--pooling", "--truncation"], []),
        (["--task", "text"], ["--truncation", "--max-vocabulary"], ["--horizon", "--pooling"]),
        (["--task", "regress"], ["--pooling"], ["--horizon", "--truncation"]),
        (["nile"], ["--horizon"], ["--pooling", "--truncation"]),
    ],
)
def test_help_is_of_the_task(capsys, arguments, there, absent):
    code, out, _ = call(capsys, "fit", *arguments, "--help")
    assert code == 0
    assert [flag for flag in (*there, *absent) if flag in out] == there


def test_labels_are_told_of_new_sequences(capsys, place, tmp_path):
    table(6, seed=1).drop(columns="label").to_csv(tmp_path / "new.csv", index=False)
    code, out, _ = call(
        capsys, "predict", place / "labels", tmp_path / "new.csv", "--out", tmp_path / "p.csv"
    )
    assert (code, "6 rows of 6 sequences" in out) == (0, True)
    told = pd.read_csv(tmp_path / "p.csv")
    assert list(told.columns) == ["sequence", "predicted", "p(down)", "p(up)"]
    np.testing.assert_allclose(told["p(down)"] + told["p(up)"], 1)


@pytest.mark.parametrize("run", ["labels", "text"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["--horizon", "3"],
        ["--future", "f.csv"],
        ["--reasons"],
        ["--anomalies"],
        ["--level", "[80]"],
        ["--engine", "dask"],
        ["--jobs", "2"],
    ],
)
def test_what_only_a_run_on_series_can_do_is_refused(capsys, place, tmp_path, run, arguments):
    files = [place / run, place / ("data.csv" if run == "labels" else "poem.txt")]
    code, out, err = call(capsys, "predict", *files, "--out", tmp_path / "p.csv", *arguments)
    assert (code, out) == (2, "")
    assert arguments[0] in err
    assert list(tmp_path.iterdir()) == []


def test_a_stream_ends_with_what_the_whole_sequence_is_told(capsys, monkeypatch, place, tmp_path):
    new = table(6, seed=1)
    shuffled = new.sample(frac=1, random_state=0).sort_values("time", kind="stable")
    new.to_csv(tmp_path / "new.csv", index=False)
    call(capsys, "predict", place / "labels", tmp_path / "new.csv", "--out", tmp_path / "p.csv")
    told = pd.read_csv(tmp_path / "p.csv").set_index("sequence")
    text = shuffled.to_csv(index=False)
    code, found, err = stream(capsys, monkeypatch, text, place / "labels", "--id", "sequence")
    assert (code, err) == (0, "")
    last = pd.DataFrame(found).groupby("sequence").last()
    for column in ("p(down)", "p(up)"):
        # Written with nine digits.
        np.testing.assert_allclose(last[column].astype(float), told.loc[last.index, column], 1e-8)


def test_measures_stand_beside_those_of_the_run(capsys, place, tmp_path):
    table(8, seed=2).to_csv(tmp_path / "new.csv", index=False)
    _, out, _ = call(capsys, "evaluate", place / "labels", tmp_path / "new.csv")
    assert "in the run's test" in out.splitlines()[0]
    assert out.splitlines()[1].startswith("accuracy")
    _, out, _ = call(capsys, "evaluate", place / "labels", tmp_path / "new.csv", "--json")
    held = json.loads(out)
    assert held["task"] == "sequences"
    assert 0 <= held["accuracy"] <= 1
    code, _, err = call(
        capsys, "evaluate", place / "labels", tmp_path / "new.csv", "--gaps", "drop"
    )
    assert (code, "--gaps is no option for a run of sequences" in err) == (2, True)


def test_a_text_costs_the_same_whole_and_line_by_line(capsys, monkeypatch, place):
    text = "the cat sat on the log.\n\nthe mat!\n"
    (place / "other.txt").write_text(text)
    code, found, _ = stream(capsys, monkeypatch, text, place / "text")
    _, out, _ = call(capsys, "evaluate", place / "text", place / "other.txt", "--json")
    held = json.loads(out)
    assert code == 0
    assert [row["symbols"] for row in found] == ["24", "1", "9"]
    assert sum(float(row["bits"]) for row in found) == pytest.approx(held["bits"], rel=1e-6)
    _, out, _ = call(capsys, "predict", place / "text", place / "other.txt", "--out", "-")
    bits = pd.read_csv(io.StringIO(out))["bits"]
    assert len(bits) == len(text)
    assert bits[:24].max() == pytest.approx(float(found[0]["highest"]), rel=1e-6)
    code, _, err = stream(capsys, monkeypatch, text, place / "text", "--id", "a")
    assert (code, "--id is no option for a run of text" in err) == (2, True)


def test_a_text_goes_on_after_a_break(capsys, monkeypatch, place, tmp_path):
    lines = ["the cat sat\n", "on the dog.\n", "the log\n"]
    _, expected, _ = stream(capsys, monkeypatch, "".join(lines), place / "text")
    options = [place / "text", "--state", tmp_path / "state", "--quiet"]
    _, first, _ = stream(capsys, monkeypatch, lines[0], *options)
    assert first + stream(capsys, monkeypatch, "".join(lines[1:]), *options)[1] == expected


def test_evaluate_scores_a_forecast_beside_the_naive_one(capsys, tmp_path):
    times = pd.date_range("2020-01-01", periods=150, freq="D")
    frame = pd.DataFrame({"ds": times, "y": np.sin(np.arange(150) / 3)})
    frame.to_csv(tmp_path / "data.csv", index=False)
    fast = ["--seeds", "1", "--horizon", "3", "--lookback", "8"]
    data, run = tmp_path / "data.csv", tmp_path / "run"
    assert call(capsys, "fit", data, "--out", run, *FAST, *fast)[0] == 0
    _, out, _ = call(capsys, "evaluate", run, data, "--json")
    held = json.loads(out)
    naive, network = held["methods"]
    assert (naive["name"], network["name"], held["windows"]) == ("naive", "LSTM", 150 - 8 - 3 + 1)
    steps = np.arange(8, 148)[:, None] + np.arange(3)
    y = frame["y"].to_numpy()
    assert naive["mae"] == pytest.approx(np.abs(y[steps] - y[steps[:, :1] - 1]).mean())
    assert network["mae"] < naive["mae"]
