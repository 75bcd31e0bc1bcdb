"""From a layer's run in someone's training step to its gates and gradients, without touching it.

A hook keeps the first sequences of what the layer read, and the gradients that came back to what
it put out. With both, a copy of the layer repeats the step on our kernels and is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.traces.layer import LayerTrace

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Call", "Hook", "copy_of", "measured"]


@dataclass(eq=False)
class Call:
    """One run of a module on the first sequences of a batch.

    Attributes:
        arguments: positional arguments to repeat it with, on the CPU.
        keywords: lengths and reset, where the module was given them.
        gradients: by "output", "h_n", "c_n": what came back, in the shape of that part.
    """

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    gradients: dict[str, Tensor] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether any gradient came back."""
        return bool(self.gradients)


class Hook:
    """A forward hook that files the last run with gradients of one module.

    Args:
        name: under which to file it.
        module: whose runs count; a copy that brought the hook along is passed over.
        sequences: most sequences to keep.
        calls: where to file it.
    """

    def __init__(
        self, name: str, module: torch.nn.Module, sequences: int, calls: dict[str, Call]
    ) -> None:
        self.name, self.module, self.sequences, self.calls = name, module, sequences, calls

    def __call__(self, module: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Keep a run."""
        import torch

        output, state = result
        flat = _flat(output)
        if module is not self.module or not torch.is_grad_enabled() or not flat.requires_grad:
            return
        given = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        cut = _Cut(module, given["input"], self.sequences)
        hx = given.get("hx")
        call = self.calls[self.name] = Call(
            (cut.input(given["input"]), None if hx is None else cut.states(hx)),
            {name: cut.extra(name, given[name]) for name in ("lengths", "reset") if name in given},
        )
        parts = {"output": flat, **dict(zip(("h_n", "c_n"), _pair(state), strict=False))}
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
    call: Call
    cut: _Cut

    def __call__(self, gradient: Tensor | None) -> None:
        if gradient is None:  # as our own layers say of a part that the loss does not read
            return
        kept = self.cut.output(gradient) if self.name == "output" else self.cut.state(gradient)
        self.call.gradients[self.name] = kept


class _Cut:
    """Takes the first sequences out of everything that goes into or comes out of a module.

    Args:
        module: an LSTM or RNN.
        input: what it read.
        count: most sequences.
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


def _pair(state: Any) -> tuple[Any, ...]:
    return state if isinstance(state, tuple) else (state,)


def measured(
    name: str, copy: torch.nn.Module, call: Call
) -> dict[str, tuple[LayerFlow, LayerTrace]]:
    """Repeat a run on a copy of the module, forwards and back, and measure it.

    Args:
        name: the module's dotted name.
        copy: what `copy_of` gave.
        call: the run, with its gradients.

    Returns:
        Layer name ("encoder.l0") to its flow and its gates.
    """
    import torch

    from glasscell.inspect.subjects.recorder import GradientRecorder
    from glasscell.inspect.subjects.watch import watching

    recorder = GradientRecorder({name: copy})
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        watching(copy, recorder, gradients=True) as observation,
    ):
        output, state = copy(*call.arguments, **call.keywords)
        parts = {"output": _flat(output), **dict(zip(("h_n", "c_n"), _pair(state), strict=False))}
        names = list(call.gradients)
        torch.autograd.grad(
            [parts[part] for part in names],
            [observation.anchor] if observation.anchor is not None else [],
            [call.gradients[part] for part in names],
        )
    return recorder.measured()


def copy_of(module: Any, earlier: torch.nn.Module | None = None) -> torch.nn.Module:
    """Give the same layer on the CPU with frozen weights, without drawing a random number.

    Args:
        module: an LSTM or RNN, on any device.
        earlier: a copy of it that may be used again; default None.

    Returns:
        A layer on our kernels with the module's weights of now, in eval mode.
    """
    import torch

    copy = earlier if earlier is not None and _fits(earlier, module) else _blank(module)
    with torch.no_grad():
        for key, parameter in copy.named_parameters():
            parameter.copy_(getattr(module, key))
    return copy


def _fits(copy: Any, module: Any) -> bool:
    return bool(copy.weight_hh_l0.dtype == _dtype(module.weight_hh_l0))


def _blank(module: Any) -> torch.nn.Module:

    from glasscell.nn import LSTM, RNN

    options = {name: getattr(module, name) for name in ("num_layers", "bias", "batch_first")}
    options |= {"bidirectional": module.bidirectional, "dtype": _dtype(module.weight_hh_l0)}
    if module.mode == "LSTM":
        options["proj_size"] = module.proj_size
    else:
        options["nonlinearity"] = module.mode.removeprefix("RNN_").lower()
    kind = LSTM if module.mode == "LSTM" else RNN
    made: torch.nn.Module = kind(module.input_size, module.hidden_size, device="meta", **options)
    return made.to_empty(device="cpu").requires_grad_(False).eval()
