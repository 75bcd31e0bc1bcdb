"""`glasscell stream` as a user meets it: rows in, scores out, states over a restart."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cli import main
from glasscell.nn import LSTM, Linear
from glasscell.tasks.sequences.live import Live
from glasscell.tasks.sequences.told import probabilities

MEAN, SCALE = np.array([3.0, -1.0]), np.array([2.0, 0.5])
SETTINGS = {
    "format": "glasscell-sequences",
    "version": 1,
    "goal": "classify",
    "features": ["x", "y"],
    "classes": ["calm", "storm"],
    "scaler": {"mean": MEAN.tolist(), "scale": SCALE.tolist()},
    "target_scaler": None,
    "per_step": True,
    "missing": "previous",
    "reading": {"means": [3.5, -1.5]},
}


def tagger(folder, seed=0, **settings):
    torch.manual_seed(seed)
    bidirectional = settings.pop("bidirectional", False)
    lstm = LSTM(2, 5, batch_first=True, bidirectional=bidirectional)
    glasscell.save(torch.nn.Sequential(lstm, Linear(10 if bidirectional else 5, 2)), folder)
    (folder / "preprocessing.json").write_text(json.dumps(SETTINGS | settings))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tagger(tmp_path_factory.mktemp("stream") / "run")


@pytest.fixture
def stream(capsys, monkeypatch):
    def called(folder, text, *arguments):
        data = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = main(["stream", str(folder), *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, list(csv.DictReader(io.StringIO(out))), err

    return called


def rows(count, seed=0):
    return np.random.default_rng(seed).normal(3, 2, (count, 2)).round(3)


def as_csv(values, header="x,y"):
    return "\n".join([header, *(",".join(map(str, row)) for row in values)]) + "\n"


def whole(run, values):
    """Probabilities at every step of a whole sequence, scaled as the run says."""
    x = ((values.astype(np.float32) - MEAN) / SCALE).astype(np.float32)
    return probabilities("classify", glasscell.load(run).run(x).output)


def shown(found):
    return np.array([[float(row["p(calm)"]), float(row["p(storm)"])] for row in found])


def test_every_row_gets_the_score_that_the_whole_sequence_has_there(stream, run):
    code, found, err = stream(run, as_csv(rows(20)))
    assert (code, err) == (0, "")
    expected = whole(run, rows(20))
    # Written with nine digits.
    np.testing.assert_allclose(shown(found), expected, rtol=1e-8)
    assert [row["predicted"] for row in found] == [
        "calm" if calm > storm else "storm" for calm, storm in expected
    ]
    assert [row["row"] for row in found] == [str(k) for k in range(1, 21)]


def test_json_lines_and_bare_numbers_are_rows_too(stream, run):
    _, expected, _ = stream(run, as_csv(rows(6)))
    objects = "\n".join(json.dumps({"y": y, "x": x, "more": 1}) for x, y in rows(6))
    for text in (objects, json.dumps(rows(6).tolist())[1:-1].replace("], [", "]\n["),
                 "\n".join(f"{x}\t{y}" for x, y in rows(6)),
                 "\n".join(f"{x} , {y}" for x, y in rows(6))):  # fmt: skip
        assert stream(run, text) == (0, expected, "")


def test_json_comes_out_a_line_a_row(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(as_csv(rows(2)).encode())))
    assert main(["stream", str(run), "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(first) == ["row", "predicted", "p(calm)", "p(storm)"]
    assert second["row"] == 2


def test_sequences_that_an_id_names_do_not_touch_each_other(stream, run):
    parts = {name: rows(7, seed) for seed, name in enumerate(("a", "b", "c"))}
    order = np.random.default_rng(5).permutation(np.repeat(list(parts), 7))
    at = dict.fromkeys(parts, 0)
    lines = []
    for name in order:
        x, y = parts[name][at[name]]
        lines.append([name, at[name], x, y])
        at[name] += 1
    text = as_csv(lines, "pump,when,x,y")
    _, found, _ = stream(run, text, "--id", "pump", "--keep", "when")
    for name, values in parts.items():
        mine = [row for row in found if row["pump"] == name]
        assert [row["when"] for row in mine] == [str(k) for k in range(7)]
        np.testing.assert_allclose(shown(mine), whole(run, values), rtol=1e-8)


def test_an_empty_line_or_a_mark_begins_a_new_sequence(stream, run):
    lines = as_csv(rows(6)).splitlines(keepends=True)
    expected = np.concatenate([whole(run, rows(6)[:4]), whole(run, rows(6)[4:])])
    _, found, _ = stream(run, "".join([*lines[:5], "\n", *lines[5:]]))
    np.testing.assert_allclose(shown(found), expected, rtol=1e-8)
    marked = [[x, y, int(k == 4)] for k, (x, y) in enumerate(rows(6))]
    _, found, _ = stream(run, as_csv(marked, "x,y,new"), "--reset", "new")
    np.testing.assert_allclose(shown(found), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("policy", "filled"),
    [
        ("previous", [[3.5, 2.0], [4.0, 2.0], [4.0, 5.0]]),
        ("zero", [[3.5, 2.0], [4, -1.5], [3.5, 5]]),
    ],
)
def test_a_missing_value_is_filled_by_the_policy(stream, run, policy, filled):
    _, found, _ = stream(run, "x,y\n,2\n4,nan\nNA,5\n", "--missing", policy)
    np.testing.assert_allclose(shown(found), whole(run, np.array(filled)), rtol=1e-8)


def test_a_run_that_interpolates_has_to_be_told(stream, tmp_path):
    folder = tagger(tmp_path / "run", missing="interpolate")
    code, _, err = stream(folder, as_csv(rows(3)))
    assert code == 2
    assert "--missing raise, previous, zero" in err
    assert stream(folder, as_csv(rows(3)), "--missing", "zero")[0] == 0


BAD = [
    ("x,y\n1,2\nhot,2\n5,6\n", "line 3: x: expected a number, got 'hot'"),
    ("x,y\n1,2\n1\n5,6\n", "line 3: expected 2 cells as the header has, got 1"),
    ("x,y\n1,2\n1e60,2\n5,6\n", "line 3: x: expected a finite number within float32"),
    (b"x,y\n1,2\n\xff\xfe,2\n5,6\n", "line 3: expected text in UTF-8"),
    ('{"x":1,"y":2}\n{"x":1}\n{"x":5,"y":6}\n', "line 2: expected the column 'y', found none"),
    ('{"x":1,"y":2}\n{"x":\n{"x":5,"y":6}\n', "line 2: expected one JSON object"),
    ("1 2\n1 2 3\n5 6\n", "line 2: expected 2 numbers (x, y), got 3"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_row_that_cannot_be_used_is_named(stream, run, text, message):
    code, found, err = stream(run, text)
    assert (code, len(found)) == (2, 1)
    assert message in err
    code, found, err = stream(run, text, "--on-error", "skip")
    assert (code, len(found)) == (0, 3)
    assert message in err
    assert found[1]["predicted"] == ""
    good = np.array([[1.0, 2.0], [5.0, 6.0]])
    np.testing.assert_allclose(shown([found[0], found[2]]), whole(run, good), rtol=1e-8)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("a,b\n1,2\n", ["--on-error", "skip"], "line 1: expected the column 'x', found none"),
        ("x,y\n1,2\n", ["--id", "pump"], "expected the column 'pump', found none; the columns are"),
        ("1 2\n", ["--id", "pump"], "for the column pump; got bare numbers"),
        ("x,y,n\n1,2,maybe\n", ["--reset", "n"], "n: expected 1 or 0, true or false, got 'maybe'"),
        ("x,y\n1,\n", ["--missing", "raise"], "y: the value is missing"),
        ("", ["--save-every", "0"], "--save-every: expected 1 or more, got 0"),
        ("", ["--skip-seen"], "--skip-seen: expected --state FILE"),
    ],
)  # fmt: skip
def test_a_mistake_ends_with_one_message(stream, run, text, arguments, message):
    code, _, err = stream(run, text, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_network_that_reads_from_both_ends_is_refused(stream, tmp_path):
    code, _, err = stream(tagger(tmp_path / "run", bidirectional=True), as_csv(rows(2)))
    assert code == 2
    assert "cannot go step by step" in err
    assert "--bidirectional false" in err


def test_states_go_on_in_another_process(stream, run, tmp_path):
    names = np.resize(["a", "b", "c"], 30)
    lines = as_csv(
        [[n, *row] for n, row in zip(names, rows(30), strict=True)], "id,x,y"
    ).splitlines()
    _, expected, _ = stream(run, "\n".join(lines), "--id", "id")
    state = tmp_path / "state"
    options = ["--id", "id", "--state", state, "--quiet"]
    _, first, _ = stream(run, "\n".join(lines[:14]), *options)
    code, second, err = stream(run, "\n".join([lines[0], *lines[14:]]), *options)
    assert (code, err) == (0, "")
    assert first + second == expected
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_what_was_missing_is_remembered_over_a_break(stream, run, tmp_path):
    options = ["--state", tmp_path / "state", "--quiet"]
    _, expected, _ = stream(run, "x,y\n1,2\n,3\n")
    _, first, _ = stream(run, "x,y\n1,2\n", *options)
    assert first + stream(run, "x,y\n,3\n", *options)[1] == expected


def test_one_file_of_states_has_one_writer(stream, run, tmp_path):
    state = tmp_path / "state"
    command = [sys.executable, "-m", "glasscell", "stream", str(run), "--state", str(state)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write("x,y\n1,2\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith("row")
        assert process.stdout.readline().startswith("1,")
        held = state.read_bytes()
        code, found, err = stream(run, as_csv(rows(3)), "--state", state)
        assert (code, found, state.read_bytes() == held) == (2, [], True)
        assert f"{state}: another glasscell stream goes on from it" in err
        process.kill()
    code, _, err = stream(run, as_csv(rows(3)), "--state", state)
    assert (code, err) == (0, f"{state}: goes on after row 0.\n")
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stream_that_is_killed_goes_on_to_the_same_bits(stream, run, tmp_path, kind):
    """Every row is answered before the next one is sent; after SIGKILL the last save counts."""
    text = as_csv(rows(40))
    _, expected, _ = stream(run, text)
    state = tmp_path / "state"
    options = ["--state", state, "--save-every", "10", "--quiet"]
    command = [sys.executable, "-m", "glasscell", "stream", str(run), *map(str, options)]
    lines = text.splitlines(keepends=True)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(lines[0])
        first = [process.stdout.readline()]
        for line in lines[1:26]:
            process.stdin.write(line)
            process.stdin.flush()
            first.append(process.stdout.readline())
        os.kill(process.pid, kind)
        process.stdin.close()
        assert process.stdout.read() == ""
        code = process.wait(timeout=60)
    assert code == (-9 if kind == signal.SIGKILL else 128 + kind)
    seen = 20 if kind == signal.SIGKILL else 25
    code, second, err = stream(run, text, *options[:-1], "--skip-seen")
    assert (code, f"goes on after row {seen}." in err) == (0, True)
    assert list(csv.DictReader(first))[:seen] + second == expected


def test_a_state_of_something_else_is_refused(stream, run, tmp_path):
    state = tmp_path / "state"
    stream(run, as_csv(rows(5)), "--state", state)
    whole = state.read_bytes()
    other = tagger(tmp_path / "other", seed=1)
    code, _, err = stream(other, as_csv(rows(5)), "--state", state)
    assert (code, "holds the state of another run" in err) == (2, True)
    scaled = tagger(tmp_path / "scaled", scaler={"mean": [0, 0], "scale": [1, 1]})
    assert stream(scaled, as_csv(rows(5)), "--state", state)[0] == 2
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    for damaged in (bytes(flipped), whole[:-5], b"", b"a diary", whole.replace(b'"rows', b'"rowz')):
        state.write_bytes(damaged)
        code, found, err = stream(run, as_csv(rows(5)), "--state", state)
        assert (code, found[:1]) == (2, [])
        assert str(state) in err
        assert state.read_bytes() == damaged


def test_a_place_for_states_that_cannot_be_written_is_told_before_any_row(stream, run):
    code, found, err = stream(run, as_csv(rows(5)), "--state", "/proc/nothing/state")
    assert (code, found) == (2, [])
    assert "cannot write there" in err


def test_numpy_alone_is_needed(run):
    """What is beyond NumPy and safetensors may not even be looked for."""
    code = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{"torch", "pandas", "yaml", "jsonargparse", "rich", "sklearn",
                                      "scipy", "narwhals", "pyarrow"}}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Refuse())
from glasscell.cli import main
sys.exit(main(["stream", {str(run)!r}]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=as_csv(rows(3)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 4


def test_python_reads_rows_by_name_and_by_order(run):
    live = Live(run)
    first = live.step({"x": 1.0, "y": 2.0}, "a")
    assert live.step([1.0, 2.0], "b") == first
    assert live.step([1.0, 2.0], "a") != first
    live.reset("a")
    assert live.step([1.0, 2.0], "a") == first
    assert live.columns == ("predicted", "p(calm)", "p(storm)")
