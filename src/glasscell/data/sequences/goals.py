"""Finds from the labels what is to be told: one class of several, several at once, or numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glasscell.arrays import Array
from glasscell.data.sequences.collection import LabelKind, Labels
from glasscell.data.sequences.content import Content, Said, number_text
from glasscell.data.sequences.reading_options import Goal, Known
from glasscell.data.wording import count, few
from glasscell.errors import DataError

MOST_CLASSES = 20
"""Whole numbers of more values than this are taken for numbers, as ages and counts are."""
KINDS: dict[Goal, LabelKind] = {
    "classify": "class",
    "multilabel": "multilabel",
    "regress": "number",
}


def find_labels(
    content: Content, per_step: bool, goal: Goal | None, known: Known | None, notes: list[str]
) -> Labels | None:
    """Settle what the label columns mean.

    Args:
        content: What was read.
        per_step: Whether there is a label a step.
        goal: What the user said; None: found.
        known: What the run knows; its goal and classes hold then.
        notes: Gets a sentence where the labels could be taken otherwise.

    Returns:
        The labels, or None where a run is shown sequences without them.

    Raises:
        DataError: Labels are missing, unknown, or do not fit the goal.
    """
    columns = content.labels
    kind = known.kind if known is not None else KINDS[goal] if goal else _kind(columns, notes)
    split = kind == "multilabel" and len(columns) == 1
    unsaid = np.zeros(1, bool)
    if columns and not split:
        unsaid = np.any([np.isnan(column.values) for column in columns], axis=0)
    if not columns or unsaid.any():
        if known is None:
            raise DataError(_unlabelled(content, unsaid, per_step))
        if columns and not unsaid.all():
            notes.append(
                f"{int(unsaid.sum()):,} of {len(unsaid):,} labels are missing: none was read."
            )
        return None
    if kind == "number":
        return Labels(kind, *_numbers(content, columns), per_step)
    if kind == "multilabel":
        values, names = _several(content, columns, known)
        if known is None and goal is None and (values.sum(axis=1) == 1).all():
            each = "step" if per_step else "sequence"
            notes.append(
                f"Each {each} has exactly one of the {len(names)} labels, as in one-hot coding of "
                "one class; they were taken for labels of which several may hold. For a class "
                "give one column (numpy.argmax makes it)."
            )
    else:
        values, names = _classes(content, columns, known, per_step)
    return Labels(kind, values, names, per_step)


def require_learnable(content: Content, labels: Labels, test: Array | None) -> None:
    """Refuse labels from which nothing can be learned and tested.

    Raises:
        DataError: There is one class only, a class in one sequence only or only in the test part,
            or one number throughout.
    """
    values = labels.values
    number = np.arange(len(content.lengths))
    if labels.per_step:
        number = np.repeat(number, content.lengths)
    if labels.kind == "number":
        constant = [name for name, column in zip(labels.names, values.T, strict=True)
                    if (column == column[0]).all()]  # fmt: skip
        if constant:
            raise DataError(
                f"{content.source}: expected numbers that differ in {few(constant)}, got "
                f"{number_text(values[0, labels.names.index(constant[0])])} throughout"
            )
        return
    whole = len(content.lengths)
    held = {}
    for place, name in enumerate(labels.names):
        rows = values[:, place] if labels.kind == "multilabel" else values == place
        held[name] = np.unique(number[rows])
        if labels.kind == "multilabel" and rows.all():
            raise DataError(
                f"{content.source}: label {name!r} holds of every sequence: nothing can be learned "
                "of it; leave it out of --label"
            )
    if len(held) < 2 and labels.kind == "class":
        raise DataError(
            f"{content.source}: expected at least two classes, got only the class "
            f"{labels.names[0]!r} in {count(whole, 'sequence')}; name another --label, or add "
            "sequences of another class"
        )
    few_of_them = [name for name, numbers in held.items() if len(numbers) < 2]
    if few_of_them:
        name = few_of_them[0]
        found = (
            f"in sequence {content.names[held[name][0]]!r} alone" if len(held[name]) else "in none"
        )
        others = f" (so too {few(few_of_them[1:])})" if few_of_them[1:] else ""
        raise DataError(
            f"{content.source}: label {name!r} occurs {found}{others}; a class needs two sequences "
            "at least, one to learn from and one to test: add some, leave it out, or join it with "
            "another"
        )
    if test is not None:
        unseen = [name for name, numbers in held.items() if test[numbers].all()]
        if unseen:
            raise DataError(
                f"{content.source}: label {unseen[0]!r} occurs only in the test part; move "
                "sequences of it to the training part, or leave it out"
            )


def _kind(columns: Sequence[Said], notes: list[str]) -> LabelKind:
    if len(columns) > 1:
        return "multilabel" if all(_switch(column) is not None for column in columns) else "number"
    if not columns or columns[0].words is not None:
        return "class"
    found = np.unique(columns[0].values[~np.isnan(columns[0].values)])
    whole = bool((found == np.rint(found)).all())
    many = len(found) > min(MOST_CLASSES, max(2, len(columns[0].values) // 2))
    if whole and len(found) > 2:
        what, other = ("numbers", "classify") if many else ("classes", "regress")
        notes.append(
            f"The labels are whole numbers of {len(found):,} values: they were taken for {what}; "
            f"--goal {other} takes them otherwise."
        )
    return "number" if many or not whole else "class"


def _switch(column: Said) -> Array | None:
    """Give whether a label holds, None where the column says anything but yes or no."""
    if column.words is None:
        known = column.values[~np.isnan(column.values)]
        return column.values == 1 if np.isin(known, (0, 1)).all() else None
    meaning = {"0": False, "1": True, "false": False, "true": True}
    words = [meaning.get(word.lower()) for word in column.words]
    if None in words:
        return None
    held: Array = np.isin(column.values, [place for place, word in enumerate(words) if word])
    return held


def _numbers(content: Content, columns: Sequence[Said]) -> tuple[Array, tuple[str, ...]]:
    stacked = []
    for column in columns:
        values = column.values
        if column.words is not None:
            try:
                values = np.array([float(word) for word in column.words])[values.astype(int)]
            except ValueError as error:
                raise DataError(
                    f"{content.source}: expected numbers in label {column.name!r}, got "
                    f"{few(list(map(repr, column.words)), 3)}; --goal classify takes text"
                ) from error
        if np.isinf(values).any():
            raise DataError(f"{content.source}: expected finite numbers in label {column.name!r}")
        stacked.append(values)
    return np.stack(stacked, axis=1), tuple(column.name for column in columns)


def _several(
    content: Content, columns: Sequence[Said], known: Known | None
) -> tuple[Array, tuple[str, ...]]:
    if len(columns) == 1 and _switch(columns[0]) is None:
        sets = [frozenset(filter(None, map(str.strip, text.split(";"))))
                for text in columns[0].texts()]  # fmt: skip
        found = tuple(sorted(frozenset().union(*sets)))
        names = found if known is None else known.names
        _require_known(content, found, names)
        return np.array([[name in held for name in names] for held in sets], bool), names
    held = {column.name: _switch(column) for column in columns}
    odd = [name for name, values in held.items() if values is None]
    if odd:
        raise DataError(
            f"{content.source}: expected 0 or 1 in each of the label columns, got other values in "
            f"{few(odd)}; --goal regress takes several columns of numbers"
        )
    names = tuple(held) if known is None else known.names
    lacking = [name for name in names if name not in held]
    if lacking:
        raise DataError(f"{content.source}: expected label columns {few(names)}; "
                        f"{few(lacking)} is not there")  # fmt: skip
    return np.stack([np.asarray(held[name]) for name in names], axis=1), names


def _classes(
    content: Content, columns: Sequence[Said], known: Known | None, per_step: bool
) -> tuple[Array, tuple[str, ...]]:
    if len(columns) > 1:
        raise DataError(
            f"{content.source}: expected one label column for classes, got {len(columns)} "
            f"({few([column.name for column in columns])}); name one with --label, or choose "
            "--goal multilabel (each 0 or 1)"
        )
    column = columns[0]
    numbers, codes = np.unique(column.values, return_inverse=True)
    found = [number_text(v) if column.words is None else column.words[int(v)] for v in numbers]
    names = _sorted(found) if known is None else known.names
    _require_known(content, found, names)
    places = {name: place for place, name in enumerate(names)}
    values = np.array([places[name] for name in found], np.int64)[codes]
    return values.reshape(-1), names


def _sorted(found: Sequence[str]) -> tuple[str, ...]:
    """Sort classes as numbers where all are numbers, else as text."""
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def _require_known(content: Content, found: Sequence[str], names: Sequence[str]) -> None:
    unknown = [name for name in found if name not in names]
    if unknown:
        raise DataError(
            f"{content.source}: label {unknown[0]!r} is none of the classes of the run "
            f"({few(names, 10)}); correct it, or leave those sequences out"
        )


def _unlabelled(content: Content, unsaid: Array, per_step: bool) -> str:
    if not content.labels:
        return (
            f"{content.source}: expected labels, found none; name the column with --label, or give "
            "(X, y)"
        )
    first = int(np.argmax(unsaid))
    place = content.place(first) if per_step else f"sequence {content.names[first]!r}"
    name = next(c.name for c in content.labels if np.isnan(c.values[first]))
    return (
        f"{content.source}: label {name!r}, {place}: expected a label, got nothing "
        f"({int(unsaid.sum()):,} of {len(unsaid):,} are missing); fill them, or leave those "
        f"{'steps' if per_step else 'sequences'} out"
    )
