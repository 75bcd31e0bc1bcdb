"""Command lines and YAML files that jsonargparse refuses, told in plain words."""

from __future__ import annotations

import re

import pytest

from glasscell.cli import main

RAW = r"Parser key|<class|Union|Subtypes|typing\.|NoneType|Traceback|unicode string"


def refusal(capsys, *arguments):
    assert main(["fit", "data.csv", "--out", "run", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert not re.search(RAW, err), err
    return err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--horizon", "many"], "--horizon: expected a whole number, got 'many'"),
        (["--horizon", "3.5"], "--horizon: expected a whole number, got '3.5'"),
        (["--horizon"], "--horizon: expected a value, got none"),
        (["--horizon", ""], "--horizon: expected a whole number, got ''"),
        (["--seeds", "1e3"], "--seeds: expected a whole number"),
        (["--learning-rate", "fast"], "--learning-rate: expected a number, got 'fast'"),
        (["--show-level", "maybe"], "--show-level: expected true or false, got 'maybe'"),
        (["--gaps", "ignore"], "--gaps: expected raise or interpolate or drop, got 'ignore'"),
        (["--epoch", "3"], "there is no option --epoch; did you mean --epochs?"),
        (["--zzz"], "there is no option --zzz; see"),
        (["--json=3"], "--json: takes no value, got '3'"),
        (["more", "files"], "expected nothing after the arguments, got more files"),
        (["--config", "none.yaml"], "--config: "),
    ],
)
def test_flags(capsys, arguments, message):
    assert message in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"horizon: [1\n", "such as horizon: 12; line 2, column 1: "),
        (b"- a\n- b\n", "expected a YAML file"),
        (b"just text", "expected a YAML file"),
        (b"", "expected a YAML file"),
        (b"\x86\xff\x00", "no text in UTF-8"),
        (b"horizon: x\n", "--horizon: expected a whole number, got 'x'"),
        (b"seeds: 1.0\n", "--seeds: expected a whole number"),
        (b"target: 3\n", "--target: expected text, got '3'; write it in quotes"),
        (b"horizn: 3\n", "there is no option --horizn; did you mean --horizon?"),
    ],
)
def test_yaml_files(capsys, tmp_path, content, message):
    (tmp_path / "options.yaml").write_bytes(content)
    assert message in refusal(capsys, "--config", tmp_path / "options.yaml")


def test_what_is_missing_is_named(capsys):
    assert main(["predict", "run"]) == 2
    assert "expected DATA and --out as well" in capsys.readouterr().err
