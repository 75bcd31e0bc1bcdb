"""Every form of the same sequences reads the same; what is found, and what a run knows."""

from __future__ import annotations

import json
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from glasscell.data.sequences.reading import Known, ReadingOptions, read_sequences
from glasscell.errors import DataError

WORDS = ("walk", "run", "sit")


@st.composite
def made(draw):
    """Arrays of different lengths with values that text and float32 hold exactly, and labels."""
    number = draw(st.integers(4, 9))
    features = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(2, 6), min_size=number, max_size=number))
    cells = st.integers(-(2**12), 2**12).map(lambda k: k / 8)
    values = draw(st.lists(cells, min_size=sum(lengths) * features, max_size=10**4))
    steps = np.array(values[: sum(lengths) * features]).reshape(-1, features)
    # Each class twice at least.
    labels = np.array([WORDS[k % draw(st.integers(1, 2)) + k % 2] for k in range(number)])
    labels[:4] = WORDS[0], WORDS[0], WORDS[2], WORDS[2]
    labels[labels == WORDS[1]] = WORDS[2]
    return np.split(steps, np.cumsum(lengths)[:-1]), labels


def frame_of(arrays, labels):
    parts = [
        pd.DataFrame(array, columns=[f"x{k + 1}" for k in range(array.shape[1])]).assign(
            sequence=f"s{i}", t=range(len(array)), label=labels[i]
        )
        for i, array in enumerate(arrays)
    ]
    return pd.concat(parts, ignore_index=True)


def ts_text(arrays, labels):
    header = (
        f"@univariate {str(arrays[0].shape[1] == 1).lower()}\n@dimensions {arrays[0].shape[1]}\n"
        f"@equalLength false\n@classLabel true {' '.join(sorted(set(labels)))}\n@data\n"
    )
    lines = (
        ":".join([*(",".join(map(repr, map(float, column))) for column in array.T), label])
        for array, label in zip(arrays, labels, strict=True)
    )
    return header + "\n".join(lines)


def table_file(form, folder, arrays, labels):
    frame = frame_of(arrays, labels)
    path = folder / f"data.{form}"
    if form in ("csv", "csv.gz"):
        frame.to_csv(path, index=False)
    elif form == "tsv":
        frame.to_csv(path, sep="\t", index=False)
    elif form == "shuffled":
        frame.sample(frac=1, random_state=0).to_csv(path := folder / "data.csv", index=False)
    elif form == "parquet":
        frame.to_parquet(path)
    else:
        path.mkdir(exist_ok=True)
        frame[:3].to_parquet(path / "0.parquet")
        frame[3:].to_parquet(path / "1.parquet")
    return path


def array_file(form, folder, arrays, labels):
    path, lengths = folder / "data.npz", [len(array) for array in arrays]
    if form == "flat":
        np.savez(path, X=np.concatenate(arrays), y=labels, lengths=lengths)
        return path
    padded = np.full((len(arrays), max(lengths), arrays[0].shape[1]), np.nan)
    for place, array in enumerate(arrays):
        padded[place, : len(array)] = array
    np.savez_compressed(path, X=padded, y=labels, lengths=lengths)
    return path


def written(form, folder, arrays, labels):
    """Write the sequences in a form; give what is read."""
    if form == "frame":
        return frame_of(arrays, labels)
    if form == "arrays":
        return [array.astype(np.float32) for array in arrays], labels
    if form == "ts":
        (folder / "data.ts").write_text(ts_text(arrays, labels))
        return folder / "data.ts"
    kind = array_file if form in ("flat", "padded") else table_file
    return kind(form, folder, arrays, labels)


FORMS = ("frame", "csv", "csv.gz", "tsv", "parquet", "parts", "arrays", "flat", "padded", "ts")


@settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=made())
@pytest.mark.parametrize("form", [*FORMS, "shuffled"])
def test_every_form_reads_the_same(form, data, tmp_path):
    arrays, labels = data
    # Lists and padded arrays of one length have two axes that could be time.
    layout = "ntc" if form in ("arrays", "padded") else None
    read = read_sequences(written(form, tmp_path, arrays, labels), ReadingOptions(layout=layout))
    order = np.argsort(read.names) if form == "shuffled" else np.arange(len(arrays))
    assert read.values.dtype == np.float32
    assert read.features == tuple(f"x{k + 1}" for k in range(arrays[0].shape[1]))
    assert read.labels.names == tuple(sorted(set(labels)))
    for place, number in enumerate(order):
        np.testing.assert_array_equal(read[number], arrays[place])
        assert read.labels.names[read.labels.values[number]] == labels[place]


