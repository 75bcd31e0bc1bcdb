"""From a model and its data to an `Exploration`: run it once, trace it, measure everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.gradients.flow import GradientFlow
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.inspect.subjects.subject import Loss, Recording
from glasscell.inspect.units.ablation import ablation
from glasscell.inspect.units.order import liveliest
from glasscell.report.page.exploration import Exploration, Layer, Pair, Series
from glasscell.report.page.measured import Recorded, measure
from glasscell.report.page.seen import Seen
from glasscell.threads import one_blas_thread
from glasscell.traces.layer import LayerTrace

__all__ = ["PageOptions", "collect", "explore"]

SHOWN = 4
"""Sequences of a batch that the page shows unless it is told which."""
ABLATION_FLOPS = 100e9
"""What cutting every unit may cost: about two seconds of one core."""


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """What a page shows of what ran, and how it calls it.

    Args:
        title: The page's heading, or one in English and one in Chinese; default what the model is.
        shown: Which sequences of the batch the page shows; default the first four.
        names: Names of the shown sequences.
        inputs: Names of the I inputs.
        labels: Names of the T steps, or for each shown sequence its own.
        text: Of each shown sequence, its T characters or words.
        lag: How many steps back the data asks for; default T - 1.
        film: What was recorded while the model was trained.
        lengths: (B,) steps of each sequence, for a saved model that reads several lengths, padded;
            default all T.
        ways: Whether to measure influences, path splits, Jacobian fans and what each unit is worth
            too, which takes some seconds; default True.
    """

    title: str | Pair = ""
    shown: Sequence[int] | None = None
    names: Sequence[str] = ()
    inputs: Sequence[str] = ()
    labels: Sequence[str] | Sequence[Sequence[str]] | None = None
    text: Sequence[Sequence[str]] | None = None
    lag: int | None = None
    film: Reel | None = None
    lengths: Array | None = None
    ways: bool = True


def collect(
    model: Looked,
    x: Any,
    loss: Loss | None = None,
    options: PageOptions | None = None,
    rival: tuple[str, Looked] | None = None,
    **more: Any,
) -> Exploration:
    """Run a model on data and measure everything that the page shows.

    Args:
        model: A torch module with recurrent layers, of torch's or ours, a loaded model, or a
            folder that `glasscell.save` wrote (then torch is not needed).
        x: (B, T, I) or (T, I) numbers, array or tensor; (B, T) integers where the model begins
            with an Embedding. Turned to (T, B, ·) for a model whose layers are not `batch_first`.
        loss: As for `glasscell.gradient_flow`.
        options: What to show; default `PageOptions()`.
        rival: Name of a model that reads the same, and that model, to be shown beside it.
        **more: Fields of `PageOptions`, in place of those of `options`.

    Returns:
        `Exploration`, for `render` and `write`.

    Raises:
        ShapeError: `x` has the wrong shape.
        ValueError: The model has no recurrent layer, or none ran.

    Notes:
        One traced run of the whole batch and one backward pass: the gradient norms, the verdict and
        the units' correlations are those of the whole batch. Every unit is cut on as many of the
        shown sequences as two seconds allow.
    """
    options = replace(options or PageOptions(), **more)
    recording, batch = _recording(model, x, loss, options)
    if rival is not None:
        recording = recording.beside(_recording(rival[1], x, loss, options)[0], rival[0])
    return explore(recording, batch, replace(options, title=options.title or _title(recording)))


def _recording(
    model: Looked, x: Any, loss: Loss | None, options: PageOptions
) -> tuple[Recording, Array | None]:
    subject = subject_of(model)
    if options.lengths is None:
        return subject.recording(x, loss)
    if not isinstance(subject, SavedModel):
        raise DataError(
            "lengths: expected a saved model, as glasscell.save writes it, got a torch module; "
            "save it, and give the folder"
        )
    subject = subject.of_lengths(options.lengths)
    found, batch = subject.recording(x, loss)
    return subject.alone(found, _shown(options, len(options.lengths))), batch


def _shown(options: PageOptions, batch: int) -> list[int]:
    """Which sequences of a batch are shown."""
    rows = list(range(min(batch, SHOWN))) if options.shown is None else list(options.shown)
    if bad := [row for row in rows if not 0 <= row < batch] or not rows:
        raise DataError(f"expected sequences of 0 … {batch - 1} to show, got {bad or 'none'}")
    return rows


@one_blas_thread()
def explore(found: Recording, x: Array | None, options: PageOptions) -> Exploration:
    """Measure what was recorded, `x` (B, T, I) or None."""
    inputs, ways = options.inputs, options.ways
    if not found.traces:
        raise ValueError("expected at least one recurrent layer that ran, got none")
    layers = [_layer(name, trace, found.weights) for name, trace in found.traces.items()]
    batch = next(iter(found.traces.values())).alive().shape[1]
    rows = _shown(options, batch)
    series = [
        _series(
            found,
            row,
            x,
            _at(options.names, k, f"#{row}"),
            inputs,
            _own(options.labels, k),
            _at(options.text or (), k, None),
        )
        for k, row in enumerate(rows)
    ]
    seen = {
        f"{s}/{k}": Seen(trace=trace, weights=_carrying(found, layers[k].name, trace), x=one.x)
        for s, one in enumerate(series)
        for k, trace in enumerate(one.traces)
    }
    worth, unit, why = _ablation(found, rows, batch, series[0].steps, ways)
    first, t = liveliest(series[0].traces[0], worth.get(layers[0].name))
    measured = measure(
        Recorded(
            run=found, layers=layers, seen=seen, x=x, inputs=inputs, lag=options.lag,
            film=options.film, ways=ways,
            worth=worth, worth_of=unit, unworth=why,
        )
    )  # fmt: skip
    return Exploration(
        title=options.title,
        subtitle=_subtitle(layers, series, found),
        layers=layers,
        series=series,
        findings=measured.findings,
        measures=measured.numbers,
        arrays={**measured.arrays, **_indices(found, rows, series)},
        model=found.model,
        parameters=found.parameters,
        start={"series": 0, "layer": 0, "t": t, "unit": first},
    )


def _carrying(found: Recording, name: str, trace: LayerTrace) -> LayerWeights | None:
    """The weights that carry a change from step to step, if nothing else changes the state too."""
    return None if trace.shown and trace.shown.altered else found.weights.get(name)


def _ablation(
    found: Recording, rows: Sequence[int], batch: int, steps: int, asked: bool
) -> tuple[Mapping[str, Array], str, str]:
    """What each unit is worth; in what, "loss" if there is time, else "output"; why it is unknown.

    The reason is "trace" (there is no model to cut in), "unasked", "kind" (of layer) or "slow".
    """
    if not found.weights:
        return {}, "", "trace"
    if not asked or found.subject is None or not found.holdable:
        return {}, "", "kind" if asked else "unasked"
    layers = found.weights.values()
    units = sum(np.shape(trace.hidden)[-1] for trace in found.traces.values())
    step = 2 * sum(one.weight_ih.size + one.weight_hh.size for one in layers)
    count = int(ABLATION_FLOPS / (units * step * steps))
    if found.loss is not None and count >= batch:
        return ablation(found.subject, found.read, found.loss), "loss", ""
    if not count or found.output is None:
        return {}, "", "slow" if not count else "kind"
    subject, chosen = found.subject, list(rows[:count])
    if isinstance(subject, SavedModel) and subject.lengths is not None:
        subject = subject.of_lengths(subject.lengths[chosen])
    return ablation(subject, found.rows(chosen)), "output", ""


def _indices(found: Recording, rows: Sequence[int], series: Sequence[Series]) -> dict[str, Array]:
    """What an Embedding read, (1, T) a series, for the page to run the network again."""
    if found.indices is None:
        return {}
    return {
        f"{s}/indices": found.indices[row : row + 1, : one.steps]
        for s, (row, one) in enumerate(zip(rows, series, strict=True))
    }


def _layer(name: str, trace: LayerTrace, weights: Mapping[str, LayerWeights]) -> Layer:
    arrays: dict[str, Array] = {}
    if name in weights:
        one = weights[name]
        arrays = one.arrays()
        parted = any(reads != "xh" for _, reads in trace.recurrence.program.sums)
        if "bias_ih" in arrays and not parted:
            arrays["bias"] = arrays.pop("bias_ih") + arrays.pop("bias_hh")
    return Layer(name=name, mode=trace.mode, reverse=trace.reverse, weights=arrays)


def _series(
    found: Recording,
    row: int,
    x: Array | None,
    name: str,
    inputs: Sequence[str],
    labels: Sequence[str] | None,
    text: Sequence[str] | None,
) -> Series:
    traces = [trace.sequence(row) for trace in found.traces.values()]
    T = len(traces[0].hidden)
    if any(len(trace.hidden) != T for trace in traces):
        raise ShapeError(
            "expected layers that ran over the same steps, got several lengths; show those of one "
            "length at a time: trace.to_html(layers=[…])"
        )
    flow = found.alone.get(row, found.flow)
    flows = [] if flow is None else [_whole(flow, layer, T) for layer in found.traces]
    return Series(
        name=name,
        traces=traces,
        x=None if x is None else x[row, :T],
        inputs=inputs,
        labels=None if labels is None else labels[:T],
        text=None if text is None else text[:T],
        output=_output(found.output, row, T),
        flows=flows,
    )


def _whole(flow: GradientFlow, layer: str, steps: int) -> Any:
    """A layer's flow, if it is of this series' steps."""
    one = flow.get(layer)
    return one if one is not None and len(one.hidden) == steps else None


def _output(output: Array | None, row: int, steps: int) -> Array | None:
    """One sequence's output (T, O), or (1, O) where the model gives one answer a sequence."""
    if output is None:
        return None
    one = np.atleast_2d(output[row])
    return one[:steps] if one.shape[0] >= steps else one


def _own(labels: Sequence[str] | Sequence[Sequence[str]] | None, k: int) -> Any:
    """The labels of one series: those of all, or its own."""
    return labels if not labels or isinstance(labels[0], str) else _at(labels, k, None)


def _at(values: Sequence[Any], k: int, otherwise: Any) -> Any:
    return values[k] if k < len(values) else otherwise


def _title(found: Recording) -> Pair:
    kinds = dict.fromkeys(trace.recurrence.name for trace in found.traces.values())
    return f"Inside the {' and the '.join(kinds)}", f"{' 与 '.join(kinds)} 的内部"


def _subtitle(layers: Sequence[Layer], series: Sequence[Series], found: Recording) -> str:
    widths = [np.shape(trace.hidden)[-1] for trace in series[0].traces]
    named = ", ".join(f"{layer.name} ({w})" for layer, w in zip(layers[:6], widths, strict=False))
    more = f" + {len(layers) - 6}" if len(layers) > 6 else ""
    return f"{named}{more} · T = {series[0].steps}"
