"""A live torch module looked into; torch is imported when it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DtypeError, ShapeError, WeightFormatError
from glasscell.inspect.subjects.recorder import GradientRecorder, TraceRecorder
from glasscell.inspect.subjects.subject import (
    READS_BACKWARDS,
    Loss,
    Measured,
    Recording,
    Unit,
    batched,
    other_parameters,
    rows_off,
)
from glasscell.inspect.subjects.watch import (
    differentiated,
    is_cell,
    layer_name,
    layer_weights,
    recurrent_modules,
    unchanged,
    watching,
)

if TYPE_CHECKING:
    import torch

__all__ = ["TorchModel", "observed"]

NOTHING_RAN = (
    "expected the model to call at least one of its recurrent layers, on our kernels; none did: "
    "they were not called, have a forward of their own, or are in half precision"
)
UNREACHED = (
    "expected a loss that depends on a recurrent layer of the model, got one that none of them "
    "reaches; look for detach(), argmax or no_grad between them, and call the layers in forward(); "
    "under a checkpoint with use_reentrant=True one of its inputs must require a gradient"
)


class TorchModel:
    """A torch module with recurrent layers, ours or torch's own, as a `Subject`.

    Args:
        module: On the CPU; it is left as it was, see `glasscell.gradient_flow`.

    Raises:
        TypeError: It is no torch module.
        ValueError: It has no recurrent layer that our kernels run.
        RuntimeError: One of them is not on the CPU.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self.modules: dict[str, Any] = dict(recurrent_modules(module))

    @property
    def weights(self) -> Mapping[str, LayerWeights]:
        """Those of now. Layers in half precision, which our kernels do not run, are left out."""
        import torch

        whole = (torch.float32, torch.float64)
        return {
            layer_name(name, suffix): layer_weights(module, suffix)
            for name, module in self.modules.items()
            if all(part.dtype in whole for part in module.parameters())
            for suffix in _suffixes(module)
        }

    @property
    def units(self) -> Mapping[str, int]:
        """Those that their own weights can hold at 0 whatever the state is that comes from outside.

        Not those of cells, nor of an LSTM without biases, whose cell may not start at 0.
        """
        return {name: module.hidden_size for name, (module, _) in self._holdable().items()}

    def _holdable(self) -> dict[str, tuple[Any, str]]:
        return {
            layer_name(name, suffix): (module, suffix)
            for name, module in self.modules.items()
            if not is_cell(module)
            and rows_off(cells.of(module.mode), module.bias, any_start=True) is not None
            and not _made_of_others(module)
            for suffix in _suffixes(module)
        }

    def measured(
        self, x: Any, loss: Loss | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> Measured:
        """Run forwards and back, once each, in the mode that the module is in."""
        recorder, value = observed(self.module, x, loss or self._ends, kwargs)
        return Measured(value, recorder.measured())

    def value(self, x: Any, loss: Loss | None = None) -> float:
        """Run forwards, in the mode that the module is in."""
        import torch

        with unchanged(self.module), torch.no_grad():
            return float((loss or self._ends)(called(self.module, x)))

    @contextmanager
    def holding(self, x: Any, loss: Loss | None) -> Iterator[Callable[[Unit | None], float]]:
        """Yield the loss as a function of the unit that is held at 0; in eval mode."""
        import torch
        from torch.nn.utils import parametrize

        layers = self._holdable()

        def output() -> Any:
            return called(self.module, x)

        def value(unit: Unit | None) -> float:
            if unit is None:
                return float(worth(output()))
            with _switched_off(*layers[unit[0]], unit[1]):
                return float(worth(output()))

        # Cached, a parametrized weight is one tensor for all calls, and a row set to 0 stays so.
        with (
            torch.no_grad(),
            unchanged(self.module),
            evaluating(self.module),
            parametrize.cached(),
            warnings.catch_warnings(),
        ):
            # torch warns of how it runs a projection: no matter for a measure.
            warnings.filterwarnings("ignore", "LSTM with projections", UserWarning)
            worth = loss or _change_from(_tensor(output()))
            yield value

    @contextmanager
    def truncating(
        self, x: Any, loss: Loss | None
    ) -> Iterator[Callable[[int | None], tuple[Array, int]]]:
        """Yield gradients of the recurrent weights, see `Subject.truncating`."""
        import torch

        _require_forwards(self.modules)
        weights = [weight for module in self.modules.values() for weight in module.parameters()]

        def gradient(length: int | None) -> tuple[Array, int]:
            with unchanged(self.module), torch.enable_grad(), _pieces(self.modules, length) as seen:
                value = (loss or self._ends)(called(self.module, x))
                check_loss(value)
                gradients = torch.autograd.grad(value, weights, allow_unused=True)
            pairs = zip(weights, gradients, strict=True)
            flat = [torch.zeros_like(weight) if own is None else own for weight, own in pairs]
            return np.concatenate([g.double().numpy().ravel() for g in flat]), max(seen, default=0)

        with _requiring(weights, True):
            yield gradient

    @contextmanager
    def copying(
        self, x: Any, read: Callable[[Any], Any] | None = None, batch_first: bool | None = None
    ) -> Iterator[_Copies]:
        """Yield what runs copies of one sequence, in eval mode; `read` picks the output's tensor.

        `batch_first` says whether the model reads (B, T, I), default as its layers do.
        """
        import torch

        if batch_first is None:
            own = self.modules.values()
            batch_first = any(getattr(module, "batch_first", False) for module in own)
        if not isinstance(x, torch.Tensor):
            raise DtypeError(
                f"expected x (T, I) as a torch tensor, got {type(x).__name__}; use "
                "torch.as_tensor(x)"
            )
        if x.dim() != 1 + x.is_floating_point():
            raise ShapeError(
                "expected one sequence x (T, I), or (T,) integers for an Embedding, got "
                f"{tuple(x.shape)} of {x.dtype}"
            )
        with (
            unchanged(self.module),
            torch.inference_mode(False),
            torch.enable_grad(),
            evaluating(self.module),
            # Gradients of weights cost as much as those that are asked for.
            _requiring(self.module.parameters(), False),
        ):
            yield _Copies(self.module, x.detach().clone(), int(batch_first), read)

    def recording(self, x: Any, loss: Loss | None = None) -> tuple[Recording, Array | None]:
        """Run (B, T, I) or (T, I), or (B, T) integers, in eval mode, and take the gradients."""
        import torch

        first = self._reads_batch_first
        tensor = torch.as_tensor(x)
        numbers = tensor.is_floating_point()
        batch = batched(tensor.detach().cpu().numpy(), indices=not numbers)
        read = torch.from_numpy(np.ascontiguousarray(batch if first else batch.swapaxes(0, 1)))
        if numbers:
            read = read.to(next(self.module.parameters()).dtype)
        with evaluating(self.module):
            recorder = TraceRecorder(self.modules)
            with watching(self.module, recorder), torch.no_grad():
                result = self.module(read)
            flow = self.measured(read, loss).flow
        output = _tensor(result)
        answer = None if output is None else output.detach().cpu().numpy()
        if answer is not None and not first and answer.ndim == 3:
            answer = answer.swapaxes(0, 1)
        tree, parameters = _described(self.module)
        trace = recorder.trace
        recording = Recording(
            traces={name: trace[name] for name in trace}, weights=self.weights, output=answer,
            flow=flow, model=tree, parameters=parameters, indices=None if numbers else batch,
            subject=self, read=read, axis=0 if first else 1, loss=loss,
        )  # fmt: skip
        return recording, batch if numbers else None

    def outputs(self, x: Array) -> Array:
        """Give (B, O), one answer a sequence, of (B, T, I); in eval mode.

        Raises:
            ShapeError: The model gives an answer a step.
        """
        return self._answered(x, None)

    def input_gradient(self, x: Array, slope: Callable[[Array], Array]) -> Array:
        """Give the derivative of a function of each sequence's one answer by what was read.

        Args:
            x: (B, T, I).
            slope: Takes outputs (B, O), gives the function's derivatives by them.

        Returns:
            (B, T, I).
        """
        return self._answered(x, slope)

    def _answered(self, x: Array, slope: Callable[[Array], Array] | None) -> Array:
        import torch

        with (
            unchanged(self.module),
            torch.inference_mode(False),
            torch.set_grad_enabled(slope is not None),
            evaluating(self.module),
        ):
            read = torch.from_numpy(np.ascontiguousarray(x)).to(next(self.module.parameters()))
            read.requires_grad_(slope is not None)
            laid_out = read if self._reads_batch_first else read.swapaxes(0, 1)
            output = _tensor(called(self.module, laid_out))
            if output is None or output.shape[:-1] != (len(x),):
                given = type(output).__name__ if output is None else tuple(output.shape)
                raise ShapeError(f"expected one answer (B, O) a sequence, got {given}")
            answers: Array = output.detach().numpy()
            if slope is None:
                return answers
            by = torch.from_numpy(np.asarray(slope(answers))).to(output)
            gradient: Array = torch.autograd.grad(output, read, by)[0].numpy()
            return gradient

    @property
    def _reads_batch_first(self) -> bool:
        """Cells have no say: their loop is the model's own, which here reads (B, T, I)."""
        return all(getattr(module, "batch_first", True) for module in self.modules.values())

    def _ends(self, result: Any) -> torch.Tensor:
        """The last step's output, summed; where layers read both ways, the first step's too."""
        output = _tensor(result)
        if output is None:
            raise TypeError(
                f"expected a model that gives a tensor, got {type(result).__name__}; pass a loss"
            )
        if output.ndim < 3:
            return output.sum()
        both = any(getattr(module, "bidirectional", False) for module in self.modules.values())
        steps = output.swapaxes(0, 1) if self._reads_batch_first else output
        return steps[-1].sum() + (steps[0].sum() if both else 0.0)


def _suffixes(module: Any) -> list[str]:
    if is_cell(module):
        return ["cell"]
    ways = ("", "_reverse") if module.bidirectional else ("",)
    return [f"l{layer}{way}" for layer in range(module.num_layers) for way in ways]


def _made_of_others(module: Any) -> bool:
    """Whether weight_hh is made of parameters of other names, as of the heads of an sLSTM."""
    stored = getattr(module, "_stored", None)
    return stored is not None and stored("weight_hh_l0") != "weight_hh_l0"


def _tensor(result: Any) -> torch.Tensor | None:
    """The output of a model: itself, or the first of several."""
    import torch

    while isinstance(result, tuple | list) and result:
        result = result[0]
    return result if isinstance(result, torch.Tensor) else None


def _change_from(truth: torch.Tensor | None) -> Loss:
    def change(result: Any) -> torch.Tensor:
        output = _tensor(result)
        if output is None or truth is None:
            raise TypeError(
                f"expected a model that gives a tensor, got {type(result).__name__}; pass a loss"
            )
        return (output - truth).square().mean()

    return change


def _described(module: torch.nn.Module) -> tuple[Mapping[str, Any] | None, dict[str, Array]]:
    """What `glasscell.save` would write, or nothing for a model that it refuses."""
    from glasscell.nn.saving import describe

    try:
        tree, arrays = describe(module)
    except (WeightFormatError, DtypeError):
        return None, {}
    return tree, other_parameters(tree, arrays)


def observed(
    model: torch.nn.Module, x: Any, loss: Loss, kwargs: Mapping[str, Any] | None = None
) -> tuple[GradientRecorder, float]:
    """Run a model forwards and back under observation, and leave it as it was.

    Args:
        model: as for `glasscell.gradient_flow`.
        x: as there.
        loss: as there.
        kwargs: keyword arguments of the model; default none.

    Returns:
        What was recorded, and the value of the loss.

    Raises:
        TypeError, ValueError, RuntimeError: as `glasscell.gradient_flow`.
    """
    import torch

    recorder = GradientRecorder(recurrent_modules(model))
    with (
        unchanged(model),
        torch.inference_mode(False),
        torch.enable_grad(),
        watching(model, recorder, gradients=True) as observation,
    ):
        output = called(model, x, kwargs)
        if not recorder.ran:
            raise ValueError(NOTHING_RAN)
        value = loss(output)
        check_loss(value)
        differentiated(model, value, observation)
        if not recorder.reached:
            raise ValueError(UNREACHED)
    return recorder, float(value.detach())


def called(model: torch.nn.Module, x: Any, kwargs: Mapping[str, Any] | None = None) -> Any:
    """Call a model, and name arrays that it cannot read.

    Args:
        model: any.
        x: what it is called with; a tuple is several positional arguments.
        kwargs: keyword arguments; default none.

    Raises:
        DtypeError: it failed on an array where tensors go.
    """
    positional, named = _arguments(x), dict(kwargs or {})
    named = dict(zip(named, _arguments(tuple(named.values())), strict=True))
    try:
        return model(*positional, **named)
    except (AttributeError, TypeError) as error:
        if any(isinstance(part, np.ndarray) for part in (*positional, *named.values())):
            raise DtypeError(
                "expected x as torch tensors, or what else the model reads, got numpy.ndarray; use "
                "torch.as_tensor(x)"
            ) from error
        raise


def _arguments(x: Any) -> tuple[Any, ...]:
    """Positional arguments; a `PackedSequence` is a tuple too, and is one argument."""
    import torch

    # A tensor made under inference_mode can only be part of a graph as a copy.
    return tuple(
        arg.clone() if isinstance(arg, torch.Tensor) and arg.is_inference() else arg
        for arg in (x if type(x) is tuple else (x,))
    )


def check_loss(value: Any) -> None:
    """Refuse what no gradient can start from: no tensor, no scalar, or one without a graph."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise TypeError(f"expected loss to return a scalar tensor, got {type(value).__name__}")
    if value.numel() != 1:
        raise ValueError(
            f"expected loss to return a scalar, got shape {tuple(value.shape)}; "
            "reduce it with .sum() or .mean()"
        )
    if not value.requires_grad:
        raise ValueError(UNREACHED)


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Put a model into eval mode, and every part back into its own at the end."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def _requiring(weights: Iterable[torch.nn.Parameter], gradients: bool) -> Iterator[None]:
    """Let all weights require gradients, or none, and put back at the end what did not so far."""
    others = [weight for weight in weights if weight.requires_grad != gradients]
    try:
        for weight in others:
            weight.requires_grad_(gradients)
        yield
    finally:
        for weight in others:
            weight.requires_grad_(not gradients)


@contextmanager
def _switched_off(module: Any, suffix: str, unit: int) -> Iterator[None]:
    """Hold one unit's output at 0 by the layer's own weights, and put them back to the bit."""
    given = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if module.bias else ()))
    roles = [role for role in given if hasattr(module, f"{role}_{suffix}")]
    names = [f"{role}_{suffix}" for role in roles]
    parameters = [getattr(module, name) for name in names]
    cell = cells.of(module.mode)
    off = rows_off(cell, module.bias, any_start=True)
    assert off is not None
    gates, size = list(cell.gates), module.hidden_size
    places = [
        (role, parameter, gates.index(letter) * size + unit, bias)
        for letter, bias in off.items()
        for role, parameter in zip(roles, parameters, strict=True)
    ]
    before = [parameter[row].clone() for _, parameter, row, _ in places]
    try:
        for role, parameter, row, bias in places:
            parameter[row] = bias if role == "bias_ih" else 0.0
        yield
    finally:
        for (_, parameter, row, _), old in zip(places, before, strict=True):
            parameter[row] = old
    for name, parameter in zip(names, parameters, strict=True):
        if getattr(module, name) is not parameter:
            raise ValueError(
                f"expected {name} to stay as it was set, got one that a hook makes anew at every "
                "call; use torch.nn.utils.parametrizations, or remove_weight_norm, first"
            )


def _require_forwards(modules: Mapping[str, Any]) -> None:
    for name, module in modules.items():
        reason = ""
        if is_cell(module):
            reason = "is a cell: its loop is in the model's own forward; detach its state there"
        elif module.bidirectional:
            raise ValueError(READS_BACKWARDS.format(name))
        elif module.training and module.dropout and module.num_layers > 1:
            reason = "draws dropout between its layers anew for each piece: call model.eval() first"
        if reason:
            raise ValueError(f"expected layers that read forwards; {name!r} {reason}")


@contextmanager
def _pieces(modules: Mapping[str, torch.nn.Module], length: int | None) -> Iterator[list[int]]:
    """Let layers run piece by piece, no gradient between them; yields how many steps each ran."""
    steps: list[int] = []
    before = [(module, module.__dict__.get("forward")) for module in modules.values()]
    for module, _ in before:
        module.forward = _in_pieces(module, length, steps)
    try:
        yield steps
    finally:
        for module, own in before:
            del module.forward
            if own is not None:
                module.forward = own


def _in_pieces(module: Any, length: int | None, steps: list[int]) -> Callable[..., Any]:
    import torch

    run = module.forward

    def forward(x: Any, state: Any = None, **more: Any) -> Any:
        if not isinstance(x, torch.Tensor) or any(value is not None for value in more.values()):
            raise ValueError(
                "expected every recurrent layer to be called on a tensor (T, B, I) and a state, "
                f"got {type(x).__name__}{''.join(', ' + key for key in more)}; pad the sequences"
            )
        axis = 1 if module.batch_first and x.dim() == 3 else 0
        steps.append(x.shape[axis])
        if length is None:
            return run(x, state)
        first = x.shape[axis] % length
        sizes = [first] * (first > 0) + [length] * (x.shape[axis] // length)
        outputs = []
        for place, part in enumerate(torch.split(x, sizes, axis)):
            output, state = run(part, _detached(state) if place else state)
            outputs.append(output)
        return torch.cat(outputs, axis), state

    return forward


def _detached(state: Any) -> Any:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


class _Copies:
    """Runs a module on copies of one sequence, see `Copies`."""

    def __init__(
        self,
        model: torch.nn.Module,
        x: torch.Tensor,
        batch_first: int,
        read: Callable[[Any], torch.Tensor] | None,
    ) -> None:
        self._model, self._x, self._batch_first, self._read = model, x, batch_first, read
        shape = self._run(1)[0].shape
        self.shape = shape[1], shape[2]

    def _run(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The output as (B, T', O), and the leaf (B, T, ·) before it."""
        import torch

        copies = torch.stack([self._x] * count, 1 - self._batch_first)
        if copies.is_floating_point():
            leaf = copies.requires_grad_()
            out = self._model(leaf)
        else:
            with _embedded(self._model) as leaves:
                out = self._model(copies)
            if not leaves:
                raise ValueError("expected an Embedding to run on integers x, none did")
            leaf = leaves[0]
        out = self._read(out) if self._read else out[0] if isinstance(out, tuple) else out
        return self._batched(out, count), leaf

    def pull(self, cotangents: Array) -> Array:
        """Give dL/dx of each copy."""
        import torch

        out, leaf = self._run(len(cotangents))
        if not out.requires_grad:
            raise ValueError(
                "expected an output that depends on x, got one that was detached from it"
            )
        gradient = torch.autograd.grad(out, leaf, torch.from_numpy(cotangents).to(out.dtype))[0]
        by_copy: Array = (gradient if self._batch_first else gradient.transpose(0, 1)).numpy()
        return by_copy

    def _batched(self, out: torch.Tensor, count: int) -> torch.Tensor:
        if out.dim() == 2 and len(out) == count:
            return out[:, None]
        if out.dim() != 3 or out.shape[1 - self._batch_first] != count:
            raise ShapeError(
                f"expected an output (B, O), or laid out as the input with B = {count}, got "
                f"{tuple(out.shape)}; pick a tensor with `read`, or set `batch_first`"
            )
        return out if self._batch_first else out.transpose(0, 1)


@contextmanager
def _embedded(model: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Cut the graph behind every Embedding; yields what they gave, as leaves."""
    import torch

    leaves: list[torch.Tensor] = []

    def cut(module: torch.nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1]

    kinds = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    handles = [module.register_forward_hook(cut) for module in kinds]
    try:
        yield leaves
    finally:
        for handle in handles:
            handle.remove()
