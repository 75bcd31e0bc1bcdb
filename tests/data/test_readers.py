"""The list of file formats: a new one takes a file with one function and one line."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from glasscell.data import readers
from glasscell.data.model_inputs import read_model_inputs
from glasscell.data.rawtable import open_frame
from glasscell.data.read import read_panel
from glasscell.errors import DataError

VALUES = np.arange(40.0) ** 2


@pytest.fixture
def made_format(monkeypatch, tmp_path):
    """A format that nobody has: its reader in a module of its own, one line in the list."""

    def open_made(path, head):
        if not head.startswith(b"MADE"):
            return None
        days, values = zip(*map(str.split, path.read_text().splitlines()[1:]), strict=True)
        return open_frame(pd.DataFrame({"ds": days, "y": values}), path.name)

    module = ModuleType("glasscell.data.made")
    module.open_made = open_made
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(readers, "READERS", ("glasscell.data.made:open_made", *readers.READERS))
    path = tmp_path / "series.made"
    days = pd.date_range("2024-01-01", periods=len(VALUES))
    rows = [f"{day:%Y-%m-%d} {value}" for day, value in zip(days, VALUES, strict=True)]
    path.write_text("\n".join(["MADE\0", *rows]))
    return path


def test_a_made_format_becomes_a_panel(made_format):
    panel = read_panel(made_format)
    assert (panel.freq, panel.source, panel.rows) == ("D", "series.made", 40)
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_a_made_format_becomes_what_a_model_is_shown(made_format):
    inputs = read_model_inputs(made_format, 1)
    np.testing.assert_array_equal(inputs.x[0, :, 0], VALUES)
    assert inputs.labels[0] == "2024-01-01"


def test_a_message_about_a_made_format_names_the_place(made_format):
    made_format.write_text(made_format.read_text().replace("2024-01-03 4.0", "2024-01-03 four"))
    with pytest.raises(DataError, match=r"column 'y', row 3: expected a number, got 'four'"):
        read_panel(made_format)


def test_without_its_line_the_file_is_refused(made_format, monkeypatch):
    monkeypatch.setattr(readers, "READERS", readers.READERS[1:])
    with pytest.raises(DataError, match="NUL bytes"):
        read_panel(made_format)


def test_every_entry_of_the_list_is_a_reader(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("ds,y\n2024-01-01,1\n2024-01-02,2\n")
    opened = [readers.reader(entry)(path, path.read_bytes()[:64]) for entry in readers.READERS]
    assert [source.names for source in opened if source is not None] == [("ds", "y")]


def test_parquet_is_read_as_its_csv_is(tmp_path):
    days = pd.date_range("2024-01-01", periods=len(VALUES))
    frame = pd.DataFrame({"ds": days, "y": VALUES})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    # An index of dates is the column of times.
    frame.set_index("ds").to_parquet(tmp_path / "b.parquet")
    expected = read_panel(tmp_path / "a.csv")
    for name in ("a.parquet", "b.parquet"):
        panel = read_panel(tmp_path / name)
        assert (panel.freq, panel.source) == (expected.freq, name)
        np.testing.assert_array_equal(panel.series[0].values, expected.series[0].values)
        assert panel.series[0].ds.equals(expected.series[0].ds)
