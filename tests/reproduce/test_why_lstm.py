"""docs/why-lstm.md says what its results say, and every experiment's results can be drawn."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from glasscell.report.views.curves.data import curves
from glasscell.reproduce.experiments import EXPERIMENTS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import why_lstm  # noqa: E402


@pytest.mark.parametrize(("page", "language"), why_lstm.PAGES.items())
def test_the_page_has_every_experiment_as_the_script_writes_it(page, language):
    text = (ROOT / page).read_text("utf-8")
    blocks = {found[1]: found[0] for found in why_lstm.BLOCK.finditer(text)}
    assert sorted(blocks) == sorted(EXPERIMENTS)
    for name, found in blocks.items():
        assert found == why_lstm.block(name, language)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_results_are_drawn_with_all_rows_that_were_followed(name):
    found = json.loads((why_lstm.RESULTS / f"{name}.json").read_text("utf-8"))
    drawn = why_lstm.charts(name)
    followed = sum("history" in trial["result"] for trial in found["trials"])
    lines = sum(len(chart.lines) for chart in drawn)
    assert lines >= followed if name != "length" else lines == len(found["rows"])
    json.dumps(curves(drawn), allow_nan=False)
    if name in why_lstm.DRAWN:
        assert lines
        assert (ROOT / "docs" / why_lstm.PICTURES / f"{name}.png").stat().st_size > 5000
