"""What a pool of streams refuses: with the reason, and with every stream left as it was."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import engine
from glasscell.cells.parameters import Config
from glasscell.errors import DataError, DtypeError, ShapeError
from glasscell.model.model import Model
from madeup import CONFIGS, encoder_decoder, inputs, linear, name_of, recurrent, sequential
from strategies import make_problem

CELL = Config(mode="LSTM", input_size=16, hidden_size=64)


BAD_IDS = [
    ([0, 5], DataError, r"ids\[1\] = 5, which is not open"),
    ([1, 2, 0], DataError, r"ids\[1\] = 2, which is not open"),  # closed
    ([-1], DataError, r"ids\[0\] = -1, which is not open"),
    ([2**62], DataError, "which is not open"),
    ([3, 0, 3], DataError, r"ids\[2\] = 3 a second time"),
    ([0.0], DtypeError, "integers, got float64"),
    ([True], DtypeError, "integers, got bool"),
    ([[0, 1]], ShapeError, r"\(n,\), or one id, got \(1, 2\)"),
]


@pytest.mark.parametrize(("ids", "error", "words"), BAD_IDS)
@pytest.mark.parametrize("call", ["step", "close", "reset", "save", "restore"])
@pytest.mark.parametrize("whole", [False, True], ids=["lone", "tree"])
def test_bad_ids_are_refused_and_nothing_changes(call, ids, error, words, whole):
    model = encoder_decoder() if whole else Model(*recurrent(CONFIGS[0]))
    pool = model.pool(5)
    pool.open(4)
    pool.close(2)
    pool.step(pool.ids, inputs(model, 3))
    before = pool.save(pool.ids)
    more = {"step": [inputs(model, np.size(ids))], "restore": [None]}.get(call, [])
    with pytest.raises(error, match=words):
        getattr(pool, call)(np.array(ids), *more)
    assert pool.ids.tolist() == [0, 1, 3]
    np.testing.assert_equal(pool.save(pool.ids), before)


BAD_STEPS = [
    (np.zeros((2, 3)), None, DtypeError, "x as float32"),
    (np.zeros((2, 4), np.float32), None, ShapeError, "I = 3"),
    (
        np.zeros((3, 3), np.float32),
        None,
        ShapeError,
        r"\(2, 3\), one row for each id, got \(3, 3\)",
    ),
    (np.zeros((2, 1, 3), np.float32), None, ShapeError, r"\(2, 3\), one row for each id"),
    (np.zeros(3, np.float32), None, ShapeError, r"\(2, 3\), one row for each id"),
    ("hello", None, DtypeError, "x as float32"),
    (None, np.zeros((2, 7), np.float32), ShapeError, r"out: expected \(2, 5\)"),
    (None, np.zeros((2, 5)), DtypeError, "out: expected float32"),
    (None, np.zeros((5, 2), np.float32).T, ShapeError, "last axis is contiguous"),
    (None, [1, 2], DtypeError, "out: expected a NumPy array"),
]


@pytest.mark.parametrize(("x", "out", "error", "words"), BAD_STEPS)
def test_bad_arrays_are_refused_and_nothing_changes(x, out, error, words):
    model = Model(*recurrent(CONFIGS[0]))
    pool = model.pool(2)
    ids = pool.open(2)
    with pytest.raises(error, match=words):
        pool.step(ids, inputs(model, 2) if x is None else x, out)
    assert not pool.save(ids)[0].any()


def test_a_refused_state_leaves_the_old_ones_in_place():
    model = encoder_decoder()
    pool = model.pool(2)
    ids = pool.open(2)
    pool.step(ids, inputs(model, 2))
    good = pool.save(ids)
    with pytest.raises(ShapeError, match=r"state h of '3'.*\(1, 2, 3\)"):
        pool.restore(ids, {"0": None, "3": np.zeros((1, 3, 3), np.float32)})
    with pytest.raises(DtypeError, match="float32"):
        pool.restore(ids, {"0": None, "3": np.zeros((1, 2, 3))})
    np.testing.assert_equal(pool.save(ids), good)


def test_out_must_be_writeable():
    model = Model(*recurrent(CONFIGS[0]))
    pool, out = model.pool(2), np.zeros((2, 5), np.float32)
    out.flags.writeable = False
    ids = pool.open(2)
    with pytest.raises(ShapeError, match="out: expected a writeable"):
        pool.step(ids, inputs(model, 2), out)
    assert not out.any()
    assert not pool.save(ids)[0].any()


def test_out_must_not_be_x():
    model = Model(*recurrent(Config(mode="LSTM", input_size=5, hidden_size=5)))
    pool, both = model.pool(3), np.ones((4, 5), np.float32)
    ids = pool.open(3)
    with pytest.raises(ShapeError, match="apart from x"):
        pool.step(ids, both[:3], out=both[1:])
    assert not pool.save(ids)[0].any()


@pytest.mark.parametrize(
    ("capacity", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), ("3", TypeError)]
)
def test_a_capacity_is_a_positive_integer(capacity, error):
    with pytest.raises(error, match="capacity: expected an integer"):
        encoder_decoder().pool(capacity)


@pytest.mark.parametrize("capacity", [2**55, 2**62, 2**63 - 1])
def test_a_capacity_beyond_all_address_space_is_refused(capacity):
    with pytest.raises(MemoryError, match="ask for fewer"):
        Model(*recurrent(CONFIGS[0])).pool(capacity)


@pytest.mark.parametrize(
    ("n", "error", "words"),
    [
        (4, DataError, "room for 4 more streams, but 2 of 5"),
        (2**70, ValueError, r"2\^63"),
        (-1, ValueError, "from 0"),
        (None, TypeError, "an integer"),
    ],
)
def test_a_pool_gives_no_more_streams_than_it_holds(n, error, words):
    pool = encoder_decoder().pool(5)
    pool.open(2)
    with pytest.raises(error, match=words):
        pool.open(n)
    assert pool.open(3).tolist() == [2, 3, 4]


@pytest.mark.parametrize("config", [c for c in CONFIGS if c.bidirectional], ids=name_of)
def test_a_bidirectional_network_is_refused_with_the_reason(config):
    with pytest.raises(ShapeError, match=r"bidirectional.*end of the sequence"):
        Model(*recurrent(config)).pool(1)


def test_a_model_that_keeps_nothing_between_steps_is_refused():
    with pytest.raises(ShapeError, match="a recurrent layer"):
        sequential(linear(2, 3, "0")).pool(1)


def test_the_core_itself_refuses_what_would_leave_its_arrays():
    p = make_problem(CELL, 1, 4, dtype=np.float32)
    pool = engine.stream_pool([[engine.pack("LSTM", p.weights)]], 4)
    ids, x, y = np.empty(4, np.int64), p.x[0], np.empty((4, 64), np.float32)
    pool.open(ids)
    with pytest.raises(ValueError, match="room"):
        pool.open(np.empty(1, np.int64))
    for bad in ((1, ids, x, y), (0, ids, x[:3], y), (0, ids, x, y[:3]), (0, ids, x[:, :9], y)):
        with pytest.raises(ValueError, match="_core"):
            pool.step(*bad, 1)
    with pytest.raises(IndexError, match="not open"):
        pool.step(0, ids + 1, x, y, 1)
    with pytest.raises(ValueError, match="h must be"):
        pool.get_state(0, ids, np.empty((1, 3, 64), np.float32), None)
    with pytest.raises(ValueError, match="c must be"):
        pool.set_state(0, ids, None, np.empty((2, 4, 64), np.float32))
    with pytest.raises(ValueError, match="len"):
        pool.list(np.empty(3, np.int64))
