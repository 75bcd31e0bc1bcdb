"""`glasscell datasets` as a user meets it, and `fit` of one."""

from __future__ import annotations

import json

import yaml

from glasscell.cli import main
from glasscell.data.datasets.inventory import DATA_SETS


def call(capsys, *arguments):
    return main(["datasets", *arguments]), *capsys.readouterr()


def test_the_list_has_a_line_for_each_that_is_here(capsys):
    code, out, err = call(capsys)
    assert (code, err) == (0, "")
    here = [each.name for each in DATA_SETS if each.place is not None]
    lines = [line.split()[0] for line in out.splitlines()[1:]]
    assert lines[: len(here)] == here
    assert "topics" in here


def test_all_names_the_packages_of_the_others(capsys):
    _, out, _ = call(capsys, "--all")
    for each in DATA_SETS:
        assert each.name in out


def test_json_holds_licence_size_and_package(capsys):
    _, out, _ = call(capsys, "--json", "--all")
    held = {one["name"]: one for one in json.loads(out)}
    assert len(held) == len(DATA_SETS)
    nile = held["nile"]
    assert (nile["task"], nile["count"], nile["licence"]) == ("forecast", 100, "public domain")
    assert nile["licence_stated"].endswith("data.py")
    assert nile["package"] == "statsmodels"
    assert nile["bytes"] > 100


def test_one_is_shown_with_all_that_is_known(capsys):
    code, out, _ = call(capsys, "watch")
    assert code == 0
    assert "what: 7 shoulder exercises" in out
    code, _, err = call(capsys, "wacht")
    assert (code, "did you mean watch?" in err) == (2, True)


def test_fit_takes_one_by_its_name_and_the_run_by_its_config(capsys, tmp_path):
    fast = ["--epochs", "1", "--seeds", "1", "--hidden-size", "4", "--horizon", "3", "--quiet"]
    assert main(["fit", "nile", "--out", str(tmp_path / "one"), *fast, "--lookback", "8"]) == 0
    config = tmp_path / "one" / "run.yaml"
    assert yaml.safe_load(config.read_text())["data"] == "dataset:nile"
    assert main(["fit", "--config", str(config), "--out", str(tmp_path / "two"), "--quiet"]) == 0
    one, two = ((tmp_path / run / "model.safetensors").read_bytes() for run in ("one", "two"))
    assert one == two


def test_a_file_of_the_name_comes_first_and_the_prefix_before_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nile").write_text("")
    assert main(["fit", "nile", "--out", "run"]) == 2
    assert "nile: the file is empty" in capsys.readouterr().err
    assert main(["fit", "dataset:nil", "--out", "run"]) == 2
    assert "there is no data set 'nil'" in capsys.readouterr().err
