"""The page's data: JSON that any parser takes, and arrays that lie where it says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from glasscell.errors import ShapeError
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report.page.exploration import Layer, Series
from glasscell.report.page.pack import EXACT_UNITS, finite, pack
from report.page.made import exploration, lstm_trace

SIZES = {"f32": 4, "i16": 2, "u8": 1}


def test_a_small_page_has_every_value_exactly():
    shown = exploration()
    data, blob = pack(shown, {}, "en")
    entry = data["arrays"]["0/0/forget"]
    stored = np.frombuffer(blob, "<f4", 48, entry["at"]).reshape(entry["shape"])
    assert np.array_equal(stored, shown.series[0].traces[0].forget.T)


def test_arrays_lie_apart_aligned_and_within_the_blob():
    data, blob = pack(exploration(3000, 60), {}, "en")
    end = 0
    for entry in sorted(data["arrays"].values(), key=lambda entry: entry["at"]):
        assert entry["at"] % 4 == 0
        assert entry["at"] >= end
        end = entry["at"] + int(np.prod(entry["shape"])) * SIZES[entry["type"]]
        if "rows" in entry:
            assert entry["rows"] % 4 == 0
            assert entry["rows"] >= end
            end = entry["rows"] + 8 * entry["shape"][0]
    assert end <= len(blob)


def test_a_large_page_is_pooled_and_keeps_some_units_step_by_step():
    shown = replace(exploration(6000, 100), start={"unit": 57})
    data, blob = pack(shown, {}, "en")
    assert data["arrays"]["0/0/cell"]["pool"] == 2
    units = data["measures"]["exact"]["0/0"]
    assert 57 in units
    assert 0 < len(units) <= EXACT_UNITS
    assert data["arrays"]["0/0/exact/cell"]["shape"] == [len(units), 6000]
    assert 4 * len(blob) / 3 < 4_000_000


def test_scales_of_rows_lie_in_the_blob():
    shown = exploration(3000, 60)
    data, blob = pack(shown, {}, "en")
    entry = data["arrays"]["0/0/cell"]
    raw = np.frombuffer(blob, "<i2", 60 * 3000, entry["at"]).reshape(60, 3000)
    scale, offset = np.frombuffer(blob, "<f4", 120, entry["rows"]).reshape(2, 60, 1)
    cell = shown.series[0].traces[0].cell.T
    assert entry["type"] == "i16"
    np.testing.assert_allclose(raw * scale + offset, cell, atol=2 * float(scale.max()))


def test_long_gradients_are_thinned_and_keep_their_largest():
    norms = np.geomspace(1e-9, 1.0, 60_000)
    flow = LayerFlow(norms, norms, norms)
    series = Series(name="s", traces=[lstm_trace(60_000, 1)], flows=[flow])
    data, blob = pack(exploration(series=[series]), {}, "en")
    entry = data["arrays"]["0/0/grad_hidden"]
    assert entry["pool"] > 1
    stored = np.frombuffer(blob, "<f4", entry["shape"][0], entry["at"])
    assert stored.max() == 1.0


def test_numbers_that_json_has_no_word_for_become_null():
    odd = {"a": np.float32("nan"), "b": [np.inf, np.int64(3)], "c": (np.array([1.5, np.nan]),)}
    text = json.dumps(finite(odd), allow_nan=False)
    assert json.loads(text) == {"a": None, "b": [None, 3], "c": [[1.5, None]]}


def test_gradients_travel_with_their_layer():
    flow = LayerFlow(np.arange(12.0), np.arange(12.0) * 2, None)
    series = Series(name="s", traces=[lstm_trace(12, 4)], flows=[flow])
    data, _ = pack(exploration(series=[series]), {}, "en")
    assert {"0/0/grad_hidden", "0/0/grad_cell"} <= data["arrays"].keys()
    assert "0/0/grad_path" not in data["arrays"]


def test_a_direction_knows_its_partner():
    layers = [Layer(name="l0"), Layer(name="l0_reverse", reverse=True)]
    series = Series(name="s", traces=[lstm_trace(9, 3), lstm_trace(9, 3, reverse=True)])
    data, _ = pack(exploration(layers=layers, series=[series]), {}, "en")
    assert [layer["direction"] for layer in data["layers"]] == [1, 0]


def test_a_series_of_other_layers_is_refused():
    with pytest.raises(ShapeError, match="2 traces"):
        exploration(layers=[Layer(name="a"), Layer(name="b")])


def test_labels_of_other_length_are_refused():
    with pytest.raises(ShapeError, match="labels of 12 steps"):
        Series(name="s", traces=[lstm_trace(12, 4)], labels=["one"])
