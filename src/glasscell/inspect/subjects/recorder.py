"""The observers: one keeps what running layers did, the other the gradients that came back too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow, flow_of
from glasscell.inspect.gradients.last_step import carried_back
from glasscell.inspect.subjects.watch import is_cell, layer_name, layer_weights
from glasscell.inspect.verdict.judge import every_step
from glasscell.traces.layer import LayerTrace, trace_of
from glasscell.traces.trace import Trace

if TYPE_CHECKING:
    import torch

    from glasscell.nn.observe import Observation
    from glasscell.traces.layer import Record

__all__ = ["GradientRecorder", "TraceRecorder"]

FIRST = ("l0", "cell")
"""What runs once in every call."""

Place: TypeAlias = tuple[str, int]
"""Name of a layer, and which of its calls."""


class TraceRecorder:
    """Fills a `Trace` with the runs of some modules; those of other modules are passed over.

    A call that a checkpoint repeats during the backward pass counts as the call that it repeats,
    not as a new one.

    Args:
        modules: dotted name to module.

    Attributes:
        trace: what was recorded.
        modules: dotted name to module.
    """

    def __init__(self, modules: Mapping[str, torch.nn.Module]) -> None:
        from glasscell.nn.observe import repeating

        self.trace = Trace(list(modules))
        self.modules = dict(modules)
        self._seen = Counter[str]()
        self._names = {id(module): name for name, module in modules.items()}
        self._places: WeakKeyDictionary[Record, Place] = WeakKeyDictionary()
        self._repeats, self._repeating = _Repeats(), repeating

    @property
    def ran(self) -> bool:
        """Whether any layer ran so far."""
        return bool(self.trace)

    def seen(self, name: str) -> int:
        """Give how often a module or a copy of it has run so far."""
        return self._seen[name]

    def knows(self, module: torch.nn.Module) -> bool:
        """Tell whether a module is one of those that are meant, or a copy of one."""
        return id(module) in self._names

    def adopt(self, module: torch.nn.Module, name: str, block: Observation) -> None:
        """Take the calls of a copy of a module for calls of that module."""
        if name in self.modules and id(module) not in self._names:
            self._names[id(module)] = name
            block.modules.append(module)  # and stays alive, or its id may become another's
            block.copies[id(module)] = id(self.modules[name])

    def forward(self, module: torch.nn.Module, suffix: str, record: Record) -> None:
        """Take one run of one layer and direction."""
        own = self._names.get(id(module))
        if own is None:
            return
        name = layer_name(own, suffix)
        self._seen[own] += suffix in FIRST
        vectors = {}
        if cells.of(record.mode).program.vectors:
            known = layer_weights(module, suffix).vectors
            vectors = {letter: array.copy() for letter, array in known.items()}
        run = trace_of(record, suffix.endswith("_reverse"), vectors)
        index = self._repeats.find(name, self.trace, run) if self._repeating() else None
        if index is None:
            index = self.trace.add(name, run, is_cell(module))
            self.keep((name, index), record, module, suffix)
        self._places[record] = name, index

    def keep(self, place: Place, record: Record, module: torch.nn.Module, suffix: str) -> None:
        """Keep a call and the module that made it; a trace alone does not need them."""

    def follows(self, record: Record, earlier: Record) -> None:
        """Learn from which call another one got its state."""
        later, before = self._places.get(record), self._places.get(earlier)
        if later is not None and before is not None:
            self.trace.link(later[0], later[1], before[1])

    def backward(
        self,
        module: torch.nn.Module,
        suffix: str,
        record: Record,
        dy: Array,
        dh: Array,
        dc: Array | None,
    ) -> None:
        """Gradients are not asked for."""


class _Repeats:
    """Finds the call that a call in a backward pass repeats: all its numbers are the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, dict[int, list[int]]]] = {}

    def find(self, name: str, trace: Trace, run: LayerTrace) -> int | None:
        """Give the index of the call, None where there is none.

        Of several with the same numbers each one is given once, the latest first: a backward pass
        goes from the end. The last that is left may be asked for again, by checkpoints within one
        another.
        """
        count, known = self._known.get(name, (0, {}))
        calls = trace.calls.get(name, ())
        for index in range(count, len(calls)):
            known.setdefault(_digest(calls[index]), []).append(index)
        self._known[name] = len(calls), known
        places = known.get(_digest(run))
        if places is None:
            return None
        return places.pop() if len(places) > 1 else places[0]


