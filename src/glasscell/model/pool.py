"""Many live sequences through one model, any subset of them one step a call."""

from __future__ import annotations

import operator
import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from glasscell import engine
from glasscell.arrays import Array
from glasscell.engine.arguments import target
from glasscell.errors import DataError, DtypeError, ShapeError
from glasscell.model import nodes
from glasscell.model.nodes import inputs

if TYPE_CHECKING:
    from glasscell.model.model import Model

__all__ = ["StreamPool"]

Ids = npt.NDArray[np.int64]


class StreamPool:
    """A model with the states of many sequences, each of which goes forward at its own pace.

    A stream is an integer, its id; what it gives is, to the bit, what a `Stream` or `Model.run`
    gives for the same steps, whatever the other streams of a call, their order and the number of
    threads.

    Args:
        model: A model that reads forwards only.
        capacity: Most streams that may be open at a time. Memory is taken as streams are opened, so
            a generous number costs nothing.

    Raises:
        ShapeError: The model is bidirectional or a Forecaster, so it cannot go step by step; or it
            has no recurrent layer, so there is nothing to keep.
        ValueError: The capacity is not positive.
        MemoryError: There is not even address space for so many.

    Notes:
        Several threads may call one pool: a call waits until the one before it has ended, and a
        fork until there is none under way. A call that is refused changes nothing.

    >>> from glasscell.model.model import Model
    >>> tree = {"type": "RNN", "mode": "RNN_RELU", "input_size": 1, "hidden_size": 1,
    ...         "num_layers": 1, "bias": False, "batch_first": False, "bidirectional": False,
    ...         "proj_size": 0, "weights": ""}
    >>> one = np.ones((1, 1))
    >>> model = Model(tree, {"weight_ih_l0": one, "weight_hh_l0": one})
    >>> pool = model.pool(1_000_000)
    >>> ids = pool.open(3)
    >>> ids
    array([0, 1, 2])
    >>> pool.step(ids, np.array([[1.0], [2.0], [3.0]]))
    array([[1.],
           [2.],
           [3.]])
    >>> pool.step(ids[[2, 0]], np.array([[10.0], [20.0]]))
    array([[13.],
           [21.]])

    A state goes from one pool to another, to a `Stream`, or to a file:

    >>> other = model.pool(10)
    >>> here = other.open(2)
    >>> other.restore(here, pool.save([2, 1]))
    >>> other.step(here, np.array([[0.5], [0.5]]))
    array([[13.5],
           [ 2.5]])
    >>> pool.close(ids[:2])
    >>> pool
    StreamPool(1 of 1,000,000 open, 64 bytes each)
    """

    def __init__(self, model: Model, capacity: int) -> None:
        model.stream()  # refuses, with the reason, what cannot go step by step
        if not model.recurrent:
            raise ShapeError(
                f"expected a model with a recurrent layer, got {model}, which keeps nothing from "
                "one step to the next; call run"
            )
        self._model = model
        root = model.root
        self._leaves = (
            [root]
            if isinstance(root, nodes.SequenceNetwork)
            else [n for n in nodes.walk(root) if not isinstance(n, nodes.Sequential)]
        )
        self._slab = engine.stream_pool(
            [network.layers for network in model.recurrent], _count("capacity", capacity, 1)
        )
        self._dtype, self._width = model.dtype, model.input_size
        # A lone recurrent network needs none of the steps between.
        self._lone = model.recurrent[0].writes if self._leaves == model.recurrent[:1] else None
        self._pooled = {
            part.name: _Rows(part) for part in model.keepers if isinstance(part, nodes.Pooled)
        }
        self._lock = _free_at_forks()

    def open(self, n: int = 1) -> Ids:
        """Begin streams, in the state that each cell starts from: zeros, unless it says otherwise.

        Args:
            n: How many. Default 1.

        Returns:
            (n,) int64, ids in 0 … capacity - 1: those closed last first, then the lowest that were
            never used.

        Raises:
            DataError: The pool has no room for n more.
        """
        n = _count("n", n, 0)
        with self._lock:
            if n > self.capacity - len(self):
                raise DataError(
                    f"expected room for {n} more streams, but {len(self)} of {self.capacity} are "
                    "open; close some, or make a larger pool"
                )
            ids = np.empty(n, np.int64)
            self._slab.open(ids)
            self._begin(ids)
        return ids

    def close(self, ids: npt.ArrayLike) -> None:
        """End streams; their ids are given out again by a later `open`.

        Args:
            ids: (n,) ids of open streams, each once, or one id.

        Raises:
            DataError: A stream is not open, or comes twice.
            DtypeError: Not integers.
        """
        with self._lock:
            self._slab.close(self._open_ids(ids))

    def reset(self, ids: npt.ArrayLike) -> None:
        """Begin new sequences in open streams: set their states as `open` does.

        Args:
            ids: (n,) ids of open streams, each once, or one id.

        Raises:
            DataError: A stream is not open, or comes twice.
            DtypeError: Not integers.
        """
        with self._lock:
            at = self._open_ids(ids)
            self._slab.clear(at)
            self._begin(at)

    def step(self, ids: npt.ArrayLike, x: npt.ArrayLike, out: Array | None = None) -> Array:
        """Advance some streams by one step.

        Args:
            ids: (n,) ids of open streams, each once, in any order.
            x: (n, I) of the model's dtype, row q for stream ids[q]; (n,) integers if the model
                begins with an Embedding.
            out: (n, P) array to write the output into, apart from x. Default a new one.

        Returns:
            (n, P), the model's output at this step: `out` if given.

        Raises:
            DataError: A stream is not open or comes twice; an index is outside the Embedding.
            ShapeError: An array has the wrong shape.
            DtypeError: An array has the wrong dtype; nothing is converted silently.

        Notes:
            Uses up to `get_num_threads()` threads where the work is worth it, without the GIL. An
            interrupt or lack of memory in the middle of a model with several recurrent networks
            may leave the streams of the call advanced in some of the networks only.
        """
        with self._lock:
            if self._lone is not None and (out is None or not np.may_share_memory(x, out)):
                rows: Any = ids
                try:
                    y = np.empty((len(rows), self._lone), self._dtype) if out is None else out
                    self._slab.step(0, rows, x, y, _threads(len(y)))  # type: ignore[arg-type]
                    return y
                except (TypeError, ValueError, IndexError):
                    pass  # not contiguous arrays of the right kind: converted or explained below
            at = self._open_ids(ids)
            letters = "(n,)" if self._width is None else "(n, I)"
            y = inputs.check_input(x, self._dtype, self._width, letters)
            self._check_rows(at, y, out)
            for node in self._leaves:
                y = self._advance(at, node, y, out)
        if out is None or y is out:
            return y
        out[...] = y
        return out

    def save(self, ids: npt.ArrayLike) -> Any:
        """Copy states out, for `restore` here or in another pool or process, or for another run.

        Args:
            ids: (n,) ids of open streams, each once, or one id.

        Returns:
            The state in the form of `Run.state` with B = n, which is also what `Model.run` takes;
            for one id that of one sequence, as in `Stream.state`.

        Raises:
            DataError: A stream is not open, or comes twice.
            DtypeError: Not integers.
        """
        with self._lock:
            at = self._open_ids(ids)
            parts = {
                network.name: self._part(place, network, at, np.ndim(ids) > 0)
                for place, network in enumerate(self._model.recurrent)
            }
            for name, rows in self._pooled.items():
                parts[name] = rows.of.pack_state(rows.read(at), np.ndim(ids) > 0)
        return inputs.join_state(parts, self._model.keepers)

    def restore(self, ids: npt.ArrayLike, state: Any) -> None:
        """Copy states in: of `save`, of `Run.state`, or of `Stream.state`.

        Args:
            ids: (n,) ids of open streams, each once, or one id.
            state: What `save` gives for as many; None for what `open` begins with.

        Raises:
            DataError: A stream is not open, or comes twice.
            ShapeError: The state has another form.
            DtypeError: Wrong dtypes.
        """
        with self._lock:
            at = self._open_ids(ids)
            parts = inputs.split_state(state, self._model.keepers)
            held = [
                network.unpack_state(parts.get(network.name), at.size, np.ndim(ids) > 0)
                for network in self._model.recurrent
            ]
            pooled = {
                name: rows.of.unpack_state(parts.get(name), at.size, np.ndim(ids) > 0)
                for name, rows in self._pooled.items()
            }
            for name, (kept,) in pooled.items():
                self._pooled[name].write(at, kept)
            if at.size:
                for place, (h, c) in enumerate(held):
                    self._slab.set_state(place, at, h, c)

    @property
    def ids(self) -> Ids:
        """(len(pool),) int64, ids of the open streams, ascending."""
        ids = np.empty(len(self), np.int64)
        self._slab.list(ids)
        return ids

    @property
    def capacity(self) -> int:
        """Most streams that may be open at a time."""
        return self._slab.capacity

    @property
    def nbytes(self) -> int:
        """Bytes that the pool takes, without the model's weights.

        It grows with the most streams that were ever open at a time; closed ones keep their place.
        """
        return self._slab.bytes + sum(rows.held.nbytes for rows in self._pooled.values())

    @property
    def stream_nbytes(self) -> int:
        """Bytes of one stream: its states, each in whole vectors, all in whole lines of 64.

        Also what a SequenceNetwork keeps of the steps so far.
        """
        return self._slab.stream_bytes + sum(8 * rows.of.how.size for rows in self._pooled.values())

    def __len__(self) -> int:
        return self._slab.size

    def __repr__(self) -> str:
        open_now = f"{len(self):,} of {self.capacity:,} open"
        return f"StreamPool({open_now}, {self.stream_nbytes:,} bytes each)"

    def _begin(self, at: Ids) -> None:
        """Write what a cell starts from into streams whose states are zeros."""
        for place, network in enumerate(self._model.recurrent):
            h, c = network.initial_state(at.size)
            if h is not None and at.size:
                self._slab.set_state(place, at, h, c)
        for rows in self._pooled.values():
            rows.write(at, rows.of.how.begin(at.size))

    def _open_ids(self, ids: npt.ArrayLike) -> Ids:
        array = np.asarray(ids)
        if array.dtype.kind not in "iu" and array.size:
            raise DtypeError(f"expected ids as integers, got {array.dtype}")
        if array.ndim > 1:
            raise ShapeError(f"expected ids of shape (n,), or one id, got {array.shape}")
        at: Ids = np.require(array, np.int64, ["C", "A"]).reshape(-1)
        try:
            self._slab.require_open(at)
        except IndexError as error:
            raise DataError(str(error)) from None
        return at

    def _check_rows(self, at: Ids, x: Array, out: Array | None) -> None:
        rows = (len(at),) if self._width is None else (len(at), self._width)
        if x.shape != rows:
            raise ShapeError(f"expected x of shape {rows}, one row for each id, got {x.shape}")
        if out is not None:
            width = self._model.root.writes or self._width
            assert width is not None
            target("out", out, (len(at), width), self._dtype)
            if np.shares_memory(x, out):
                raise ShapeError("expected out apart from x, got memory that both share")

    def _advance(self, at: Ids, node: nodes.Node, x: Array, out: Array | None) -> Array:
        if isinstance(node, nodes.SequenceNetwork):
            return self._score(at, node, x)
        if not isinstance(node, nodes.Recurrent):
            return node.run(x, nodes.Call(batched=True))
        last = node is self._leaves[-1] and out is not None
        y = out if last else np.empty((len(at), node.writes), self._dtype)
        assert y is not None
        place = self._model.recurrent.index(node)
        self._slab.step(place, at, np.require(x, None, ["C", "A"]), y, _threads(len(at)))
        return y

    def _score(self, at: Ids, node: nodes.SequenceNetwork, x: Array) -> Array:
        """Advance the recurrent network, and what is pooled of it."""
        y = self._advance(at, node.recurrent, x, None)
        kept = {name: rows.read(at) for name, rows in self._pooled.items()}
        call = nodes.Call(batched=True, state=kept)
        scores = node.read(y[:, None], x[:, None], call)
        for name, rows in self._pooled.items():
            rows.write(at, call.final[name])
        return scores if node.pooling is not None else scores[:, 0]

    def _part(self, place: int, network: nodes.Recurrent, at: Ids, batched: bool) -> nodes.State:
        h, c = network.empty_state(at.size)
        if at.size:
            self._slab.get_state(place, at, h, c)
        return network.pack_state(h, c, batched)


