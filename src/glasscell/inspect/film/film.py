"""A training film: a callback that looks into the network every so many steps of any torch loop."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.film.reel import LayerReel, Reel
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.memory.timescales import saturation
from glasscell.traces.layer import LayerTrace
from glasscell.traces.order import Order

if TYPE_CHECKING:
    import torch

    from glasscell.inspect.film.rerun import Call

__all__ = ["Film", "frame", "stack", "unstack"]

Frame: TypeAlias = Mapping[str, Any]
"""The fields of `LayerReel` without their first axis, but for `lags`."""

LAGS = 65
"""Most lags kept of a gradient profile: enough for a curve, and 200 frames stay below 1 MB."""

EXTREME = 0.97
"""Beyond this size a tanh passes on less than 1 - 0.97^2 = 6 % of a gradient."""


class Film:
    """Records gates, memory and gradients of a model while it trains.

    Args:
        model: any torch module with LSTM or RNN layers, ours or torch's own, on any device.
        every: steps between two frames; default 100. Step 1 is the first frame.
        sequences: how many sequences of the batch are looked at; default 8.

    Raises:
        TypeError: `model` is no torch module.
        ValueError: it has no LSTM or RNN (cells that a loop steps by hand are not filmed), or
            `every` or `sequences` is below 1.

    Notes:
        Only on the steps of a frame does it look on: it keeps the first sequences of what each
        layer read and the gradients that came back to its output, then runs a copy of the layer on
        them, on the CPU and without dropout. Weights, gradients, outputs and torch's random state
        of the training are the same bits with and without a film. Where a layer runs several times
        in a step, its last run with gradients counts. One frame costs about as much as a training
        step on `sequences` sequences plus 1 to 3 ms: below 1.5 % of the time at 100 steps a frame
        (experiments/README.md).

    >>> import torch
    >>> model = torch.nn.LSTM(1, 4)
    >>> film = Film(model, every=2)
    >>> for step in range(5):
    ...     loss = model(torch.ones(20, 3, 1))[0][-1].square().mean()
    ...     loss.backward()
    ...     film.step(loss)
    >>> film.reel
    Reel(3 frames, steps 1 … 5, layers: l0)
    >>> film.reel.layers["l0"].half_life.shape
    (3, 4)
    """

    def __init__(self, model: torch.nn.Module, every: int = 100, sequences: int = 8) -> None:
        for name, value in (("every", every), ("sequences", sequences)):
            if value < 1:
                raise ValueError(f"expected {name} >= 1, got {value}")
        self._modules = _layers(model)
        self.every, self.sequences = every, sequences
        self._count, self._losses = 0, 0
        self._sum: Any = 0.0
        self._steps: list[int] = []
        self._means: list[float] = []
        self._frames: dict[str, dict[int, Frame]] = {}
        self._hooks: list[Any] = []
        self._calls: dict[str, Call] = {}
        self._copies: dict[str, torch.nn.Module] = {}
        self._watch()

    def step(self, loss: torch.Tensor | float) -> None:
        """Count a training step; call it after `loss.backward()`, before or after the optimiser.

        Args:
            loss: of this step; a tensor is read (and a GPU waited for) at frames only.

        Raises:
            RuntimeError: at a frame, if no gradient came back to any of the layers since the step
                before.
        """
        self._count += 1
        self._losses += 1
        self._sum = self._sum + (loss if isinstance(loss, int | float) else loss.detach())
        if self._due(self._count):
            self._take()
        if self.due:
            self._watch()

    @property
    def due(self) -> bool:
        """Whether the next `step` takes a frame."""
        return self._due(self._count + 1)

    @property
    def reel(self) -> Reel:
        """What was recorded so far."""
        layers = {name: stack(frames, self._steps) for name, frames in self._frames.items()}
        return Reel(np.array(self._steps, dtype=np.int64), np.array(self._means), layers)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write what was recorded so far as an .npz file; see `Reel.load`.

        Args:
            path: where; an existing file is replaced.
        """
        return self.reel.save(path)

    def close(self) -> None:
        """Take the hooks off the model; the film stays."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._calls = {}

    def state_dict(self) -> dict[str, Any]:
        """Give everything that a film needs to go on, as tensors, strings and numbers."""
        import torch

        arrays = {name: value for name, value in self.reel.arrays().items() if name != "layers"}
        texts = {name: value.tolist() for name, value in arrays.items() if value.dtype.kind == "U"}
        return {
            "count": self._count,
            "losses": self._losses,
            "sum": float(self._sum),
            "layers": list(self._frames),
            "texts": texts,
            "arrays": {n: torch.from_numpy(a.copy()) for n, a in arrays.items() if n not in texts},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Args:
            state: it.
        """
        self._count, self._losses = state["count"], state["losses"]
        self._sum = state["sum"]
        arrays = {name: value.numpy() for name, value in state["arrays"].items()}
        arrays |= {name: np.array(value, dtype=np.str_) for name, value in state["texts"].items()}
        reel = Reel.of_arrays({**arrays, "layers": np.array(state["layers"], dtype=np.str_)})
        self._steps, self._means = reel.steps.tolist(), reel.loss.tolist()
        self._frames = {name: unstack(layer, self._steps) for name, layer in reel.layers.items()}
        self.close()
        if self.due:
            self._watch()

    def _due(self, step: int) -> bool:
        return (step - 1) % self.every == 0

    def _watch(self) -> None:
        from glasscell.inspect.film.rerun import Hook

        self._hooks = [
            module.register_forward_hook(
                Hook(name, module, self.sequences, self._calls), with_kwargs=True
            )
            for name, module in self._modules.items()
        ]

    def _take(self) -> None:
        """Measure what was seen in this step."""
        from glasscell.inspect.film.rerun import copy_of, measured

        calls = {name: call for name, call in self._calls.items() if call.reached}
        self.close()
        if not calls:
            raise RuntimeError(
                "expected gradients at a recurrent layer of the model since the last step, found "
                "none; call film.step(loss) after loss.backward(), once per training step, and "
                "before the next forward pass"
            )
        self._steps.append(self._count)
        self._means.append(float(self._sum) / self._losses)
        self._sum, self._losses = 0.0, 0
        for name, call in calls.items():
            copy = self._copies[name] = copy_of(self._modules[name], self._copies.get(name))
            for layer, (flow, trace) in measured(name, copy, call).items():
                frames = self._frames.setdefault(layer, {})
                lags = next(iter(frames.values()))["lags"] if frames else None
                frames[self._count] = frame(flow, trace, lags)


