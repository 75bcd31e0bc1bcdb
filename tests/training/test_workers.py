"""Workers: the same answers in turn and side by side, nothing left behind, and clear errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import glasscell
import worker_tasks
from glasscell.errors import DataError
from glasscell.training import workers as module
from glasscell.training.workers import WorkerError, Workers, count

TESTS = Path(worker_tasks.__file__).parent


def ignore(number, message):
    pass


def is_alive(pid):
    """Tell whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(true, seconds=30.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_results_come_in_the_order_of_the_tasks(jobs):
    heard = []
    with Workers(jobs) as workers:
        results = workers.call(
            worker_tasks.scaled, {"factor": 10}, [0, 1, 2], lambda *one: heard.append(one)
        )
    assert [value for value, _ in results] == [0, 10, 20]
    assert sorted(heard) == sorted((n, (part, n)) for n in range(3) for part in ("begins", "ends"))
    pids = {pid for _, pid in results}
    assert (os.getpid() in pids) == (jobs == 1)
    assert len(pids) <= jobs


def test_processes_stay_for_the_next_call_and_no_longer():
    with Workers(2) as workers:
        first = workers.call(worker_tasks.scaled, {"factor": 1}, [0, 1], ignore)
        second = workers.call(worker_tasks.scaled, {"factor": 2}, [0, 1], ignore)
        assert [value for value, _ in second] == [0, 2]
        assert {pid for _, pid in first} == {pid for _, pid in second}
    assert not any(is_alive(pid) for _, pid in first)


def test_no_more_processes_are_started_than_there_are_tasks():
    with Workers(8) as workers:
        workers.start(2)
        results = workers.call(worker_tasks.scaled, {"factor": 1}, [0], ignore)
        assert len(workers._free) == 2
    assert len(results) == 1


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_what_is_shared_is_mapped_and_writing_to_it_stays_private(size):
    numbers = np.arange(size, dtype=np.float64)
    shared = {"numbers": numbers, "again": numbers, "odd": np.arange(3, dtype=np.int8)}
    with Workers(2) as workers:
        results = workers.call(worker_tasks.spoilt, shared, [0, 1], ignore)
    for before, one_array in results:
        assert one_array
        # Whichever process was given both tasks sees its own writing, and nobody else's.
        assert np.array_equal(before, np.arange(size)) or (before == -1).all()
    assert np.array_equal(results[0][0], np.arange(size))
    assert np.array_equal(numbers, np.arange(size))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_a_task_arrives_as_itself(jobs):
    with Workers(jobs) as workers, pytest.raises(LookupError, match="no place for 1") as caught:
        workers.call(worker_tasks.refused, None, [0, 1, 2], ignore)
    if jobs > 1:
        assert "worker_tasks.py" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("function", "how"),
    [(worker_tasks.killed, "was killed by SIGKILL"), (worker_tasks.left_early, "ended with 3")],
)
def test_a_process_that_dies_is_named_with_what_to_do(function, how):
    what = f"the process for the first {how}.*fewer --jobs"
    with Workers(2) as workers, pytest.raises(WorkerError, match=what):
        workers.call(function, None, [0], ignore, names=["the first"])


def test_a_process_that_dies_between_two_calls_is_named_too():
    with Workers(2) as workers:
        (_, pid), _ = workers.call(worker_tasks.scaled, {"factor": 1}, [0, 1], ignore)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="was killed by SIGKILL"):
            workers.call(worker_tasks.scaled, {"factor": 1}, [0, 1], ignore)


@pytest.mark.parametrize("jobs", [1, 2])
def test_stopping_ends_what_runs_and_begins_nothing_more(jobs):
    running = []
    with Workers(jobs) as workers:
        results = workers.call(
            worker_tasks.until_stopped,
            None,
            [0, 1, 2, 3],
            lambda number, pid: running.append(number),
            lambda: len(running) == jobs,
        )
    assert results == [f"stopped {n}" for n in range(jobs)] + [None] * (4 - jobs)


