"""Every engine that is installed gives the answer of the equations, in a process of its own."""

from __future__ import annotations

import os
from dataclasses import astuple

import numpy as np
import pytest

from glasscell.bench import answers, numbers
from glasscell.bench.cases import Case
from glasscell.bench.engine_worker import Worker
from glasscell.bench.engines import ENGINES, CannotRun, listing
from glasscell.errors import DataError

CASES = [
    Case(mode, task, task, 1 if task in ("step", "pool", "cell") else 6, B, 5, H, **more)
    for mode in ("LSTM", "GRU", "RNN")
    for task, B, H, more in [
        ("step", 1, 9, {}),
        ("inference", 3, 9, {}),
        ("inference", 4, 9, {"ragged": True}),
        ("inference", 4, 9, {"measure": "new length"}),
        ("training", 3, 9, {}),
        ("training", 3, 9, {"measure": "memory"}),
        ("training", 4, 9, {"ragged": True}),
        ("trace", 3, 9, {}),
        ("step", 1, 9, {"weights": "int8"}),
        ("training", 3, 9, {"checkpoint": True}),
        ("cell", 3, 9, {}),
        ("pool", 3, 9, {"capacity": 7}),
    ]
    if mode != "RNN" or task not in ("trace", "pool")
    if mode == "LSTM" or not more.keys() & {"weights", "checkpoint"}
]
REFUSALS = ("does not train", "gives no gates", "has no such call")


@pytest.fixture(scope="module", params=ENGINES)
def worker(request):
    missing = listing(request.param).missing
    if missing and request.param == "keras":
        pytest.skip(f"{missing}: some 1.5 GB that `make test-bench` brings")
    assert missing is None
    with Worker(request.param, 1, ()) as started:
        yield started


@pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c.mode} {c.task} {'-'.join(map(str, astuple(c)[7:]))}"
)
def test_every_way_of_an_engine_answers_as_the_equations_do(worker, case):
    try:
        ways = worker.ask("prepare", case)
    except CannotRun as reason:
        assert any(said in str(reason) for said in REFUSALS), reason  # noqa: PT017
        return
    truth = answers.expected(case, numbers.make(case))
    assert ways
    for way in ways:
        for _ in range(2):  # an answer begins anew, whatever was called before
            checked = answers.check(case, worker.ask("answer", case, way), truth)
            assert checked.passed, (way, checked)
            assert 0 < worker.ask("seconds", case, way, 2) < 60


def test_a_call_of_another_length_runs_the_same_model(worker):
    case = Case("LSTM", "inference", "inference", 6, 4, 5, 9, measure="new length")
    way = next(iter(worker.ask("prepare", case)))
    assert 0 < worker.ask("new_length", case, way, 4) < 60


def test_glasscell_does_every_kind_of_case():
    with Worker("glasscell", 1, ()) as own:
        for case in CASES:
            assert own.ask("prepare", case), case


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux pins a process")
def test_an_engine_lives_on_the_cpus_that_it_was_given():
    cpu = min(os.sched_getaffinity(0))
    with Worker("glasscell", 1, (cpu,)) as pinned:
        pinned.ask("versions")
        assert os.sched_getaffinity(pinned._process.process.pid) == {cpu}


def test_an_engine_that_fails_says_why_and_starts_anew():
    case = CASES[0]
    with Worker("glasscell", 1, ()) as own:
        with pytest.raises(CannotRun, match="failed: KeyError"):
            own.ask("seconds", case, "never prepared", 1)
        assert own.ask("prepare", case) == {"stream": {}}


def test_an_engine_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("glasscell.bench.engine_worker.PATIENCE", 0.0)
    with Worker("glasscell", 1, ()) as own:
        with pytest.raises(CannotRun, match="no reply to versions in 0 s"):
            own.ask("versions")
        assert own._process is None


def test_what_calls_add_to_memory_is_measured_in_bytes():
    case = Case("LSTM", "training", "training", 100, 32, 16, 64, measure="memory")
    with Worker("torch", 1, ()) as engine:
        way = next(iter(engine.ask("prepare", case)))
        peak = engine.ask("peak", case, way)
    tape = 100 * 32 * 64 * 4 * np.dtype(np.float32).itemsize
    assert tape < peak < 100 * tape


def test_an_unknown_engine_is_refused_with_those_that_there_are():
    with pytest.raises(DataError, match="no engine 'caffe'; there are glasscell, torch, onnx"):
        listing("caffe")
