"""Looks for ways by which the answer leaks into the test: copies, and features that are the label.

A group in both parts cannot be: `splits` refuses it. Scalers cannot see the test part:
`Plan.scaler` takes the training part of a round alone.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from sklearn.tree import DecisionTreeClassifier

from glasscell.arrays import Array
from glasscell.data.wording import count, few
from glasscell.tasks.sequences.plan import Plan
from glasscell.tasks.sequences.splits import Index

STEPS = 20_000
"""Steps that are looked at in each part."""

NEARLY_ALL = 0.999
"""Part of the test steps, or rank correlation, from which on a feature is said to tell the label.
A signal that one has to listen to shows it in no single step."""


def leaks(plan: Plan) -> list[str]:
    """Say what a reader has to look at before he believes the scores, one sentence each."""
    found = []
    copies = _copies(plan)
    if copies:
        found.append(
            f"{count(copies, 'test sequence is', 'test sequences are')} equal to a training "
            "sequence, number by number: what is learnt by heart scores as if it were understood. "
            "Drop the copies, or name a group."
        )
    telling = _telling(plan)
    if telling:
        each = "feature" if len(telling) == 1 else "features"
        alone = "alone tells" if len(telling) == 1 else ", each alone, tell"
        found.append(
            f"The {each} {few(telling)} {alone} the label at any single step. Where that is not "
            "known before the label is, leave it out with --features."
        )
    if _lengths_tell(plan):
        found.append(
            "The length of a sequence alone tells its label. Where that comes of how the data were "
            "cut, cut them alike."
        )
    return found


def _copies(plan: Plan) -> int:
    """Count test sequences that training has too, each once."""
    digests = [
        blake2b(np.ascontiguousarray(plan.sequences[n]).tobytes(), digest_size=16).digest()
        for n in range(len(plan.sequences))
    ]
    same = np.unique(np.array(digests, "V16"), return_inverse=True)[1]
    copied = set()
    for part in plan.rounds:
        known = same[np.concatenate([part.train, part.validation])]
        copied |= set(part.test[np.isin(same[part.test], known)].tolist())
    return len(copied)


def _telling(plan: Plan) -> list[str]:
    """Name the features of which one step alone gives the label away."""
    part = plan.rounds[0]
    rows, owners = _sample(plan, np.concatenate([part.train, part.validation]))
    tests, tested = _sample(plan, part.test)
    labels = plan.labels
    y = labels.values[rows if labels.per_step else owners]
    z = labels.values[tests if labels.per_step else tested]
    scale, values = plan.scaler(part).network_input, plan.sequences.values
    learnt, asked = scale(values[rows]).T, scale(values[tests]).T
    return [
        name
        for name, x, x_test in zip(plan.sequences.features, learnt, asked, strict=True)
        if _tells(x, y, x_test, z, plan)
    ]


def _lengths_tell(plan: Plan) -> bool:
    if plan.labels.per_step or np.ptp(plan.sequences.lengths) == 0:
        return False
    part, lengths, values = plan.rounds[0], plan.sequences.lengths, plan.labels.values
    learning = np.concatenate([part.train, part.validation])
    return _tells(lengths[learning], values[learning], lengths[part.test], values[part.test], plan)


def _sample(plan: Plan, chosen: Index) -> tuple[Index, Index]:
    """Give steps of the chosen sequences, evenly spaced, and whose each is."""
    lengths = plan.sequences.lengths[chosen]
    ends = np.cumsum(lengths)
    places = np.unique(np.linspace(0, ends[-1] - 1, min(STEPS, ends[-1])).astype(np.int64))
    owner = np.searchsorted(ends, places, side="right")
    rows = plan.sequences.offsets[:-1][chosen][owner] + places - (ends - lengths)[owner]
    return rows, chosen[owner]


def _tells(x: Array, y: Array, x_test: Array, y_test: Array, plan: Plan) -> bool:
    """Whether one number tells the label, on test steps that were not learnt from."""
    if np.ptp(x) == 0:
        return False
    if plan.goal == "regress":
        numbers = y_test.reshape(len(y_test), -1).T
        varied = [one for one in numbers if np.ptp(one) > 0 and np.ptp(x_test) > 0]
        return any(abs(spearmanr(x_test, one).statistic) > NEARLY_ALL for one in varied)
    pairs = [(y, y_test)] if plan.goal == "classify" else list(zip(y.T, y_test.T, strict=True))
    for known, truth in pairs:
        frequent = np.bincount(truth.astype(np.int64)).max() / len(truth)
        if frequent > 0.95:  # there is next to nothing to tell
            continue
        tree = DecisionTreeClassifier(max_leaf_nodes=max(2 * plan.outputs, 4), random_state=0)
        if tree.fit(x[:, None], known).score(x_test[:, None], truth) > NEARLY_ALL:
            return True
    return False
