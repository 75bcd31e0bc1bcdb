"""`glasscell bench` as a user meets it."""

from __future__ import annotations

import json

import pytest

from glasscell import _core
from glasscell.cli import main


def call(capsys, *arguments):
    code = main(["bench", *map(str, arguments)])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cases", "mlstm"], "no case has all words of 'mlstm'; there are LSTM one step, "),
        (["--cases", "pool", "--quick"], "no case among the --quick ones has"),
        (["--engines", "torch,caffe"], "there is no engine 'caffe'; there are glasscell, torch"),
        (["--threads", "0"], f"--threads: expected 1 to {_core.available_cpus()}"),
        (["--threads", "100000"], "the CPUs of this process, got 100000"),
        (["--turns", "0"], "--turns: expected 1 or more, got 0"),
        (["--turns", "many"], "--turns: expected a whole number"),
        (["--fast"], "--fast"),
    ],
)
def test_a_mistake_ends_with_one_message_before_anything_is_measured(
    capsys, tmp_path, monkeypatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_result_is_not_overwritten(capsys, tmp_path):
    (tmp_path / "bench.json").write_text("mine")
    code, _, err = call(capsys, "--out", tmp_path)
    assert (code, (tmp_path / "bench.json").read_text()) == (2, "mine")
    assert "bench.json exists; choose another --out, or replace it with --force" in err


def test_the_list_names_rows_and_engines_and_measures_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(capsys, "--list", "--cases", "RNN one step")
    assert code == 0
    assert out.splitlines()[0] == "RNN one step (1, 1, 32, 32)"
    assert "torch: installed" in out.splitlines()
    assert list(tmp_path.iterdir()) == []


def test_a_row_is_measured_shown_and_written(capsys, tmp_path):
    code, out, err = call(
        capsys, "--cases", "RNN one step 32", "--engines", "torch", "--turns", 2, "--threads", 1,
        "--out", tmp_path / "mine.json",
    )  # fmt: skip
    assert code == 0
    assert "RNN one step" in out
    assert "1 thread:" in out.splitlines()[0]
    assert "RNN one step (1, 1, 32, 32): " in err
    result = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    (row,) = result["rows"]
    assert set(row["median"]) == set(result["engines"]) == {"glasscell", "torch"}
    assert row["ratio"]["torch"] > 0
    assert row["limit"]["share"] > 0
    assert result["environment"]["threads"] == 1
    assert (tmp_path / "mine.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_wrong_answer_makes_the_command_fail(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("glasscell.bench.answers.STEPS", 3)
    monkeypatch.setattr(
        "glasscell.bench.answers.check",
        lambda *_: type("C", (), {"passed": False, "error": 1.0, "allowed": 0.0}),
    )
    code, out, _ = call(
        capsys, "--cases", "RNN one step 32", "--engines", "glasscell", "--turns", 1,
        "--out", tmp_path,
    )  # fmt: skip
    assert code == 1
    assert "glasscell left out: wrong answer (stream): off by 1.0e+00" in out
