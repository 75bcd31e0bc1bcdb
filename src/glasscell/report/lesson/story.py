"""What the lesson's page shows: the carried pair, or the reader's own LSTM, as an `Exploration`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from glasscell import modelfile
from glasscell.errors import DataError
from glasscell.inspect.flow import GradientFlow
from glasscell.report.explore.collect import Recording, collect, explore
from glasscell.report.explore.data import Array, Exploration
from glasscell.report.explore.recording import folder_recording
from glasscell.report.lesson.pair import ALWAYS_ONE, Pair, carried
from glasscell.report.lesson.words import CHAPTERS

__all__ = ["Source", "lesson"]

Source: TypeAlias = Literal["run", "random"]

TITLE, TITLE_ZH = "How an LSTM remembers", "LSTM 是怎样记住的"
_PARTS = ("weight_ih", "weight_hh")


def lesson(
    run: str | os.PathLike[str] | None = None,
    x: Any = None,
    source: Source = "run",
    *,
    names: Sequence[str] = (),
    inputs: Sequence[str] = (),
    labels: Sequence[str] | None = None,
) -> Exploration:
    """Put together what the lesson shows.

    Args:
        run: A folder that `glasscell.save` wrote, whose first LSTM layer the chapters on the gates
            show; default the LSTM that glasscell carries.
        x: What `run` reads, as for `glasscell.report.explore.collect`.
        source: What `x` is, which the page says: "run", the run's own data, or "random".
        names: Names of the sequences.
        inputs: Names of the inputs.
        labels: Names of the steps.

    Returns:
        `Exploration` for `glasscell.report.lesson.render`.

    Raises:
        DataError: `run` has no LSTM layer.
        ShapeError, WeightFormatError: As `collect`.

    Notes:
        The chapters on the plain RNN, and the duel, are always about the carried pair.
    """
    pair = carried()
    shown = _carried(pair) if run is None else _own(run, x, names, inputs, labels)
    about = {"carried": run is None, "source": "carried" if run is None else source}
    return replace(
        shown,
        title=TITLE,
        subtitle="" if run is None else f"{Path(run).name}: {shown.subtitle}",
        measures={**shown.measures, "lesson": about | _facts(pair), "duel": _duel(pair)},
        arrays={**shown.arrays, **_arrays(pair)},
    )


def _carried(pair: Pair) -> Exploration:
    lstm, x = folder_recording(pair.folder / "lstm", pair.x, None)
    rnn, _ = folder_recording(pair.folder / "rnn", pair.x, None)
    marks = [np.flatnonzero(row[:, 1]) for row in pair.x]
    shown = explore(
        _together(lstm, rnn),
        x,
        title=TITLE,
        names=[f"t = {a}, {b}" for a, b in marks],
        inputs=("value", "marker"),
    )
    # The unit that the answer is read off most, at the first number that it has to keep.
    unit = int(np.abs(lstm.parameters["head.weight"]).argmax())
    return replace(shown, start={"series": 0, "layer": 0, "t": int(marks[0][0]), "unit": unit})


def _together(lstm: Recording, rnn: Recording) -> Recording:
    """Both networks on one page; the page runs the LSTM again, so the model is that."""
    if lstm.flow is None or rnn.flow is None:
        raise ValueError("expected gradients of both networks, got none")
    return replace(
        lstm,
        traces={**lstm.traces, **rnn.traces},
        weights={**lstm.weights, **rnn.weights},
        flow=GradientFlow({**lstm.flow, **rnn.flow}),
        ablate=None,
    )


def _own(
    run: str | os.PathLike[str],
    x: Any,
    names: Sequence[str],
    inputs: Sequence[str],
    labels: Sequence[str] | None,
) -> Exploration:
    shown = collect(run, x, names=names, inputs=inputs, labels=labels, ways=False)
    first = next((k for k, layer in enumerate(shown.layers) if layer.mode == "LSTM"), None)
    if first is None:
        raise DataError(
            f"{run}: expected a network with an LSTM layer to explain, got only "
            f"{', '.join(layer.mode for layer in shown.layers)}; leave the run out to see the "
            "lesson on the network that glasscell carries"
        )
    order = shown.measures["orders"][f"0/{first}"]["half_life"]
    start = {"series": 0, "layer": first, "t": shown.series[0].steps // 2}
    return replace(shown, start=start | {"unit": order[len(order) // 8]})


def _duel(pair: Pair) -> Mapping[str, Any]:
    """Which layers the view of the duel sets side by side."""
    return {"layers": [0, 1], "scores": ["", ""]}


def _facts(pair: Pair) -> dict[str, Any]:
    """What the chapters say about the pair in numbers; all of it measured here."""
    answers = pair.answers()
    return {
        "chapters": CHAPTERS,
        "T": pair.steps,
        "targets": pair.targets(),
        "count": len(answers.truth),
        "errors": {
            "lstm": answers.error("lstm"),
            "rnn": answers.error("rnn"),
            "always": ALWAYS_ONE,
        },
        "weights": {"lstm": pair.lstm.parameters, "rnn": pair.rnn.parameters},
    }


def _arrays(pair: Pair) -> dict[str, Array]:
    """Sequences, weights and answers of the pair under the page's keys."""
    answers = pair.answers()
    arrays: dict[str, Array] = {f"lesson/{s}/x": row.T for s, row in enumerate(pair.x)}
    arrays["lesson/answers"] = np.stack([answers.truth, answers.lstm, answers.rnn])
    for name in ("lstm", "rnn"):
        _, tensors = modelfile.read(pair.folder / name)
        own = {part: tensors[f"{name}.{part}_l0"] for part in _PARTS}
        own["bias"] = tensors[f"{name}.bias_ih_l0"] + tensors[f"{name}.bias_hh_l0"]
        own |= {f"head_{part}": tensors[f"head.{part}"] for part in ("weight", "bias")}
        arrays |= {f"lesson/{name}/{part}": array for part, array in own.items()}
    return arrays
