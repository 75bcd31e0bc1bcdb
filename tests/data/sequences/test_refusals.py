"""What cannot be used is refused: what was expected, what came, where, and what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.sequences.reading import ReadingOptions, read_sequences
from glasscell.errors import DataError

AB = list("abab")


def table(**columns):
    frame = pd.DataFrame(
        {
            "sequence": np.repeat(["s0", "s1", "s2", "s3"], 3),
            "t": [0, 1, 2] * 4,
            "v": np.arange(12.0),
            "w": 1.5,
            "label": np.repeat(AB, 3),
        }
    )
    return frame.assign(**columns)


def changed(column, row, value):
    frame = table()
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


TABLES = {
    "one class": (table(label="a"), r"at least two classes, got only the class 'a' in 4 sequences"),
    "a label once": (table(label=list("aaabbbbbbccc")), r"label 'a' occurs in sequence 's0' alone"),
    "labels differ": (
        table(label=AB * 3),
        r"differs within sequence 's0': 'a' and 'b'.*--per-step",
    ),
    "no sequence": (
        table().drop(columns="sequence"),
        r"names the sequence of each row.*--sequence",
    ),
    "no rows": (table().iloc[:0], r"found no rows below the header"),
    "no label": (table().drop(columns="label"), r"expected a label column.*v, w; name it with"),
    "label lacking": (
        table(label=[None] * 3 + list("aaabbbbbb")),
        r"sequence 's0': expected a label",
    ),
    "missing": (changed("v", 4, None), r"'v', sequence 's1', step 2 of 3 \(row 5\): the value is"),
    "infinite": (table(w=np.inf), r"column 'w', row 1: expected a finite number"),
    "too large": (table(w=1e300), r"column 'w', row 1: expected numbers below 3.4e\+38"),
    "a word": (changed("v", 4, "oops"), r"'v', row 5: expected a number, got 'oops'.*--marks"),
    "time twice": (
        table(t=[0, 1, 1] * 4),
        r"'s0' has the time 1 twice in column 't': row 2 and row 3",
    ),
    "a name a row": (table(sequence=range(12)), r"has another value in each row"),
    "no name": (changed("sequence", 4, None), r"sequence column 'sequence', row 5"),
    "group differs": (table(group=range(12)), r"group 'group' differs within sequence 's0'"),
    "a whole series": (
        pd.DataFrame({"id": [1, 2], "v": [pd.Series([1.0])] * 2, "label": AB[:2]}),
        r"all steps of a sequence in column 'v'.*pd-multiindex",
    ),
    "a list in a cell": (
        pd.DataFrame({"v": ["[1.0, 2.0]", "[-3]"], "label": AB[:2]}),
        r"all steps of a sequence in column 'v'.*explode",
    ),
    "an array in a cell": (
        pd.DataFrame({"v": [np.ones(3), np.ones(2)], "label": AB[:2]}),
        r"all steps of a sequence in column 'v'",
    ),
    "features below one another": (
        table().melt(["sequence", "label"], var_name="dim_id"),
        r"'dim_id' names the feature, 'value' has its number; frame.pivot\(index=\['sequence', 'l",
    ),
    "a row a sequence": (table(id=range(12)).drop(columns="sequence"), r"save it as .npz of X"),
}


@pytest.mark.parametrize("what", TABLES)
def test_a_table(what):
    frame, message = TABLES[what]
    with pytest.raises(DataError, match=message):
        read_sequences(frame)


OPTIONS = {
    "no such label": ({"label": "q"}, r"--label 'q': there is no such column"),
    "no such sequence": ({"sequence": "q"}, r"--sequence 'q': there is no such column"),
    "no such group": ({"group": "q"}, r"--group 'q': there is no such column"),
    "no such feature": ({"features": ["v", "q"]}, r"expected the features v, q; q is not there"),
    "a feature of words": (
        {"features": ["v", "word"]},
        r"feature 'word': expected numbers, got 'x'",
    ),
    "label and feature": (
        {"label": "v", "features": ["v"]},
        r"expected a label that is no feature",
    ),
    "words as numbers": ({"goal": "regress"}, r"expected numbers in label 'label', got 'a', 'b'"),
    "two labels": ({"label": ["label", "w"], "goal": "classify"}, r"expected one label column"),
    "labels no switches": ({"label": ["label", "w"], "goal": "multilabel"}, r"expected 0 or 1"),
    "a strange part": ({"part": "word"}, r"expected train or test in 'word', got 'x'"),
    "two roles": ({"part": "label"}, r"different columns for each role, got 'label' twice"),
    "one part": ({"part": "half"}, r"expected both train and test in 'half', got only train"),
}


@pytest.mark.parametrize("what", OPTIONS)
def test_an_option(what):
    options, message = OPTIONS[what]
    with pytest.raises(DataError, match=message):
        read_sequences(table(word="x", half="train"), ReadingOptions(**options))


def test_a_class_only_in_the_test_part():
    frame = table(label=list("aaabbbcccccc"), part=["train"] * 6 + ["test"] * 6)
    frame = pd.concat([frame, frame.assign(sequence=frame.sequence + "x")])
    with pytest.raises(DataError, match="label 'c' occurs only in the test part"):
        read_sequences(frame, ReadingOptions(part="part"))


ARRAYS = {
    "no layout": ((np.ones((4, 5, 3)), AB), "axes of a sequence are 5 and 3 long.*--layout ntc"),
    "four axes": ((np.ones((4, 5, 3, 2)), AB), "expected X of shape"),
    "an empty sequence": (([np.ones((2, 1)), np.ones((0, 1))], AB[:2]), "sequence 1 is empty"),
    "a length of 0": (
        {"X": np.ones((4, 3)), "y": AB, "lengths": [3, 0, 1, 1]},
        "sequence 1 is empty",
    ),
    "a length too long": ({"X": np.ones((4, 3)), "y": AB, "lengths": [9, 1, 1, 1]}, "of at most 3"),
    "features differ": (
        ([np.ones((4, 2)), np.ones((5, 3))], AB[:2]),
        "axis of one size throughout",
    ),
    "ranks differ": (([np.ones((4, 2)), np.ones(5)], AB[:2]), r"got \(5,\) at sequence 1"),
    "labels too few": (
        (np.ones((4, 3)), AB[:3]),
        r"expected 4 labels, one a sequence, got y of shape",
    ),
    "labels by step": ((np.ones((4, 3)), AB * 3), "per_step=True takes one a step"),
    "text": ((np.array([["a", "b"]] * 4), AB), "expected numbers in X, got <U1"),
    "beyond float32": (
        (np.array([[1, 1e39]] * 4), AB),
        "sequence 0, step 2, feature 1: expected a fin",
    ),
    "infinite": ((np.array([[1, -np.inf]] * 4, np.float32), AB), "sequence 0, step 2, feature 1"),
    "missing at ends": ((np.array([[1, np.nan]] + [[1, 2]] * 3), AB), "fill up shorter.*lengths"),
    "lengths that do not add up": (
        {"X": np.ones((9, 2)), "y": AB, "lengths": [2, 2, 2, 2]},
        r"of steps one sequence after another they add up to 9, not 8",
    ),
    "names twice": (
        {"X": np.ones((4, 3)), "y": AB, "names": list("abca")},
        "name 'a' stands for two",
    ),
    "groups too few": ((np.ones((4, 3)), AB, [1, 2]), "expected 4 groups"),
    "one number": ((np.ones((4, 3)), [0.5] * 4), "numbers that differ in y, got 0.5 throughout"),
    "a label of all": ((np.ones((4, 3)), [[1, 0], [1, 1]] * 2), "'y1' holds of every sequence"),
    "a label of none": ((np.ones((4, 3)), [[0, 0], [0, 1]] * 2), "'y1' occurs in none"),
    "no labels": (np.ones((4, 3)), "expected labels, found none"),
    "no data": (3, "expected the path of a file or folder, a data frame, or"),
    "too much": ((np.broadcast_to(np.float32(1), (4, 2**40)), AB), "16,384.0 GiB"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays(what):
    data, message = ARRAYS[what]
    with pytest.raises(DataError, match=message):
        read_sequences(data)


def test_an_all_missing_feature_has_nothing_to_be_filled_with():
    x = np.ones((4, 3, 2))
    x[:, :, 1] = np.nan
    with pytest.raises(DataError, match="expected values in x2, found none at all"):
        read_sequences((x, AB), ReadingOptions(layout="ntc", missing="interpolate"))


def test_array_files(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=np.array([np.ones(2), np.ones(3)], object), y=[0, 1])
    with pytest.raises(DataError, match=r"pickled objects, which are not opened.*with lengths="):
        read_sequences(path)
    np.savez(path, z=np.ones(3))
    with pytest.raises(DataError, match=r"expected X, y, and.*got z"):
        read_sequences(path)
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match="got a damaged file"):
        read_sequences(path)
    np.save(tmp_path / "a.npy", np.ones((9, 9)))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-80])
    with pytest.raises(DataError, match="the file ends within X"):
        read_sequences(tmp_path / "a.npy")
    with pytest.raises(DataError, match="found nothing"):
        read_sequences(tmp_path / "b.npy")


def test_parquet_files(tmp_path):
    path = tmp_path / "a.parquet"
    table().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="expected a Parquet file, got a damaged one"):
        read_sequences(path)
    table(v=[[1.0, 2.0]] * 12).to_parquet(path)
    with pytest.raises(DataError, match=r"expected numbers, got .*; give one row per step"):
        read_sequences(path, ReadingOptions(features=["v"]))
    table().to_parquet(path)
    table().drop(columns="w").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"come and go between the files: w is in one of a.par"):
        read_sequences(tmp_path)
