"""sktime's and aeon's .ts files: what the libraries read, and headers that lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glasscell.data.sequences.reading import ReadingOptions, read_sequences
from glasscell.errors import DataError

HEADER = """# a comment
@problemName made
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 3
@classLabel true up down
@data
"""
LINES = "1,2,3:4,5,6:up\n1,2,3:4,5,7:down\n0,0,0:1,1,1:up\n1,0,1:0,1,0:down\n"


def made(folder, text, name="made.ts"):
    (folder / name).write_text(text)
    return folder / name


def test_dimensions_are_features_and_labels_classes(tmp_path):
    read = read_sequences(made(tmp_path, HEADER + LINES))
    assert read[1].tolist() == [[1, 4], [2, 5], [3, 7]]
    assert (read.labels.names, read.labels.values.tolist()) == (("down", "up"), [1, 0, 1, 0])
    assert (read.source, read.test) == ("made.ts", None)


def test_targets_are_numbers(tmp_path):
    text = HEADER.replace("@classLabel true up down", "@targetLabel true")
    read = read_sequences(made(tmp_path, text + LINES.replace("up", "1").replace("down", "2.5")))
    assert read.labels.values[:, 0].tolist() == [1, 2.5, 1, 2.5]


def test_missing_values_are_question_marks(tmp_path):
    text = HEADER.replace("@missing false", "@missing true") + LINES.replace("1,2,3", "1,?,3")
    path = made(tmp_path, text)
    assert read_sequences(path, ReadingOptions(missing="interpolate"))[0][1, 0] == 2
    with pytest.raises(
        DataError, match="feature 'x1', sequence '0', step 2 of 3: the value is mis"
    ):
        read_sequences(path)


LIES = {
    "dimensions": (
        "@dimensions 2",
        "@dimensions 3",
        r"line 11: the header says 3 .*line 6.* got 2",
    ),
    "univariate": ("@univariate false\n@dimensions 2", "@univariate true", "@univariate true"),
    "both": ("@univariate false", "@univariate true", "@univariate true, but @dimensions 2"),
    "length": ("@seriesLength 3", "@seriesLength 4", r"@seriesLength 4 \(line 8\), got 3 steps"),
    "equal": ("1,0,1:0,1,0", "1,0:0,1", r"line 14: the header says @seriesLength 3.* got 2 steps"),
    "no length": (
        "@seriesLength 3\n@classLabel true up down\n@data\n1,2,3:4,5,6",
        "@classLabel true up down\n@data\n1,2:4,5",
        r"@equalLength true \(line 7\), got 3 steps where the first sequence has 2",
    ),
    "classes": ("@classLabel true up down", "@classLabel true up left", "'down' is none of those"),
    "no label": ("4,5,6:up", "4,5,6", r"line 11: expected a label behind the last colon"),
    "missing": ("1,2,3:4,5,6", "1,?,3:4,5,6", r"@missing false \(line 4\), and 1 value is miss"),
    "times": ("@timeStamps false", "@timeStamps true", r"line 3: @timeStamps true: each step has"),
    "switch": (
        "@missing false",
        "@missing maybe",
        r"line 4: expected true or false after @missing",
    ),
    "number": ("@dimensions 2", "@dimensions two", "line 6: expected a whole number"),
    "word": ("1,2,3:4,5,6", "1,2,3:4,5,six", r"line 11, dimension 2: expected numbers; .*six"),
    "within": (
        "1,2,3:4,5,6",
        "1,2,3:4,5",
        "dimensions of one length, got 3 steps in the first and 2",
    ),
    "empty": ("1,2,3:4,5,6", ":", "got an empty sequence"),
    "infinite": ("1,2,3:4,5,6", "1,2,3:4,5,inf", "line 11, dimension 2, step 3: expected a finite"),
    "no data": ("@data\n", "", "line 10: expected a tag such as @classLabel"),
    "no classes": ("@classLabel true up down", "@classLabel true", "expected the classes after"),
    "two labels": ("@data", "@targetLabel true\n@data", "got both as true"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(tmp_path, lie):
    truth, told, message = LIES[lie]
    assert truth in HEADER + LINES
    with pytest.raises(DataError, match=message):
        read_sequences(made(tmp_path, (HEADER + LINES).replace(truth, told, 1)))


def test_files_without_data_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected a line @data, found none"):
        read_sequences(made(tmp_path, "@missing false\n"))
    with pytest.raises(DataError, match="expected a line per sequence after @data"):
        read_sequences(made(tmp_path, HEADER))
    (tmp_path / "made.ts").write_bytes(HEADER.encode() + b"\xff\n")
    with pytest.raises(DataError, match="expected text in UTF-8"):
        read_sequences(tmp_path / "made.ts")


def test_a_comment_may_be_in_another_encoding(tmp_path):
    (tmp_path / "made.ts").write_bytes("% José\n".encode("latin-1") + (HEADER + LINES).encode())
    assert len(read_sequences(tmp_path / "made.ts")) == 4


@pytest.fixture
def pair(tmp_path):
    made(tmp_path, HEADER + LINES, "Made_TRAIN.ts")
    made(tmp_path, HEADER + LINES, "Made_TEST.ts")
    return tmp_path


def test_a_pair_is_train_and_test(pair):
    for data in (pair, str(pair / "Made")):
        read = read_sequences(data)
        assert read.test.tolist() == [False] * 4 + [True] * 4
        assert (read.names[0], read.names[4], read.source) == ("train 0", "test 0", "Made")


def test_a_pair_may_be_in_small_letters(tmp_path):
    for half in ("train", "test"):
        made(tmp_path, HEADER + LINES, f"Made_{half}.ts")
    assert read_sequences(tmp_path).test.tolist() == [False] * 4 + [True] * 4
    (tmp_path / "Made_test.ts").unlink()
    with pytest.raises(DataError, match=r"Made_test.ts: expected the other half of Made_train.ts"):
        read_sequences(tmp_path)


def test_the_half_beside_is_told(pair):
    for one, other in (("TRAIN", "TEST"), ("TEST", "TRAIN")):
        (note,) = read_sequences(pair / f"Made_{one}.ts").notes
        assert note.startswith(f"Made_{other}.ts lies beside Made_{one}.ts and was not read")
        assert str(pair / "Made") in note


def test_halves_that_do_not_fit_are_refused(pair):
    made(pair, HEADER.replace("s 2", "s 1") + LINES.replace(":4,5,6", "").replace(":4,5,7", "")
         .replace(":1,1,1", "").replace(":0,1,0", ""), "Made_TEST.ts")  # fmt: skip
    with pytest.raises(DataError, match=r"features come and go: expected x1, x2 .* got x1"):
        read_sequences(pair)
    (pair / "Made_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"Made_TEST.ts: expected the other half of Made_TRAIN.ts"):
        read_sequences(pair)


def test_two_pairs_need_a_name(pair):
    made(pair, HEADER + LINES, "Other_TRAIN.ts")
    with pytest.raises(DataError, match=r"expected one pair of .ts files, found Made, Other"):
        read_sequences(pair)
    assert len(read_sequences(pair / "Made")) == 8


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["BasicMotions", "GunPoint", "PickupGestureWiimoteZ"])
def test_sets_read_as_aeon_reads_them(name):
    import aeon
    from aeon.datasets import load_classification

    folder = Path(aeon.__file__).parent / "datasets" / "data" / name
    read = read_sequences(folder)
    for split, test in (("train", False), ("test", True)):
        x, y = load_classification(name, split=split)
        numbers = np.flatnonzero(read.test == test)
        assert len(numbers) == len(x)
        for number, theirs, label in zip(numbers, x, y, strict=True):
            np.testing.assert_array_equal(read[number], theirs.T.astype(np.float32))
            # aeon gives labels in small letters.
            assert read.labels.names[read.labels.values[number]].lower() == label
