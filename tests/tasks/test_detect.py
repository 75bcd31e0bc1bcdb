"""Which task a file or folder asks for."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from glasscell.data import jsonfile, workbook
from glasscell.data.readers import open_source
from glasscell.tasks.detect import detect

FORECASTS = [
    "ds,y\n2024-01-01,1\n2024-01-02,2\n",
    "unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\n",
    "item_id,timestamp,target\na,2024-01-01,1\na,2024-01-02,2\n",
    "id,date,y\n1,2024-01-01,1\n1,2024-01-02,2\n",
    # The column only counts the rows.
    "sequence,date,y\n1,2024-01-01,1\n2,2024-01-02,2\n",
    # A series with remarks.
    "date,x,label\n2024-01-01,1,dry\n2024-01-02,2,wet\n",
    "date;sales\n2024-01-01;1,5\n2024-01-02;2,5\n",
    "",
]
SEQUENCES = [
    "sequence,x,label\n1,0.5,a\n1,0.6,a\n2,0.1,b\n",
    "sequence_id;x;class\n1;0,5;a\n1;0,6;a\n",
    "case,time,x,y\n1,1,0.5,3\n1,2,0.6,3\n",
    '"Sequence","x","Label"\n1,0.5,a\n',
    "id,x,label\n1,0.5,a\n1,0.6,a\n",
    "session_id,step,x,label\n1,0,0.5,1\n1,1,0.6,1\n",
    "part of it,time,x,label\na,1,2,u\na,2,2,u\nb,1,1,v\n",
    "v1,v2,class\n1,2,u\n1,3,v\n",
]


@pytest.mark.parametrize("text", FORECASTS)
def test_tables_without_labels_are_series(tmp_path, text):
    (tmp_path / "data.csv").write_text(text)
    assert detect(tmp_path / "data.csv") == "forecast"
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert detect(tmp_path / "data.csv.gz") == "forecast"


@pytest.mark.parametrize("text", SEQUENCES)
def test_tables_with_sequences_and_labels(tmp_path, text):
    (tmp_path / "data.csv").write_text(text)
    assert detect(tmp_path / "data.csv") == "sequences"


@pytest.mark.parametrize("option", ["label", "sequence", "per-step", "group"])
def test_an_option_decides(tmp_path, option):
    (tmp_path / "data.csv").write_text(FORECASTS[0])
    assert detect(tmp_path / "data.csv", [option, "seed"]) == "sequences"


@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x_TRAIN.ts", "x"])
def test_files_of_arrays_and_pairs_of_ts(tmp_path, name):
    (tmp_path / "x_TRAIN.ts").write_text("@data\n1,2:a\n")
    assert detect(tmp_path / name) == "sequences"


def test_parquet_by_its_columns(tmp_path):
    pd.DataFrame({"sequence": [1], "label": ["a"]}).to_parquet(tmp_path / "s.parquet")
    pd.DataFrame({"ds": ["2024"], "y": [1.0]}).to_parquet(tmp_path / "f.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    found = [detect(tmp_path / f"{name}.parquet") for name in ("s", "f", "broken")]
    assert found == ["sequences", "forecast", "forecast"]


@pytest.mark.parametrize(
    ("name", "text", "task"),
    [
        ("poem.txt", "Tyger Tyger, burning bright,\nIn the forests of the night,\n", "text"),
        ("poem", "床前明月光,\n疑是地上霜,\n", "text"),
        ("read.md", "# A title\n\nwords | words\n", "text"),
        ("table.txt", "date\tvalue\n2024-01-01\t3\n2024-01-02\t4\n", "forecast"),
        ("empty.txt", "", "forecast"),
        ("page.html", "<html></html>", "forecast"),
    ],
)
def test_texts(tmp_path, name, text, task):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert detect(tmp_path / name) == task


def test_a_folder_of_parquet_by_the_names_of_its_folders_too(tmp_path):
    for label in ("a", "b"):
        (tmp_path / "told" / f"label={label}").mkdir(parents=True)
        table = pd.DataFrame({"sequence": [1, 1], "x": [0.5, 1.5]})
        table.to_parquet(tmp_path / "told" / f"label={label}" / "0.parquet")
    assert detect(tmp_path / "told") == "sequences"


def test_folders(tmp_path):
    for label in ("walk", "run"):
        (tmp_path / "labels" / label).mkdir(parents=True)
        np.save(tmp_path / "labels" / label / "1.npy", np.zeros((3, 2)))
        (tmp_path / "books" / label).mkdir(parents=True)
        (tmp_path / "books" / label / "1.txt").write_text("Call me Ishmael.")
        (tmp_path / "halves" / "train" / label).mkdir(parents=True)
        (tmp_path / "halves" / "train" / label / "1.csv").write_text("x,z\n1,2\n")
    (tmp_path / "empty").mkdir()
    found = [detect(tmp_path / name) for name in ("labels", "halves", "books", "empty", "nothing")]
    assert found == ["sequences", "sequences", "text", "forecast", "forecast"]


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.xlsx"])
def test_what_was_opened_to_tell_the_task_is_not_parsed_again(tmp_path, monkeypatch, name):
    table = pd.DataFrame({"ds": ["2024-01-01", "2024-01-02"], "y": [1, 2]})
    path, book = tmp_path / name, name.endswith("xlsx")
    table.to_excel(path, index=False) if book else table.to_json(path, orient="records")
    module, parse = (workbook, "_cells") if book else (jsonfile, "_parsed")
    whole, parsed = getattr(module, parse), []
    monkeypatch.setattr(module, parse, lambda *given: parsed.append(1) or whole(*given))
    assert detect(path) == "forecast"
    opened = [open_source(path).names for _ in range(2)]
    assert opened == [("ds", "y")] * 2
    assert len(parsed) == 2  # it is handed over once, and not held any longer
    detect(path)
    renamed = table.rename(columns={"y": "sales"})
    renamed.to_excel(path, index=False) if book else renamed.to_json(path, orient="records")
    assert open_source(path).names == ("ds", "sales")
