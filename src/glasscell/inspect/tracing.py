"""Looking on while a model runs: `glasscell.trace` and `glasscell.gradient_flow`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from glasscell.inspect.gradients.flow import GradientFlow
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.recorder import TraceRecorder
from glasscell.inspect.subjects.subject import Loss
from glasscell.inspect.subjects.watch import recurrent_modules, watching
from glasscell.traces.trace import Trace

if TYPE_CHECKING:
    import torch

__all__ = ["gradient_flow", "trace"]


@contextmanager
def trace(model: torch.nn.Module) -> Iterator[Trace]:
    """Record every gate and every state of a model's recurrent layers.

    Args:
        model: Any torch module with LSTM, GRU or RNN layers or cells, ours or torch's own, or
            `glasscell.nn.Recurrent`, on the CPU. torch's are run by our kernels inside the block
            and are themselves again after it, errors included.

    Yields:
        `Trace`: layer name to `LayerTrace`, filled as the model runs.

    Raises:
        TypeError: `model` is no torch module.
        ValueError: It has no such layer.
        RuntimeError: a layer is not on the CPU.

    Notes:
        Arrays are read-only views of the buffers that the kernel wrote (and that a backward pass
        reads), nothing is copied: an in-place change of the layer's output shows in `hidden`. They
        stay valid after the block. Each call of an LSTM keeps 6 numbers per unit
        and step, of a GRU 5, and holds on to what the layer read.

    >>> import torch
    >>> model = torch.nn.LSTM(3, 4, bidirectional=True)
    >>> with trace(model) as seen:
    ...     output, _ = model(torch.zeros(7, 2, 3))
    >>> print(seen)
    l0  LayerTrace(LSTM, f i g o c h, TBH (7, 2, 4))
    l0_reverse  LayerTrace(LSTM, reverse, f i g o c h, TBH (7, 2, 4))
    >>> layer = seen["l0"]
    >>> kept, written = layer.forget[1:] * layer.cell[:-1], layer.input[1:] * layer.candidate[1:]
    >>> bool((kept + written == layer.cell[1:]).all())
    True
    """
    recorder = TraceRecorder(recurrent_modules(model))
    with watching(model, recorder):
        yield recorder.trace


def gradient_flow(
    model: Looked,
    x: Any,
    loss: Loss | None = None,
    kwargs: Mapping[str, Any] | None = None,
    **more: Any,
) -> GradientFlow:
    """Measure how a loss's gradient travels back through time in every recurrent layer.

    Args:
        model: Any torch module with LSTM, GRU or RNN layers or cells, ours or torch's own, or
            `glasscell.nn.Recurrent`, on the CPU; or, without torch, what `glasscell.load` gave, or
            a folder of `glasscell.save`.
        x: What the model is called with: tensors, or a `PackedSequence`; a tuple is several
            positional arguments. For a saved model a batch of arrays, as for `Model.run`.
        loss: Callable on the model's output. Of a torch module it returns a scalar tensor, of a
            saved model the loss and dL/doutput, of the output's shape. What it reads decides what
            is seen: The last step alone shows memory best, ``lambda out: out[0][-1].sum()``.
            Default that sum, and where layers read both ways the first step's too.
        kwargs: Keyword arguments of a torch module, for names that this function has itself, "x"
            for instance; default none.
        **more: Keyword arguments of a torch module: ``gradient_flow(model, x, loss, lengths=n)``.

    Returns:
        `GradientFlow`: layer name, as in `glasscell.trace`, to `LayerFlow`; printed, a table and
        the verdict.

    Raises:
        TypeError: `model` is none of these, x an array that it cannot read, or `loss` gave no
            tensor.
        ValueError: The model has no such layer, none ran, or the loss is no scalar or does not
            depend on any of them.
        ShapeError: x, or what the loss of a saved model gave, is not of the shape that it must be.
        RuntimeError: a layer is not on the CPU.
        FileNotFoundError, WeightFormatError: As `glasscell.load`.

    Notes:
        One forward and one backward pass. Leaves every `.grad`, `requires_grad`, buffer, training
        mode and torch's random state as they were; works with frozen parameters, in eval mode and
        under `no_grad`. In training mode dropout is active, with the mask that the next call
        would draw: call `model.eval()` first to see the flow without. A layer that ran several
        times shows its last run that the loss reaches, together with the runs before it whose
        state it took over, as torch's graph has it; the verdict says how many calls that leaves
        out. Under `torch.utils.checkpoint` the numbers are the same. The recurrent layers of a
        saved model run on its own dtype, other parts backwards in float64; compressed weights count
        as what they stand for.

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
    return subject_of(model).measured(x, loss, {**(kwargs or {}), **more}).flow
