"""Reads labelled sequences of any form, or says exactly why it cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.readers import reader
from glasscell.data.sequences.collection import Sequences
from glasscell.data.sequences.content import Content, Said, say
from glasscell.data.sequences.goals import find_labels, require_learnable
from glasscell.data.sequences.missing_values import fill_missing
from glasscell.data.sequences.reading_options import (
    Goal,
    Known,
    Layout,
    Missing,
    ReadingOptions,
)
from glasscell.data.wording import count, few
from glasscell.errors import DataError

__all__ = [
    "Goal",
    "Known",
    "Layout",
    "Missing",
    "ReadingOptions",
    "Sequences",
    "read_sequences",
]

FORMS = (
    "glasscell.data.sequences.array_forms:read_arrays",
    "glasscell.data.sequences.ts_form:read_ts",
    "glasscell.data.sequences.ucr_form:read_ucr",
    "glasscell.data.sequences.array_files:read_array_file",
    "glasscell.data.sequences.label_folders:read_label_folders",
    "glasscell.data.sequences.long_form:read_long",
)
"""A line for each form. The first that knows the data reads them."""
PARTS = {
    **dict.fromkeys(("train", "training", "fit", "learn"), False),
    **dict.fromkeys(("validation", "valid", "val", "dev"), False),
    **dict.fromkeys(("test", "testing", "holdout"), True),
}
"""What a part column may say, and whether it is the test."""


def read_sequences(
    data: Any, options: ReadingOptions | None = None, known: Known | None = None
) -> Sequences:
    """Read labelled sequences.

    Args:
        data: Path of a long table (CSV, TSV, gz, Parquet, a folder of Parquet), of a folder
            `root/<label>/*.csv` or `.npy`, of a `.npz`, `.npy` or `.ts` file, or of a pair
            NAME_TRAIN.ts and NAME_TEST.ts, or .tsv or .txt of the UCR archive; a data frame;
            (X, y) or (X, y, groups) of arrays or lists; or `Sequences`.
        options: Columns, layout, missing values and goal; default all found.
        known: What a run knows that is shown these data: labels are optional then.

    Returns:
        All sequences, their values finite, or NaN where a feature's mean is to stand.

    Raises:
        DataError: The data cannot be used; the message says where and what to do.

    >>> x = [np.ones((3, 2)), np.zeros((5, 2)), np.ones((4, 2)), np.zeros((2, 2))]
    >>> read = read_sequences((x, ["up", "down", "up", "down"]))
    >>> read.lengths.tolist(), read.labels.names, read.labels.values.tolist()
    ([3, 5, 4, 2], ('down', 'up'), [1, 0, 1, 0])
    """
    options = options or ReadingOptions()
    if isinstance(data, Sequences):
        return data if known is None else settle(_content(data), options, known)
    for entry in FORMS:
        form: Any = reader(entry)
        content: Content | None = form(data, options, known)
        if content is not None:
            return settle(content, options, known)
    raise DataError(
        "expected the path of a file or folder, a data frame, or (X, y) of arrays or lists of "
        f"arrays, got {type(data).__name__}"
    )


def settle(content: Content, options: ReadingOptions, known: Known | None) -> Sequences:
    """Settle features, missing values, parts and labels of what was read.

    Raises:
        DataError: They cannot be used.
    """
    notes = list(content.notes)
    content = _in_order_of_the_run(content, known, notes)
    _require_distinct(content)
    test = _test(content, notes) if known is None else None
    labels = find_labels(content, options.per_step, options.goal, known, notes)
    if known is None and labels is not None:
        require_learnable(content, labels, test)
    means = () if known is None else known.means
    values = fill_missing(content, options.missing, notes, learning=known is None, means=means)
    return Sequences(
        values=values,
        offsets=content.offsets,
        features=tuple(content.features),
        names=np.array(content.names, str),
        labels=labels,
        groups=_groups(content, known),
        test=test,
        source=content.source,
        notes=tuple(notes),
        manner={
            **content.manner,
            "named": content.named,
            "labels": [column.name for column in content.labels],
        },
    )


def _content(sequences: Sequences) -> Content:
    """Give back what was read, to be settled for a run."""
    labels = sequences.labels
    columns: list[Said] = []
    if labels is not None and labels.kind == "class":
        columns = [Said("label", labels.values.astype(np.float64), labels.names)]
    elif labels is not None:
        stacked = labels.values.astype(np.float64).T
        columns = [Said(name, each) for name, each in zip(labels.names, stacked, strict=True)]
    return Content(
        values=sequences.values,
        lengths=sequences.lengths,
        features=sequences.features,
        named=sequences.manner.get("named", True),
        names=sequences.names.tolist(),
        labels=columns,
        group=None if sequences.groups is None else say("group", sequences.groups),
        source=sequences.source,
        notes=sequences.notes,
        manner=sequences.manner,
    )


def _in_order_of_the_run(content: Content, known: Known | None, notes: list[str]) -> Content:
    """Give the features that the run knows, by name, or by order where one of both has no names."""
    if known is None or tuple(content.features) == known.features:
        return content
    if known.named and content.named:
        lacking = [name for name in known.features if name not in content.features]
        if lacking:
            raise DataError(
                f"{content.source}: expected the features of the run ({few(known.features, 10)}); "
                f"{few(lacking)} {'is' if len(lacking) == 1 else 'are'} not there"
            )
        places = [list(content.features).index(name) for name in known.features]
        return replace(content, values=content.values[:, places], features=known.features)
    if len(content.features) != len(known.features):
        raise DataError(
            f"{content.source}: expected {count(len(known.features), 'feature')} "
            f"({few(known.features, 10)}), got {len(content.features)}"
        )
    notes.append(f"The features were taken in their order as {few(known.features, 10)}.")
    return replace(content, features=known.features)


def _require_distinct(content: Content) -> None:
    names, times = np.unique(np.array(content.names, str), return_counts=True)
    if times.max() > 1:
        twice = str(names[int(np.argmax(times))])
        raise DataError(
            f"{content.source}: the name {twice!r} stands for two sequences; give each its own"
        )


def _groups(content: Content, known: Known | None) -> Array | None:
    if content.group is None:
        return None
    unsaid = np.isnan(content.group.values)
    if unsaid.any() and known is None:
        raise DataError(
            f"{content.source}: group {content.group.name!r}, sequence "
            f"{content.names[int(np.argmax(unsaid))]!r}: expected whom it comes from, got nothing "
            f"({count(int(unsaid.sum()), 'such sequence')})"
        )
    return np.array(content.group.texts(), str)


def _test(content: Content, notes: list[str]) -> Array | None:
    part: Said | None = content.part
    if part is None:
        return None
    texts = part.texts()
    kinds = {text: PARTS.get(text.lower()) for text in dict.fromkeys(texts)}
    odd = [text for text, held in kinds.items() if held is None]
    if odd:
        raise DataError(
            f"{content.source}: expected train or test in {part.name!r}, got "
            f"{few(list(map(repr, odd)), 3)}; correct it, or leave out --part"
        )
    test = np.array([bool(kinds[text]) for text in texts])
    if test.all() or not test.any():
        raise DataError(
            f"{content.source}: expected both train and test in {part.name!r}, got only "
            f"{few(list(kinds), 3)}; leave out --part to draw the test part"
        )
    validation = [text for text in kinds if text.lower() in ("validation", "valid", "val", "dev")]
    if validation:
        notes.append(
            f"Sequences of the part {validation[0]!r} count as training: what is held back to "
            "choose the best epoch is drawn from all of them."
        )
    return test