def _digest(run: LayerTrace) -> int:
    parts = (run.initial_hidden, run.initial_cell, *run.quantities.values(), run.hidden)
    return hash(tuple(None if part is None else (part.shape, part.tobytes()) for part in parts))


class GradientRecorder(TraceRecorder):
    """Keeps runs and their gradients, and measures them once the backward pass is over.

    Args:
        modules: dotted name to module; others that run are passed over.
    """

    def __init__(self, modules: Mapping[str, torch.nn.Module]) -> None:
        super().__init__(modules)
        self._gradients: dict[Place, tuple[Array, Array, Array | None]] = {}
        self._records: dict[str, list[Record]] = {}
        self._who: dict[str, tuple[torch.nn.Module, str]] = {}

    def keep(self, place: Place, record: Record, module: torch.nn.Module, suffix: str) -> None:
        """Keep a call and the module that made it."""
        self._records.setdefault(place[0], []).append(record)
        self._who[place[0]] = module, suffix

    def backward(
        self,
        module: torch.nn.Module,
        suffix: str,
        record: Record,
        dy: Array,
        dh: Array,
        dc: Array | None,
    ) -> None:
        """Take the gradients of one run."""
        place = self._places.get(record)
        if place is not None:
            self._gradients[place] = dy, dh, dc

    @property
    def reached(self) -> bool:
        """Whether a gradient came back to any layer so far."""
        return bool(self._gradients)

    def flow(self, loss: float) -> GradientFlow:
        """Measure every layer that ran.

        Args:
            loss: value of the loss.
        """
        return GradientFlow({name: flow for name, (flow, _) in self.measured().items()}, loss)

    def measured(self) -> dict[str, tuple[LayerFlow, LayerTrace]]:
        """Give every layer's flow, and the gates of the calls that it was measured on."""
        return {name: self._measured(name) for name in self.trace}

    def _measured(self, name: str) -> tuple[LayerFlow, LayerTrace]:
        """The last sequence that the loss reached: the flow through it, and its gates."""
        records = self._records[name]
        reached = [(name, k) in self._gradients for k in range(len(records))]
        chain, joined = self.trace.joined(name, reached)
        module, suffix = self._who[name]
        parts = [self._derivatives(name, k) for k in chain]
        dy = joined.along_time([dy for dy, _, _ in parts])
        dh = joined.along_time([dh for _, dh, _ in parts])
        cells = [dc for _, _, dc in parts if dc is not None]
        dc = joined.along_time(cells) if cells else None
        used = (dh if dc is None else dc) != 0
        trace = joined.trace(used.any(axis=tuple(range(2, used.ndim))))
        altered = trace.shown is not None and trace.shown.altered
        weights = layer_weights(module, suffix)
        flow = flow_of(trace, dh, dc, None if is_cell(module) or altered else dy, weights)
        if len(chain) > 1 or not every_step(flow):
            return flow, trace
        alone = carried_back(records[chain[0]], trace, weights, dh, dc)
        return replace(flow, last_step_by_lag=alone), trace

    def _derivatives(self, name: str, index: int) -> tuple[Array, Array, Array | None]:
        """dy, dh, dc in the kernel's layout; zeros where the loss never reached."""
        known = self._gradients.get((name, index))
        if known is not None:
            return known
        record = self._records[name][index]
        zeros, others = np.zeros_like(record.output), cells.of(record.mode).extra_states
        if not others:
            return zeros, zeros, None
        own = (others,) * (others > 1)
        return zeros, zeros, np.zeros((*zeros.shape[:-1], *own, record.hidden_size), zeros.dtype)
