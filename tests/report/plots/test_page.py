"""docs/plots.md shows every view, and its pictures are there and small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from report.plots.drawn import VIEWS

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "plots.md").read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[[^]]*\]\(([^)]*)\)", TEXT)
METHODS = {
    "gate_wall": "layer.plot(", "gate_walls": "trace.plot(", "gradient_river": '].plot(lag',
    "gradient_rivers": "flow.plot(", "provenance": "layer_provenance(layer).plot(",
    "half_life_ladder": "timescales(layer, lag).plot(", "saturation": '.saturation["forget"].plot(',
    "path_split": "path_split(layer, weights).plot(", "jacobian_fan": "fan(layer, weights).plot(",
    "lyapunov": "lyapunov(layer, weights).plot(", "truncation": "truncation(model, x, loss).plot(",
    "film": "reel.plot(", "dossier": ").plot(count", "match": "match(layer, chosen).plot(",
    "decided": "attribute(model, x, log_odds(2)).plot(",
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_is_described(name):
    assert METHODS.get(name, f"plots.{name}(") in TEXT


@pytest.mark.parametrize("picture", PICTURES)
def test_each_picture_is_there_and_at_most_60_kb(picture):
    assert 2_000 < (DOCS / picture).stat().st_size < 60_000


def test_no_picture_is_left_over():
    kept = {path.name for path in (DOCS / "pictures" / "plots").iterdir()}
    assert kept == {Path(picture).name for picture in PICTURES}
