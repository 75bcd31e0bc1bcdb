"""The page of a network that pools sequences of several lengths, in a real Chromium."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.report.page.collect import collect
from glasscell.report.page.render import write
from pooled_networks import POOLED, Pooled, ragged, ragged_symbols
from report.browser import chromium

pytestmark = chromium.NEEDED


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kinds", [POOLED[-1], ()], ids=["pooled", "steps"])
def test_the_page_scores_every_sequence_and_a_changed_one_as_python_does(
    opened, tmp_path, kinds, bidirectional
):
    torch.manual_seed(0)
    module = Pooled(kinds, layers=2, bidirectional=bidirectional, skip=bool(kinds))
    model = glasscell.load(glasscell.save(module, tmp_path / "model"))
    x, lengths = (part.numpy() for part in ragged(torch.float32))
    shown = collect(SavedModel.read(tmp_path / "model"), x, lengths=lengths)
    page = opened(write(shown, tmp_path / "page.html"))
    for row, length in enumerate(lengths):
        page.set(f"{{series: {row}}}")
        page.view("whatif")
        host = "GC.views.find(({ id }) => id === 'whatif').host.dataset"
        assert page.until(f"{host}.difference") == "0"
        cut = x[row, :length].copy()
        cut[:, 1] = 0
        cut[0, 2] = 3
        found = page.page.evaluate(
            "new Promise((done) => GC.rerun.start({ cut: new Set([1]), "
            "set: [{ i: 2, t: 0, value: 3 }] }, ({ output }) => done([...output])))"
        )
        expected = model.run(cut).output
        np.testing.assert_array_equal(np.float32(found).reshape(expected.shape), expected)
    assert page.problems == []


@pytest.mark.parametrize("how", [{"order": 3}, {"order": 3, "rows": 64}], ids=["own", "shared"])
def test_the_page_scores_symbols_as_python_does(opened, tmp_path, how):
    torch.manual_seed(0)
    module = Pooled(("mean", "max"), grams=how)
    model = glasscell.load(glasscell.save(module, tmp_path / "model"))
    x, lengths = (part[:4].numpy() for part in ragged_symbols())
    shown = collect(SavedModel.read(tmp_path / "model"), x, lengths=lengths)
    page = opened(write(shown, tmp_path / "page.html"))
    for row, length in enumerate(lengths):
        page.set(f"{{series: {row}}}")
        page.view("whatif")
        host = "GC.views.find(({ id }) => id === 'whatif').host.dataset"
        assert page.until(f"{host}.difference") == "0"
        other = x[row, :length].copy()
        other[0] = 2 * np.eye(3)[1]
        values = ", ".join(f"{{ i: {i}, t: 0, value: {other[0, i]} }}" for i in range(3))
        found = page.page.evaluate(
            f"new Promise((done) => GC.rerun.start({{ set: [{values}] }}, "
            "({ output }) => done([...output])))"
        )
        expected = model.run(other).output
        np.testing.assert_array_equal(np.float32(found).reshape(expected.shape), expected)
    assert page.problems == []
