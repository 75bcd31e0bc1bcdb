"""A training film: a callback that looks into the network every so many steps of any torch loop.

It does not touch the training. A hook keeps the first sequences of what a layer read, and the
gradients that came back to what it put out; with both, a copy of the layer repeats the step on our
kernels and is measured.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.direct import gates_by
from glasscell.inspect.film.reel import LayerReel, Reel
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.memory.timescales import saturation
from glasscell.inspect.subjects.recorder import GradientRecorder
from glasscell.inspect.subjects.watch import layer_kinds, watching
from glasscell.traces.layer import LayerTrace
from glasscell.traces.steps import Order

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Film", "frame", "stack", "unstack"]

Frame: TypeAlias = Mapping[str, Any]
"""The fields of `LayerReel` without their first axis, but for those that last."""

LAGS = 65
"""Most lags kept of a gradient profile: enough for a curve, and 200 frames stay below 1 MB."""

LASTING = ("gates", "lags")
"""What is the same in all frames of a layer."""

EXTREME = 0.97
"""Beyond this size a tanh passes on less than 1 - 0.97^2 = 6 % of a gradient."""


class Film:
    """Records gates, memory and gradients of a model while it trains.

    Args:
        model: Any torch module with LSTM, GRU or RNN layers, ours or torch's own, or
            `glasscell.nn.Recurrent`, on any device.
        every: Steps between two frames; default 100. Step 1 is the first frame.
        sequences: How many sequences of the batch are looked at; default 8.

    Raises:
        TypeError: `model` is no torch module.
        ValueError: It has no such layer (cells that a loop steps by hand are not filmed), or
            `every` or `sequences` is below 1.

    Notes:
        It looks at the steps of a frame only: there it keeps the first sequences that each layer
        read and the gradients that came back to its output, and runs a copy of the layer on them,
        on the CPU and without dropout. Weights, gradients, outputs and torch's random state of the
        training are the same bits with and without a film. Where a layer runs several times in a
        step, its last run with gradients counts. One frame costs about as much as a training
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
        self._calls: dict[str, _Call] = {}
        self._copies: dict[str, torch.nn.Module] = {}
        self._watch()

    def step(self, loss: torch.Tensor | float) -> None:
        """Count a training step; call it after `loss.backward()`, before or after the optimiser.

        Args:
            loss: Of this step; a tensor is read (and a GPU waited for) at frames only.

        Raises:
            RuntimeError: At a frame, if no gradient came back to any of the layers since the step
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
            path: Where; an existing file is replaced.
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
        """Go on from an earlier film.

        Args:
            state: What `state_dict` gave.
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
        self._hooks = [
            module.register_forward_hook(
                _Hook(name, module, self.sequences, self._calls), with_kwargs=True
            )
            for name, module in self._modules.items()
        ]

    def _take(self) -> None:
        """Measure what was seen in this step."""
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
            copy = self._copies[name] = _copy_of(self._modules[name], self._copies.get(name))
            for layer, (flow, trace) in _measured(name, copy, call).items():
                frames = self._frames.setdefault(layer, {})
                lags = next(iter(frames.values()))["lags"] if frames else None
                frames[self._count] = frame(flow, trace, lags)


