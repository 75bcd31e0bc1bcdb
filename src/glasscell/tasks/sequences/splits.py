"""Deals sequences out to training, validation and test: by class, by group, each tested once.

Where the data set a test part apart, every round has it. Else few sequences are dealt to as many
folds as there are rounds, so that every one is tested once, and many lend one fifth to the test.
Every round draws a validation part of its own out of the rest.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.data.wording import count, few
from glasscell.errors import DataError

Index = npt.NDArray[np.int64]
Scheme = Literal["given", "folds", "part"]

MANY = 2000
"""Sequences from which on one test part is large enough: the standard error of an accuracy of .9
on 400 of them is .015."""

TEST, VALIDATION = 5, 6
"""One test part in so many; one validation part in so many of the rest: 17 %."""

BINS = 10
"""Most strata of a label that is a number."""

MANY_GROUPS = 2000
"""Groups from which on labels are left to chance, which evens them out: to deal them out by label
takes a fifth of a millisecond each."""

ATTEMPTS = 20
"""Deals that are tried until every class is in training."""


@dataclass(frozen=True, eq=False)
class Round:
    """The parts that one network of each kind is trained and tested on.

    Args:
        seed: Of its networks.
        train: Numbers of the sequences to fit.
        validation: Those that decide which epoch is kept.
        test: Those that nothing but the scores sees.
    """

    seed: int
    train: Index
    validation: Index
    test: Index


def split(sequences: Sequences, rounds: int, seed: int) -> tuple[tuple[Round, ...], Scheme]:
    """Deal labelled sequences out.

    Args:
        sequences: What to deal, with labels.
        rounds: How many rounds; there are fewer where there are fewer groups, or sequences of the
            largest class.
        seed: The first seed; round r has seed + r.

    Returns:
        The rounds, and whether the test part is given by the data, one of the folds of each round,
        or one part of all rounds.

    Raises:
        DataError: A class or the groups are too few, or one group lies in both given parts.
    """
    deal = _Deal(sequences)
    scheme: Scheme
    if sequences.test is not None:
        scheme = "given"
        deal.require_apart(sequences.test)
        learning = np.flatnonzero(~sequences.test)
        deal.require_enough(learning, 2, "outside of the given test part")
        deal.require_learnt(learning)
        tests = [np.flatnonzero(sequences.test)] * rounds
    else:
        everything = np.arange(len(sequences), dtype=np.int64)
        deal.require_enough(everything, 3, "in all")
        scheme = "folds" if len(sequences) < MANY and rounds > 1 else "part"
        folds = deal.folds_to_learn_beside(everything, rounds if scheme == "folds" else TEST, seed)
        tests = folds if scheme == "folds" else [folds[0]] * rounds
    dealt = []
    for number, test in enumerate(tests):
        rest = np.setdiff1d(np.arange(len(sequences)), test)
        train, validation = deal.hold_out(rest, seed + number)
        dealt.append(Round(seed + number, train, validation, test.astype(np.int64)))
    return tuple(dealt), scheme


def hold_out(
    sequences: Sequences, chosen: Index, seed: int, parts: int = VALIDATION
) -> tuple[Index, Index]:
    """Set a part of the chosen sequences apart for validation.

    Args:
        sequences: The data, with labels.
        chosen: Numbers of the sequences to deal out.
        seed: Another one deals otherwise.
        parts: One part in so many is set apart; default one in six.

    Returns:
        Numbers of those to train on and of those to validate on. A class or group that cannot be
        shared stays in training; where nothing can be set apart, validation is empty.
    """
    return _Deal(sequences).hold_out(chosen, seed, parts)


class _Deal:
    """What decides where a sequence may lie: its class or stratum, and its group.

    Args:
        sequences: The data, with labels.
    """

    def __init__(self, sequences: Sequences) -> None:
        labels = sequences.labels
        assert labels is not None
        self.strata = strata(labels, sequences.offsets)
        self.classes = labels.names if labels.kind == "class" and not labels.per_step else ()
        """Names of the strata, if every one of them has to be learnt."""
        self.groups = self.group_names = None
        if sequences.groups is not None:
            self.group_names, self.groups = np.unique(sequences.groups, return_inverse=True)

    def require_apart(self, test: npt.NDArray[np.bool_]) -> None:
        """Refuse a given test part that shares a group with the rest."""
        if not test.any() or test.all():
            raise DataError(
                f"expected sequences to train on and to test on, got {count(len(test), 'sequence')}"
                f" that are all {'test' if test.any() else 'training'}; correct the column of parts"
            )
        if self.groups is None or self.group_names is None:
            return
        shared = np.intersect1d(self.groups[test], self.groups[~test])
        if len(shared):
            raise DataError(
                "expected groups that lie in one part each, got training and test sequences of "
                f"{_listed(self.group_names[shared])}; correct the column of parts, leave it out "
                "(the groups are then dealt out whole), or name no --group"
            )

    def require_enough(self, chosen: Index, least: int, where: str) -> None:
        """Refuse classes and groups of which there are too few."""
        why = "one each to train on, to validate on and to test on"
        if least == 2:
            why = "one to train on and one to validate on"
        if len(chosen) < least:
            raise DataError(
                f"expected at least {least} sequences {where} ({why}), got {len(chosen)}; give more"
            )
        if self.classes:
            sizes = np.bincount(self.strata[chosen], minlength=len(self.classes))
            there = np.flatnonzero(sizes)
            if len(there) < 2:
                raise DataError(
                    f"expected sequences of two classes or more {where}, got "
                    f"{count(len(chosen), 'sequence')} of {self.classes[there[0]]!r} alone; give "
                    "sequences of another class"
                )
            few_of = [c for c in there if sizes[c] < least]
            if few_of:
                lacking = [f"{self.classes[c]!r} has {sizes[c]}" for c in few_of]
                raise DataError(
                    f"expected at least {least} sequences of each class {where} ({why}), but "
                    f"class {few(lacking)}; give more of them, leave them out, or put them into "
                    "another class"
                )
        if self.groups is None:
            return
        there = np.unique(self.groups[chosen])
        if len(there) < least:
            raise DataError(
                f"expected at least {least} groups {where} ({why}), got {len(there)}; give "
                "sequences of more groups, or name no --group"
            )
        for number, name in enumerate(self.classes if least == 3 else ()):
            of = np.unique(self.groups[chosen][self.strata[chosen] == number])
            if len(of) == 1 and self.group_names is not None:
                owner = str(self.group_names[of[0]])
                raise DataError(
                    f"expected sequences of each class from two groups or more, but all of class "
                    f"{name!r} are of {owner!r}: what is tested could not be learnt; give more, "
                    "leave the class out, or name no --group"
                )

    def require_learnt(self, learning: Index) -> None:
        """Refuse classes that only the given test part has."""
        unknown = np.setdiff1d(self.strata, self.strata[learning])
        if self.classes and len(unknown):
            raise DataError(
                "expected all classes of the given test part in the rest too, got "
                f"{_listed(np.array(self.classes)[unknown])} in the test part alone; give training "
                "sequences of them, or leave them out"
            )

    def folds_to_learn_beside(self, chosen: Index, parts: int, seed: int) -> list[Index]:
        """Deal the chosen into folds, beside each of which every class is left to learn."""
        wanted = set(self.strata[chosen])
        for attempt in range(ATTEMPTS):
            folds = self.folds(chosen, parts, seed + 1000 * attempt)
            left = [set(self.strata[np.setdiff1d(chosen, fold)]) for fold in folds]
            if len(folds) > 1 and (not self.classes or all(one == wanted for one in left)):
                return folds
        raise DataError(
            f"expected classes that can be learnt without the groups that are tested, found no "
            f"such split into {parts} parts; give more groups, choose other --rounds, or name no "
            "--group"
        )

    def hold_out(self, chosen: Index, seed: int, parts: int = VALIDATION) -> tuple[Index, Index]:
        """Set one part apart for validation; what is alone of its class stays in training."""
        if self.classes:
            shared = self._shared(chosen)
            if not len(shared):
                return chosen, shared
            folds = self.folds(shared, parts, seed)
        else:
            folds = self.folds(chosen, parts, seed)
        wanted = set(self.strata[chosen])
        for validation in folds if len(folds) > 1 else []:
            train = np.setdiff1d(chosen, validation)
            if not self.classes or set(self.strata[train]) == wanted:
                return train, validation
        return chosen, chosen[:0]

    def _shared(self, chosen: Index) -> Index:
        """Those of the chosen whose class would be left in training without their group."""
        of = np.arange(len(chosen)) if self.groups is None else self.groups[chosen]
        alone = np.zeros(self.strata.max() + 1, bool)
        pairs = np.unique(np.stack([self.strata[chosen], of]), axis=1)
        alone[:] = np.bincount(pairs[0], minlength=len(alone)) == 1
        kept = np.unique(of[alone[self.strata[chosen]]])
        return chosen[~np.isin(of, kept)]

    def folds(self, chosen: Index, parts: int, seed: int) -> list[Index]:
        """Deal the chosen into so many folds; fewer, at last one, where they are not enough."""
        groups = None if self.groups is None else self.groups[chosen]
        strata = self.strata[chosen]
        size = len(chosen) if groups is None else len(np.unique(groups))
        largest = int(np.bincount(strata).max())
        parts = min(parts, size, largest) if self.classes else min(parts, size)
        if parts < 2:
            return [chosen]
        by_label = largest >= parts and (groups is None or size <= MANY_GROUPS)
        kind = {
            (True, True): StratifiedGroupKFold,
            (True, False): GroupKFold,
            (False, True): StratifiedKFold,
            (False, False): KFold,
        }[groups is not None, by_label]
        splitter = kind(parts, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # It warns of classes with fewer members than folds, which a fold may well be without.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            dealt = list(splitter.split(np.zeros(len(chosen)), strata, groups))
        return [chosen[rows] for _, rows in dealt]


def strata(labels: Labels, offsets: Array) -> Index:
    """Say which sequences are alike, so that every part gets its share of them: (n,) numbers.

    Args:
        labels: Their labels.
        offsets: (n + 1,) where each sequence begins.

    Returns:
        The class; of several labels the rarest that holds; of numbers one of at most ten equal
        ranges of ranks. Of labels per step the rarest class in the sequence, or the mean number.

    >>> strata(Labels("number", np.array([[0.1], [9.0], [0.2], [8.0]]), ("y",)), np.arange(5))
    array([0, 1, 0, 1])
    """
    values, first = labels.values, offsets[:-1]
    if labels.kind == "number":
        y = values.reshape(len(values), -1)
        if labels.per_step:
            y = np.add.reduceat(y, first) / np.diff(offsets)[:, None]
        order = np.argsort(y[:, 0], kind="stable")
        bins = np.empty(len(y), np.int64)
        bins[order] = np.arange(len(y)) * max(min(BINS, len(y) // 2), 1) // max(len(y), 1)
        return bins
    if labels.kind == "class" and not labels.per_step:
        return np.asarray(values, np.int64)
    holds = values if labels.kind == "multilabel" else np.eye(len(labels.names), dtype=bool)[values]
    if labels.per_step:
        holds = np.logical_or.reduceat(holds, first)
    rarest = np.argsort(holds.sum(axis=0), kind="stable")
    ranked = np.concatenate([holds[:, rarest], np.ones((len(holds), 1), bool)], axis=1)
    return np.asarray(np.argmax(ranked, axis=1), np.int64)


def _listed(names: Array) -> str:
    return few([repr(str(name)) for name in names])
