"""The sequences of a run that a page shows: the mistakes, the surest, the least sure.

They are of the part on which the saved network was tested, so it has never seen them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from glasscell.arrays import Array
from glasscell.data.sequences.collection import LabelKind, Labels, Sequences
from glasscell.errors import DataError

__all__ = ["WHY", "KeptSequences", "keep"]

MOST: Final = 64
"""Sequences that gradients and correlations are measured on; a page shows the first of them."""
FRONT: Final = 4
"""Of each reason, at the front."""
NUMBERS: Final = 4_000_000
"""Values of `x`, padding included, that a run keeps at most: 16 MB before compression …"""
FEWEST: Final = 3
"""… of no fewer sequences than these."""

WHY: Final = ("mistake", "certain", "uncertain", "far", "near", "other")
"""Why a sequence was kept: where the network errs, right where it is surest and where it is least
sure; of numbers the largest and the smallest errors; and, of what is left, every so many."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptSequences:
    """Sequences as the network reads them, the most telling ones first.

    Args:
        x: (M, T, F) float32, scaled, zeros after the end.
        lengths: (M,) int64 steps of each.
        names: (M,) what each is called.
        why: (M,) one of `WHY`.
        features: (F,) names.
        classes: (K,) names of the classes, or (D,) of the numbers.
        kind: "class", "multilabel" or "number".
        truth: What is right, as `Labels.values`: (M, ...), or (M, T, ...) with a label a step;
            empty where that is not known.
        outputs: What the network said: probabilities (M, K) or numbers (M, D), with a label a step
            (M, T, K) or (M, T, D); zeros after the end.
    """

    x: Array
    lengths: Array
    names: Array
    why: Array
    features: Array
    classes: Array
    kind: LabelKind
    truth: Array
    outputs: Array

    @property
    def per_step(self) -> bool:
        """Whether each step has a label of its own."""
        return self.outputs.ndim == 3

    @property
    def scored(self) -> bool:
        """Whether it is known what is right."""
        return self.truth.size > 0

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **vars(self))

    @classmethod
    def load(cls, path: Path) -> KeptSequences:
        """Read what `save` wrote.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {field.name: file[field.name] for field in fields(cls)}
        except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
            raise DataError(
                f"{path} is damaged: {error}; fit again, or give DATA to look at"
            ) from error
        return cls(**{**arrays, "kind": str(arrays["kind"])})


def keep(
    sequences: Sequences, test: Array, outputs: Array, scale: Callable[[Array], Array]
) -> KeptSequences:
    """Take the sequences that tell most of a network.

    Args:
        sequences: All that were read, with labels.
        test: (m,) which of them the network has never seen.
        outputs: What it says of them: probabilities (m, K), numbers (m, D) in the data's unit; with
            a label a step a row a step, in the order of `sequences.steps(test)`.
        scale: Gives (S, F) steps as the network reads them.

    >>> labels = Labels("class", np.array([0, 1, 0]), ("no", "yes"))
    >>> three = Sequences(np.ones((6, 1), np.float32), np.array([0, 3, 5, 6]), ("x",),
    ...                   np.array(["a", "b", "c"]), labels)
    >>> said = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    >>> kept = keep(three, np.arange(3), said, lambda steps: 2 * steps)
    >>> kept.names.tolist(), kept.why.tolist(), kept.lengths.tolist()
    (['b', 'a', 'c'], ['mistake', 'certain', 'certain'], [2, 3, 1])
    """
    labels = sequences.labels
    if labels is None:
        raise DataError("expected sequences with labels, got none")
    test = np.asarray(test, np.int64)
    lengths = sequences.lengths[test]
    truth = labels.values[sequences.steps(test) if labels.per_step else test]
    by_sequence = _by_sequence(labels, lengths, truth, outputs)
    room = max(FEWEST, NUMBERS // max(1, int(lengths.max(initial=1)) * len(sequences.features)))
    chosen, why = _telling(labels.kind, *by_sequence, min(MOST, room))
    x = [scale(sequences[number]) for number in test[chosen]]
    kept = lengths[chosen]
    if labels.per_step:
        starts = np.concatenate([[0], np.cumsum(lengths)])
        pieces = [slice(starts[k], starts[k + 1]) for k in chosen]
        truth, outputs = (
            _padded([array[piece] for piece in pieces], kept) for array in (truth, outputs)
        )
    else:
        truth, outputs = truth[chosen], outputs[chosen]
    return KeptSequences(
        x=_padded(x, kept).astype(np.float32),
        lengths=kept,
        names=np.array([str(name) for name in sequences.names[test[chosen]]], np.str_),
        why=np.array(why, np.str_),
        features=np.array(sequences.features, np.str_),
        classes=np.array(labels.names, np.str_),
        kind=labels.kind,
        truth=truth,
        outputs=outputs,
    )


def surety(kind: LabelKind, truth: Array, outputs: Array) -> tuple[Array, Array, Array]:
    """Say of each prediction how sure it is, whether it is wrong, and of which class it is.

    Args:
        kind: Of the labels.
        truth: (n, ...) as `Labels.values`.
        outputs: (n, K) or (n, D).

    Returns:
        (n,) each. Of a class its probability; of several labels that of the least sure one, or the
        surest wrong one. Of numbers less the error in standard deviations of the truth; then none
        is wrong.
    """
    if kind == "class":
        said = outputs.argmax(axis=1)
        return outputs.max(axis=1), said != truth, said
    if kind == "multilabel":
        sure, wrong = np.maximum(outputs, 1 - outputs), (outputs > 0.5) != truth
        of_wrong = np.where(wrong, sure, 0.0).max(axis=1)
        return (
            np.where(wrong.any(axis=1), of_wrong, sure.min(axis=1)),
            wrong.any(axis=1),
            (np.where(truth.any(axis=1), truth.argmax(axis=1), truth.shape[1])),
        )
    spread = truth.std(axis=0)
    errors = np.abs(outputs - truth) / np.where(spread > 0, spread, 1.0)
    return -errors.mean(axis=1), np.zeros(len(truth), bool), np.zeros(len(truth), np.int64)


def _by_sequence(
    labels: Labels, lengths: Array, truth: Array, outputs: Array
) -> tuple[Array, Array, Array]:
    """As `surety`, of each sequence; with a label a step the mean over its steps.

    A sequence of which one step in ten is wrong is a mistake, and the more of them the surer.
    """
    sure, wrong, said = surety(labels.kind, truth, outputs)
    if not labels.per_step:
        return sure, wrong, said
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    share = np.add.reduceat(wrong, starts, dtype=np.float64) / lengths
    mean = np.add.reduceat(sure, starts) / lengths
    bad = share >= 0.1
    return np.where(bad, share, mean), bad, said[starts]


def _telling(
    kind: LabelKind, sure: Array, wrong: Array, said: Array, most: int
) -> tuple[Array, list[str]]:
    """Choose the most telling sequences, and say why of each."""
    rising = np.argsort(sure, kind="stable")
    right, mistakes = rising[~wrong[rising]], rising[wrong[rising]][::-1]
    if kind == "number":
        found = {"far": iter(rising), "near": iter(rising[::-1])}
    else:
        found = {
            "mistake": iter(mistakes),
            "certain": _in_turn(right[::-1], said),
            "uncertain": _in_turn(right, said),
        }
    chosen: dict[int, str] = {}
    for count in (FRONT, most // 8):
        for why, order in found.items():
            new = (int(k) for k in order if int(k) not in chosen)
            for _, k in zip(range(count), new, strict=False):
                chosen[k] = why
    rest = [k for k in range(len(sure)) if k not in chosen]
    places = np.unique(np.linspace(0, len(rest) - 1, min(len(rest), most)).round().astype(int))
    chosen |= dict.fromkeys((rest[place] for place in places), "other")
    front = list(chosen.items())[:most]
    return np.array([k for k, _ in front], np.int64), [why for _, why in front]


def _in_turn(order: Array, said: Array) -> Iterator[int]:
    """Take one of each class, then the next of each."""
    classes = [order[said[order] == one] for one in dict.fromkeys(said[order].tolist())]
    for turn in range(max(map(len, classes), default=0)):
        yield from (int(members[turn]) for members in classes if turn < len(members))


def _padded(parts: Sequence[Array], lengths: Array) -> Array:
    """Lay parts of (T_i, ...) side by side, zeros after their ends."""
    first = parts[0]
    out = np.zeros((len(parts), int(lengths.max()), *first.shape[1:]), first.dtype)
    for row, part in zip(out, parts, strict=True):
        row[: len(part)] = part
    return out
