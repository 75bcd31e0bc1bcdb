"""Folders with a file for each sequence: labels are the names of the folders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.sequences.reading import Known, ReadingOptions, read_sequences
from glasscell.errors import DataError


def sequence(number, features=("p", "q")):
    steps = np.arange(3.0 + number)
    return pd.DataFrame({"time": steps, **{name: steps * k for k, name in enumerate(features, 1)}})


def filled(root, kind="csv", halves=("",)):
    for half in halves:
        for label in ("down", "up"):
            folder = root / half / label
            folder.mkdir(parents=True)
            for number in range(2):
                if kind == "csv":
                    sequence(number).to_csv(folder / f"{number}.csv", index=False)
                else:
                    np.save(folder / f"{number}.npy", sequence(number)[["p", "q"]].to_numpy())
    return root


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_a_folder_is_a_label_and_a_file_a_sequence(tmp_path, kind):
    read = read_sequences(filled(tmp_path, kind))
    assert read.names.tolist() == ["down/0", "down/1", "up/0", "up/1"]
    assert (read.labels.names, read.labels.values.tolist()) == (("down", "up"), [0, 0, 1, 1])
    assert read.lengths.tolist() == [3, 4, 3, 4]
    np.testing.assert_array_equal(read[3], sequence(1)[["p", "q"]])
    assert read.features == (("p", "q") if kind == "csv" else ("x1", "x2"))
    assert read.test is None


@pytest.mark.parametrize(
    "name", ["time_s", "t [ms]", "Time (s)", "seconds_elapsed", "timestamp_ns"]
)
def test_times_with_a_unit_are_no_feature(tmp_path, name):
    for label in filled(tmp_path).iterdir():
        for file in label.iterdir():
            pd.read_csv(file)[::-1].rename(columns={"time": name}).to_csv(file, index=False)
    read = read_sequences(tmp_path)
    assert read.features == ("p", "q")
    np.testing.assert_array_equal(read[3], sequence(1)[["p", "q"]])  # in the order of the times


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_the_names_of_files_say_whom_they_come_from(tmp_path, kind):
    filled(tmp_path, kind)
    read = read_sequences(tmp_path, ReadingOptions(group=r"/(\d)$"))
    assert read.groups.tolist() == ["0", "1", "0", "1"]
    assert read_sequences(tmp_path, ReadingOptions(group=r"\w+")).groups.tolist()[1:3] == [
        "down",
        "up",
    ]
    for odd in ("subject", "(", "up"):
        with pytest.raises(DataError, match=r"column of the files, or as a regular expression"):
            read_sequences(tmp_path, ReadingOptions(group=odd))


@pytest.mark.parametrize("name", ["times", "t_min", "s", "tms", "lifetime_s"])
def test_names_that_only_look_like_times(tmp_path, name):
    for label in filled(tmp_path).iterdir():
        for file in label.iterdir():
            pd.read_csv(file).rename(columns={"p": name}).to_csv(file, index=False)
    assert read_sequences(tmp_path).features == (name, "q")


def test_train_and_test_stand_above_the_labels(tmp_path):
    read = read_sequences(filled(tmp_path, halves=("train", "test")))
    assert read.test.tolist() == [True] * 4 + [False] * 4
    assert read.names[0] == "test/down/0"
    assert set(read.labels.names) == {"down", "up"}


def test_other_files_beside_the_folders_are_named(tmp_path):
    filled(tmp_path)
    (tmp_path / "README.txt").write_text("about")
    (tmp_path / ".hidden").write_text("")
    assert read_sequences(tmp_path).notes[0] == "Files not read: README.txt."


def test_labels_in_the_files_are_not_read_where_folders_say_them(tmp_path):
    filled(tmp_path)
    for label, number in (("up", 1), ("down", 0)):
        for file in (tmp_path / label).iterdir():
            pd.read_csv(file).assign(label=number).to_csv(file, index=False)
    read = read_sequences(tmp_path)
    assert read.features == ("p", "q")
    assert "label (the labels are said elsewhere)" in "".join(read.notes)


def test_a_file_that_names_several_sequences_is_told(tmp_path):
    table = "case,x,label\na,1,u\na,2,u\nb,3,v\nb,1,v\n"
    for name in "pq":
        (tmp_path / "flat").mkdir(exist_ok=True)
        (tmp_path / "flat" / f"{name}.csv").write_text(table)
    with pytest.raises(DataError, match=r"differs within.*column 'case' names several in p: if"):
        read_sequences(tmp_path / "flat")
    for label in "uv":
        (tmp_path / "deep" / label).mkdir(parents=True)
        for name in "pq":
            (tmp_path / "deep" / label / f"{name}.csv").write_text("case,x\na,1\na,2\nb,3\n")
    notes = read_sequences(tmp_path / "deep").notes
    assert any("one sequence, but column 'case' names several in u/p" in note for note in notes)


def test_a_flat_folder_of_tagged_steps(tmp_path):
    for number in range(3):
        frame = sequence(number).assign(label=["a", "b", "a", "b", "a"][: 3 + number])
        frame.to_csv(tmp_path / f"{number}.csv", index=False)
    read = read_sequences(tmp_path, ReadingOptions(per_step=True))
    assert read.labels.values.tolist() == [0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_a_run_is_shown_a_flat_folder_without_labels(tmp_path):
    known = Known.of(read_sequences(filled(tmp_path / "fit")))
    (tmp_path / "new").mkdir()
    sequence(2)[["q", "p", "time"]].to_csv(tmp_path / "new" / "n.csv", index=False)
    read = read_sequences(tmp_path / "new", known=known)
    assert (read.names.tolist(), read.labels) == (["n"], None)
    np.testing.assert_array_equal(read[0], sequence(2)[["p", "q"]])


def write(folder, name, text):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("up/2.csv", "time,p\n0,1\n", "features come and go between the files: q is in one of"),
        ("up/2.csv", "time,p,q\n", r"up/2.csv: the sequence is empty: no rows"),
        ("up/2.csv", "", r"up/2.csv: the file is empty"),
        ("up/2.csv", "time,p,q\n0,1,x\n", r"'q', up/2, line 2: expected a number, got 'x'"),
        ("up/2.csv", "time,p,q\n0,1,\n", r"'q', sequence 'up/2', step 1 of 1 \(up/2, line 2\)"),
        ("up/2.json", "{}", r"up: expected a folder per label.*found 2.json"),
        ("up/deep/2.csv", "time,p,q\n0,1,2\n", r"up: expected a folder per label.*found deep"),
        ("2.csv", "time,p,q\n0,1,2\n", r"a mixture of folders \(down, up\) and files \(2.csv\)"),
        ("up/0.tsv", "time\tp\tq\n0\t1\t2\n", "the name 'up/0' stands for two sequences"),
        ("up/2.npy", "no array", "expected files of one kind, found a mixture"),
        ("other/2.csv", "time,p,q\n0,1,2\n", "label 'other' occurs in sequence 'other/2' alone"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, name, text, message):
    write(filled(tmp_path), name, text)
    with pytest.raises(DataError, match=message):
        read_sequences(tmp_path)


def test_empty_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="found no such file"):
        read_sequences(tmp_path)
    (tmp_path / "up").mkdir()
    with pytest.raises(DataError, match="expected sequences of label 'up', found none"):
        read_sequences(tmp_path)


def test_damaged_arrays_are_refused(tmp_path):
    filled(tmp_path, "npy")
    np.save(tmp_path / "up" / "2.npy", np.array([None]), allow_pickle=True)
    with pytest.raises(DataError, match=r"2.npy: expected numbers in X, got pickled objects"):
        read_sequences(tmp_path)
    write(tmp_path, "up/2.npy", "no array")
    with pytest.raises(DataError, match=r"2.npy: expected an array of NumPy, got a damaged file"):
        read_sequences(tmp_path)
    np.save(tmp_path / "up" / "2.npy", np.ones((0, 2)))
    with pytest.raises(DataError, match=r"2.npy: the sequence is empty"):
        read_sequences(tmp_path)
