"""Numbers as people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.numerals import MISSING, find_decimal, read_numbers, sentinel
from glasscell.errors import DataError


def decimal(cells, separator=";"):
    return find_decimal([pd.Series(cells, dtype=object)], separator)


def test_the_marks_of_well_known_sources_are_missing_values():
    marks = [".", "..", "...", "?", ":", ": c", "\\N", "<NA>", "NULL", "null", "n/a", "#N/A", "-"]
    marks += ["--", "NaN", "nan", "NA", "None", "missing", "***", "", None, "ND", "–"]
    found = read_numbers(marks)
    assert np.isnan(found.values).all()
    assert not found.unread.any()
    assert "0" not in MISSING


def test_more_marks_may_be_named():
    assert not read_numbers(["x", "1"], marks=["x"]).unread.any()
    assert read_numbers(["x", "1"]).unread.tolist() == [True, False]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1,234.5", "1,234,567", "1 234.5", "1'234.5", "12,34,567", "1\u202f234", "−5"], "."),
        (["1.234,5", "1.234.567", "1 234,5", "1’234,5", "1234567", "1\u00a0234", "−5"], ","),
    ],
)
def test_thousands_are_parted_under_either_decimal_mark(cells, mark):
    found = read_numbers(cells, mark)
    assert not found.unread.any()
    assert found.values.tolist()[:3] == [1234.5, 1234567.0, 1234.5]
    assert found.values.tolist()[5:] == [1234.0, -5.0]


@pytest.mark.parametrize(
    ("cell", "mark"),
    [
        ("1.5", ","),
        ("12,3", "."),
        ("1,23", "."),
        ("1.2M", "."),
        ("(5)", "."),
        ("True", "."),
        ("5 kg", "."),
    ],
)
def test_what_is_no_number_stays_unread(cell, mark):
    assert read_numbers([cell], mark).unread.all()


def test_signs_are_left_out_and_said():
    found = read_numbers(["$1.50", "-$2", "3", "4 p"])
    assert found.values.tolist() == [1.5, -2.0, 3.0, 4.0]
    assert found.left_out == {"Currencies": "$1.50", "Flags after numbers": "4 p"}
    assert read_numbers(["5 %"]).left_out == {"Percent signs": "5 %"}


def test_two_currencies_in_one_column_are_not_mixed():
    assert read_numbers(["$1", "€1"]).unread.all()


@pytest.mark.parametrize(
    ("cells", "separator", "mark"),
    [
        (["1,5", "2"], ";", ","),
        (["1.5", "2"], ";", "."),
        (["1.234,5"], ";", ","),
        (["1.234.567", "1"], ";", ","),
        (["1,234,567", "1"], ";", "."),
        (["0.123", "1.234"], ";", "."),
        (["1234", "1.234"], ";", "."),
        (["1234", "1,234"], ";", ","),
        (["1.234", "2.345"], ",", "."),
        (["1 234,5"], ";", ","),
        (["7", "NA", None], ";", "."),
        (["-1,5 %"], "\t", ","),
    ],
)
def test_the_decimal_mark_is_found(cells, separator, mark):
    assert decimal(cells, separator) == (mark, "")


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["998", "999", "1.002"], ";"),
        (["998", "999", "1.002"], ","),
        (["1.234", "2.345"], ";"),
        (["1,234", "987"], "\t"),
        (["1.5", "1,5"], ";"),
        (["1.234", "1,234"], ";"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(cells, separator):
    with pytest.raises(DataError, match=r"--decimal , or --decimal \."):
        decimal(cells, separator)


def test_quoted_thousands_of_a_comma_file_are_read_and_said():
    mark, said = decimal(["1,234", "987"], ",")
    assert mark == "."
    assert "'1,234' was read as 1234" in said


def test_later_cells_decide_where_the_first_do_not():
    chunks = iter([pd.Series(["1.002"]), pd.Series(["12,5"]), pd.Series(["never looked at"])])
    assert find_decimal(chunks, ";")[0] == ","
    assert len(list(chunks)) == 1


@pytest.mark.parametrize("mark", [-999.0, -99.0, -9999.0, 9999.0, -200.0, -99.9])
def test_a_value_far_from_all_others_is_said(mark):
    values = np.array([1.0, mark, 20.0, mark, 3.0, np.nan])
    assert f"--missing={mark:g}" in sentinel(values, "y")


@pytest.mark.parametrize(
    "values", [[99.0, 99.0, 98.0, 1.0], [9.0, 9.0, 8.0], [5.0, 5.0], [-999.0, 1.0, 2.0]]
)
def test_ordinary_values_are_not_called_marks(values):
    assert sentinel(np.array(values), "y") == ""
