"""Threads and processes around the engine: forks, several callers, idle workers, memory."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glasscell import engine
from glasscell.cells.parameters import Config
from strategies import make_problem

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# Python warns of any fork while threads exist; that it works all the same is what is tested.
forking = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def own_threads():
    """Elsewhere in the suite torch's threads may have taken over."""
    engine.use_parallel_for(0)
    yield
    if team := sys.modules.get("glasscell.nn.team"):
        team.join_torch()


@dataclass
class Work:
    """A layer with enough to do for four threads, and what it must compute."""

    layer: Any
    x: Any
    expected: bytes

    def run(self, threads=4):
        """Forward, backward, and the bits of both."""
        run = engine.forward(self.layer, self.x, tape=True, threads=threads)
        back = engine.backward(
            self.layer, self.x, run.output, None, None, run.tape, run.output, threads=threads
        )
        return run.output.tobytes() + back.x.tobytes() + back.weight_hh.tobytes()

    def is_right(self, threads=4):
        return self.run(threads) == self.expected


def work(seed=0):
    config = Config(mode="LSTM", input_size=40, hidden_size=64)
    p = make_problem(config, 30, 24, seed=seed, dtype=np.float32)
    one = Work(engine.pack("LSTM", p.weights), p.x, b"")
    one.expected = one.run(threads=1)
    return one


def in_child(check):
    """Fork, run the check in the child, and give its exit code; a hang is killed and gives -1."""
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


@forks
@forking
def test_a_forked_child_computes_the_same_bits_with_its_own_threads():
    job = work()
    assert job.is_right()
    assert in_child(job.is_right) == 0
    assert job.is_right()
    assert in_child(lambda: in_child(job.is_right) == 0 and job.is_right()) == 0


@forks
@forking
def test_a_pool_of_forked_processes_computes_the_same_bits():
    job = work()
    assert job.is_right()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(Work.is_right, [], chunksize=1) == []
        results = [pool.apply_async(forked_check, ()) for _ in range(6)]
        assert all(result.get(timeout=30) for result in results)


def forked_check():
    return work().is_right() and work(1).is_right(3)


@forks
@forking
def test_a_child_forked_while_another_thread_computes_is_not_stuck():
    job, stop = work(), threading.Event()

    def busy():
        while not stop.is_set():
            job.run()

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        codes = [in_child(job.is_right) for _ in range(10)]
    finally:
        stop.set()
        thread.join()
    assert codes == [0] * 10


@pytest.mark.parametrize("layers", [1, 2])
def test_python_threads_on_one_layer_and_on_several_do_not_disturb_each_other(layers):
    jobs = [work(seed) for seed in range(layers)]
    wrong = []

    def repeat(k):
        for n in range(60):
            if not jobs[k % layers].is_right(threads=1 + n % 4):
                wrong.append((k, n))

    threads = [threading.Thread(target=repeat, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_first_backward_of_a_layer_may_come_from_many_threads_at_once():
    config = Config(mode="LSTM", input_size=40, hidden_size=64)
    for seed in range(5):
        job = work(seed)
        p = make_problem(config, 30, 24, seed=seed, dtype=np.float32)
        job.layer = engine.pack("LSTM", p.weights)
        right, start = [], threading.Barrier(4)

        def first(job=job, right=right, start=start):
            start.wait()
            right.append(job.is_right(2))

        threads = [threading.Thread(target=first) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert right == [True] * 4


def resident():
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_ten_thousand_calls_of_changing_shapes_keep_no_memory():
    config = Config(mode="LSTM", input_size=8, hidden_size=24)
    p = make_problem(config, 40, 20, dtype=np.float32)
    layer, rng = engine.pack("LSTM", p.weights), np.random.default_rng(0)

    def calls(n):
        for T, B, ragged, back in rng.integers(1, (40, 20, 3, 3), (n, 4)):
            x = p.x[:T, :B]
            lengths = rng.integers(0, T + 1, B) if ragged == 1 else None
            run = engine.forward(layer, x, lengths=lengths, tape=True)
            if back == 1:
                engine.backward(
                    layer, x, run.output, None, None, run.tape, run.output, lengths=lengths
                )

    calls(500)
    before = resident()
    calls(10_000)
    assert resident() - before < 4 << 20


def test_packed_layers_give_their_memory_back():
    config = Config(mode="LSTM", input_size=128, hidden_size=128)
    p = make_problem(config, 2, 2, dtype=np.float32)  # each layer holds about 2 MB

    def pack(n):
        for _ in range(n):
            layer = engine.pack("LSTM", p.weights)
            run = engine.forward(layer, p.x, tape=True)
            engine.backward(layer, p.x, run.output, None, None, run.tape, run.output)

    pack(5)
    before = resident() if Path("/proc/self/statm").exists() else 0
    pack(100)
    assert not before or resident() - before < 20 << 20


def test_idle_workers_use_no_processor():
    job = work()
    assert job.is_right()
    time.sleep(0.01)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.02


def longest_gap_while(thread):
    """Let a thread run, and tell how long it took and how long Python once stood still."""
    start = last = time.perf_counter()
    gap = 0.0
    thread.start()
    while thread.is_alive():
        now = time.perf_counter()
        gap, last = max(gap, now - last), now
    return last - start, gap


def test_python_goes_on_while_a_layer_runs():
    config = Config(mode="LSTM", input_size=64, hidden_size=128)
    p = make_problem(config, 3000, 16, dtype=np.float32)
    layer = engine.pack("LSTM", p.weights)
    for _ in range(5):  # on a busy machine one try may stand still for another reason
        thread = threading.Thread(target=engine.forward, args=(layer, p.x), kwargs={"threads": 1})
        took, gap = longest_gap_while(thread)
        if gap < took / 2:
            return
    pytest.fail(f"Python stood still for {gap:.3f} of {took:.3f} s in each of five runs")


def test_a_meeting_of_threads_is_measured_in_nanoseconds():
    code = "from glasscell import _core; print(*(_core.meeting_ns(n) for n in (1, 2, 3)))"
    outside = {k: v for k, v in os.environ.items() if k != "GLASSCELL_MEETING_NS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=outside, capture_output=True, text=True, check=True
    )
    assert all(0 < float(cost) < 1e9 for cost in done.stdout.split())
