"""The driver: answers before times, turns, ratios, and what becomes of an engine that fails."""

from __future__ import annotations

import pytest

from bench_fakes import LIMITS, FakeEngine
from glasscell.bench.cases import Case
from glasscell.bench.measure import Pace, measure

PACE = Pace(turns=3, block=0.0, pause=0.0, row=1e9)
CASE = Case("LSTM", "inference", "inference", 4, 2, 16, 16)
SETTLE = [1.0]  # the call that tells how long one takes


def measured(case, *engines, pace=PACE):
    return measure(case, {engine.name: engine for engine in engines}, LIMITS, pace)


def test_ratios_are_taken_turn_by_turn_and_the_medians_of_them_count():
    ours = FakeEngine("glasscell", {"layer": [*SETTLE, 1.0, 2.0, 4.0]})
    peer = FakeEngine("torch", {"layer": [*SETTLE, 3.0, 4.0, 40.0]})
    row = measured(CASE, ours, peer)
    assert row["median"] == {"glasscell": 2.0, "torch": 4.0}
    assert row["ratio"] == {"torch": 3.0}  # of 3, 2 and 10; the ratio of the medians would be 2
    assert row["spread"]["glasscell"] == (3.0 - 1.5) / 2.0
    assert row["turns"] == 3


def test_answers_come_before_times_and_engines_take_turns():
    log = []
    ours = FakeEngine("glasscell", {"layer": [1.0]}, log=log)
    measured(CASE, ours, FakeEngine("torch", {"layer": [1.0]}, log=log))
    ours_first, peers_first = (
        [command for name, command in log if name == who] for who in ("glasscell", "torch")
    )
    assert ours_first.index("answer") < ours_first.index("seconds")
    assert peers_first.index("answer") < peers_first.index("seconds")
    turns = [name for name, command in log if command == "seconds"][2:]
    assert turns == ["glasscell", "torch"] * 3


def test_the_fastest_way_counts_and_is_named():
    ours = FakeEngine("glasscell", {"layer": [5.0]})
    peer = FakeEngine("torch", {"cell": [4.0], "layer": [2.0], "loop": [9.0]})
    row = measured(CASE, ours, peer)
    assert row["way"] == {"glasscell": "layer", "torch": "layer"}
    assert row["median"]["torch"] == 2.0


def test_a_wrong_answer_is_not_timed_and_said():
    wrong = FakeEngine("torch", {"layer": [1.0]}, off=0.5)
    row = measured(CASE, FakeEngine("glasscell", {"layer": [1.0]}), wrong)
    assert row["left_out"]["torch"].startswith("wrong answer (layer): off by 1.")
    assert "torch" not in row["median"]
    assert ("torch", "seconds") not in wrong.log


@pytest.mark.parametrize("command", ["prepare", "answer", "seconds"])
def test_an_engine_that_fails_leaves_the_others_in_the_row(command):
    peer = FakeEngine("torch", {"layer": [1.0]}, cannot={command: "failed: boom"})
    row = measured(CASE, FakeEngine("glasscell", {"layer": [2.0]}), peer)
    assert row["left_out"] == {"torch": "failed: boom"}
    assert (row["median"], row["ratio"]) == ({"glasscell": 2.0}, {})


def test_an_engine_that_fails_in_the_middle_of_the_turns_is_left_out():
    class Dying(FakeEngine):
        def _seconds(self, *arguments):
            if len([c for _, c in self.log if c == "seconds"]) == 3:
                self.cannot = {"seconds": "failed: killed"}
            return super()._seconds(*arguments)

    row = measured(CASE, FakeEngine("glasscell", {"l": [2.0]}), Dying("torch", {"l": [1.0]}))
    assert row["left_out"] == {"torch": "failed: killed"}
    assert row["turns"] == 3


def test_where_glasscell_cannot_run_nobody_is_timed():
    ours = FakeEngine("glasscell", {"layer": [1.0]}, cannot={"prepare": "has no pool"})
    peer = FakeEngine("torch", {"layer": [1.0]})
    row = measured(CASE, ours, peer)
    assert (row["median"], row["limit"]) == ({}, None)
    assert row["left_out"] == {"glasscell": "has no pool"}
    assert peer.log == []


def test_a_row_that_takes_long_has_fewer_turns_but_three():
    ours = FakeEngine("glasscell", {"layer": [1.0]})
    pace = PACE._replace(turns=7)
    assert measured(CASE, ours, pace=pace._replace(row=10.0))["turns"] == 5
    assert measured(CASE, ours, pace=pace._replace(row=0.1))["turns"] == 3
    assert measured(CASE, ours, pace=pace._replace(row=0.1, turns=1))["turns"] == 1


def test_an_odd_size_is_compared_with_the_size_above_per_flop():
    case = Case("LSTM", "inference", "inference", 4, 2, 50, 50)
    ours = FakeEngine("glasscell", {"layer": [*SETTLE, *SETTLE, *[3.0, 2.0] * 3]})
    beside = measured(case, ours)["beside"]
    assert (beside["name"], beside["median"]) == ("H = 56, per FLOP", 2.0)
    assert beside["ratio"] == pytest.approx(1.5 * (56 * 112) / (50 * 100))


def test_a_ragged_batch_is_compared_with_the_dense_one_as_it_is():
    case = Case("LSTM", "ragged", "inference", 4, 2, 16, 16, ragged=True)
    ours = FakeEngine("glasscell", {"layer": [*SETTLE, *SETTLE, *[1.0, 2.0] * 3]})
    assert measured(case, ours)["beside"] == {"name": "dense", "median": 2.0, "ratio": 0.5}


def test_a_new_length_is_compared_per_step():
    case = Case("LSTM", "new length", "inference", 4, 2, 16, 16, "new length")
    row = measured(case, FakeEngine("glasscell", {"layer": [0.5], "faster": [0.1]}))
    # a steady call takes 0.5 s for 4 steps, one of another length 1.5 s for each step
    assert row["median"]["glasscell"] == pytest.approx(12.0)
    assert (row["unit"], row["limit"], row["way"]["glasscell"]) == ("x", None, "layer")


def test_a_first_call_is_compared_with_a_steady_one_in_a_process_of_its_own():
    case = Case("LSTM", "first call", "inference", 4, 2, 16, 16, "first call")
    ours = FakeEngine("glasscell", {"layer": [6.0, 2.0]})
    row = measured(case, ours, pace=PACE._replace(turns=1))
    assert row["median"]["glasscell"] == 3.0
    assert ours.closed == 1
    commands = [command for _, command in ours.log[1:]]
    assert commands[:3] == ["prepare", "seconds", "answer"]  # nothing warms the first call


def test_peak_memory_is_measured_in_a_process_of_its_own():
    case = Case("LSTM", "peak memory", "training", 4, 2, 16, 16, "memory")
    ours, peer = (FakeEngine(n, {"layer": [s]}) for n, s in (("glasscell", 2.0), ("torch", 3.0)))
    row = measured(case, ours, peer)
    assert row["median"] == {"glasscell": 2e6, "torch": 3e6}
    assert (row["unit"], row["ratio"]) == ("B", {"torch": 1.5})
    assert (ours.closed, peer.closed) == (1, 1)


def test_a_pool_says_how_many_streams_it_serves():
    case = Case("LSTM", "pool", "pool", 1, 10, 16, 16, capacity=20)
    row = measured(case, FakeEngine("glasscell", {"pool": [0.5]}))
    assert row["facts"]["glasscell"]["streams_per_s_per_core"] == 10 / 0.5 / 2
