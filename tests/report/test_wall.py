"""The gate wall: its order, its pictures and the values behind the cursor are the trace's."""

from __future__ import annotations

import base64
import re
import struct
import zlib

import numpy as np

from glasscell import report
from glasscell.inspect.memory.timescales import half_life
from glasscell.inspect.units.order import slow_first
from glasscell.report import run_wall
from glasscell.report.draw import palette
from glasscell.report.order import thin
from glasscell.report.run_data import GATE_FIELDS


def unpack(uri):
    """Read (rows, columns) palette indices back from a PNG data URI."""
    png = base64.b64decode(uri.split(",")[1])
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            kind + body
        )
        chunks[kind] = body
        at += size + 12
    columns, rows = struct.unpack(">II", chunks[b"IHDR"][:8])
    raw = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, columns + 1)
    assert not raw[:, 0].any()
    return raw[:, 1:]


def test_the_pictures_are_the_gates_longest_memory_on_top(make_lstm):
    _, _, trace = make_lstm(30, 6)
    window = report.GateWindow(trace=trace, name="l0")
    made = run_wall.build(window, "g", "en", None, None)
    order = slow_first(trace.forget)
    uris = re.findall(r'src="([^"]*)"', made.html)
    assert len(uris) == 6
    for name, uri in zip(GATE_FIELDS, uris, strict=True):
        values = getattr(trace, name)[:, order]
        low, high = run_wall.colour_range(name, values)
        back = low + unpack(uri).T / 254 * (high - low)
        np.testing.assert_allclose(back, np.clip(values, low, high), atol=(high - low) / 500)


def test_values_under_the_cursor_are_exact_to_the_digits_shown(make_lstm):
    _, _, trace = make_lstm(30, 6)
    data = run_wall.build(report.GateWindow(trace=trace, name="l0"), "g", "en", None, None).data
    for name in GATE_FIELDS:
        packed = data["maps"][name]
        levels = np.frombuffer(base64.b64decode(packed["b64"]), "<i2").reshape(6, 30)
        values = getattr(trace, name)[:, data["units"]].T
        np.testing.assert_allclose(levels * packed["scale"], values, atol=1e-4)


def test_missing_values_are_transparent_gaps(make_lstm):
    _, _, trace = make_lstm(10, 3)
    trace.forget[4] = np.nan
    made = run_wall.build(report.GateWindow(trace=trace, name="l0"), "g", "en", None, None)
    picture = unpack(re.search(r'src="([^"]*)"', made.html)[1])
    assert (picture[:, 4] == palette.MISSING).all()
    assert (np.delete(picture, 4, axis=1) != palette.MISSING).all()
    levels = np.frombuffer(base64.b64decode(made.data["maps"]["forget"]["b64"]), "<i2")
    assert (levels.reshape(3, 10)[:, 4] == -32768).all()


def test_without_a_script_the_chosen_unit_and_step_are_shown_in_numbers(make_lstm):
    _, _, trace = make_lstm(30, 6)
    html = run_wall.build(report.GateWindow(trace=trace, name="l0"), "g", "en", 4, 11).html
    for name in GATE_FIELDS:
        shown = re.search(rf'data-q="{name}">([^<]*)<', html)[1].replace("−", "-")
        assert abs(float(shown) - getattr(trace, name)[11, 4]) <= 0.5e-3


def test_half_lives_follow_the_forget_gate():
    gates = np.tile([0.5, 0.25, 1.0, 0.0, np.nan], (7, 1))
    halves = half_life(gates)
    np.testing.assert_allclose(halves[:2], [1.0, 0.5])
    assert np.isinf(halves[2])
    assert halves[3] == 0
    assert np.isnan(halves[4])
    assert slow_first(gates).tolist() == [2, 0, 1, 3, 4]


def test_thinning_keeps_the_chosen_unit_and_the_spikes():
    values = np.zeros((1300, 300))
    values[777, 123] = -5.0
    drawn = thin(1300, np.arange(300), keep=123)
    small = drawn.apply(values)
    assert small.shape == (434, 128)
    assert len(set(drawn.units.tolist())) == 128
    assert small[777 // drawn.pool, drawn.units.tolist().index(123)] == -5.0
