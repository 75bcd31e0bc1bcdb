"""`glasscell sample` as a user meets it."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from glasscell.cli import main
from glasscell.tasks.text import fit


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("work") / "run"
    small = {"hidden_size": 4, "epochs": 1, "seeds": 1, "truncation": 8, "jobs": 1}
    return fit(["一二三 one two\n" * 60], place, **small).folder


def call(capsys, *arguments):
    code = main(["sample", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_the_beginning_and_what_follows_are_written(capsys, run):
    first = call(capsys, run, "--prime", "一二", "--length", 20, "--seed", 5)
    assert first == call(capsys, run, "--prime", "一二", "--length", 20, "--seed", 5)
    code, out, err = first
    assert (code, err) == (0, "")
    assert out.startswith("一二")
    assert len(out) == 2 + 20 + 1
    quiet = call(capsys, run, "--prime", "一二", "--length", 20, "--seed", 5, "--quiet")[1]
    assert quiet == out[2:]


def test_unknown_characters_are_told(capsys, run):
    code, out, err = call(capsys, run, "--prime", "Zürn", "--length", 3)
    assert code == 0
    assert out.startswith("Zürn")
    assert "--prime: 3 symbols not in the vocabulary of the run: 'Z', 'ü', 'r';" in err


def test_standard_input_primes(capsys, run, monkeypatch):
    class Input:
        buffer = io.BytesIO("一".encode())

    monkeypatch.setattr(sys, "stdin", Input)
    assert call(capsys, run, "--prime", "-", "--length", 0)[1] == "一\n"
    Input.buffer = io.BytesIO(b"ab\xff")
    code, _, err = call(capsys, run, "--prime", "-")
    assert code == 2
    assert "found none at byte 2" in err


def test_no_torch_is_needed_and_any_terminal_will_do(run):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from glasscell.cli import main\n"
        f"sys.exit(main(['sample', {str(run)!r}, '--length', '5', '--prime', '一']))"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith("一")
