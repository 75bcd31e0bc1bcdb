"""Turns options and labelled sequences into a plan: goal, rounds, scalers and open options."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.sequences.collection import LabelKind, Labels, Sequences
from glasscell.data.sequences.reading import read_sequences
from glasscell.data.sequences.reading_options import Goal
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.model.nodes.grams import Alphabet
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.augmentation import continuous, symbols
from glasscell.tasks.sequences.averaging import averaged, stride_of
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.splits import Round, Scheme, split

GOALS: dict[LabelKind, Goal] = {
    "class": "classify",
    "multilabel": "multilabel",
    "number": "regress",
}

BLOCK = 1 << 16
"""Steps that are measured at a time, so that their copies in float64 stay small."""

FEW = 1000
"""Sequences to learn from, below which networks train on all of them, for all epochs.

A choice: a sixth of 50 cannot tell which epoch is best, and is missed in training.
"""

SINGLE, SEVERAL = (0.2, 0.0), (0.5, 0.3)
"""Dropout and noise in training, of one feature and of several.

Measured by 5 folds of the training sequences of three sets, one division, one seed, without the
skip: with (0.2, 0) and (0.5, 0.3) the accuracy is .963 and .981 of JapaneseVowels, 12 features, .68
and .46 of PickupGestureWiimoteZ, .76 and .46 of GunPoint, one feature each. That the number of
features decides is a choice.
"""

SYMBOL, LEFT_OUT = 0.5, 0.2
"""Scale of every feature where each step is a symbol, and share of steps left out in training.

By their own deviations rare letters would be a hundred. On the first of 5 folds of the training
part of `surnames`, without a linear path, accuracy and log loss: .706 and .929 with those, .721 and
.901 with these and a tenth left out, .713 and .896 with two tenths. Beside n-grams, by all 5 folds:
.738 and .767 with a tenth, .739 and .758 with two.
"""

GRAMS, ROWS, WEIGHTS = 3, 1 << 14, 1 << 20
"""Most symbols of the n-grams that a linear path reads, rows that they share at most, and weights.

