"""Locks that a fork waits for: a child finds none held, nor what they guard half done."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

__all__ = ["lock"]

_locks: WeakSet[threading.RLock] = WeakSet()
_one_fork = threading.RLock()
_held: list[threading.RLock] = []


def lock() -> threading.RLock:
    """Make a lock that is free at every fork of this process.

    Returns:
        A lock that its owner may take again. A fork waits until no other thread holds it.
    """
    made = threading.RLock()
    _locks.add(made)
    return made


def _before() -> None:
    _one_fork.acquire()
    for each in list(_locks):
        each.acquire()
        _held.append(each)


def _after() -> None:
    while _held:
        _held.pop().release()
    _one_fork.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
