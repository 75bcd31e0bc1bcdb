"""Two hosts, made of network namespaces with a wire between them, train one network."""

from __future__ import annotations

import os
import shutil
import signal
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
PORT = 29_517
ADDRESSES = ("10.213.7.1", "10.213.7.2")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts():
    """Names of two network namespaces that only see each other."""
    if not shutil.which("ip"):
        pytest.skip("hosts are made by ip of iproute2, which is not installed")
    names = [f"glasscell{os.getpid()}{side}" for side in "ab"]
    try:
        ip("netns", "add", names[0])
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not allowed here ({error.stderr.strip()})")
    try:
        ip("netns", "add", names[1])
        ends = ("wire", "netns", names[0], "type", "veth", "peer", "wire", "netns", names[1])
        ip("link", "add", *ends)
        for name, address in zip(names, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@contextmanager
def launched(hosts, *program):
    """Start torchrun on each host; none of its processes outlives the block."""
    processes = [
        subprocess.Popen(
            [
                *("ip", "netns", "exec", host, sys.executable, "-m", "torch.distributed.run"),
                *("--nnodes", "2", "--nproc-per-node", "1", "--node-rank", str(rank)),
                *("--master-addr", ADDRESSES[0], "--master-port", str(PORT)),
                *(word.replace("{rank}", str(rank)) for word in program),
            ],
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": TESTS,
                "GLOO_SOCKET_IFNAME": "wire",
                "TP_SOCKET_IFNAME": "wire",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for rank, host in enumerate(hosts)
    ]
    try:
        yield processes
    finally:
        for host, process in zip(hosts, processes, strict=True):
            for pid in inside(host):
                os.kill(pid, signal.SIGKILL)
            process.kill()
            process.communicate()


def inside(host):
    """Give the processes of a host."""
    told = subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True, check=True)
    return [int(pid) for pid in told.stdout.split()]


def finish(hosts, *program):
    with launched(hosts, *program) as processes:
        for process in processes:
            _, error = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, error


def test_two_hosts_see_each_other_alone(hosts):
    ip("netns", "exec", hosts[0], "ip", "route", "get", ADDRESSES[1])
    with pytest.raises(subprocess.CalledProcessError):
        ip("netns", "exec", hosts[0], "ip", "route", "get", "1.1.1.1")


def test_two_hosts_give_the_weights_of_one_process_up_to_the_order_of_sums(tmp_path, hosts):
    subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "alone.npz"), "whole", "0"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": TESTS},
        check=True,
        timeout=PATIENCE,
    )
    finish(hosts, str(SCRIPT), str(tmp_path / "{rank}.npz"), "whole", "0")
    alone, first, second = (dict(np.load(tmp_path / f"{n}.npz")) for n in ("alone", 0, 1))
    for name in alone.keys() - {"history", "batches"}:
        np.testing.assert_array_equal(second[name], first[name])
        # The bound is derived in test_distribution.py, where two processes share a host.
        bound = 12 * 0.1 * 8 * 2 * 5 * EPSILON
        np.testing.assert_allclose(first[name], alone[name], rtol=0, atol=bound)
        assert (alone[name] != 0).any()


def fit(folder, out, *more):
    flags = ["--horizon", "3", "--lookback", "12", "--seeds", "1", "--epochs", "40"]
    flags += ["--patience", "40", "--hidden-size", "4", *more]
    return ["-m", "glasscell", "fit", str(folder / "wave.csv"), "--out", str(out), *flags]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, hosts):
    """A folder with a file and a run of it that nothing stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    rows = np.sin(np.arange(300) / 3) + np.random.default_rng(0).normal(size=300) / 9
    times = np.datetime64("2024-01-01T00", "h") + np.arange(300)
    lines = "".join(f"{t},{y:.6f}\n" for t, y in zip(times, rows, strict=True))
    (folder / "wave.csv").write_text("ds,y\n" + lines)
    finish(hosts, *fit(folder, folder / "run"))
    return folder


@pytest.mark.parametrize("killed", [0, 1])
def test_a_fit_goes_on_after_either_rank_was_killed(tmp_path, hosts, unbroken, killed):
    out = tmp_path / "run"
    checkpoint = tmp_path / ".run.partial" / "checkpoint.pt"
    with launched(hosts, *fit(unbroken, out)) as processes:
        while not checkpoint.is_file():
            assert [process.poll() for process in processes] == [None, None]
            time.sleep(0.01)
        # The last started is the worker, the first its launcher.
        os.kill(max(inside(hosts[killed])), signal.SIGKILL)
        for process in processes:
            process.communicate(timeout=PATIENCE)
            assert process.returncode != 0
    assert not out.exists()
    assert checkpoint.is_file()
    finish(hosts, *fit(unbroken, out, "--resume"))
    assert (out / "report.html").is_file()
    weights = (unbroken / "run" / "model.safetensors").read_bytes()
    assert (out / "model.safetensors").read_bytes() == weights
