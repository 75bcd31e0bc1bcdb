"""The kernels on torch's threads: the same bits, from any caller, and none of them after a fork."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
import torch

from glasscell import engine
from glasscell.cells.parameters import Config
from glasscell.nn.team import join_torch
from strategies import make_problem


@pytest.fixture(autouse=True)
def team():
    assert join_torch(), "torch 2.13 exports torch_parallel_for"
    yield
    join_torch()


def bits(threads):
    config = Config(mode="LSTM", input_size=40, hidden_size=64)
    p = make_problem(config, 30, 24, dtype=np.float32)
    layer = engine.pack("LSTM", p.weights)
    run = engine.forward(layer, p.x, tape=True, threads=threads)
    back = engine.backward(
        layer, p.x, run.output, None, None, run.tape, run.output, threads=threads
    )
    return run.output.tobytes() + back.x.tobytes() + back.weight_hh.tobytes()


def test_the_bits_are_those_of_our_own_threads():
    theirs = [bits(threads) for threads in (1, 2, 3, 5)]
    engine.use_parallel_for(0)
    assert theirs == [bits(threads) for threads in (1, 2, 3, 5)]
    assert len(set(theirs)) == 1


def test_torch_goes_on_working_beside_it():
    expected, a = bits(1), torch.randn(300, 300)
    product = a @ a
    for _ in range(20):
        assert bits(4) == expected
        assert torch.equal(a @ a, product)


def test_python_threads_may_call_at_the_same_time():
    expected, wrong = bits(1), []

    def repeat():
        wrong.extend(n for n in range(20) if bits(1 + n % 4) != expected)

    threads = [threading.Thread(target=repeat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_returns_to_our_own_threads():
    expected = bits(4)
    child = os.fork()
    if child == 0:
        os._exit(0 if bits(4) == expected else 1)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert bits(4) == expected
