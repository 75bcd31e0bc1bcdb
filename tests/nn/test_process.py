"""Layers in processes as people run them: forked workers, Python threads, idle and long lives."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import glasscell
from glasscell import engine, threads
from glasscell.nn import GRU, LSTM, RNN, LSTMCell
from nn.cases import flat

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# Python warns of any fork while threads exist; that it works all the same is what is tested.
forking = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
INPUT, HIDDEN = 16, 64


@pytest.fixture
def three_threads() -> None:
    torch.set_num_threads(3)  # the conftest sets it back


def _layer() -> LSTM:
    torch.manual_seed(1)
    return LSTM(INPUT, HIDDEN, num_layers=2)


class Job:
    """A call with enough work for several threads, its backward pass, and the bits of both.

    All of torch's own operations in it are too small for its threads, which a fork does not
    survive: torch itself waits for them for ever (GNU OpenMP).
    """

    def __init__(self, steps: int = 40, batch: int = 33) -> None:
        self.x = torch.linspace(-1, 1, steps * batch * INPUT).view(steps, batch, INPUT)
        self.incoming = torch.linspace(1, 2, steps * batch * HIDDEN).view(steps, batch, HIDDEN)

    def bits(self, module: Any) -> bytes:
        x = self.x.detach().requires_grad_()
        results = flat(module(x))
        grads = torch.autograd.grad(results[:1], [x, *module.parameters()], [self.incoming])
        with torch.no_grad():
            found = [*results, *grads, module(x)[0], module(x[:, :1])[0]]
        return b"".join(tensor.detach().numpy().tobytes() for tensor in found)


def _in_child(check: Callable[[], bool]) -> int:
    """Fork, run the check in the child, and give its exit code; a hang is killed and gives -1."""
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    deadline = time.monotonic() + 60
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
@pytest.mark.usefixtures("three_threads")
def test_a_forked_child_uses_the_module_that_its_parent_has_used() -> None:
    module, job = _layer(), Job()
    expected = job.bits(module)

    def again() -> bool:
        return job.bits(module) == expected

    assert _in_child(again) == 0
    assert _in_child(lambda: again() and _in_child(again) == 0) == 0
    assert again()


class Encoded(Dataset[torch.Tensor]):
    """Items that a layer computes, in whatever process asks for them."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module

    def __len__(self) -> int:
        return 12

    def __getitem__(self, k: int) -> torch.Tensor:
        with torch.no_grad():
            encoded: torch.Tensor = self.module(torch.full((20, 4, INPUT), k / 10))[0]
        return encoded


@forks
@forking
@pytest.mark.usefixtures("three_threads")
def test_the_workers_of_a_data_loader_encode_as_their_parent() -> None:
    data = Encoded(_layer())
    expected = [data[k] for k in range(len(data))]
    loader = DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context="fork")
    for _ in range(2):
        for found, one in zip(loader, expected, strict=True):
            assert torch.equal(found, one)


@pytest.mark.usefixtures("three_threads")
def test_python_threads_train_and_run_one_model_at_once() -> None:
    jobs = {batch: Job(20, batch) for batch in (1, 5, 33)}
    expected = {batch: job.bits(_layer()) for batch, job in jobs.items()}
    twin, wrong = _layer(), []  # nothing packed yet

    def work(k: int) -> None:
        for n in range(12):
            batch = (1, 5, 33)[(n + k) % 3]
            if jobs[batch].bits(twin) != expected[batch]:
                wrong.append((k, n))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.usefixtures("three_threads")
def test_nobody_spins_after_a_call() -> None:
    Job().bits(_layer())
    torch.ones(300, 300) @ torch.ones(300, 300)
    time.sleep(0.3)  # torch's own workers spin for a while after their last piece of work
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.03


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize("graph", [False, True])
def test_calls_of_ever_changing_shapes_keep_no_memory(graph: bool) -> None:
    layers = [LSTM(8, 24, num_layers=2, bidirectional=True), LSTM(8, 24, checkpoint=True)]
    rest = [RNN(8, 24), LSTMCell(8, 24), GRU(8, 24), GRU(8, 24, checkpoint=True)]
    x, draw = torch.randn(40, 12, 8), torch.Generator().manual_seed(1)

    def calls(n: int) -> None:
        for T, B, k in torch.randint(0, 1 << 20, (n, 3), generator=draw).tolist():
            part = x[: 1 + T % 40, : 1 + B % 12]
            module: Any = [*layers, *rest][k % 6]
            output = module(part[0] if module is rest[1] else part)[0]
            if graph:
                output.sum().backward()

    with torch.set_grad_enabled(graph):
        calls(1000)
        before = _resident()
        calls(5_000 if graph else 20_000)
    assert _resident() - before < 6 << 20


def test_a_module_that_goes_gives_its_memory_back() -> None:
    def train(n: int) -> None:
        for _ in range(n):
            module = LSTM(64, 128)  # half a megabyte of weights, as much again packed, a tape
            module(torch.zeros(50, 16, 64))[0].sum().backward()

    train(5)
    before = _resident() if Path("/proc/self/statm").exists() else 0
    train(60)
    assert not before or _resident() - before < 20 << 20


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of threads of every call of the kernels."""
    found: list[int] = []
    at_most = engine.at_most

    def follow(n: int) -> int:
        found.append(at_most(n))
        return found[-1]

    monkeypatch.setattr(engine, "at_most", follow)
    monkeypatch.setattr(threads, "_threads", 0)
    monkeypatch.setattr(threads, "_quota", 1 << 20)
    return found


def test_calls_take_torchs_number_of_threads_or_ours_if_it_is_less(asked: list[int]) -> None:
    module, x = LSTM(4, 4), torch.zeros(3, 2, 4)
    for torchs, ours, expected in ((3, None, 3), (2, None, 2), (3, 2, 2), (1, 2, 1)):
        torch.set_num_threads(torchs)
        if ours is not None:
            glasscell.set_num_threads(ours)
        asked.clear()
        module(x)[0].sum().backward()
        with torch.no_grad():
            module(x)
        assert set(asked) == {expected}


def test_the_quota_of_a_container_holds_for_torchs_number_too(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_quota", 2)
    torch.set_num_threads(3)
    LSTM(4, 4)(torch.zeros(3, 2, 4))
    assert set(asked) == {2}
