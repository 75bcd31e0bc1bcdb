"""The page of a run on labelled sequences: what fit kept, and new data."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.report.page.exploration import Finding
from glasscell.report.page.headline import headline
from glasscell.tasks.inspect_run import look
from glasscell.tasks.sequences.fitting import fit
from glasscell.tasks.sequences.kept_sequences import KeptSequences, keep
from glasscell.tasks.sequences.page import _told, rows_of, with_results


def sequences(kind, seed=0):
    """Thirty sequences whose mean tells the class."""
    random = np.random.default_rng(seed)
    lengths = random.integers(3, 9, 30)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    classes = np.arange(30) % 2
    values = random.normal(size=(offsets[-1], 2)) + np.repeat(classes, lengths)[:, None]
    labels = {
        "class": Labels("class", classes, ("low", "high")),
        "steps": Labels("class", np.repeat(classes, lengths), ("low", "high"), True),
        "number": Labels("number", 100.0 + 5.0 * classes[:, None], ("size",)),
        "multilabel": Labels("multilabel", np.stack([classes == 1, classes == 0], 1), ("a", "b")),
    }[kind]
    names = np.array([f"case {k}" for k in range(30)])
    return Sequences(values.astype(np.float32), offsets, ("u", "v"), names, labels, source="cases")


@pytest.fixture(scope="module", params=["class", "steps", "number", "multilabel"])
def run(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / request.param
    fit(sequences(request.param), out, rounds=1, epochs=1, hidden_size=4, jobs=1)
    return request.param, out, look(out)


def test_each_sequence_is_shown_whole_with_what_was_said_of_it(run):
    kind, _, page = run
    lengths = {f"case {k}": n for k, n in enumerate(sequences(kind).lengths)}
    told = page.measures["shown"]
    assert len(told) == len(page.series)
    for one, series in zip(told, page.series, strict=True):
        assert series.steps == lengths[one["name"]]
        assert series.name.startswith(one["name"])
        assert series.flow(0) is not None
    assert page.measures["results"]["tables"][0]["highlight"]
    assert page.measures["training"][0]["train"]
    assert "cases" in page.title


def test_what_decided_is_there_for_sequences_and_bands_for_steps(run):
    kind, _, page = run
    if kind == "steps":
        assert "decided" not in page.measures
        assert page.measures["tags"] == {"names": ["low", "high"], "kind": "class"}
        assert page.arrays["0/said"].shape == (1, page.series[0].steps)
        return
    assert len(page.measures["decided"]) == len(page.series)
    for s, one in enumerate(page.measures["shown"]):
        decided = page.measures["decided"][str(s)]
        added = page.arrays[f"{s}/decided"]
        assert added.shape == (2, page.series[s].steps)
        rest = decided["score"] - decided["base"]
        assert added.sum() == pytest.approx(rest, abs=0.011 * abs(rest) + 1e-5)
        if kind == "number":
            assert decided["score"] == pytest.approx(float(one["said"]), rel=1e-3)
        elif kind == "class":
            assert 1 / (1 + np.exp(-decided["score"])) == pytest.approx(
                one["probability"], abs=1e-4
            )


def test_the_report_is_that_page(run):
    _, out, page = run
    html = (out / "report.html").read_text("utf-8")
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    data = json.loads(found[1])
    assert [one["name"] for one in data["series"]] == [one.name for one in page.series]
    assert len(html.encode()) < 4_000_000


@pytest.mark.parametrize("run", ["class"], indirect=True)
def test_new_data_need_no_labels(run, tmp_path):
    _, out, _ = run
    lines = ["sequence,time,u,v"]
    lines += [f"n{k},{t},{k / 3},{-t / 4}" for k in range(3) for t in range(4 + k)]
    (tmp_path / "new.csv").write_text("\n".join(lines) + "\n")
    page = look(out, tmp_path / "new.csv")
    assert sorted(series.steps for series in page.series) == [4, 5, 6]
    assert {one["truth"] for one in page.measures["shown"]} == {""}
    assert not any("✗" in series.name or "✓" in series.name for series in page.series)


@pytest.mark.parametrize("run", ["class"], indirect=True)
def test_what_if_has_the_names_and_the_truth_of_the_scores(run):
    _, _, page = run
    outputs = page.measures["outputs"]
    assert [outputs[key] for key in ("names", "kind")] == [["low", "high"], "class"]
    for one, truth in zip(page.measures["shown"], outputs["truth"], strict=True):
        assert outputs["names"][truth.index(1.0)] == one["truth"]


@pytest.mark.parametrize("run", ["class", "steps"], indirect=True)
def test_the_headline_of_a_short_memory_does_not_ask_for_all_lags(run):
    kind, _, page = run
    fault = Finding(text=("", ""), kind="forgets", good=False, assumed=True, layer=0)
    said = headline(replace(page, findings=[fault]))
    assert page.measures["answers"] == ([] if kind == "steps" else ["mean", "max"])
    assert ("answer of its own" if kind == "steps" else "through mean and maximum") in said[0]
    assert "平均和最大值" in said[1] or kind == "steps"


@pytest.mark.parametrize("run", ["class"], indirect=True)
@pytest.mark.parametrize("key", ["verdict", "methods", "data", "notes", "confusion", "mistakes"])
def test_a_run_of_an_older_version_has_a_page_all_the_same(run, key, tmp_path):
    _, out, page = run
    old = shutil.copytree(out, tmp_path / "old")
    found = json.loads((old / "metrics.json").read_text("utf-8"))
    found.pop(key, None)
    (old / "metrics.json").write_text(json.dumps(found), "utf-8")
    kept = KeptSequences.load(old / "sequences.npz")
    settings = json.loads((old / "preprocessing.json").read_text("utf-8"))
    again = with_results(page, SavedModel.read(old), old, kept, rows_of(kept)[:1], settings, False)
    assert again.title


def test_classes_that_are_numbers_are_counted_in_the_title():
    labels = Labels("class", np.arange(4), ("0", "1", "2", "10"))
    few = Sequences(
        np.ones((4, 1), np.float32), np.arange(5), ("x",), np.array(list("abcd")), labels
    )
    assert _told(keep(few, np.arange(4), np.eye(4), lambda steps: steps)) == "4 classes"
