"""The observers: one keeps what running layers did, the other the gradients that came back too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from glasscell.inspect.chain import joined, last_chain
from glasscell.inspect.flow import GradientFlow, LayerFlow
from glasscell.inspect.last_step import carried_back, layer_weights
from glasscell.inspect.layout import Array
from glasscell.inspect.observed import flow_of, trace_of
from glasscell.inspect.trace import LayerTrace, Trace
from glasscell.inspect.verdict import every_step
from glasscell.inspect.watch import is_cell, layer_name

if TYPE_CHECKING:
    import torch

    from glasscell.engine.record import Record

__all__ = ["GradientRecorder", "TraceRecorder"]


class TraceRecorder:
    """Fills a `Trace` with the runs of some modules; those of other modules are passed over.

    Args:
        modules: dotted name to module.
    """

    def __init__(self, modules: Mapping[str, torch.nn.Module]) -> None:
        self.trace = Trace(list(modules))
        self._names = {id(module): name for name, module in modules.items()}

    def forward(self, module: torch.nn.Module, suffix: str, record: Record) -> None:
        """Take one run of one layer and direction."""
        name = self._names.get(id(module))
        if name is not None:
            run = trace_of(record, suffix.endswith("_reverse"))
            self.trace.add(layer_name(name, suffix), run, is_cell(module))

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


@dataclass(eq=False)
class _Run:
    module: torch.nn.Module
    suffix: str
    record: Record
    trace: LayerTrace
    gradients: tuple[Array, Array, Array | None] | None = None

    def derivatives(self) -> tuple[Array, Array, Array | None]:
        """dy, dh, dc in the kernel's layout; zeros where the loss never reached."""
        if self.gradients is not None:
            return self.gradients
        zeros, tape = np.zeros_like(self.record.output), self.record.tape
        size = self.record.hidden_size
        return zeros, zeros, None if tape is None else np.zeros_like(tape[..., 0, :size])


class GradientRecorder:
    """Keeps runs and their gradients, and measures them once the backward pass is over.

    Args:
        modules: dotted name to module; others that run are passed over.
    """

    def __init__(self, modules: Mapping[str, torch.nn.Module]) -> None:
        self._names = {id(module): name for name, module in modules.items()}
        self._runs: dict[str, list[_Run]] = {}
        self._by_record: dict[int, _Run] = {}

    def forward(self, module: torch.nn.Module, suffix: str, record: Record) -> None:
        """Take one run of one layer and direction."""
        name = self._names.get(id(module))
        if name is None:
            return
        run = _Run(module, suffix, record, trace_of(record, suffix.endswith("_reverse")))
        self._runs.setdefault(layer_name(name, suffix), []).append(run)
        self._by_record[id(record)] = run

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
        run = self._by_record.get(id(record))
        if run is not None:
            run.gradients = dy, dh, dc

    @property
    def ran(self) -> bool:
        """Whether any layer ran so far."""
        return bool(self._runs)

    def flow(self, loss: float) -> GradientFlow:
        """Measure every layer that ran.

        Args:
            loss: value of the loss.
        """
        return GradientFlow({name: flow for name, (flow, _) in self.measured().items()}, loss)

    def measured(self) -> dict[str, tuple[LayerFlow, LayerTrace]]:
        """Give every layer's flow, and the gates of the run that it was measured on."""
        return {name: _measured(runs) for name, runs in self._runs.items()}


def _measured(runs: Sequence[_Run]) -> tuple[LayerFlow, LayerTrace]:
    """The last run and those that handed it their state: the flow through them, and their gates."""
    runs = runs[last_chain([run.trace for run in runs]) :]
    last = runs[-1]
    weight_hr = getattr(last.module, f"weight_hr_{last.suffix}", None)
    parts = [run.derivatives() for run in runs]
    dy, dh = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    cells = [dc for _, _, dc in parts if dc is not None]
    dc = np.concatenate(cells) if cells else None
    trace = joined([run.trace for run in runs])
    flow = flow_of(
        trace,
        dh,
        dc,
        None if is_cell(last.module) else dy,
        None if weight_hr is None else weight_hr.detach().numpy(),
    )
    if len(runs) > 1 or not every_step(flow):
        return flow, trace
    weights = layer_weights(last.module, last.suffix)
    carried = carried_back(last.record, last.trace, weights, dh, dc)
    return replace(flow, last_step_by_lag=carried), trace
