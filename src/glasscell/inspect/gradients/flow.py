"""How far gradients travel back through time: |dL/dh_t| and |dL/dc_t| of every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.errors import DtypeError
from glasscell.inspect.gradients.flow_table import flow_table
from glasscell.inspect.verdict.judge import LayerVerdict, in_words, judge
from glasscell.traces.shown import Shown, notes

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from glasscell.inspect.subjects.recorder import GradientRecorder

__all__ = [
    "GradientFlow",
    "LayerFlow",
    "arguments",
    "called",
    "check_loss",
    "gradient_flow",
    "observed",
]

Float64: TypeAlias = npt.NDArray[np.float64]

COLUMNS = 100
"""Width at which printed verdicts are wrapped."""


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """One layer in one direction: how much of the loss's gradient is at each step.

    Index t is the sequence's own time, for reverse layers too: there the gradient starts at t = 0,
    the step that the layer read last, and travels towards T - 1.

    Attributes:
        hidden: (T,) float64, |dL/dh_t|: total derivative by the hidden state, through everything
            that comes after it; Euclidean norm over batch and units.
        cell: (T,) |dL/dc_t|, the same for the cell state; None for an RNN.
        cell_path: (T,) what of it arrives along the memory cell alone,
            ``b_t = f_{t+1} * b_{t+1} + o_t (1 - tanh(c_t)^2) * dy_t`` with dy_t the gradient that
            arrives at the output directly; recurrent weights pass nothing. None for an RNN.
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        reverse: whether the layer read the sequence from its end.
        by_lag: (T,) the profile that verdicts are read off: `cell` (for an RNN `hidden`) counted
            back from each sequence's own last step, root mean square over the sequences that are
            long enough. None: made from `cell` or `hidden`.
        direct_by_lag: (T,) as `by_lag`, what enters at that step directly: from the loss, or from
            the layer above. None: unknown.
        last_step_by_lag: (T,) as `by_lag`, if the last step alone had a gradient; None unless
            every step has one.
        half_life: (H,) steps, see `inspect.half_life`; None for an RNN.
        shown: which of the layer's calls were measured, see `LayerTrace`; None: all of them.
        breaks_at: first step, from 0, of hidden or cell states that are NaN or infinite; None: all
            are finite.

    Notes:
        Where the steps are calls of their own, of a cell in a loop, ``|dL/dh_t|`` is the total
        derivative by what call t gave, through everything that the loop does with it: a result
        that a mask throws away has 0. Such rows are left out of `by_lag` where a sequence has
        ended. `cell_path` and `direct_by_lag` are those of a state that is handed on as it is;
        where it is changed between the calls of a layer (`shown.altered`), they are None, and they
        are None for cells, whose output is their state.
    """

    hidden: Float64
    cell: Float64 | None
    cell_path: Float64 | None
    mode: str = "LSTM"
    reverse: bool = False
    by_lag: Float64 | None = None
    direct_by_lag: Float64 | None = None
    last_step_by_lag: Float64 | None = None
    half_life: Float64 | None = None
    shown: Shown | None = None
    breaks_at: int | None = None

    @property
    def profile(self) -> Float64:
        """(T,): gradient by lag, index 0 the last step that the layer read."""
        if self.by_lag is not None:
            return self.by_lag
        norms = self.hidden if self.cell is None else self.cell
        return norms if self.reverse else norms[::-1]

    def judge(self, lag: int | None = None) -> LayerVerdict:
        """Say whether this layer's gradient vanishes, explodes or arrives over a lag.

        Args:
            lag: how many steps back the task needs it; default all there are.
        """
        return judge(self, lag)

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw log10 of the gradient norms over time; needs matplotlib.

        Args:
            ax: where; default a new pyplot figure.
            **options: as `glasscell.report.plots.gradient_river` takes them.

        Returns:
            The Axes.
        """
        from glasscell.report.plots import gradient_river

        return gradient_river(self, ax=ax, **options)


class GradientFlow(Mapping[str, LayerFlow]):
    """Layer name to `LayerFlow`, as `glasscell.gradient_flow` gives it; print it for a table.

    Args:
        layers: layer name ("encoder.l0") to its flow, in the order in which the layers ran.
        loss: value of the loss.
    """

    def __init__(self, layers: Mapping[str, LayerFlow], loss: float = float("nan")) -> None:
        self._layers = dict(layers)
        self.loss = loss

    @property
    def verdict(self) -> str:
        """One line per layer (vanishes, explodes, arrives, with numbers), then what to change.

        Before them a line for layers of whose calls only some are shown.
        """
        return self.said()

    def said(self, lang: str = "en") -> str:
        """Say the verdict in a language.

        Args:
            lang: "en" or "zh"; default "en".
        """
        return "\n".join((*notes(self, lang), in_words(self, lang)))

    def plot(self, ax: Any = None, **options: Any) -> npt.NDArray[np.object_]:
        """Draw the gradient river of each layer; needs matplotlib.

        Args:
            ax: one Axes per layer; default a new pyplot figure.
            **options: as `glasscell.report.plots.gradient_rivers` takes them.

        Returns:
            (layers,) array of Axes.
        """
        from glasscell.report.plots import gradient_rivers

        return gradient_rivers(self, ax=ax, **options)

    def __getitem__(self, name: str) -> LayerFlow:
        if name not in self._layers:
            raise KeyError(f"no layer {name!r}; known: {', '.join(self._layers) or 'none'}")
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        return f"GradientFlow({', '.join(self)})"

    def __str__(self) -> str:
        paragraphs = (
            fill(line, COLUMNS, subsequent_indent="  ") for line in self.verdict.split("\n")
        )
        return "\n".join((flow_table(self), "", *paragraphs))