def _layers(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    import torch

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"expected model as a torch.nn.Module, got {type(model).__name__}")
    kinds = (torch.nn.LSTM, torch.nn.RNN)
    layers: dict[str, torch.nn.Module] = {
        name: each for name, each in model.named_modules() if isinstance(each, kinds)
    }
    if not layers:
        raise ValueError(
            "expected a model with at least one LSTM or RNN module to film, got "
            f"{type(model).__name__} with none; cells that a loop steps by hand cannot be filmed"
        )
    return layers


def frame(flow: LayerFlow, trace: LayerTrace, lags: Array | None = None) -> Frame:
    """Measure one layer once; `lags`, at which to keep the profile, are at most 65 over all."""
    profile, verdict = flow.profile, flow.judge()
    if lags is None:
        count = min(LAGS, len(profile))
        lags = np.unique(np.linspace(0, len(profile) - 1, count).round().astype(np.int64))
    kept = np.full(len(lags), np.nan)
    kept[lags < len(profile)] = profile[lags[lags < len(profile)]]
    return {
        **_gates(trace),
        "half_life": None if flow.half_life is None else flow.half_life.astype(np.float32),
        "lags": lags,
        "profile": kept,
        "rate": verdict.rate,
        "reach": np.nan if verdict.reach is None else float(verdict.reach),
        "kind": verdict.kind,
    }


def _gates(trace: LayerTrace) -> dict[str, Any]:
    order = Order(trace)
    alive = order.alive
    bounded = order.traced("hidden" if trace.candidate is None else "candidate")
    extreme = (abs(bounded[alive]) > EXTREME).mean(axis=0).astype(np.float32)
    if trace.forget is None:
        return {"closed": None, "open": None, "extreme": extreme}
    gates = [saturation(order.traced(gate), alive) for gate in ("forget", "input", "output")]
    return {
        "closed": np.stack([gate.closed for gate in gates]).astype(np.float32),
        "open": np.stack([gate.open for gate in gates]).astype(np.float32),
        "extreme": extreme,
    }


def stack(frames: Mapping[int, Frame], steps: Sequence[int]) -> LayerReel:
    """Put the frames of one layer together; NaN at steps of the film where it has none."""
    some = next(iter(frames.values()))
    rows = [frames.get(step) or _blank(some) for step in steps]
    fields: dict[str, Any] = {
        name: None if some[name] is None else np.array([row[name] for row in rows])
        for name in some
        if name != "lags"
    }
    return LayerReel(**fields, lags=some["lags"])


def unstack(layer: LayerReel, steps: Sequence[int]) -> dict[int, Frame]:
    """Take a layer's film apart into the frames that it was put together from."""
    names = [name for name in vars(layer) if name != "lags"]
    return {
        step: {
            **{n: None if getattr(layer, n) is None else getattr(layer, n)[k] for n in names},
            "lags": layer.lags,
        }
        for k, step in enumerate(steps)
    }


def _blank(some: Frame) -> Frame:
    """A frame of a layer that did not run in this step."""
    blank = {
        name: None if value is None else np.full_like(value, np.nan)
        for name, value in some.items()
        if name not in ("kind", "lags")
    }
    return {**blank, "kind": "", "lags": some["lags"]}