class _Rows:
    """What is kept of the steps of every stream, a row for each id; grows with the largest id."""

    def __init__(self, of: nodes.Pooled) -> None:
        self.of = of
        self.held: Array = of.how.begin(0)

    def read(self, at: Ids) -> Array:
        """Copy rows out."""
        rows: Array = self.held[at]
        return rows

    def write(self, at: Ids, rows: Array) -> None:
        """Copy rows in."""
        more = int(at.max(initial=-1)) + 1 - len(self.held)
        if more > 0:
            self.held = np.concatenate([self.held, self.of.how.begin(max(more, len(self.held)))])
        self.held[at] = rows


def _threads(n: int) -> int:
    return engine.get_num_threads() if n > 1 else 1


def _count(name: str, n: Any, least: int) -> int:
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {n!r}") from None
    if not least <= count < 2**63:
        raise ValueError(f"{name}: expected an integer from {least} to 2^63 - 1, got {n}")
    return count


# A fork waits for these locks: a child finds none held, nor what they guard half done.
_locks: WeakSet[threading.RLock] = WeakSet()
_one_fork = threading.RLock()
_held: list[threading.RLock] = []


def _free_at_forks() -> threading.RLock:
    """Make a lock, to be taken again by its owner, for which a fork of this process waits."""
    made = threading.RLock()
    _locks.add(made)
    return made


def _hold_all() -> None:
    _one_fork.acquire()
    for each in list(_locks):
        each.acquire()
        _held.append(each)


def _let_go() -> None:
    while _held:
        _held.pop().release()
    _one_fork.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_all, after_in_parent=_let_go, after_in_child=_let_go)