def gradient_flow(
    model: torch.nn.Module,
    x: Any,
    loss: Callable[[Any], torch.Tensor],
    kwargs: Mapping[str, Any] | None = None,
    **more: Any,
) -> GradientFlow:
    """Measure how a loss's gradient travels back through time in every recurrent layer.

    Args:
        model: any torch module with LSTM, RNN, LSTMCell or RNNCell layers, ours or torch's own, on
            the CPU.
        x: what the model is called with; a tuple is several positional arguments. Tensors, or a
            `PackedSequence`.
        loss: callable on the model's output that returns a scalar tensor. What it reads decides
            what is seen: the last step alone shows memory best, ``lambda out: out[0][-1].sum()``.
        kwargs: keyword arguments of the model, for names that this function has itself, "x" for
            instance; default none.
        **more: keyword arguments of the model: ``gradient_flow(model, x, loss, lengths=n)``.

    Returns:
        `GradientFlow`: layer name, as in `glasscell.trace`, to `LayerFlow`; printed, a table and
        the verdict.

    Raises:
        TypeError: `model` is no torch module, x an array that it cannot read, or `loss` gave no
            tensor.
        ValueError: the model has no such layer, none ran, or the loss is no scalar or does not
            depend on any of them.
        RuntimeError: a layer is not on the CPU.

    Notes:
        One forward and one backward pass. Leaves every `.grad`, `requires_grad`, buffer, training
        mode and torch's random state as they were; works with frozen parameters, in eval mode and
        under `no_grad`. In training mode dropout is active, with the mask that the next call
        would draw: call `model.eval()` first to see the flow without. A layer that ran several
        times shows its last run that the loss reaches, together with those before it that handed it
        their state, as torch's graph has it; the verdict says how many calls that leaves out. Under
        `torch.utils.checkpoint` the numbers are the same.

    >>> import torch
    >>> model = torch.nn.RNN(1, 1, bias=False)
    >>> weights = model.weight_ih_l0.data.fill_(0), model.weight_hh_l0.data.fill_(0.5)
    >>> flow = gradient_flow(model, torch.zeros(20, 1, 1), lambda out: out[0][-1].sum())
    >>> flow["l0"].hidden[-3:]
    array([0.25, 0.5 , 1.  ])
    >>> print(flow)
    layer  steps  norm of  at lag 0  at the end  per step  reach  lag 0 ...... end
    l0        20  dL/dh     1.0e+00     1.9e-06     × 0.5     14  █▇▇▆▆▅▅▄▄▃▃▂▂▁
    <BLANKLINE>
    l0 vanishes after 14 steps: |dL/dh_t| changes by × 0.5 per step and stays below 1/10000 of ...
    For l0: Use an LSTM (forget bias 3.3 for 19 steps), start from an orthogonal weight_hh, or ...
    """
    recorder, value = observed(model, x, loss, {**(kwargs or {}), **more})
    return recorder.flow(value)


def observed(
    model: torch.nn.Module,
    x: Any,
    loss: Callable[[Any], torch.Tensor],
    kwargs: Mapping[str, Any] | None = None,
) -> tuple[GradientRecorder, float]:
    """Run a model forwards and back under observation, and leave it as it was.

    Args:
        model: as for `gradient_flow`.
        x: as there.
        loss: as there.
        kwargs: keyword arguments of the model; default none.

    Returns:
        What was recorded, and the value of the loss.

    Raises:
        TypeError, ValueError, RuntimeError: as `gradient_flow`.
    """
    import torch

    from glasscell.inspect.subjects.recorder import GradientRecorder
    from glasscell.inspect.subjects.torch_model import (
        differentiated,
        recurrent_modules,
        unchanged,
        watching,
    )

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


NOTHING_RAN = (
    "expected the model to call at least one of its recurrent layers, on our kernels; none did: "
    "they were not called, have a forward of their own, or are in half precision"
)
UNREACHED = (
    "expected a loss that depends on a recurrent layer of the model, got one that none of them "
    "reaches; look for detach(), argmax or no_grad between them, and call the layers in forward(); "
    "under a checkpoint with use_reentrant=True one of its inputs must require a gradient"
)


def called(model: torch.nn.Module, x: Any, kwargs: Mapping[str, Any] | None = None) -> Any:
    """Call a model, and name arrays that it cannot read.

    Args:
        model: any.
        x: what it is called with; a tuple is several positional arguments.
        kwargs: keyword arguments; default none.

    Raises:
        DtypeError: it failed on an array where tensors go.
    """
    given, named = arguments(x), dict(kwargs or {})
    named = dict(zip(named, arguments(tuple(named.values())), strict=True))
    try:
        return model(*given, **named)
    except (AttributeError, TypeError) as error:
        if any(isinstance(part, np.ndarray) for part in (*given, *named.values())):
            raise DtypeError(
                "expected x as torch tensors, or what else the model reads, got numpy.ndarray; use "
                "torch.as_tensor(x)"
            ) from error
        raise


def arguments(x: Any) -> tuple[Any, ...]:
    """Give positional arguments; a `PackedSequence` is a tuple too, and is one argument."""
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