def _layers(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    import torch

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"expected model as a torch.nn.Module, got {type(model).__name__}")
    kinds = layer_kinds()
    layers: dict[str, torch.nn.Module] = {
        name: each for name, each in model.named_modules() if isinstance(each, kinds)
    }
    if not layers:
        raise ValueError(
            "expected a model with at least one LSTM, GRU or RNN module to film, got "
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
    names = gates_by(trace.recurrence, "sigmoid")
    bounded = order.traced(next(iter(gates_by(trace.recurrence, "tanh")), "hidden"))
    extreme = (abs(bounded[alive]) > EXTREME).mean(axis=0).astype(np.float32)
    if not names:
        return {"gates": None, "closed": None, "open": None, "extreme": extreme}
    gates = [saturation(order.traced(gate), alive) for gate in names]
    return {
        "gates": np.array(names, dtype=np.str_),
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
        if name not in LASTING
    }
    return LayerReel(**fields, **{name: some[name] for name in LASTING})


def unstack(layer: LayerReel, steps: Sequence[int]) -> dict[int, Frame]:
    """Take a layer's film apart into the frames that it was put together from."""
    names = [name for name in vars(layer) if name not in LASTING]
    return {
        step: {
            **{n: None if getattr(layer, n) is None else getattr(layer, n)[k] for n in names},
            **{name: getattr(layer, name) for name in LASTING},
        }
        for k, step in enumerate(steps)
    }


def _blank(some: Frame) -> Frame:
    """A frame of a layer that did not run in this step."""
    blank = {
        name: None if value is None else np.full_like(value, np.nan)
        for name, value in some.items()
        if name not in ("kind", *LASTING)
    }
    return {**blank, "kind": "", **{name: some[name] for name in LASTING}}


@dataclass(eq=False)
class _Call:
    """One run of a module on the first sequences of a batch.

    Attributes:
        arguments: Positional arguments to repeat it with, on the CPU.
        keywords: Lengths and reset, where the module was given them.
        gradients: By "output", "h_n", "c_n", …: what came back, in the shape of that part.
    """

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    gradients: dict[str, Tensor] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether any gradient came back."""
        return bool(self.gradients)


class _Hook:
    """A forward hook that files the last run with gradients of one module.

    Args:
        name: Under which to file it.
        module: Whose runs count; a copy that brought the hook along is passed over.
        sequences: Most sequences to keep.
        calls: Where to file it.
    """

    def __init__(
        self, name: str, module: torch.nn.Module, sequences: int, calls: dict[str, _Call]
    ) -> None:
        self.name, self.module, self.sequences, self.calls = name, module, sequences, calls

    def __call__(self, module: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Keep a run."""
        import torch

        output, state = result
        flat = _flat(output)
        if module is not self.module or not torch.is_grad_enabled() or not flat.requires_grad:
            return
        bound = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        cut = _Cut(module, bound["input"], self.sequences)
        hx = bound.get("hx")
        call = self.calls[self.name] = _Call(
            (cut.input(bound["input"]), None if hx is None else cut.states(hx)),
            {name: cut.extra(name, bound[name]) for name in ("lengths", "reset") if name in bound},
        )
        parts = {"output": flat, **_parts(module, state)}
        for name, tensor in parts.items():
            tensor.register_hook(_Catch(name, call, cut))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles of the model film nothing."""
        return _nothing, ()


def _nothing() -> Any:
    return lambda *_: None


@dataclass(frozen=True)
class _Catch:
    """Keeps the gradient of one part of the result."""

    name: str
    call: _Call
    cut: _Cut

    def __call__(self, gradient: Tensor | None) -> None:
        if gradient is None:  # as our own layers say of a part that the loss does not read
            return
        kept = self.cut.output(gradient) if self.name == "output" else self.cut.state(gradient)
        self.call.gradients[self.name] = kept


class _Cut:
    """Takes the first sequences out of everything that goes into or comes out of a module.

    Args:
        module: A layer.
        input: What it read.
        count: Most sequences.
    """

    def __init__(self, module: Any, input: Any, count: int) -> None:
        import torch

        self.count, self.packed = count, hasattr(input, "batch_sizes")
        self.axis = 0 if module.batch_first else 1
        self.batched = self.packed or input.dim() == 3
        if self.packed:
            sizes = input.batch_sizes
            row = torch.cat([torch.arange(size) for size in sizes.tolist()])
            self.rows = torch.nonzero(row < count).flatten()
            self.sizes = sizes.clamp(max=count)
            self.sorted = input.sorted_indices

    def input(self, input: Any) -> Any:
        from torch.nn.utils.rnn import PackedSequence

        if self.packed:
            return PackedSequence(self.output(input.data), self.sizes)
        return self.output(input)

    def output(self, tensor: Tensor) -> Tensor:
        if self.packed:
            return _own(tensor[self.rows.to(tensor.device)])
        return _own(tensor.narrow(self.axis, 0, self._of(tensor, self.axis)))

    def states(self, hx: Any) -> Any:
        return tuple(map(self.state, hx)) if isinstance(hx, tuple | list) else self.state(hx)

    def state(self, tensor: Tensor) -> Tensor:
        """(L * D, B, ·); those of packed sequences in the order of the batch, not of the rows."""
        if self.packed and self.sorted is not None:
            return _own(tensor[:, self.sorted[: self.count].to(tensor.device)])
        return _own(tensor.narrow(1, 0, self._of(tensor, 1)))

    def extra(self, name: str, value: Any) -> Any:
        """The keyword arguments lengths (B,) and reset, laid out as the input."""
        import torch

        if value is None:
            return None
        tensor = torch.as_tensor(value)
        axis = self.axis if name == "reset" else 0
        if not self.batched:
            return tensor.detach().cpu().clone()
        return tensor.narrow(axis, 0, self._of(tensor, axis)).detach().cpu().clone()

    def _of(self, tensor: Tensor, axis: int) -> int:
        return min(self.count, tensor.shape[axis]) if self.batched else tensor.shape[axis]


def _own(tensor: Tensor) -> Tensor:
    """A copy on the CPU, in a dtype that our kernels take; its memory holds nothing else."""
    return tensor.detach().to("cpu", _dtype(tensor), copy=True).contiguous()


def _dtype(tensor: Tensor) -> torch.dtype:
    import torch

    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _flat(output: Any) -> Tensor:
    rows: Tensor = output.data if hasattr(output, "batch_sizes") else output
    return rows


def _parts(module: Any, state: Any) -> dict[str, Any]:
    """The last states of a layer by name: "h_n", "c_n" and so on."""
    states = state if isinstance(state, tuple) else (state,)
    return {f"{k}_n": one for k, one in zip(cells.of(module.mode).states, states, strict=True)}


def _measured(
    name: str, copy: torch.nn.Module, call: _Call
) -> dict[str, tuple[LayerFlow, LayerTrace]]:
    """Repeat a run on a copy of the module, forwards and back, and measure it.

    Args:
        name: The module's dotted name.
        copy: What `_copy_of` gave.
        call: The run, with its gradients.

    Returns:
        Layer name ("encoder.l0") to its flow and its gates.
    """
    import torch

    recorder = GradientRecorder({name: copy})
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        watching(copy, recorder, gradients=True) as observation,
    ):
        output, state = copy(*call.arguments, **call.keywords)
        parts = {"output": _flat(output), **_parts(copy, state)}
        names = list(call.gradients)
        torch.autograd.grad(
            [parts[part] for part in names],
            [observation.anchor] if observation.anchor is not None else [],
            [call.gradients[part] for part in names],
        )
    return recorder.measured()


def _copy_of(module: Any, earlier: torch.nn.Module | None = None) -> torch.nn.Module:
    """Give the same layer on the CPU with frozen weights, without drawing a random number.

    Args:
        module: A layer, on any device.
        earlier: a copy of it that may be used again; default None.

    Returns:
        A layer on our kernels with the module's weights of now, in eval mode.
    """
    import torch

    copy = earlier if earlier is not None and _fits(earlier, module) else _on_our_kernels(module)
    with torch.no_grad():
        for key, parameter in copy.named_parameters():
            parameter.copy_(getattr(module, key))
    return copy


def _fits(copy: Any, module: Any) -> bool:
    return bool(copy.weight_ih_l0.dtype == _dtype(module.weight_ih_l0))


def _on_our_kernels(module: Any) -> torch.nn.Module:
    import torch

    from glasscell import nn

    options = {name: getattr(module, name) for name in ("num_layers", "bias", "batch_first")}
    options |= {"bidirectional": module.bidirectional, "dtype": _dtype(module.weight_ih_l0)}
    sizes = module.input_size, module.hidden_size
    if not isinstance(module, torch.nn.RNNBase):
        made: torch.nn.Module = nn.Recurrent(module.cell, *sizes, device="meta", **options)
        return made.to_empty(device="cpu").requires_grad_(False).eval()
    # Torch's names of its classes are the beginnings of its modes.
    own = {name: getattr(module, name) for name in ("proj_size", "nonlinearity")
           if getattr(module, name, None)}  # fmt: skip
    made = getattr(nn, module.mode.partition("_")[0])(*sizes, device="meta", **options, **own)
    return made.to_empty(device="cpu").requires_grad_(False).eval()
