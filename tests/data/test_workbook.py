"""Workbooks as people make them: titles, corners, merged cells, formulas, dates as numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from glasscell.data.read import ReadOptions, read_panel
from glasscell.errors import DataError

SAVED = Path(__file__).with_name("workbooks")
"""What openpyxl does not write: an .xls by xlwt, an .ods by odfpy, and an .xlsx with a password."""
HOURS = pd.date_range("2024-01-01", periods=60, freq="h")
LOAD = np.round(np.sin(np.arange(60) / 3) * 10, 3)
ROWS = [[time.to_pydatetime(), float(load)] for time, load in zip(HOURS, LOAD, strict=True)]


def book(path, *rows, **sheets):
    """Write a workbook with one sheet of rows, and further sheets by name."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for name, more in sheets.items():
        sheet = made.create_sheet(name)
        for row in more:
            sheet.append(row)
    made.save(path)
    return path


def panel_of(path, **options):
    panel = read_panel(path, ReadOptions(**options))
    for series in panel.series:
        assert (series.ds == HOURS).all()
    np.testing.assert_array_equal(panel.series[0].target, LOAD)
    return panel


def test_a_sheet_is_read_as_its_frame(tmp_path):
    frame = pd.DataFrame({"ds": HOURS, "y": LOAD})
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    panel = panel_of(tmp_path / "a.xlsx")
    assert (panel.freq, panel.notes) == ("h", ())
    frame.assign(ds=HOURS.strftime("%d.%m.%Y %H:%M")).to_excel(tmp_path / "b.xlsx", index=False)
    panel_of(tmp_path / "b.xlsx", day_first=True)


@pytest.mark.parametrize("name", ["a.xls", "a.ods"])
def test_other_kinds_of_workbooks(name):
    panel_of(SAVED / name)


def test_titles_above_and_remarks_below_are_passed_over(tmp_path):
    rows = [["Load in Germany"], ["Source: a bureau"], [], ["Date", "Load"], *ROWS]
    path = book(tmp_path / "a.xlsx", *rows, [], [None], ["Values are provisional."], Notes=[["x"]])
    notes = panel_of(path).notes
    assert any("above the table were not read (2): 'Load in Germany'" in note for note in notes)
    assert any("below the table were not read (1): 'Values are prov" in note for note in notes)
    assert any("Sheet 'Sheet' was read, not Notes" in note for note in notes)


def test_a_table_may_stand_anywhere(tmp_path):
    rows = [[None, None, "Date", "Load"], *[[None, None, *row] for row in ROWS]]
    path = book(tmp_path / "a.xlsx", [], [], *rows)
    panel_of(path)
    path = book(
        tmp_path / "b.xlsx", [], [None, "ds", "y"], *[[None, *r] for r in ROWS], [None, "x", 1]
    )
    with pytest.raises(DataError, match="row 63: expected a date"):
        read_panel(path)


def test_units_below_the_names_and_names_in_two_rows(tmp_path):
    three = [[*row, row[1] + 1] for row in ROWS]
    path = book(tmp_path / "a.xlsx", ["Date", "Load", "Wind"], [None, "MW", "MW"], *three)
    assert panel_of(path, target="Load").covariates == ("Wind",)
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.append(["Date", "Germany", None, "France", None])
    sheet.append([None, "Load", "Wind", "Load", "Wind"])
    for cells in ("A1:A2", "B1:C1", "D1:E1"):
        sheet.merge_cells(cells)
    for row in ROWS:
        sheet.append([*row, row[1] + 1, -row[1], row[1] + 2])
    made.save(tmp_path / "b.xlsx")
    panel = read_panel(tmp_path / "b.xlsx")
    np.testing.assert_array_equal(panel.series[2].target, LOAD)
    names = [series.unique_id for series in panel.series]
    assert names == ["France Load", "France Wind", "Germany Load", "Germany Wind"]


def test_a_name_merged_beside_rows_belongs_to_each_of_them(tmp_path):
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.append(["region", "ds", "y"])
    for name, top in (("a", 2), ("b", 62)):
        for place, row in enumerate(ROWS):
            sheet.append([None if place else name, *row])
        sheet.merge_cells(start_row=top, end_row=top + 59, start_column=1, end_column=1)
    made.save(tmp_path / "a.xlsx")
    panel = panel_of(tmp_path / "a.xlsx", series="region")
    assert [series.unique_id for series in panel.series] == ["a", "b"]


