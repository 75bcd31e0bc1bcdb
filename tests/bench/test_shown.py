"""The table, the chart and the files of a result."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from rich.console import Console
from rich.text import Text

from bench_fakes import result_of
from glasscell.bench.cases import Case
from glasscell.bench.chart import chart
from glasscell.bench.machine import busy_cpus, commit, cpu
from glasscell.bench.readable import amount, beside, headline, line, notes, table
from glasscell.bench.run import place, write
from glasscell.errors import DataError

CASES = [
    Case("LSTM", "one step", "step", 1, 1, 32, 32),
    Case("LSTM", "inference", "inference", 100, 32, 128, 128),
    Case("RNN", "training", "training", 100, 32, 128, 128),
]
RESULT = result_of(
    CASES,
    [
        {"glasscell": 1e-6, "torch": 3e-5, "onnxruntime": 5.5e-6},
        {"glasscell": 2e-3, "torch": 1.5e-3, "onnxruntime": 4e-3},
        {"glasscell": 2e-3, "torch": 5e-3},
    ],
)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(result=RESULT):
    return ElementTree.fromstring(chart(result))


def texts(root, kind=None):
    return [t.text for t in root.iter(f"{SVG}text") if kind is None or kind in t.get("class", "")]


def test_the_chart_is_one_file_that_fetches_nothing_and_follows_the_reader_s_scheme():
    text = chart(RESULT)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert set(re.findall(r"https?://[^\"\s]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|url\(|@import|href", text)
    assert "prefers-color-scheme: dark" in text
    assert {root.find(f"{SVG}{tag}").get("id") for tag in ("title", "desc")} == {"t", "d"}


def test_a_row_that_we_lose_goes_the_other_way_in_the_other_colour_and_is_named():
    root = drawn()
    bars = {bar.get("class"): bar for bar in root.iter(f"{SVG}rect")}
    one = next(g for g in root.iter(f"{SVG}line") if g.get("class") == "one")
    lost = bars["lose"]
    assert float(lost.get("x")) < float(one.get("x1"))
    assert float(lost.get("x")) + float(lost.get("width")) == pytest.approx(
        float(one.get("x1")), abs=0.2
    )
    assert texts(root, "lose") == ["×0.75 torch"]
    assert float(bars["win"].get("x")) == pytest.approx(float(one.get("x1")), abs=0.1)
    assert "ahead in 2 rows, behind in 1" in root.find(f"{SVG}desc").text


def test_the_chart_names_the_fastest_other_engine_of_each_row():
    assert {"×5.50 ONNX Runtime", "×2.50 torch"} <= set(texts(drawn()))


def test_everything_in_the_chart_lies_inside_it():
    many = result_of(
        CASES[:2], [{"glasscell": 1e-6, "torch": 0.9}, {"glasscell": 1.0, "torch": 1e-4}]
    )
    for result in (RESULT, many):
        root = drawn(result)
        width, height = float(root.get("width")), float(root.get("height"))
        for part in (*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}text")):
            assert 0 <= float(part.get("x", 0)) <= width
            assert 0 <= float(part.get("y", 0)) <= height
        for bar in root.iter(f"{SVG}rect"):
            assert float(bar.get("x", 0)) + float(bar.get("width")) <= width


def test_a_result_without_peers_still_makes_a_chart():
    assert texts(drawn(result_of(CASES[:1], [{"glasscell": 1e-6}])))


def shown(result):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(table(result))
        return console.export_text()


def test_the_table_has_our_time_their_ratios_and_the_share_of_the_limit():
    text = shown(RESULT)
    row = next(part for part in text.splitlines() if "LSTM inference" in part)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "LSTM inference", "(100, 32, 128, 128)", "2.00 ms", "0 %", "21 % FMA", "×0.75", "×2.00",
        "",
    ]  # fmt: skip
    assert "–" in next(part for part in text.splitlines() if "RNN training" in part)


def test_the_best_peer_of_a_row_is_bold_and_red_where_it_beats_us():
    cells = [c for column in table(RESULT).columns for c in column.cells if isinstance(c, Text)]
    styles = {cell.plain: cell.style for cell in cells}
    assert (styles["×0.75"], styles["×2.00"]) == ("bold red", "")
    assert (styles["×5.50"], styles["×30.0"]) == ("bold", "")


def test_the_headline_names_the_machine_and_the_notes_who_is_left_out():
    assert headline(RESULT) == (
        "A CPU & more (family/model 1/2), avx2, 2 threads: 2000 GFLOP/s, "
        "reads GB/s L1 800, L2 400, L3 200, DRAM 40"
    )
    result = result_of(CASES[:1], [{"glasscell": 1.0}])
    result["rows"][0]["left_out"] = {"torch": "wrong answer (cell)", "onnxruntime": "no such call"}
    result["environment"]["busy_cpus"] = 1.52
    assert notes(result) == [
        "JAX left out: jax is not installed",
        "Others kept 1.5 CPUs busy: times of a busy machine say little.",
        "LSTM one step (1, 1, 32, 32): torch left out: wrong answer (cell)",
    ]


def test_a_row_in_one_line_says_what_happened():
    assert line(RESULT["rows"][1]) == (
        "LSTM inference (100, 32, 128, 128): 2.00 ms; torch ×0.75, onnxruntime ×2.00"
    )
    empty = result_of(CASES[:1], [{}])["rows"][0]
    empty["left_out"] = {"glasscell": "has no pool"}
    assert line(empty).endswith("left out, has no pool")


def test_a_pool_says_how_many_streams_it_serves_and_what_each_takes():
    pool = Case("LSTM", "pool", "pool", 1, 1000, 32, 32, capacity=2000)
    row = result_of([pool], [{"glasscell": 1e-4}])["rows"][0]
    row["facts"]["glasscell"]["bytes_per_stream"] = 256.0
    assert beside(row) == "5.00 M streams/s per core, 256 B each"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(1.5, "s", "1.50 s"), (0.0125, "s", "12.5 ms"), (2e-8, "s", "0.02 µs"), (900, "B", "0.90 kB")],
)
def test_amounts_take_the_unit_that_fits(value, unit, said):
    assert amount(value, unit) == said


def test_a_result_goes_into_a_folder_or_beside_a_named_file(tmp_path):
    folder = place(str(tmp_path / "new" / "folder"))
    write(RESULT, folder)
    assert json.loads(folder.json.read_text(encoding="utf-8")) == RESULT
    assert folder.svg.read_text(encoding="utf-8") == chart(RESULT)
    named = place(str(tmp_path / "mine.json"))
    assert (named.json.name, named.svg.name) == ("mine.json", "mine.svg")
    assert sorted(p.name for p in folder.json.parent.iterdir()) == ["bench.json", "bench.svg"]


def test_nothing_is_overwritten_unasked(tmp_path):
    write(RESULT, place(str(tmp_path)))
    with pytest.raises(DataError, match=r"bench\.json exists; .*--force"):
        place(str(tmp_path))
    assert place(str(tmp_path), force=True)
    (tmp_path / "mine.svg").touch()
    with pytest.raises(DataError, match=r"mine\.svg exists"):
        place(str(tmp_path / "mine.json"))


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"expected a folder or NAME\.json"):
        place(str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be written"):
        place(str(tmp_path / "file" / "below"))
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DataError, match="found a folder"):
        place(str(tmp_path / "folder.json"), force=True)


def test_the_commit_is_that_of_the_tracked_file_or_none(tmp_path):
    (tmp_path / "file.py").touch()
    assert commit(tmp_path / "file.py") is None


def test_what_others_use_of_the_machine_is_counted(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    stat.write_text("cpu 100 0 0 100 0 0 0 0 9 9\ncpu0 1\n")
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    busier = "cpu 125 0 0 150 25 0 0 0 9 9\n"
    monkeypatch.setattr("time.sleep", lambda seconds: stat.write_text(busier))
    assert busy_cpus(0.5, stat) == 1.0
    assert busy_cpus(0.5, stat) == 0.0
    assert busy_cpus(0.5, tmp_path / "none") is None


def test_the_processor_is_named_with_its_family(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: Fast: one\n")
    assert cpu(info) == {"cpu": "Fast: one", "cpu_family_model": "26/2"}
    assert cpu(tmp_path / "none")["cpu_family_model"] == "?/?"