def test_who_was_stopped_once_is_not_stopped_for_good():
    with Workers(2) as workers:
        for _ in range(2):
            running = []
            results = workers.call(
                worker_tasks.until_stopped,
                None,
                [0, 1],
                lambda number, pid, running=running: running.append(time.monotonic()),
                lambda running=running: running and time.monotonic() > running[0] + 0.3,
            )
            assert results == ["stopped 0", "stopped 1"]
            assert time.monotonic() > running[0] + 0.3


def test_an_error_here_leaves_no_process():
    pids = []

    def fail(number, pid):
        pids.append(pid)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Workers(2) as workers:
        workers.call(worker_tasks.until_stopped, None, [0, 1], fail)
    assert pids
    assert not any(is_alive(pid) for pid in pids)


def test_every_task_has_one_thread():
    with Workers(2) as workers:
        assert workers.call(worker_tasks.threads, None, [0], ignore) == [(1, 1)]


SCRIPT = """
import sys
import worker_tasks
from glasscell.training.workers import Workers

with Workers(2) as workers:
    def hear(number, pid):
        print(pid, flush=True)
    print(workers.call(worker_tasks.until_stopped, None, [0, 1], hear, lambda: STOPPED))
"""


def start(script, **options):
    """Start a script that no `if __name__ == "__main__"` guards, from standard input."""
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        **options,
    )
    process.stdin.write(script)
    process.stdin.close()
    process.stdin = None
    return process


def test_a_script_on_standard_input_needs_no_guard():
    process = start(SCRIPT.replace("STOPPED", "True"))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "['stopped 0', 'stopped 1']"


def test_processes_end_with_a_starter_that_is_killed():
    process = start(SCRIPT.replace("STOPPED", "False"))
    pids = [int(process.stdout.readline()) for _ in range(2)]
    assert all(map(is_alive, pids))
    process.kill()
    process.communicate(timeout=120)
    wait_until(lambda: not any(map(is_alive, pids)))


def test_ctrl_c_reaches_the_starter_alone():
    script = "import signal\nseen = []\nsignal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
    process = start(script + SCRIPT.replace("STOPPED", "seen"), start_new_session=True)
    pids = [int(process.stdout.readline()) for _ in range(2)]
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "['stopped 0', 'stopped 1']"
    assert not any(map(is_alive, pids))


def test_a_task_prints_beside_the_results_and_imports_nothing_from_here(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')")
    script = SCRIPT.replace("until_stopped, None", "printed, None").replace("STOPPED", "False")
    script = "import os, sys\nsys.path.remove('')\n" + script
    process = start(script, cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err.count("from the task") == 2
    assert "from the task" not in out
    assert str(tmp_path) not in out


def test_the_default_is_one_a_core_and_never_more_than_tasks(monkeypatch):
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module.torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(glasscell, "get_num_threads", lambda: 4)
    assert [count(None, tasks) for tasks in (1, 3, 9)] == [1, 3, 4]
    assert count(9, tasks=9) == 9


def test_a_gpu_is_not_shared_unless_asked(monkeypatch):
    monkeypatch.setattr(module.torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(glasscell, "get_num_threads", lambda: 4)
    assert count(None, 3) == 1
    assert count(2, 3) == 2


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK"])
def test_a_launcher_leaves_one(monkeypatch, name):
    monkeypatch.setenv(name, "0")
    assert count(None, 9) == count(1, 9) == 1
    with pytest.raises(DataError, match="--jobs: expected 1 under a launcher, got 2"):
        count(2, 9)


@pytest.mark.parametrize("asked", [0, -1, 2.0, "2", True])
def test_other_numbers_are_refused(asked):
    with pytest.raises(DataError, match=f"--jobs: expected a whole number from 1, got {asked!r}"):
        count(asked, 3)


@pytest.mark.parametrize("jobs", [np.int64(2), np.uint8(2), 2])
def test_the_number_of_jobs_may_be_a_whole_number_of_any_library(jobs):
    found = count(jobs, tasks=5)
    assert (found, type(found)) == (2, int)
