"""What a recurrent network has to beat: majority, ridge, nearest neighbour, MiniRocket.

All are fitted on the training and validation parts together, as the network saw both. Ridge has no
probabilities of its own: its scores are multiplied by one number before the softmax or sigmoid,
which is chosen on the validation part by a ridge that was fitted on the training part alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.data.wording import count
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.gram_model import GramModel
from glasscell.tasks.sequences.plan import Plan
from glasscell.tasks.sequences.ridge import Ridge, balance, coded, rows_of, sharpness, summaries
from glasscell.tasks.sequences.splits import Index, Round
from glasscell.tasks.sequences.told import probabilities

WINDOW = 5
"""Steps that ridge reads to label one step."""

STEPS = 50_000
"""Steps that ridge learns from at most, evenly spaced, where each has a label."""

LONGEST = {"DTW": 64, "Euclidean": 256, "MiniRocket": 512}
"""Steps that sequences are resampled to at most."""

BAND = 0.1
"""Part of the length by which DTW may shift a step (Sakoe and Chiba 1978)."""

DTW_WORK = 3e9
"""Products up to which DTW is used: some ten seconds. Beyond, Euclidean distance."""

NEIGHBOUR_NUMBERS = 20_000_000
"""Numbers of all sequences that are searched for neighbours: 80 MB."""

NEIGHBOUR_WORK = 5e10
"""Products of numbers up to which all are searched: some ten seconds."""

ROCKET = "aeon.transformations.collection.convolution_based"
KERNELS = 9996
SHORTEST_ROCKET = 9
MOST_ROCKET = 5000
"""Sequences that MiniRocket and ridge learn from at most: 400 MB of features."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """What one baseline says of the test parts.

    Args:
        name: "majority", "ridge on summaries" ...
        said: For each round (m, K) probabilities or (m, D) numbers; for the first alone where all
            rounds share their test part, as nothing changes.
        parameters: Numbers that were fitted.
        seconds: Time to fit and test, mean over rounds.
        note: What a reader should know of it; may be empty.
    """

    name: str
    said: tuple[Array, ...]
    parameters: int
    seconds: float
    note: str = ""


Answer = tuple[Array, int]
"""What is said of a test part, and how many numbers were fitted for it."""


def baselines(plan: Plan, say: Callable[[str], None] = lambda _: None) -> list[Baseline]:
    """Fit every baseline that the data allow, on the same parts as the networks.

    Args:
        plan: Sequences and rounds.
        say: Called before what may take long.
    """
    found = [_run(plan, "mean" if plan.goal == "regress" else "majority", prior)]
    if plan.labels.per_step:
        bidirectional = bool(plan.options.bidirectional)
        where = f"{WINDOW} steps" + (" around" if bidirectional else " up to it")
        features = partial(_windows, plan, bidirectional)
        note = f"Ridge labels a step by the features of the {where}."
        return [*found, _run(plan, "ridge on steps", partial(_ridge_of, features=features), note)]
    if plan.grams is not None:
        found.append(_on_grams(plan))
    else:
        note = (
            "Ridge on summaries reads mean, standard deviation, first and last value of each "
            "feature; its probabilities are calibrated on the validation part."
        )
        features = partial(_summaries, plan)
        found.append(_run(plan, "ridge on summaries", partial(_ridge_of, features=features), note))
    found.append(_neighbour(plan))
    rocket = _rocket(plan, say)
    return [*found, rocket] if rocket is not None else found


def left_out(plan: Plan) -> str:
    """Say why MiniRocket is not in the table; empty where it is."""
    if plan.labels.per_step:
        return ""
    if not _has_rocket():
        return "MiniRocket is left out: aeon, which has it, is not installed."
    learning = max(len(part.train) + len(part.validation) for part in plan.rounds)
    if learning > MOST_ROCKET:
        return (
            f"MiniRocket is left out: {learning:,} training sequences of {KERNELS:,} features each "
            f"would take {learning * KERNELS * 8 / 1e9:.1f} GB."
        )
    return ""


def _run(
    plan: Plan, name: str, answer: Callable[[Plan, Round], Answer], note: str = ""
) -> Baseline:
    rounds = plan.rounds if plan.scheme == "folds" else plan.rounds[:1]
    began = time.perf_counter()
    answers = [answer(plan, part) for part in rounds]
    seconds = (time.perf_counter() - began) / len(rounds)
    return Baseline(name, tuple(said for said, _ in answers), answers[0][1], seconds, note)


def prior(plan: Plan, part: Round) -> Answer:
    """Say of every test sequence how frequent each class is in training; of numbers the mean."""
    known = coded(plan, _learning(part))
    frequent = known.mean(axis=0)
    rows = len(rows_of(plan, part.test))
    return np.broadcast_to(frequent, (rows, len(frequent))), len(frequent)


def _learning(part: Round) -> Index:
    return np.concatenate([part.train, part.validation])


def _ridge_of(
    plan: Plan, part: Round, features: Callable[[Index, Scaler, int | None], tuple[Array, Array]]
) -> Answer:
    """Fit ridge on features, calibrate it, and tell of the test part.

    Args:
        plan: Sequences.
        part: The round.
        features: Gives the features of the chosen sequences and (m, K) their labels, of at most so
            many rows.
    """
    scaler, goal = plan.scaler(part), plan.goal
    x, y = features(_learning(part), scaler, STEPS)
    whole = Ridge(x, y, goal, balance(plan, y))
    x, _ = features(part.test, scaler, None)
    said = whole.scores(x)
    if goal == "regress":
        return said, whole.parameters
    x, y = features(part.train, scaler, STEPS)
    held_out, truth = features(part.validation, scaler, STEPS)
    half = Ridge(x, y, goal, balance(plan, y))
    factor = sharpness(half.scores(held_out), truth, goal) if len(truth) else 1.0
    return probabilities(goal, said * factor), whole.parameters + 1


def _summaries(plan: Plan, chosen: Index, scaler: Scaler, most: int | None) -> tuple[Array, Array]:
    return summaries(plan.sequences, chosen, scaler), coded(plan, chosen)


def _on_grams(plan: Plan) -> Baseline:
    """Tell sequences of symbols by a linear model of their n-grams."""
    name = f"{'ridge' if plan.goal == 'regress' else 'logistic regression'} on n-grams"
    return _run(
        plan,
        name,
        _gram_answer,
        f"{name[0].upper()}{name[1:]} reads how often one, two and three symbols follow one "
        "another, and which are the last; its penalty is chosen on the validation part.",
    )


def _gram_answer(plan: Plan, part: Round) -> Answer:
    model, scaler = GramModel.of(plan, part), plan.target_scaler(part)
    scores = model.scores(plan.sequences, part.test)
    said = probabilities(plan.goal, scores) if scaler is None else scaler.restore(scores)
    return said, model.fitted


def _windows(
    plan: Plan, bidirectional: bool, chosen: Index, scaler: Scaler, most: int | None
) -> tuple[Array, Array]:
    """Give each step the features of the steps around it, or up to it, edges repeated."""
    sequences = plan.sequences
    rows = sequences.steps(chosen)
    lengths = sequences.lengths[chosen]
    first = np.repeat(sequences.offsets[:-1][chosen], lengths)
    last = np.repeat(sequences.offsets[1:][chosen], lengths) - 1
    coded = np.arange(len(rows))
    if most is not None and len(rows) > most:
        coded = np.linspace(0, len(rows) - 1, most).astype(np.int64)
    rows, first, last = rows[coded], first[coded], last[coded]
    reach = WINDOW // 2 if bidirectional else 0
    shifts = range(reach - WINDOW + 1, reach + 1)
    columns = [
        scaler.network_input(sequences.values[np.clip(rows + shift, first, last)])
        for shift in shifts
    ]
    values = plan.labels.values[rows]
    y = np.eye(plan.outputs)[values] if plan.goal == "classify" else values
    return np.concatenate(columns, axis=1), y.reshape(len(rows), -1).astype(np.float64)


def resampled(sequences: Sequences, chosen: Index, scaler: Scaler, length: int) -> Array:
    """Stretch sequences to one length by linear interpolation: (m, length, F) float32, scaled.

    >>> one = Sequences(np.array([[0.0], [2.0]], np.float32), np.array([0, 2]), ("x",),
    ...                 np.array(["a"]))
    >>> resampled(one, np.array([0]), Scaler(np.zeros(1), np.ones(1)), 3).ravel()
    array([0., 1., 2.], dtype=float32)
    """
    found = np.empty((len(chosen), length, len(sequences.features)), np.float32)
    for first in range(0, len(chosen), 256):
        block = chosen[first : first + 256]
        span = (sequences.lengths[block] - 1)[:, None]
        place = np.linspace(0.0, 1.0, length) * span
        below = np.floor(place).astype(np.int64)
        part = (place - below)[:, :, None].astype(np.float32)
        start = sequences.offsets[:-1][block][:, None]
        low, high = (
            scaler.network_input(sequences.values[start + np.minimum(at, span)])
            for at in (below, below + 1)
        )
        found[first : first + 256] = low + part * (high - low)
    return found


def _neighbour(plan: Plan) -> Baseline:
    """Say of every test sequence what its nearest training sequence is."""
    sequences = plan.sequences
    median, features = int(np.median(sequences.lengths)), len(sequences.features)
    rounds = plan.rounds if plan.scheme == "folds" else plan.rounds[:1]
    pairs = sum((len(p.test) + len(p.validation)) * len(_learning(p)) for p in rounds)
    length = max(min(median, LONGEST["DTW"]), 2)
    band = max(1, round(BAND * length))
    kind = "DTW" if pairs * length * (2 * band + 1) * features <= DTW_WORK else "Euclidean"
    length = max(min(median, LONGEST[kind]), 2)
    asked = sum(len(part.test) + len(part.validation) for part in rounds)
    work = int(NEIGHBOUR_WORK // (asked * length * features))
    most = max(min(NEIGHBOUR_NUMBERS // (length * features), work), 100)
    answer = partial(_nearest_label, length=length, band=band if kind == "DTW" else 0, most=most)
    note = f"1-nearest neighbour compares sequences resampled to {count(length, 'step')}"
    note += f", DTW within {count(band, 'step')}" if kind == "DTW" else ", by Euclidean distance"
    if any(len(_learning(part)) > most for part in rounds):
        note += f", with {most:,} training sequences drawn at random"
    if plan.goal != "regress":
        note += "; it is as sure as it is often right on the validation part"
    return _run(plan, f"1-NN ({kind})", answer, f"{note}.")


def _nearest_label(plan: Plan, part: Round, length: int, band: int, most: int) -> Answer:
    scaler, learning = plan.scaler(part), _learning(part)
    if len(learning) > most:
        learning = np.sort(np.random.default_rng(part.seed).permutation(learning)[:most])
    cut = partial(resampled, plan.sequences, scaler=scaler, length=length)
    search = partial(nearest_by_dtw, band=band) if band else nearest
    known = cut(learning)
    said = coded(plan, learning)[search(cut(part.test), known)]
    if plan.goal == "regress":
        return said, 0
    held_out, train = part.validation, np.isin(learning, part.train)
    right, asked = 0.0, len(held_out)
    if asked and train.any():
        found = coded(plan, learning[train])[search(cut(held_out), known[train])]
        truth = coded(plan, held_out)
        same = (found == truth).mean(axis=1)
        right = float(np.sum(same if plan.goal == "multilabel" else same == 1))
    sure = (right + 1) / (asked + 2)
    if plan.goal == "multilabel":
        return np.where(said > 0, max(sure, 0.51), min(1 - sure, 0.49)), 0
    others = (1 - sure) / max(plan.outputs - 1, 1)
    # A neighbour that is right less often than chance still is what this method says.
    low = 1 / plan.outputs
    sure, others = (sure, others) if sure > others else (low + 1e-6, low)
    odds = np.where(said > 0, sure, others)
    return odds / odds.sum(axis=1, keepdims=True), 0


def nearest(x: Array, known: Array) -> Index:
    """Find the nearest by Euclidean distance: (m, T, F) among (n, T, F) gives (m,) numbers."""
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known.reshape(len(known), -1))
    found: Index = search.kneighbors(x.reshape(len(x), -1), return_distance=False)[:, 0]
    return found


def nearest_by_dtw(x: Array, known: Array, band: int) -> Index:
    """Find the nearest by dynamic time warping: (m, T, F) among (n, T, F) gives (m,) numbers."""
    rows = max(1, 100_000 // len(known))
    parts = [
        dtw(x[first : first + rows], known, band).argmin(axis=1) for first in range(0, len(x), rows)
    ]
    return np.concatenate(parts)


def dtw(x: Array, y: Array, band: int) -> Array:
    """Give (m, n) distances by dynamic time warping within a band, all features together.

    D_ij = |x_i − y_j|² + min(D_{i−1,j}, D_{i,j−1}, D_{i−1,j−1}) for |i − j| ≤ band

    Args:
        x: (m, T, F).
        y: (n, T, F).
        band: Steps by which one may be behind the other.

    >>> x, y = np.zeros((1, 4, 1)), np.zeros((1, 4, 1))
    >>> x[0, 1], y[0, 2] = 1, 1
    >>> dtw(x, y, 0), dtw(x, y, 1)
    (array([[2.]]), array([[0.]]))
    """
    length = x.shape[1]
    far = np.full((len(x), len(y)), np.inf)
    before: dict[int, Array] = {}
    for i in range(length):
        row: dict[int, Array] = {}
        for j in range(max(0, i - band), min(length, i + band + 1)):
            a, b = x[:, i].astype(np.float64), y[:, j].astype(np.float64)
            cost = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
            if i or j:
                least = np.minimum(before.get(j, far), row.get(j - 1, far))
                cost += np.minimum(least, before.get(j - 1, far))
            row[j] = cost
        before = row
    return before[length - 1]


def _has_rocket() -> bool:
    return find_spec("aeon") is not None


def _rocket(plan: Plan, say: Callable[[str], None]) -> Baseline | None:
    """MiniRocket and ridge (Dempster et al. 2021), where aeon is installed and the data few."""
    if left_out(plan):
        return None
    say(
        "MiniRocket and ridge ... (the first time on a machine its kernels are compiled, which "
        "takes a minute or more)"
    )
    length = int(np.clip(np.median(plan.sequences.lengths), SHORTEST_ROCKET, LONGEST["MiniRocket"]))
    even = np.ptp(plan.sequences.lengths) == 0 and len(plan.sequences[0]) == length
    note = "" if even else f"MiniRocket reads sequences resampled to {count(length, 'step')}."
    return _run(plan, "MiniRocket and ridge", partial(_rocket_answer, length=length), note)


def _rocket_answer(plan: Plan, part: Round, length: int) -> Answer:
    transform: Any = import_module(ROCKET).MiniRocket(n_kernels=KERNELS, random_state=part.seed)
    cut = partial(resampled, plan.sequences, length=length)
    transform.fit(np.moveaxis(cut(part.train, plan.scaler(part)), 1, 2))

    def features(chosen: Index, scaler: Scaler, most: int | None) -> tuple[Array, Array]:
        if not len(chosen):
            return np.zeros((0, KERNELS), np.float32), coded(plan, chosen)
        found: Array = transform.transform(np.moveaxis(cut(chosen, scaler), 1, 2))
        return found, coded(plan, chosen)

    return _ridge_of(plan, part, features)
