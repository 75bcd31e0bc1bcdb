"""What the page of a run on labelled sequences shows beside the network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.data.sequences.collection import LabelKind, Labels
from glasscell.data.wording import count
from glasscell.inspect.dynamics.attribution import attribute, log_odds, one_output
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.model.nodes.sequence_network import SequenceNetwork
from glasscell.report.page import Exploration
from glasscell.report.views.decided.data import decided
from glasscell.report.views.results.data import Table
from glasscell.tasks.run_page import METHOD_HEAD, logged, measured, metrics, source_of
from glasscell.tasks.sequences.kept_sequences import KeptSequences, keep

__all__ = ["SHOWN", "loss_of", "names_of", "read_like", "rows_of", "with_results"]

SHOWN: Final = 12
"""Sequences on a page at most …"""
STEPS: Final = 6000
"""… and about as many steps in all."""
FEWEST: Final = 3

COLUMNS: Final[dict[str, tuple[str, str]]] = {
    "accuracy": ("accuracy", "准确率"),
    "accuracy_sd": ("±", "±"),
    "balanced_accuracy": ("balanced accuracy", "平衡准确率"),
    "macro_f1": ("macro F1", "宏 F1"),
    "log_loss": ("log loss", "对数损失"),
    "ece": ("calibration error", "校准误差"),
    "mae": ("MAE", "MAE"),
    "mae_sd": ("±", "±"),
    "rmse": ("RMSE", "RMSE"),
    "r2": ("R²", "R²"),
    "parameters": ("parameters", "参数量"),
    "seconds": ("seconds to fit", "训练秒数"),
}
"""Keys of a method in metrics.json, in the order of the table."""
KINDS: Final[dict[str, LabelKind]] = {
    "classify": "class", "multilabel": "multilabel", "regress": "number",
}  # fmt: skip
RECURRENT: Final = ("LSTM", "GRU")


def rows_of(kept: KeptSequences) -> list[int]:
    """Choose the sequences that a page shows if none are asked for."""
    steps = np.cumsum(kept.lengths)
    shown = int((steps <= STEPS).sum())
    return list(range(min(len(kept.x), SHOWN, max(FEWEST, shown))))


def read_like(file: Path, run: Path, say: Callable[[str], None] | None) -> KeptSequences:
    """Take the most telling sequences of new data for a finished run; labels are optional.

    Args:
        file: Anything that `glasscell predict` reads.
        run: The run folder.
        say: Called with each sentence on what was done to the data; None: silent.
    """
    from glasscell.tasks.sequences.predict import load_predictor

    predictor = load_predictor(run)
    sequences = predictor.read(file)
    for note in sequences.notes:
        (say or (lambda _: None))(note)
    every, outputs = np.arange(len(sequences)), predictor.outputs(sequences)
    scale = predictor.scaler.network_input
    sequences = predictor.as_the_network_reads(sequences)
    if sequences.labels is not None:
        return keep(sequences, every, outputs, scale)
    told, per_step = predictor.told, predictor.known.per_step
    # What was said stands for the truth, so that the surest and the least sure come first.
    said = {"classify": outputs.argmax(axis=1), "multilabel": outputs > 0.5}.get(told.goal, outputs)
    labels = Labels(KINDS[told.goal], said, tuple(told.names), per_step)
    kept = keep(replace(sequences, labels=labels), every, outputs, scale)
    why = kept.why if told.goal != "regress" else np.full(len(kept.why), "other")
    return replace(kept, truth=np.empty(0), why=why)


def names_of(kept: KeptSequences, rows: Sequence[int]) -> list[str]:
    """Name the shown sequences, with what was said of each and whether that is right.

    >>> from glasscell.tasks.sequences.kept_sequences import keep
    >>> from glasscell.data.sequences.collection import Labels, Sequences
    >>> labels = Labels("class", np.array([0, 1]), ("no", "yes"))
    >>> two = Sequences(np.ones((2, 1), np.float32), np.arange(3), ("x",), np.array(["a", "b"]),
    ...                 labels)
    >>> kept = keep(two, np.arange(2), np.array([[0.9, 0.1], [0.8, 0.2]]), lambda steps: steps)
    >>> names_of(kept, [0, 1])
    ['b → no (0.80) ✗', 'a → no (0.90) ✓']
    """
    return [_named(kept, row) for row in rows]


def _named(kept: KeptSequences, row: int) -> str:
    one = _shown(kept, row)
    if kept.per_step:
        return f"{one['name']}{' ✗' if one['why'] == 'mistake' else ''}"
    sure = "" if one["probability"] is None else f" ({one['probability']:.2f})"
    mark = (
        ""
        if kept.kind == "number" or not kept.scored
        else " ✓"
        if one["said"] == one["truth"]
        else " ✗"
    )
    return f"{one['name']} → {one['said']}{sure}{mark}"


def loss_of(
    kept: KeptSequences, settings: Mapping[str, Any]
) -> Callable[[Array], tuple[float, Array]]:
    """Give the loss of a network's scores on the kept sequences, and its gradient.

    Args:
        kept: With their truth.
        settings: preprocessing.json, for the scale of numbers.

    Returns:
        Cross-entropy of a class or of each label, mean absolute error of scaled numbers; a mean
        over the sequences, or over all steps.
    """
    truth = np.asarray(kept.truth)
    if kept.kind == "class":
        truth = np.eye(len(kept.classes))[truth]
    elif kept.kind == "number":
        mean, scale = _target_scale(settings, truth.shape[-1])
        truth = (truth - mean) / scale
    weights = np.ones(len(kept.x))
    if kept.per_step:
        weights = (np.arange(kept.x.shape[1]) < kept.lengths[:, None]).astype(float)
    weights = (weights / weights.sum())[..., None]

    def loss(scores: Array) -> tuple[float, Array]:
        z = np.asarray(scores, np.float64)
        if kept.kind == "number":
            return float((weights * abs(z - truth)).sum()), weights * np.sign(z - truth)
        if kept.kind == "multilabel":
            said = 1 / (1 + np.exp(-z))
            costs = np.logaddexp(0, z) - truth * z
        else:
            logs = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
            said, costs = np.exp(logs), -truth * logs
        return float((weights * costs).sum()), weights * (said - truth)

    return loss


def with_results(
    shown: Exploration,
    subject: SavedModel,
    run: Path,
    kept: KeptSequences,
    rows: Sequence[int],
    settings: Mapping[str, Any],
    titled: bool,
) -> Exploration:
    """Put what a run says of its predictions on its page.

    Args:
        shown: The network's page.
        subject: The network.
        run: The run folder.
        kept: The sequences that the network read.
        rows: Which of them the page shows.
        settings: preprocessing.json.
        titled: Whether the page has a title of its own.
    """
    shown = logged(shown, run, ("train_loss", "validation_loss"))
    shown = shown.more({}, {"shown": [_shown(kept, row) for row in rows]})
    pools = list(subject.tree.get("pooling", ()))
    if kept.per_step or pools != ["last"]:
        shown = shown.more({}, {"answers": [pool for pool in pools if pool != "last"]})
    if not kept.per_step:
        shown = shown.more({}, {"outputs": _outputs(kept, rows, settings)})
    if kept.per_step:
        shown = _tagged(shown, kept, rows)
    else:
        shown = _decided(shown, subject, kept, rows, settings)
    found = metrics(run)
    if found is None:
        return shown
    own = {
        name: found[name]
        for name in ("confusion", "calibration", "residuals", "mistakes")
        if found.get(name) is not None
    }
    table = results_table(found)
    shown = shown.more({}, {**own, "results": measured(found, table)})
    known = found.get("data", {})
    source = source_of(found, run)
    features = len(kept.features)
    said = [count(int(known["sequences"]), "sequence")] if "sequences" in known else []
    return replace(
        shown,
        title=shown.title if titled else f"{source}: {_told(kept)}",
        subtitle=", ".join([*said, count(features, "feature")])
        + f"; glasscell {glasscell.__version__} · {shown.subtitle}",
    )


def _told(kept: KeptSequences) -> str:
    """Name what is told: the classes, or how many there are if their names are numbers."""
    names = [str(name) for name in kept.classes]
    if kept.kind == "class" and all(name.lstrip("-").replace(".", "").isdigit() for name in names):
        return f"{len(names)} classes"
    return ", ".join(names[:3]) + (f" … ({len(names)})" if len(names) > 3 else "")


def results_table(found: Mapping[str, Any]) -> Table:
    """Lay the methods of metrics.json out as a table."""
    methods = found.get("methods", ())
    keys = [key for key in COLUMNS if any(one.get(key) is not None for one in methods)]
    rounds = max((one.get("rounds") or 0 for one in methods), default=0)
    return Table(
        caption=(
            "On sequences that the method has not seen.",
            "在各方法未见过的序列上。",
        ),
        columns=[METHOD_HEAD, *(COLUMNS[key] for key in keys)],
        rows=[[str(one["name"]), *(_number(one.get(key), key) for key in keys)] for one in methods],
        highlight=[k for k, one in enumerate(methods) if one["name"] in RECURRENT],
        note=(
            f"Of {count(rounds, 'round')}, each with a seed of its own; ±: standard deviation "
            "between rounds.",
            f"共 {rounds} 轮，每轮使用各自的随机种子；±：各轮之间的标准差。",
        )
        if rounds
        else "",
    )


def _number(value: Any, key: str) -> float:
    number = math.nan if value is None else float(value)
    digits = {"seconds": 1, "accuracy_sd": 4, "ece": 4, "log_loss": 4}.get(key)
    return number if digits is None or not math.isfinite(number) else round(number, digits)


def _target_scale(settings: Mapping[str, Any], width: int) -> tuple[Array, Array]:
    scaler = settings.get("target_scaler")
    if not scaler:
        return np.zeros(width), np.ones(width)
    return np.asarray(scaler["mean"], np.float64), np.asarray(scaler["scale"], np.float64)


def _labels(kept: KeptSequences, holds: Array) -> str:
    return ", ".join(str(name) for name, yes in zip(kept.classes, holds, strict=True) if yes) or "–"


def _said(kept: KeptSequences, row: int) -> str:
    """What the network said of a sequence; "" with a label a step."""
    if kept.per_step:
        return ""
    if kept.kind == "class":
        return str(kept.classes[kept.outputs[row].argmax()])
    if kept.kind == "multilabel":
        return _labels(kept, kept.outputs[row] > 0.5)
    return ", ".join(f"{value:.4g}" for value in kept.outputs[row])


def _shown(kept: KeptSequences, row: int) -> dict[str, Any]:
    one = {"name": str(kept.names[row]), "why": str(kept.why[row]), "said": _said(kept, row)}
    if kept.per_step:
        return {**one, "truth": "", "probability": None}
    sure = float(kept.outputs[row].max()) if kept.kind == "class" else None
    if not kept.scored:
        return {**one, "truth": "", "probability": sure}
    truth = kept.truth[row]
    if kept.kind == "class":
        return {**one, "truth": str(kept.classes[truth]), "probability": sure}
    if kept.kind == "multilabel":
        return {**one, "truth": _labels(kept, truth), "probability": None}
    return {**one, "truth": ", ".join(f"{v:.4g}" for v in truth), "probability": None}


def _outputs(
    kept: KeptSequences, rows: Sequence[int], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What the scores are of, and what is true, for the view that runs the network again."""
    mean, scale = _target_scale(settings, len(kept.classes))
    truth = None
    if kept.scored:
        known = np.asarray(kept.truth)[list(rows)]
        known = np.eye(len(kept.classes))[known] if kept.kind == "class" else known
        truth = known.astype(float).tolist()
    return {
        "names": list(map(str, kept.classes)), "kind": kept.kind, "truth": truth,
        "mean": mean.tolist(), "scale": scale.tolist(),
    }  # fmt: skip


