"""Formats of other programs: each is read as the CSV of the same table, or refused in words."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sys
import zipfile

import dask.dataframe as dask
import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from glasscell.data.read import ReadOptions, read_panel
from glasscell.errors import DataError
from glasscell.tasks.detect import detect

HOURS = pd.date_range("2024-01-01", periods=60, freq="h")
LOAD = np.round(np.sin(np.arange(60) / 3) * 10, 3)
FRAME = pd.DataFrame({"ds": HOURS, "y": LOAD})
CSV = FRAME.to_csv(index=False).encode()
LINES = FRAME.to_json(orient="records", lines=True, date_format="iso").encode()
RECORDS = json.loads(FRAME.to_json(orient="records", date_format="iso"))


def zstd(content):
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def zipped(content):
    import io

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.csv", content)
        archive.writestr("__MACOSX/._inside.csv", "x")
    return held.getvalue()


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd,
    "zip": zipped,
}


def require_the_table(data, **options):
    panel = read_panel(data, ReadOptions(**options))
    (series,) = panel.series
    assert (series.ds == HOURS).all()
    np.testing.assert_array_equal(series.target, LOAD)
    return panel


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("content", [CSV, LINES, FRAME.to_csv(index=False, sep="\t").encode()])
def test_text_may_be_packed(tmp_path, packer, content):
    file = tmp_path / f"a.{packer}"
    file.write_bytes(PACKERS[packer](content))
    require_the_table(file)
    assert detect(file) == "forecast"


@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_file_that_was_cut_short_is_refused(tmp_path, packer):
    noise = np.random.default_rng(0).normal(size=4000)
    rows = "".join(f"{k},{value}\n" for k, value in enumerate(noise))
    file = tmp_path / "a.csv"
    whole = PACKERS[packer](f"ds,y\n{rows}".encode())
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=f"a damaged {packer} file .*download it again"):
        read_panel(file)


@pytest.mark.parametrize(
    "content",
    [
        FRAME.to_json(),
        FRAME.to_json(orient="records"),
        FRAME.to_json(orient="records", date_format="iso", indent=2),
        FRAME.to_json(orient="split", date_format="iso"),
        FRAME.to_json(orient="table"),
        LINES.decode(),
        "\ufeff" + LINES.decode().replace("\n", "\n\n"),
        json.dumps({"status": "ok", "data": RECORDS}),
        json.dumps({"ds": [str(time) for time in HOURS], "y": list(LOAD)}),
    ],
)
def test_json_as_programs_write_it(tmp_path, content):
    file = tmp_path / "a.json"
    file.write_text(content, encoding="utf-8")
    require_the_table(file)


def test_names_that_some_records_lack_are_missing_there(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"temp": 1.0, **r}) + "\n" for r in RECORDS[:30]))
    with file.open("a") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in RECORDS[30:])
    panel = require_the_table(file, target="y", covariates=[])
    assert "30 records of 60 without 'temp': missing." in panel.notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(RECORDS)[:100], "line 1, column 101: expected JSON.*cut short"),
        (LINES.decode()[:110], "line 3: expected a JSON object such as .*got '"),
        (
            json.dumps([{"ds": 1, "y": {"mean": 2}}] * 9),
            "record 1: .* 'y', got an object .*json_no",
        ),
        (json.dumps([{"ds": 1, "y": [1, 2]}] * 9), "got a list .*explode"),
        (
            json.dumps([{f"k{k}": 1} for k in range(9)]),
            "no name is in all of them; the first has k0",
        ),
        (json.dumps([[1, 2], [3, 4]]), r"expected a list of records .*got '\[1, 2\]'"),
        (json.dumps([{"ds": 1}, 5]), "got '5' as record 2"),
        ("[]", "got an empty list"),
        ('{"a": 3}', "got an object with a"),
        (json.dumps({"ds": [1, 2], "y": [1]}), r"columns of one length, got ds \(2\), y \(1\)"),
    ],
)
def test_json_that_is_no_table_is_refused_in_words(tmp_path, content, message):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        read_panel(file)


def test_arrow_files_and_streams(tmp_path):
    FRAME.to_feather(tmp_path / "a.feather")
    FRAME.set_index("ds").to_feather(tmp_path / "b.feather")
    table = pyarrow.Table.from_pandas(FRAME)
    with pyarrow.ipc.new_stream(str(tmp_path / "c.arrows"), table.schema) as stream:
        stream.write_table(table)
    for name in ("a.feather", "b.feather", "c.arrows"):
        require_the_table(tmp_path / name)
    whole = (tmp_path / "a.feather").read_bytes()
    (tmp_path / "cut.feather").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"expected an Arrow \(Feather\) file, got a damaged one"):
        read_panel(tmp_path / "cut.feather")


@pytest.mark.parametrize("index", ["none", "named", "nameless", "shuffled", "zone", "periods"])
def test_parquet_with_what_pandas_keeps_as_an_index(tmp_path, index):
    frame = {
        "none": FRAME,
        "named": FRAME.set_index("ds"),
        "nameless": FRAME.set_index("ds").rename_axis(None),
        "shuffled": FRAME.sample(frac=1, random_state=0),
        "zone": FRAME.assign(ds=HOURS.tz_localize("UTC")),
        "periods": FRAME.assign(ds=HOURS.to_period("h")),
    }[index]
    frame.to_parquet(tmp_path / "a.parquet")
    require_the_table(tmp_path / "a.parquet")


def test_a_folder_of_parquet_is_one_table(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    FRAME[:30].to_parquet(folder / "0.parquet")
    FRAME[30:].astype({"y": "float32"}).astype({"y": "float64"}).to_parquet(folder / "1.parquet")
    (folder / "_SUCCESS").touch()
    panel = read_panel(folder)
    np.testing.assert_allclose(panel.series[0].target, LOAD, rtol=1e-6)
    assert detect(folder) == "forecast"
    broken = FRAME[30:].assign(y=[None if k == 7 else k for k in range(30)])
    broken.to_parquet(folder / "1.parquet")
    with pytest.raises(DataError, match=r"row 8 of 1.parquet"):
        read_panel(folder)
    FRAME.assign(y="text").to_parquet(folder / "2.parquet")
    with pytest.raises(DataError, match=r"'y' holds numbers in 0.parquet and text in 2.parquet"):
        read_panel(folder)
    FRAME.rename(columns={"y": "z"}).to_parquet(folder / "2.parquet")
    with pytest.raises(DataError, match=r"y, z are in one of 0.parquet and 2.parquet only"):
        read_panel(folder)
    (folder / "2.parquet").write_bytes((folder / "0.parquet").read_bytes()[:300])
    with pytest.raises(DataError, match=r"2.parquet: expected a Parquet file, got a damaged one"):
        read_panel(folder)


def test_folders_within_name_a_column(tmp_path):
    both = pd.concat([FRAME.assign(region="a b"), FRAME.assign(region="c")])
    both.to_parquet(tmp_path / "parts", partition_cols=["region"])
    panel = read_panel(tmp_path / "parts", ReadOptions(series="region"))
    assert [series.unique_id for series in panel.series] == ["a b", "c"]
    for series in panel.series:
        np.testing.assert_array_equal(series.target, LOAD)


def test_an_empty_first_part_of_a_folder_tells_nothing_of_its_columns(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    text = FRAME.assign(y=FRAME["y"].map("{:.3f}".format).str.replace(".", ","))
    text[:0].to_parquet(folder / "0.parquet")
    text[:30].to_parquet(folder / "1.parquet")
    text[30:].to_parquet(folder / "2.parquet")
    require_the_table(folder)
    assert detect(folder) == "forecast"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_names_of_columns_may_stand_in_brackets(tmp_path, kind):
    file = tmp_path / f"a.{kind}"
    named = FRAME.rename(columns={"ds": "[ds]", "y": "[y]"})
    named.to_csv(file, index=False) if kind == "csv" else named.to_excel(file, index=False)
    panel = require_the_table(file)
    assert (panel.roles.time, panel.roles.targets) == ("[ds]", ("[y]",))


def test_a_folder_without_parquet_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"without Parquet files; labelled .* a folder for each"):
        read_panel(tmp_path)


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "dask"])
def test_frames_of_other_libraries(kind):
    if kind in ("polars", "lazy"):
        made = polars.from_pandas(FRAME)
        require_the_table(made if kind == "polars" else made.lazy())
    elif kind == "arrow":
        require_the_table(pyarrow.Table.from_pandas(FRAME))
    else:
        require_the_table(dask.from_pandas(FRAME, npartitions=2))


@pytest.mark.parametrize(
    ("name", "extra"), [("a.parquet", "parquet"), ("a.feather", "parquet"), ("a.zst", "parquet")]
)
def test_a_library_that_is_not_there_is_named_with_its_extra(tmp_path, monkeypatch, name, extra):
    FRAME.to_parquet(tmp_path / "a.parquet")
    FRAME.to_feather(tmp_path / "a.feather")
    (tmp_path / "a.zst").write_bytes(zstd(CSV))
    for module in ("pyarrow", "pyarrow.parquet", "pyarrow.feather"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        DataError, match=rf"pyarrow, which is not installed; .*glasscell\[{extra}\]"
    ):
        read_panel(tmp_path / name)
