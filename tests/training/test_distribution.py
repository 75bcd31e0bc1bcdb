"""Several processes of a launcher train one network: that of one process up to order of sums."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("launched.py")
TESTS = str(SCRIPT.parents[1])
EPSILON = float(np.finfo(np.float32).eps)


PATIENCE = 600
"""Seconds that a process may take on a machine that does much else."""


@contextmanager
def started(size, arguments):
    """Start what a launcher starts, and give the processes; none outlives the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    several = told if size > 1 else {}
    processes = [
        subprocess.Popen(
            [sys.executable, *arguments(rank)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": TESTS, **several}
            | ({"RANK": str(rank), "LOCAL_RANK": str(rank)} if several else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def finish(size, arguments):
    """Start what a launcher starts, and wait until all have succeeded."""
    with started(size, arguments) as processes:
        for process in processes:
            _, error = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, error


def trained(folder, size, mode="whole", stopper=0):
    """Train with so many processes; what each of them wrote."""
    files = [folder / f"{size}-{mode}-{rank}.npz" for rank in range(size)]
    finish(size, lambda rank: [str(SCRIPT), str(files[rank]), mode, str(stopper)])
    return [dict(np.load(file)) for file in files]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("alone"), 1)[0]


@pytest.mark.parametrize("size", [2, 3])
def test_several_processes_give_the_weights_of_one_up_to_the_order_of_sums(tmp_path, alone, size):
    several = trained(tmp_path, size)
    weights = alone.keys() - {"history", "batches"}
    for one in several[1:]:
        for name in one:  # all processes have the same bits, shares of no sequence included
            if name != "history":
                np.testing.assert_array_equal(one[name], several[0][name])
    for name in weights:
        # 12 steps; the gradient of each, below 8 here, is a sum over at most 5 sequences whose
        # terms round once a sum and once a product, and moves the weight by 0.1 of it.
        bound = 12 * 0.1 * 8 * 2 * 5 * EPSILON
        np.testing.assert_allclose(several[0][name], alone[name], rtol=0, atol=bound)
        assert (alone[name] != 0).any()
    np.testing.assert_allclose(several[0]["history"], alone["history"], rtol=1e-4)
    np.testing.assert_array_equal(several[1]["history"][:, 1], several[0]["history"][:, 1])


@pytest.mark.parametrize("stopper", [0, 1])
def test_when_one_wants_to_stop_all_stop_after_the_same_batch(tmp_path, stopper):
    first, second = trained(tmp_path, 2, "stop", stopper)
    assert first["batches"] == second["batches"] == 5  # asked after 4, heard with the next
    assert len(first["history"]) == 1
    for name in first.keys() - {"history"}:
        np.testing.assert_array_equal(first[name], second[name])


def test_a_fit_whose_process_is_killed_says_so_and_goes_on_with_resume(tmp_path):
    rows = np.sin(np.arange(300) / 3) + np.random.default_rng(0).normal(size=300) / 9
    file = tmp_path / "wave.csv"
    times = np.datetime64("2024-01-01T00", "h") + np.arange(300)
    file.write_text("ds,y\n" + "".join(f"{t},{y:.6f}\n" for t, y in zip(times, rows, strict=True)))
    flags = ["--horizon", "3", "--lookback", "12", "--seeds", "1", "--epochs", "40"]
    flags += ["--patience", "40", "--hidden-size", "4"]

    def fit(out, *more):
        return lambda rank: ["-m", "glasscell", "fit", str(file), "--out", str(out), *flags, *more]

    out = tmp_path / "run"
    checkpoint = tmp_path / ".run.partial" / "checkpoint.pt"
    with started(2, fit(out)) as (first, second):
        while not checkpoint.is_file():
            assert first.poll() is None
            assert second.poll() is None
            time.sleep(0.01)
        second.kill()
        _, error = first.communicate(timeout=PATIENCE)
    assert first.returncode != 0
    assert "another process of the launcher is gone" in error
    assert not out.exists()
    assert checkpoint.is_file()
    finish(2, fit(out, "--resume"))
    assert (out / "report.html").is_file()
    unbroken = tmp_path / "unbroken"
    finish(2, fit(unbroken))
    assert (out / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