def _tagged(shown: Exploration, kept: KeptSequences, rows: Sequence[int]) -> Exploration:
    """The labels of every step, true and said."""
    arrays: dict[str, Array] = {}
    for place, row in enumerate(rows):
        length = kept.lengths[row]
        said = kept.outputs[row, :length]
        if kept.kind == "class":
            arrays[f"{place}/sure"] = said.max(axis=-1)[None]
            said = said.argmax(axis=-1)[:, None]
        arrays[f"{place}/said"] = said.T
        if kept.scored:
            arrays[f"{place}/right"] = kept.truth[row, :length].reshape(length, -1).T
    return shown.more(arrays, {"tags": {"names": list(map(str, kept.classes)), "kind": kept.kind}})


def _decided(
    shown: Exploration,
    subject: SavedModel,
    kept: KeptSequences,
    rows: Sequence[int],
    settings: Mapping[str, Any],
) -> Exploration:
    """Measure what decided what was said of each shown sequence, and what attention weighed."""
    odds = kept.kind != "number"
    mean, scale = _target_scale(settings, len(kept.classes))
    found, of = [], []
    for row in rows:
        outputs = kept.outputs[row]
        place = 0 if not odds else int(outputs.argmax())
        score = log_odds(place) if kept.kind == "class" else one_output(place)
        one = attribute(subject, kept.x[row, : kept.lengths[row]], score)
        found.append(one if odds else one.scaled(float(scale[place]), float(mean[place])))
        of.append(str(kept.classes[place]))
    own = range(shown.measures.get("judged", len(shown.layers)))
    last = max(own, key=lambda k: (not shown.layers[k].reverse, k))
    root = subject.model.root
    pooling = root.pooling if isinstance(root, SequenceNetwork) else None
    weights: dict[int, Array] = {}
    for s, series in enumerate(shown.series):
        ends = [k for k in (last, last + 1) if k in own]
        y = np.concatenate([series.trace(k).hidden for k in ends], axis=1)
        given = None if pooling is None else pooling.weights(y[None])
        if given is not None:
            weights[s] = given[0]
    measured = decided(found, of, odds, weights)
    return shown.more(measured.arrays, measured.numbers)
