"""`glasscell reproduce` as a user meets it: rows, folders, progress, and what was damaged."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from tests.reproduce.test_laboratory import Tiny, tiny

from glasscell.cli import main
from glasscell.errors import DataError
from glasscell.reproduce import laboratory
from glasscell.reproduce.laboratory import TRIALS, reproduce
from glasscell.reproduce.specimen import Specimen
from glasscell.training.progress import Reporter

__all__ = ["tiny"]

NORMS = ["reproduce", "pascanu", "--quick", "--jobs", "1", "--json", "--quiet"]


def ran(arguments, capsys):
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_rows_are_given_as_text_with_commas_in_their_names(tmp_path, capsys):
    given = "orthogonal, 1, at rest; radius 0.9"
    found = ran([*NORMS, "--rows", given, "--out", str(tmp_path)], capsys)
    assert [row["name"] for row in found["rows"]] == [
        "orthogonal, 1, at rest",
        "normal, radius 0.9, at rest",
    ]


def test_of_all_experiments_those_with_such_rows_are_run(tmp_path, capsys):
    everything = ["reproduce", "all", *NORMS[2:], "--out", str(tmp_path)]
    found = ran([*everything, "--rows", "orthogonal, 1, at rest"], capsys)
    assert [one["experiment"] for one in found] == ["pascanu"]
    assert main([*everything, "--rows", "orthogonal; nothing"]) == 2
    assert "some experiment, got 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["file", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_is_told_before_the_first_trial(
    tiny, tmp_path, monkeypatch, out
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"--out: expected a folder .*; give another"):
        reproduce(tiny, tmp_path / out / "tiny")
    assert Tiny.ran == []


@pytest.mark.parametrize("damage", [b"\xff\xfe", b'{"key": "a", "result": 3}', b"", b"half"])
@pytest.mark.parametrize("last", [False, True])
def test_a_damaged_line_is_named_and_nothing_is_run(tiny, tmp_path, damage, last):
    reproduce(tiny, tmp_path, seeds=2)
    path = tmp_path / TRIALS
    lines = path.read_bytes().splitlines()
    lines.insert(2 if last else 1, damage)
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(DataError, match=f"line {3 if last else 2}: expected a trial, got"):
        reproduce(tiny, tmp_path)
    assert Tiny.ran == [0, 1]


@pytest.mark.parametrize("kept", [1, 2])
def test_a_trial_that_lost_the_end_of_its_line_is_kept(tiny, tmp_path, kept):
    reproduce(tiny, tmp_path, seeds=kept)
    path = tmp_path / TRIALS
    path.write_bytes(path.read_bytes()[:-1])
    reproduce(tiny, tmp_path)
    assert Tiny.ran == [0, 1, 2]
    assert len(laboratory.kept(tiny, tmp_path).done) == 3


def test_half_of_the_only_line_is_taken_off_whole(tiny, tmp_path):
    reproduce(tiny, tmp_path, seeds=1)
    path = tmp_path / TRIALS
    path.write_bytes(path.read_bytes()[:-20])
    reproduce(tiny, tmp_path)
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1, 2]


def test_a_terminal_shows_how_far_all_trials_and_each_one_are(tiny, monkeypatch):
    seen = []
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60)
    told = laboratory.TrialBars.told

    def told_and_seen(bars, name, text):
        told(bars, name, text)
        seen.extend([(t.description, t.completed, t.total) for t in bars._progress.tasks])

    monkeypatch.setattr(laboratory.TrialBars, "told", told_and_seen)
    reproduce(tiny, seeds=2, reporter=Reporter(console=console))
    assert seen == [
        ("0 of 2 trials", 0, 2),
        ("half  tiny, a, seed 0", 0, None),
        ("1 of 2 trials", 1, 2),
        ("half  tiny, a, seed 1", 0, None),
    ]
    assert "1 of 2 trials" in stream.getvalue()


def test_a_damaged_network_is_told_with_what_to_do(tmp_path):
    (tmp_path / "about.json").write_text("{")
    with pytest.raises(DataError, match=r"expected a network of .*; remove the folder"):
        Specimen.read(tmp_path)