@settings(max_examples=15, deadline=None)
@given(data=made(), layout=st.sampled_from(["ntc", "nct"]))
def test_an_array_reads_by_its_layout(data, layout):
    arrays, labels = data
    steps = min(map(len, arrays))
    x = np.stack([array[:steps] for array in arrays])
    given_x = x if layout == "ntc" else x.transpose(0, 2, 1)
    read = read_sequences((given_x, labels), ReadingOptions(layout=layout))
    np.testing.assert_array_equal(read.values.reshape(x.shape), x)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_an_array_in_a_file_reads_in_either_order(tmp_path, order, kind):
    x = np.arange(2 * 3 * 70_000, dtype=np.float64).reshape(70_000, 3, 2)
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, np.asarray(x, order=order))
    else:
        np.savez(path, X=np.asarray(x, order=order))
    known = Known(features=("a", "b"), columns={}, named=False)
    read = read_sequences(path, ReadingOptions(layout="ntc"), known)
    np.testing.assert_array_equal(read.values, x.reshape(-1, 2).astype(np.float32))


def test_float32_in_memory_is_not_copied():
    x = np.ones((4, 5, 2), np.float32)
    read = read_sequences((x, list("abab")), ReadingOptions(layout="ntc"))
    assert np.shares_memory(read.values, x)


def test_what_is_missing_is_filled_in_a_copy():
    x = np.ones((4, 5, 2), np.float32)
    x[1, 2, 0] = np.nan
    read_sequences((x, list("abab")), ReadingOptions(layout="ntc", missing="previous"))
    assert np.isnan(x[1, 2, 0])


@pytest.mark.parametrize(
    ("shape", "read_as"), [((4, 5, 1), (5, 1)), ((4, 1, 5), (5, 1)), ((4, 5), (5, 1))]
)
def test_one_feature_needs_no_layout(shape, read_as):
    read = read_sequences((np.arange(20.0).reshape(shape), list("abab")))
    assert read[0].shape == read_as


def test_lists_of_different_lengths_show_which_axis_is_time():
    arrays = [np.arange(2.0 * n).reshape(n, 2) for n in (3, 5, 4, 6)]
    by_time = read_sequences((arrays, list("abab")))
    by_feature = read_sequences(([a.T for a in arrays], list("abab")))
    np.testing.assert_array_equal(by_time.values, by_feature.values)
    assert (by_time.manner["layout"], by_feature.manner["layout"]) == ("ntc", "nct")


def test_frames_in_a_list_name_their_features():
    frames = [pd.DataFrame({"a": [1.0] * n, "b": [2.0] * n}) for n in (3, 3, 3, 3)]
    assert read_sequences((frames, list("abab"))).features == ("a", "b")


LABELS = {
    "words": (list("abab"), "class", ("a", "b"), [0, 1, 0, 1]),
    "bools": ([True, False, True, False], "class", ("False", "True"), [1, 0, 1, 0]),
    "whole": ([10, 9, 10, 9], "class", ("9", "10"), [1, 0, 1, 0]),
    "whole as floats": ([1.0, 0.0, 1.0, 0.0], "class", ("0", "1"), [1, 0, 1, 0]),
    "words of numbers": (["10", "9", "10", "9"], "class", ("9", "10"), [1, 0, 1, 0]),
    "floats": ([0.5, 1.5, 1.5, 2.0], "number", ("y",), [[0.5], [1.5], [1.5], [2.0]]),
    "columns of 0 and 1": (
        [[0, 1], [1, 0], [1, 1], [0, 0]],
        "multilabel",
        ("y1", "y2"),
        [[False, True], [True, False], [True, True], [False, False]],
    ),
    "columns of numbers": (
        [[0, 0.5], [1, 2], [3, 1], [0, 0]],
        "number",
        ("y1", "y2"),
        [[0, 0.5], [1, 2], [3, 1], [0, 0]],
    ),
}


@pytest.mark.parametrize("which", LABELS)
def test_labels_show_the_goal(which):
    y, kind, names, values = LABELS[which]
    labels = read_sequences((np.ones((4, 3)), np.array(y))).labels
    assert (labels.kind, labels.names, labels.values.tolist()) == (kind, names, values)


def test_labels_may_be_bytes():
    read = read_sequences((np.ones((4, 3)) * np.arange(4)[:, None], np.array([b"a", b"b"] * 2)))
    assert read.labels.names == ("a", "b")


