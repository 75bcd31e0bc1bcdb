"""The page of a run on text: surprise, the units that keep track, a sample; and a new text."""

import numpy as np
import pytest

from glasscell.tasks.inspect_run import look
from glasscell.tasks.text.fitting import fit
from glasscell.tasks.text.page import surprises

TEXT = 'He said "no (not now)", and 12 went on.\nThen "yes" was said.\n' * 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    (folder / "a.txt").write_text(TEXT)
    out = folder / "run"
    fit(folder / "a.txt", out, seeds=1, epochs=1, hidden_size=8, truncation=16, jobs=1)
    return out


def test_surprise_is_the_bits_of_each_symbol_that_came(run):
    page = look(run)
    series = page.series[0]
    bits = page.arrays["0/surprise"][0]
    assert np.isnan(bits[0])
    assert "".join(series.text) in TEXT
    z = series.output.astype(np.float64)
    known = dict(zip(series.text, page.arrays["0/indices"][0], strict=True))
    later = [known[symbol] for symbol in series.text[1:]]
    share = np.exp(z[:-1]) / np.exp(z[:-1]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(bits[1:], -np.log2(share[np.arange(len(later)), later]), rtol=1e-5)


def test_the_page_has_the_table_the_tracks_and_the_sample(run):
    page = look(run)
    assert page.measures["results"]["tables"][0]["rows"]
    assert {tuple(one["what"]) for one in page.measures["tracks"]} >= {
        ("inside quotation marks", "在引号内"), ("digit", "数字"),
    }  # fmt: skip
    assert page.measures["sample"] == (run / "sample.txt").read_text("utf-8")[:4000]
    assert (run / "report.html").stat().st_size < 4_000_000


def test_a_new_text_is_read_as_the_run_reads(run, tmp_path):
    (tmp_path / "new.txt").write_text('And "so" on.\n' * 20)
    page = look(run, tmp_path / "new.txt")
    # The run knows no capital A.
    assert "".join(page.series[0].text).startswith('\ufffdnd "so" on.')


def test_surprise_of_far_scores_stays_finite():
    assert surprises(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4 / np.log(2))
