"""Tasks for the tests of workers; in a file of its own, as a worker imports them by name."""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np


def scaled(shared, task, line):
    """Tell twice, take longer the earlier the task, and give who did it."""
    line.tell(("begins", task))
    time.sleep(0.2 / (1 + task))
    line.tell(("ends", task))
    return shared["factor"] * task, os.getpid()


def spoilt(shared, task, line):
    """Write into the shared arrays; give what was there, and whether both names are one array."""
    before = shared["numbers"].copy()
    shared["numbers"][:] = -1.0
    return before, shared["numbers"] is shared["again"]


def refused(shared, task, line):
    if task == 1:
        raise LookupError(f"no place for {task}")
    return task


def killed(shared, task, line):
    line.tell("here")
    os.kill(os.getpid(), signal.SIGKILL)


def left_early(shared, task, line):
    sys.exit(3)


def until_stopped(shared, task, line):
    line.tell(os.getpid())
    while not line.stopped:
        time.sleep(0.01)
    return f"stopped {task}"


def threads(shared, task, line):
    import torch
    from threadpoolctl import threadpool_info

    np.ones(2) @ np.ones(2)
    blas = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
    return torch.get_num_threads(), max(blas, default=1)


def printed(shared, task, line):
    print("from the task")
    return "random" in sys.modules and sys.modules["random"].__file__
