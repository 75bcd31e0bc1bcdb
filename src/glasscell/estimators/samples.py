"""X as an estimator is given it: sequences of one length or of many, checked as scikit-learn does.

What comes may be one array (n, time, features), one (n, time) of univariate sequences, or a list of
arrays, one a sequence. With a label for each step, y is such a list too.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import validate_data

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.data.sequences.content import Content
from glasscell.data.sequences.missing_values import fill_missing
from glasscell.data.sequences.reading_options import Layout, Missing
from glasscell.errors import DataError

__all__ = ["read_samples", "steps_told"]


def read_samples(estimator: Any, X: Any, reset: bool) -> Sequences:
    """Check X and lay its sequences out one after another.

    Args:
        estimator: Whose `layout` and `missing` count, and whose `n_features_in_` is set or held to.
        X: (n, time, features), or (n, features, time) where the layout is "nct"; (n, time); or a
            list of (time_i, features) or (time_i,) arrays.
        reset: Whether this is what the estimator is fitted on.

    Returns:
        The sequences, without labels.

    Raises:
        DataError: X has another form, or other features than the estimator was fitted on.
        ValueError: scikit-learn's own words for what is no array of finite numbers.
    """
    for name, known in (("layout", get_args(Layout)), ("missing", get_args(Missing))):
        if (value := getattr(estimator, name)) not in known:
            raise DataError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
    several = _as_list(X)
    rows = several is None and _depth(X) != 3
    if several is not None:
        lengths, X = _stacked([_steps(one, estimator.layout) for one in several])
    elif not rows:
        cube = np.asanyarray(X)
        cube = cube.swapaxes(1, 2) if estimator.layout == "nct" else cube
        lengths, X = np.full(len(cube), cube.shape[1]), cube.reshape(-1, cube.shape[2])
    _require_same_form(estimator, rows, reset)
    values = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=np.float32,
        order="C",
        ensure_all_finite=True if estimator.missing == "raise" else "allow-nan",
    )
    if rows:
        lengths, values = np.full(len(values), values.shape[1]), values.reshape(-1, 1)
    _require_steps(lengths)
    content = Content(
        values=values,
        lengths=lengths,
        features=[f"feature {number}" for number in range(values.shape[1])],
        named=False,
        names=[str(number) for number in range(len(lengths))],
        source="X",
    )
    filled = fill_missing(content, estimator.missing, [], learning=reset)
    manner = {"named": False, "layout": estimator.layout}
    names = np.array(content.names)
    return Sequences(filled, content.offsets, tuple(content.features), names, manner=manner)


def steps_told(y: Any, lengths: npt.NDArray[np.int64]) -> Array | None:
    """Lay labels of steps out one after another.

    Args:
        y: As given: labels of sequences, or a list with those of the steps of each.
        lengths: (n,) steps of each sequence.

    Returns:
        (S, ...) labels; None: y has one for each sequence. A list of n rows of K is taken for K
        labels of each sequence, but where every sequence has K steps.

    Raises:
        DataError: A sequence has more or fewer labels than steps.

    >>> steps_told([["a", "b"], ["a"]], np.array([2, 1])).tolist()
    ['a', 'b', 'a']
    """
    if isinstance(y, np.ndarray) and (y.dtype != object or y.ndim != 1):
        return None
    if not isinstance(y, list | tuple | np.ndarray) or not len(y) or not _depth(y[0]):
        return None
    told = [np.asarray(one) for one in y]
    if any(one.ndim == 0 for one in told):
        raise DataError("y: expected the labels of its steps for every sequence, got one label")
    counts = np.array([len(one) for one in told])
    if len(counts) == len(lengths) and np.array_equal(counts, lengths):
        steps: Array = np.concatenate(told)
        return steps
    if len(set(counts.tolist())) == 1:
        return None
    if len(counts) != len(lengths):
        raise DataError(
            f"y: expected the labels of {len(lengths)} sequences, as X has, got {len(counts)}"
        )
    place = int(np.flatnonzero(counts != lengths)[0])
    raise DataError(
        f"y: expected a label for each of the {lengths[place]} steps of sequence {place}, got "
        f"{counts[place]}"
    )


def _as_list(X: Any) -> list[Any] | None:
    """Give the sequences of X one by one, where they are not the rows of one array."""
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        X = list(X)
    if not isinstance(X, list | tuple) or not X:
        return None
    first = _depth(X[0])
    several = first == 2 or (first == 1 and len({len(one) for one in X if _depth(one) == 1}) > 1)
    return list(X) if several else None


def _depth(X: Any) -> int:
    return int(X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim)


def _steps(one: Any, layout: str) -> Array:
    """Give one sequence as (time, features)."""
    steps: Array = np.asanyarray(one)
    if steps.ndim == 1:
        return steps[:, None]
    if steps.ndim != 2:
        raise DataError(
            f"X: expected a list of arrays (time, features), one a sequence, got one of shape "
            f"{steps.shape}"
        )
    return steps.T if layout == "nct" else steps


def _stacked(several: list[Array]) -> tuple[Array, Array]:
    """Give the lengths of sequences, and their steps one after another."""
    widths = [steps.shape[1] for steps in several]
    lengths = np.array([len(steps) for steps in several])
    if len(set(widths)) > 1:
        other = next(n for n, width in enumerate(widths) if width != widths[0])
        raise DataError(
            f"X: expected the same number of features in every sequence, got {widths[0]} in "
            f"sequence 0 and {widths[other]} in sequence {other}; where features come first, give "
            'layout="nct"'
        )
    return lengths, np.concatenate(several)


def _require_steps(lengths: Array) -> None:
    if len(empty := np.flatnonzero(lengths == 0)):
        raise DataError(
            f"X: expected at least one step in every sequence, got none in sequence {empty[0]}; "
            "leave it out"
        )


def _require_same_form(estimator: Any, rows: bool, reset: bool) -> None:
    """Refuse sequences of one or more features after rows of numbers, and the reverse.

    Rows have one length and scikit-learn counts it as their features; other sequences have any.
    """
    if reset:
        estimator._rows = rows
    elif estimator._rows != rows:
        name, before = type(estimator).__name__, "(n, time)"
        other = "a list of arrays or (n, time, features)"
        before, now = (before, other) if estimator._rows else (other, before)
        raise DataError(f"X: expected {before}, as {name} was fitted on, got {now}")