By 5 folds of the training part of `surnames`, a logistic regression has an accuracy of .734 and a
log loss of .809 with a row for each gram and with 16,384, .730 and .815 with 8,192; with grams of
four symbols, by 3 of them, .733 and .818 in place of .739 and .809.
"""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be trained on what.

    Args:
        sequences: The labelled sequences, as the network reads them.
        options: The options with every default that depends on the data filled in.
        rounds: Parts of each round; its networks have the seed of the round.
        scheme: Where the test parts come from.
        notes: What a reader of the results should know, one sentence each.
        weights: (n,) how much each sequence counts in the training loss, or with labels a step each
            step; None: all alike.
        whole: The sequences with all of their steps, where the network reads averages; None: it
            reads all.
    """

    sequences: Sequences
    options: SequenceOptions
    rounds: tuple[Round, ...]
    scheme: Scheme = "given"
    notes: tuple[str, ...] = ()
    weights: Array | None = None
    whole: Sequences | None = None

    @property
    def unaveraged(self) -> Plan:
        """The same plan with all steps, for methods that need no fewer."""
        return self if self.whole is None else replace(self, sequences=self.whole, whole=None)

    @property
    def labels(self) -> Labels:
        """What is to be told."""
        assert self.sequences.labels is not None
        return self.sequences.labels

    @property
    def goal(self) -> Goal:
        """One class, several labels, or numbers."""
        return GOALS[self.labels.kind]

    @property
    def outputs(self) -> int:
        """Scores of a sequence or step: classes, labels or numbers."""
        return len(self.labels.names)

    @cached_property
    def of_symbols(self) -> bool:
        """Whether each step is one of several symbols."""
        return symbols(self.sequences)

    @property
    def grams(self) -> Alphabet | None:
        """Numbers of the n-grams of sequences of symbols that have a label each, or None."""
        if self.labels.per_step or not self.of_symbols:
            return None
        features = len(self.sequences.features)
        rows = 2 * Alphabet(features, GRAMS, 1).count
        return Alphabet(features, GRAMS, min(rows, ROWS, max(WEIGHTS // self.outputs, 1)))

    def round(self, seed: int) -> Round:
        """Give the parts that networks of a seed are trained on."""
        return self.rounds[seed - self.rounds[0].seed]

    def scaler(self, part: Round) -> Scaler:
        """Measure the features on the training part of a round; symbols have a fixed scale."""
        if self.of_symbols:
            width = len(self.sequences.features)
            return Scaler(np.zeros(width), np.full(width, SYMBOL))
        return measured(self.sequences, part.train)

    def target_scaler(self, part: Round) -> Scaler | None:
        """Measure the numbers to tell on the training part of a round; None for classes."""
        if self.labels.kind != "number":
            return None
        steps = self.sequences.steps(part.train) if self.labels.per_step else part.train
        return Scaler.fit(self.labels.values[steps].reshape(-1, self.outputs))

    def fingerprint(self) -> str:
        """Give a digest of the options and the data, by which a resumed run knows its own."""
        digest = hashlib.sha256(repr(sorted(self.options.record().items())).encode())
        arrays = [self.sequences.values, self.sequences.offsets, self.labels.values]
        for part in self.rounds:
            arrays += [part.train, part.validation, part.test]
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def make_plan(data: object, options: SequenceOptions) -> Plan:
    """Read the data and decide what the options leave open.

    Args:
        data: Anything that `read_sequences` takes.
        options: The options.

    Raises:
        DataError: The data cannot be used.
    """
    return plan_of(read_sequences(data, options.reading()), options)


def plan_of(sequences: Sequences, options: SequenceOptions) -> Plan:
    """Decide what the options leave open for sequences that are read.

    Raises:
        DataError: They have no labels, or too few of a class or group.
    """
    labels = sequences.labels
    if labels is None:
        raise DataError(
            f"{sequences.source or 'the data'}: expected labels to learn, found none; name their "
            "column with --label"
        )
    rounds, scheme = split(sequences, options.rounds, options.seed)
    notes = list(sequences.notes)
    if len(rounds) < options.rounds:
        notes.append(
            f"There are {count(len(rounds), 'round')} in place of {options.rounds}, as there are "
            f"no more {'groups' if sequences.groups is not None else 'sequences of a class'}."
        )
    if max(len(part.train) + len(part.validation) for part in rounds) < FEW:
        notes.append(
            f"With fewer than {FEW:,} sequences to learn from, the networks learn from all, for "
            "all epochs; what is called their validation loss is the loss on these."
        )
    options = resolved(options, sequences, rounds)
    stride = options.stride or 1
    longest = int(sequences.lengths.max())
    letters = not labels.per_step and symbols(sequences)
    if options.skip and letters and stride == 1:
        notes.append(
            "The scores of the networks are the mean of two: those of a logistic regression on "
            "n-grams, and those of recurrent layers that learn by themselves."
            if labels.kind != "number"
            else "What the networks tell is the mean of two: a ridge regression on n-grams, and "
            "recurrent layers that learn by themselves."
        )
    elif options.skip:
        notes.append(
            "The networks start at the ridge regression on summaries and learn what to add to it."
        )
    if letters and stride == 1 and (many := stride_of(sequences.lengths)) > 1:
        notes.append(
            f"The networks read all of up to {longest:,} steps, as each is a symbol; --stride "
            f"{many} has them read how often each symbol comes among {many} neighbours."
        )
    if stride == 1:
        return Plan(sequences, options, rounds, scheme, tuple(notes))
    if letters:
        notes.append(
            f"The networks read how often each symbol comes among {stride} steps, which are "
            "symbols no more: their linear path is the ridge regression on summaries."
        )
    notes.append(
        f"The networks read means of {stride} steps, so that the longest sequence, of "
        f"{longest:,}, has {-(-longest // stride):,}; the other methods read all steps, and "
        "--stride 1 has the networks do so."
    )
    read = averaged(sequences, stride)
    return Plan(read, options, rounds, scheme, tuple(notes), whole=sequences)


def resolved(
    options: SequenceOptions, sequences: Sequences, rounds: tuple[Round, ...]
) -> SequenceOptions:
    """Fill in the defaults that depend on the data."""
    assert sequences.labels is not None
    train = min(len(part.train) for part in rounds)
    per_step = sequences.labels.per_step
    pooling = options.pooling or ([] if per_step else ["mean", "max"])
    pooling = pooling.split(",") if isinstance(pooling, str) else pooling
    if per_step:
        _require_each_step(options)
    measures = continuous(sequences)
    few = max(len(part.train) + len(part.validation) for part in rounds) < FEW
    augment = options.augment
    if augment is None:
        told = sequences.labels.kind != "number" and not per_step
        augment = few and told and measures
    by_step = per_step or pooling == ["last"]
    dropout, noise = SINGLE if len(sequences.features) == 1 else SEVERAL
    letters = not measures and symbols(sequences)
    stride = options.stride or (1 if per_step or letters else stride_of(sequences.lengths))
    if not measures:
        noise = 0.0 if per_step or stride > 1 or not letters else LEFT_OUT
    return replace(
        options,
        goal=GOALS[sequences.labels.kind],
        per_step=per_step,
        rounds=len(rounds),
        features=list(sequences.features),
        hidden_size=options.hidden_size or (32 if train < 1000 else 64),
        batch_size=options.batch_size or max(8, min(64, train // 16)),
        bidirectional=not by_step if options.bidirectional is None else options.bidirectional,
        pooling=pooling,
        skip=options.skip and bool(pooling),
        stride=stride,
        dropout=dropout if options.dropout is None else options.dropout,
        noise=noise if options.noise is None else options.noise,
        augment=augment,
    )


def _require_each_step(options: SequenceOptions) -> None:
    """Refuse what leaves no score for each step."""
    for flag, given, expected in (
        ("--pooling", options.pooling, "none"),
        ("--stride", None if options.stride == 1 else options.stride, "1"),
        ("--augment", options.augment or None, "false"),
    ):
        if given is not None:
            raise DataError(
                f"{flag}: expected {expected} where each step has a label, got {given}; leave it "
                "out"
            )


def measured(sequences: Sequences, chosen: npt.ArrayLike) -> Scaler:
    """Measure the features of the chosen sequences, NaN left out; a constant one has scale 1.

    >>> two = Sequences(np.array([[1.0], [3.0], [9.0]], np.float32), np.array([0, 2, 3]), ("x",),
    ...                 np.array(["a", "b"]))
    >>> scaler = measured(two, [0])
    >>> scaler.mean, scaler.scale
    (array([2.]), array([1.]))
    """
    parts = blocks(sequences, np.sort(np.asarray(chosen, np.int64)))
    width = len(sequences.features)
    total, seen, squares = (np.zeros(width) for _ in range(3))
    for block in parts:
        values = sequences.values[sequences.steps(block)].astype(np.float64)
        total += np.nansum(values, axis=0)
        seen += (~np.isnan(values)).sum(axis=0)
    mean = total / np.maximum(seen, 1)
    for block in parts:
        values = sequences.values[sequences.steps(block)].astype(np.float64)
        squares += np.nansum((values - mean) ** 2, axis=0)
    scale = np.sqrt(squares / np.maximum(seen, 1))
    # What varies by less than float32 resolves, 6e-8 of its size, is constant.
    return Scaler(mean, np.where(scale > 1e-7 * abs(mean), scale, 1.0))


def blocks(sequences: Sequences, chosen: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Cut the chosen sequences into blocks of some 65,536 steps, or of one long sequence."""
    ends = np.cumsum(sequences.lengths[chosen])
    return np.split(chosen, np.flatnonzero(np.diff(ends // BLOCK)) + 1) if len(chosen) else []
