"""The engines: one file each, which says in its first line what makes the engine run its fairest.

A file's class is made once, in a process of the engine's own, and gives a `Run` for every way in
which the engine can do a case. Its library is imported there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from glasscell.arrays import Array
from glasscell.bench.cases import Case
from glasscell.bench.numbers import Data
from glasscell.errors import DataError

__all__ = ["ENGINES", "OURS", "CannotRun", "Engine", "Listing", "Run", "create", "listing"]

OURS = "glasscell"


class CannotRun(Exception):  # noqa: N818 (no error: a row simply has no entry)
    """The engine has no way to do this case; the message says why, in a few words."""


@dataclass(frozen=True)
class Run:
    """A case prepared by an engine.

    Args:
        call: What is timed.
        answer: What `call` computes, as `answers.expected` lays it out, from the initial state.
        at: For a number of steps: a call of the same model on so many, its input ready. Needed by
            the measures "first call" and "new length" only.
        inside: A context in which calls are made, entered once for many.
        facts: Numbers about the run that belong in the result, such as bytes per stream.
    """

    call: Callable[[], object]
    answer: Callable[[], Array]
    at: Callable[[int], Callable[[], object]] | None = None
    inside: Callable[[], AbstractContextManager[object]] = nullcontext
    facts: dict[str, float] = field(default_factory=dict)


class Engine(Protocol):
    """What a file's class is: made with the number of threads that it may use."""

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Give a run for each way of doing the case, by name; the fastest way will count.

        Raises:
            CannotRun: There is none.
        """


@dataclass(frozen=True)
class Listing:
    """An engine's line in the register.

    Args:
        title: Its name in tables.
        place: Module and class.
        needs: Modules that it imports.
        packages: Distributions whose versions belong in the result.
    """

    title: str
    place: str
    needs: tuple[str, ...]
    packages: tuple[str, ...]

    @property
    def missing(self) -> str | None:
        """Why the engine cannot be used here, or None."""
        absent = [name for name in self.needs if find_spec(name) is None]
        return f"{', '.join(absent)} is not installed" if absent else None


ENGINES = {
    OURS: Listing("glasscell", "ours.Ours", ("torch",), ("glasscell", "numpy")),
    "torch": Listing("torch", "pytorch.PyTorch", ("torch",), ("torch",)),
    "onnxruntime": Listing(
        "ONNX Runtime", "onnx_runtime.OnnxRuntime", ("onnxruntime", "onnx"), ("onnxruntime",)
    ),
    "jax": Listing("JAX", "jax_scan.JaxScan", ("jax",), ("jax", "jaxlib")),
    "keras": Listing(
        "Keras", "keras_graph.KerasGraph", ("tensorflow", "keras"), ("keras", "tensorflow-cpu")
    ),
    "openvino": Listing(
        "OpenVINO", "open_vino.OpenVino", ("openvino", "onnx"), ("openvino",)
    ),
}  # fmt: skip
"""Every engine by the name that --engines takes; glasscell first."""


def listing(name: str) -> Listing:
    """Look an engine up.

    Raises:
        DataError: There is no such engine.
    """
    if name not in ENGINES:
        raise DataError(f"--engines: there is no engine {name!r}; there are {', '.join(ENGINES)}")
    return ENGINES[name]


def create(name: str, threads: int) -> Engine:
    """Import an engine's library and set its threads; to be done once in a process."""
    module, made = listing(name).place.split(".")
    engine: Engine = getattr(import_module(f"{__name__}.{module}"), made)(threads)
    return engine