def test_dates_as_numbers_and_clocks_beside_dates(tmp_path):
    days = (HOURS - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
    panel_of(book(tmp_path / "a.xlsx", ["date", "y"], *zip(days, LOAD, strict=True)))
    parts = [[time.date(), time.time(), load] for time, load in ROWS]
    panel_of(book(tmp_path / "b.xlsx", ["Date", "Time", "y"], *parts))


def test_numbers_stay_numbers_whatever_their_text_may_mean(tmp_path):
    path = book(
        tmp_path / "a.xlsx", ["ds", "y"], *[[time, 1.234 + k] for k, (time, _) in enumerate(ROWS)]
    )
    np.testing.assert_array_equal(read_panel(path).series[0].target, 1.234 + np.arange(60))


def test_of_several_sheets_one_is_named(tmp_path):
    table = [["ds", "y"], *ROWS]
    path = book(tmp_path / "a.xlsx", A=table, B=table)
    with pytest.raises(DataError, match=r"got 2 \(A, B\); choose one with --sheet"):
        read_panel(path)
    for sheet in ("B", "3"):
        assert panel_of(path, sheet=sheet).source == "sheet 'B' of a.xlsx"
    with pytest.raises(DataError, match=r"--sheet 'C': a.xlsx has 3 sheets: 'Sheet' \(0 rows\)"):
        read_panel(path, ReadOptions(sheet="C"))
    with pytest.raises(DataError, match="sheet 'Sheet' is empty"):
        read_panel(path, ReadOptions(sheet="1"))
    file = tmp_path / "a.csv"
    file.write_text("ds,y\n2024-01-01,1\n")
    with pytest.raises(DataError, match=r"expected a workbook, got .*csv, which is none"):
        read_panel(file, ReadOptions(sheet="1"))


def test_formulas_that_nothing_computed_are_said(tmp_path):
    rows = [[time, f"=1+{load}"] for time, load in ROWS]
    with pytest.raises(DataError, match="formulas without values; open the workbook"):
        read_panel(book(tmp_path / "a.xlsx", ["ds", "y"], *rows))
    rows = [[*row, f"=B{k}"] for k, row in enumerate(ROWS, 2)]
    with pytest.raises(DataError, match="column double holds formulas without values"):
        read_panel(book(tmp_path / "b.xlsx", ["ds", "y", "double"], *rows))


def test_messages_name_the_row_of_the_sheet(tmp_path):
    rows = [[time, "broken" if k == 5 else load] for k, (time, load) in enumerate(ROWS)]
    with pytest.raises(DataError, match=r"column 'y', row 9: expected a number, got 'broken'"):
        read_panel(book(tmp_path / "a.xlsx", ["A title"], [], ["ds", "y"], *rows))
    with pytest.raises(DataError, match=r"row 2: expected 2 columns \(ds, y\), got a cell beside"):
        read_panel(book(tmp_path / "b.xlsx", ["ds", "y"], [*ROWS[0], None, "note"], *ROWS[1:]))


def test_what_is_no_usable_workbook_is_refused(tmp_path):
    with pytest.raises(DataError, match="got one with a password; save it without"):
        read_panel(SAVED / "locked.xlsx")
    with pytest.raises(DataError, match=r"expected a sheet with a table .*'Sheet' \(0 rows\)"):
        read_panel(book(tmp_path / "a.xlsx"))
    whole = book(tmp_path / "b.xlsx", ["ds", "y"], *ROWS).read_bytes()
    for part in (3000, len(whole) // 2):
        (tmp_path / "cut.xlsx").write_bytes(whole[:part])
        with pytest.raises(DataError, match="expected a workbook, got a damaged one"):
            read_panel(tmp_path / "cut.xlsx")


def test_without_calamine_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    shutil.copy(SAVED / "a.ods", tmp_path)
    with pytest.raises(DataError, match=r"pip install 'glasscell\[excel\]'"):
        read_panel(tmp_path / "a.ods")
