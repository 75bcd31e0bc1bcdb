"""Tables of the UCR archive: no names of columns, the class first, a pair a set."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.data.sequences.reading import read_sequences
from glasscell.errors import DataError
from glasscell.tasks.detect import detect

ROWS = [(1, [0.5, 1.5, 2.5]), (2, [1.0, 0.0, -1e-3]), (1, [3.0, 2.0, 1.0]), (2, [0.0, 0.0, 1.0])]
FORMS = {
    ".tsv": lambda c, row: "\t".join(map(str, [c, *row])),
    ".txt": lambda c, row: "  " + "  ".join(f"{number:.7e}" for number in [c, *row]),
    ".csv": lambda c, row: ",".join(map(str, [c, *row])),
}


@pytest.fixture(params=FORMS)
def pair(request, tmp_path):
    for half in ("TRAIN", "TEST"):
        text = "\n".join(FORMS[request.param](*row) for row in ROWS)
        (tmp_path / f"Made_{half}{request.param}").write_text(text + "\n")
    return tmp_path


def test_a_row_is_a_sequence_and_its_first_cell_the_class(pair):
    half = next(pair.glob("Made_TRAIN*"))
    assert detect(half) == "sequences"
    read = read_sequences(half)
    assert [read[number][:, 0].tolist() for number in range(4)] == [
        pytest.approx(row) for _, row in ROWS
    ]
    assert (read.labels.names, read.labels.values.tolist()) == (("1", "2"), [0, 1, 0, 1])
    assert any("Made_TEST" in note and str(pair / "Made") in note for note in read.notes)


def test_a_pair_is_train_and_test(pair):
    for data in (pair, pair / "Made"):
        assert detect(data) == "sequences"
        read = read_sequences(data)
        assert read.test.tolist() == [False] * 4 + [True] * 4
        assert read.source == "Made"


def test_shorter_sequences_are_filled_up_with_nan(tmp_path):
    path = tmp_path / "Made_TRAIN.tsv"
    path.write_text("1\t1\t2\t3\n2\t4\tNaN\tNaN\n1\t1\tNaN\t3\n2\t4\t5\tNaN\n")
    with pytest.raises(DataError, match="sequence '2', step 2 of 3: the value is missing"):
        read_sequences(path)
    path.write_text(path.read_text().replace("1\tNaN\t3", "1\t2\t3"))
    assert read_sequences(path).lengths.tolist() == [3, 1, 3, 2]


def test_what_is_no_such_table_is_refused(tmp_path):
    path = tmp_path / "Made_TRAIN.tsv"
    path.write_text("1\t1\t2\n2\tup\t3\n")
    with pytest.raises(DataError, match=r"line 2: expected a class and then numbers.*'up'"):
        read_sequences(path)
    path.write_text("1\t1\t2\n2\tNaN\tNaN\n")
    with pytest.raises(DataError, match="line 2: expected a class and then numbers, got '2"):
        read_sequences(path)
    path.write_text("1\t1\t2\n2\t3\tinf\n")
    with pytest.raises(DataError, match="line 2, step 2: expected a finite number"):
        read_sequences(path)


def test_a_table_with_names_of_columns_is_a_long_one(tmp_path):
    path = tmp_path / "made_train.csv"
    path.write_text("case,x,label\na,1,u\na,2,u\nb,1,v\nb,3,v\nc,0,u\nd,1,v\n")
    read = read_sequences(path)
    assert read.lengths.tolist() == [2, 2, 1, 1]
    np.testing.assert_array_equal(read.values[:, 0], [1, 2, 1, 3, 0, 1])