def test_arrays_of_a_file_that_are_not_read_are_told(tmp_path):
    x, y = np.arange(40.0).reshape(10, 4), np.arange(10) % 2
    np.savez(tmp_path / "a.npz", X=x, y=y, subject=np.arange(10) // 2, rate=50)
    read = read_sequences(tmp_path / "a.npz")
    assert read.groups.tolist() == list("0011223344")
    assert read.notes[0].startswith("Array 'subject' says whom a sequence comes from")
    assert read.notes[1] == "Arrays not read: rate."


def test_a_file_may_hold_a_validation_part(tmp_path):
    x, y = np.arange(40.0).reshape(10, 4), np.arange(10) % 2
    cut = {"train": slice(0, 4), "val": slice(4, 6), "test": slice(6, 10)}
    parts = {f"{n}_{part}": a[rows] for part, rows in cut.items() for n, a in (("X", x), ("y", y))}
    np.savez(tmp_path / "a.npz", **parts, rate=50)
    read = read_sequences(tmp_path / "a.npz")
    assert read.test.tolist() == [False] * 6 + [True] * 4
    assert read.names[4] == "validation 0"
    np.testing.assert_array_equal(read.values[:, 0], x.ravel())
    assert read.notes[0] == "Arrays not read: rate."
    del parts["y_test"]
    np.savez(tmp_path / "b.npz", **parts)
    with pytest.raises(DataError, match=r"labels come and go: expected y as in b\.npz, got none"):
        read_sequences(tmp_path / "b.npz")


def test_a_workbook_is_a_long_table(tmp_path):
    table = pd.DataFrame({"id": [1, 1, 2, 2, 3, 4], "x": np.arange(6.0), "label": list("aabbab")})
    table.to_excel(tmp_path / "a.xlsx", index=False)
    assert read_sequences(tmp_path / "a.xlsx").lengths.tolist() == [2, 2, 1, 1]


def test_a_lazy_frame_is_read_without_a_warning():
    table = pl.LazyFrame({"id": [1, 1, 2, 2, 3, 4], "x": range(6), "label": list("aabbab")})
    assert read_sequences(table).lengths.tolist() == [2, 2, 1, 1]


def test_one_hot_coding_is_noted():
    x = np.random.default_rng(0).normal(size=(6, 4))
    one = read_sequences((x, np.eye(2)[[0, 1] * 3]))
    assert one.labels.kind == "multilabel"
    assert any("one-hot" in note and "argmax" in note for note in one.notes)
    several = read_sequences((x, [[1, 1], [0, 1], [1, 0]] * 2))
    assert not any("one-hot" in note for note in several.notes)


def test_features_below_one_another_are_read_after_the_pivot_that_is_told():
    sequence, step, dim = np.meshgrid(range(4), range(3), range(2), indexing="ij")
    columns = {"case_id": sequence, "dim_id": dim, "reading_id": step}
    table = pd.DataFrame({name: part.ravel() for name, part in columns.items()})
    table["value"], table["label"] = np.arange(24.0), table["case_id"] % 2

    with pytest.raises(DataError) as caught:
        read_sequences(table)
    told = str(caught.value).split("frame", 1)[1].split(" puts")[0]
    wide = eval(f"frame{told}", {"frame": table})
    wide.columns = [str(name) for name in wide.columns]
    assert read_sequences(wide)[1].tolist() == [[6, 7], [8, 9], [10, 11]]


def test_whole_numbers_of_many_values_are_numbers_and_a_note_says_so():
    read = read_sequences((np.ones((60, 3)), np.arange(60)))
    assert read.labels.kind == "number"
    assert "--goal classify" in read.notes[0]


@pytest.mark.parametrize(("goal", "kind"), [("classify", "class"), ("regress", "number")])
def test_the_goal_that_is_named_holds(goal, kind):
    read = read_sequences((np.ones((4, 3)), [1, 2, 1, 2]), ReadingOptions(goal=goal))
    assert read.labels.kind == kind


def test_several_words_in_one_column_are_several_labels_where_that_is_the_goal():
    y = ["a;b", "b", "", "a"]
    labels = read_sequences((np.ones((4, 3)), y), ReadingOptions(goal="multilabel")).labels
    assert labels.names == ("a", "b")
    assert labels.values.tolist() == [[True, True], [False, True], [False, False], [True, False]]


def test_a_label_a_step_comes_padded_or_in_a_list():
    x, lengths = np.ones((3, 4, 1)), [4, 2, 3]
    y = np.array([[0, 1, 0, 1], [1, 0, -1, -1], [0, 0, 1, -1]])
    options = ReadingOptions(per_step=True)
    padded = read_sequences({"X": x, "y": y, "lengths": lengths}, options)
    cut = read_sequences(
        ([np.ones(n) for n in lengths], [r[:n] for r, n in zip(y, lengths, strict=True)]), options
    )
    assert padded.labels.per_step
    assert (
        padded.labels.values.tolist() == cut.labels.values.tolist() == [0, 1, 0, 1, 1, 0, 0, 0, 1]
    )


# Long tables


def table(**columns):
    frame = frame_of([np.full((3, 2), k / 2) for k in range(4)], list("abab"))
    return frame.assign(**columns)


def test_columns_are_found_and_those_not_read_are_named():
    frame = table(subject=[7] * 6 + [8] * 6, note="text", row_id=range(12), device_id=5)
    read = read_sequences(frame)
    assert read.features == ("x1", "x2")
    assert read.groups.tolist() == ["7", "7", "8", "8"]
    assert read.manner["columns"] == {"sequence": "sequence", "time": "t", "group": "subject"}
    assert any("note (text), row_id (counts the rows), device_id (a name)" in n for n in read.notes)


def test_labels_and_groups_may_come_beside_a_frame():
    frame = table().drop(columns="label").set_index(["sequence", "t"])
    read = read_sequences((frame, [3, 4, 3, 4], ["m", "m", "n", "n"]))
    assert (read.features, read.labels.names) == (("x1", "x2"), ("3", "4"))
    assert read.groups.tolist() == ["m", "m", "n", "n"]
    with pytest.raises(DataError, match="expected 4 labels, one a sequence"):
        read_sequences((frame, [3, 4]))


def test_bools_are_numbers_in_frames_and_files(tmp_path):
    frame = table(x2=[True, False, True] * 4)
    frame.to_csv(tmp_path / "a.csv", index=False)
    for data in (frame, tmp_path / "a.csv"):
        assert read_sequences(data).values[:3, 1].tolist() == [1, 0, 1]


def test_several_columns_name_a_sequence_together():
    frame = table(case=[1, 1, 1, 2, 2, 2] * 2, who=["p"] * 6 + ["q"] * 6).drop(columns="sequence")
    read = read_sequences(frame, ReadingOptions(sequence="who,case"))
    assert read.names.tolist() == ["p/1", "p/2", "q/1", "q/2"]


def test_a_part_column_sets_the_test_apart():
    frame = table(part=["train"] * 6 + ["TEST"] * 6)
    read = read_sequences(frame, ReadingOptions(part="part"))
    assert read.test.tolist() == [False, False, True, True]
    assert read_sequences(frame).test is None


def test_rows_out_of_order_are_put_in_order_and_a_note_says_so():
    frame = table(x1=np.arange(12.0))
    swapped = frame.iloc[[1, 0, *range(2, 12)]]
    read = read_sequences(swapped)
    assert read.values[:, 0].tolist() == list(range(12))
    assert "put in the order of 't'" in read.notes[0]


def test_irregular_times_are_noted():
    read = read_sequences(table(t=[0, 1, 9] * 4))
    assert "from 1 to 8" in read.notes[0]


def test_times_of_the_calendar_sort_as_times():
    times = pd.to_datetime(["2024-02-01", "2024-01-31", "2024-02-02"] * 4)
    read = read_sequences(table(t=times.strftime("%d.%m.%Y"), x1=[1.0, 0, 2] * 4))
    assert read.values[:3, 0].tolist() == [0, 1, 2]


def test_codes_with_leading_zeros_stay_text(tmp_path):
    table(label=["01"] * 6 + ["2"] * 6).to_csv(tmp_path / "a.csv", index=False)
    assert read_sequences(tmp_path / "a.csv").labels.names == ("01", "2")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_parts_of_a_long_file_are_one(tmp_path, monkeypatch, kind):
    """A part of the file ends within a sequence, and numbers become text in a later one."""
    module = {"csv": "long_form.CHUNK_ROWS", "parquet": "parquet.BATCH_ROWS"}[kind]
    where = "sequences." if kind == "csv" else ""
    monkeypatch.setattr(f"glasscell.data.{where}{module}", 250)
    number = 300
    values = np.arange(4.0 * number)
    frame = pd.DataFrame({"sequence": np.repeat(np.arange(number), 4), "v": values})
    frame["label"] = np.where(frame.sequence < 200, frame.sequence % 2, 2).astype(str)
    frame.loc[frame.label == "2", "label"] = "x"
    path = tmp_path / f"a.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    read = read_sequences(path)
    assert read.values[:, 0].tolist() == values.tolist()
    assert read.lengths.tolist() == [4] * number
    assert read.labels.names == ("0", "1", "x")
    assert np.bincount(read.labels.values).tolist() == [100, 100, 100]


# Missing values


@pytest.mark.parametrize(
    ("policy", "filled"),
    [("interpolate", [1, 2, 3, 3]), ("previous", [1, 1, 3, 3]), ("zero", [1, np.nan, 3, np.nan])],
)
def test_missing_values_by_policy(policy, filled):
    x = np.array([[1, np.nan, 3, np.nan], [1, 1, 1, 1], [1, 2, 2, 1], [2, 2, 1, 2]])
    read = read_sequences((x, list("abab")), ReadingOptions(missing=policy))
    assert read[0][:, 0].tolist() == pytest.approx(filled, nan_ok=True)
    assert "2 missing values (x1; the first in sequence '0', step 2 of 4)" in read.notes[0]


def test_the_mean_is_left_to_the_training_part_but_for_runs_that_name_theirs():
    frame = table(x1=[1.0, np.nan, 3] * 4)
    options = ReadingOptions(missing="zero")
    known = Known.of(read_sequences(frame, options))
    assert np.isnan(read_sequences(frame, options, known).values[1, 0])
    earlier = replace(known, means=(2.0, 0.0))
    assert read_sequences(frame, options, earlier).values[1, 0] == 2
    none_at_all = frame.assign(x1=np.nan)
    assert np.isnan(read_sequences(none_at_all, options, known).values[:, 0]).all()


# What a run knows


def test_a_run_reads_by_name_in_its_order_and_labels_may_be_absent():
    frame = table(x1=np.arange(12.0))
    read = read_sequences(frame)
    known = Known.restore(json.loads(json.dumps(Known.of(read).record())))
    assert known == Known.of(read)
    other = frame[["x2", "t", "sequence", "x1"]].assign(more=1.0)
    shown = read_sequences(other, known=known)
    assert shown.labels is None
    np.testing.assert_array_equal(shown.values, read.values)
    one = read_sequences(frame[frame["label"] == "b"], known=known)
    assert (one.labels.names, one.labels.values.tolist()) == (("a", "b"), [1, 1])


def test_arrays_are_read_in_the_order_of_a_run_that_has_names():
    known = Known.of(read_sequences(table()))
    read = read_sequences(np.ones((2, 2, 5)), ReadingOptions(layout="nct"), known)
    assert read.features == ("x1", "x2")
    # The run's two features show which axis is time.
    assert read_sequences(np.ones((2, 2, 5)), known=known).lengths.tolist() == [5, 5]


def test_sequences_in_memory_get_the_order_of_the_run():
    read = read_sequences(table(x1=np.arange(12.0)))
    known = Known.of(read)
    frame = table(label=list("aaa") * 2 + list("bbb") * 2, x1=np.arange(12.0))
    other = read_sequences(frame[["x2", "t", "sequence", "x1", "label"]])
    shown = read_sequences(other, known=known)
    assert other.features == ("x2", "x1")
    assert shown.features == ("x1", "x2")
    np.testing.assert_array_equal(shown.values, other.values[:, ::-1])
    assert shown.labels.values.tolist() == [0, 0, 1, 1]


def test_a_run_that_had_a_part_and_a_group_is_shown_data_without():
    options = ReadingOptions(part="part", group="who", label="label", features=["x1", "x2"])
    frame = table(part=["train"] * 6 + ["test"] * 6, who=list("mmmnnnoooppp"))
    known = Known.of(read_sequences(frame, options))
    shown = read_sequences(frame[["sequence", "x1", "x2"]], options, known)
    assert (shown.test, shown.groups, shown.labels) == (None, None, None)


def test_a_run_refuses_an_unknown_class_and_a_missing_feature():
    known = Known.of(read_sequences(table()))
    with pytest.raises(DataError, match=r"label 'z' is none of the classes of the run \(a, b\)"):
        read_sequences(table(label="z"), known=known)
    with pytest.raises(DataError, match="x2 is not there"):
        read_sequences(table().drop(columns="x2"), known=known)
    with pytest.raises(DataError, match="expected an axis of 2 features, got axes of 5 and 7"):
        read_sequences(np.ones((2, 5, 7)), known=known)
