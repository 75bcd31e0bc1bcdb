"""benchmarks/report.py: the tables of the READMEs from a result."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from bench_fakes import result_of
from glasscell.bench.cases import CASES, select

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report():
    spec = importlib.util.spec_from_file_location("report", ROOT / "benchmarks" / "report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def whole(**slow):
    """A result of all rows, in which torch needs three times ours, or what `slow` says."""
    times = [{"glasscell": 1e-3, "torch": 1e-3 * slow.get(case.label, 3.0)} for case in CASES]
    return result_of(CASES, times)


def test_the_first_screen_has_its_rows_and_the_one_that_we_lose_by_most(report):
    worst = select("LSTM cell from torch")[0].label
    rows = report.first_screen(whole(**{worst: 0.4, "RNN training (100, 32, 32, 64)": 0.9}))
    assert [row["label"] for row in rows] == [*report.FIRST_SCREEN, worst]
    among = report.first_screen(whole(**{report.FIRST_SCREEN[1]: 0.4}))
    assert [row["label"] for row in among] == list(report.FIRST_SCREEN)


def test_the_table_has_a_column_for_every_engine_and_bold_for_the_best(report):
    result = result_of(CASES[:1], [{"glasscell": 1e-6, "torch": 3e-5, "onnxruntime": 5.5e-6}])
    lines = report.table(result, result["rows"], "en").splitlines()
    assert lines[0] == "|  | (T, B, I, H) | glasscell | torch | ONNX Runtime | % of limit |"
    assert lines[1] == "| --- | --- | --: | --: | --: | --: |"
    cells = lines[2].split(" | ")
    assert cells[:2] == ["| LSTM, one step", "(1, 1, 32, 32)"]
    assert cells[2:5] == ["1.00 µs", "×30.0", "**×5.50**"]
    assert "torch 2.13.0, onnxruntime 1.32.0" in lines[-1]


def test_a_further_machine_has_two_columns_and_the_row_that_is_lost_there(report):
    lost, missing = select("LSTM cell from torch")[0].label, report.FIRST_SCREEN[0]
    first, further = whole(), whole(**{lost: 0.4})
    further["environment"]["isa"] = "avx2"
    rows = report.first_screen(first, further)
    assert [row["label"] for row in rows] == [*report.FIRST_SCREEN, CASES[0].label, lost]
    further["rows"] = [row for row in further["rows"] if row["label"] != missing]
    lines = report.table(first, rows, "en", [further]).splitlines()
    assert lines[0].endswith("| % of limit | glasscell, avx2 | best other |")
    assert lines[2].endswith("| – | – |")
    assert lines[3].endswith("| 1.00 ms | torch ×3.00 |")
    assert lines[1 + len(rows)].endswith("| 1.00 ms | torch ×0.40 |")
    assert lines[-1].count("2 threads") == 2


def test_every_row_has_a_name_in_chinese(report):
    result = whole()
    assert report.table(result, result["rows"], "zh").count("\n| ") == len(CASES) + 1


def test_the_full_table_shows_what_stands_beside_a_row(report):
    result = whole()
    result["rows"][0]["beside"] = {"name": "dense", "median": 1.0, "ratio": 0.58}
    lines = report.table(result, result["rows"], "en", full=True).splitlines()
    assert lines[2].endswith("| 0.58 of dense |")
    assert lines[3].endswith("| – |")


def test_rows_that_glasscell_could_not_run_are_in_no_table(report):
    result = whole()
    result["rows"][-1]["median"] = {}
    assert len(report.measured(result)) == len(CASES) - 1


def test_a_partial_or_foreign_result_is_refused(report, tmp_path):
    part = result_of(CASES[:1], [{"glasscell": 1e-6, "torch": 1e-5}])
    with pytest.raises(SystemExit, match="expected a whole result, found none of LSTM training"):
        report.first_screen(part)
    other = tmp_path / "x.json"
    other.write_text(json.dumps({"format": "other"}))
    with pytest.raises(SystemExit, match="expected a result of glasscell bench"):
        report.read(other)


def test_only_what_stands_between_the_marks_is_replaced(report, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- benchmark:speed -->\nold\n<!-- /benchmark -->\nb\n")
    report.replace(page, "new")
    assert page.read_text() == "a\n<!-- benchmark:speed -->\nnew\n<!-- /benchmark -->\nb\n"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="expected one <!-- benchmark:speed -->"):
        report.replace(page, "new")
