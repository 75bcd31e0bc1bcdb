"""How labelled sequences are read: what the user says, and what a finished run knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from glasscell.data.sequences.collection import LabelKind, Sequences

__all__ = ["Goal", "Known", "Layout", "Missing", "ReadingOptions"]

Goal = Literal["classify", "multilabel", "regress"]
Layout = Literal["ntc", "nct"]
Missing = Literal["raise", "interpolate", "previous", "zero"]


def split_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Give a list of names, or names in one text with commas, as a tuple.

    >>> split_names("a, b"), split_names(["a,b"]), split_names(None)
    (('a', 'b'), ('a,b',), ())
    """
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return tuple(names or ())


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How to read labelled sequences.

    Args:
        label: Label column, or several. Default: label, class, target or y.
        sequence: Column that names the sequences, or with commas several that name it together.
            Default: sequence, sequence_id, case, id ...
        time: Column of times or step numbers that puts the steps in order. Default: found; without
            one the order of the rows.
        features: Columns to read. Default: every other column of numbers.
        group: Column that says whom or what a sequence comes from; in a folder of files also a
            regular expression of their names, as subject[0-9]+. Default: subject, patient, speaker
            ... where there is one.
        part: Column that says train or test for each sequence. Default: none.
        per_step: Whether each step has a label of its own.
        layout: Order of the axes of an array: ntc (sequence, time, feature) or nct; needed where it
            cannot be seen.
        missing: Missing values: "raise", "interpolate" or "previous" within a sequence, or "zero",
            which is the feature's mean.
        marks: Further marks of a missing value in text files.
        goal: Classes, several labels at once, or numbers. Default: found from the labels.
    """

    label: str | Sequence[str] | None = None
    sequence: str | None = None
    time: str | None = None
    features: Sequence[str] | None = None
    group: str | None = None
    part: str | None = None
    per_step: bool = False
    layout: Layout | None = None
    missing: Missing = "raise"
    marks: str | Sequence[str] | None = None
    goal: Goal | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a finished run knows of the sequences that it is shown.

    Args:
        features: Names of the features, in the order of the network.
        named: Whether the source named them; arrays and .ts files do not, and go by order.
        kind: What the labels are.
        names: The classes, or the columns of numbers.
        labels: Label columns.
        per_step: Whether each step has a label.
        columns: The columns found: sequence, time, group.
        layout: Order of the axes of an array that was read.
        means: What stands for a missing value of each feature under the policy "zero" in runs of
            earlier versions; empty: 0 after scaling does.
    """

    features: tuple[str, ...]
    named: bool = True
    kind: LabelKind = "class"
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    per_step: bool = False
    columns: Mapping[str, str | None]
    layout: Layout | None = None
    means: tuple[float, ...] = ()

    @classmethod
    def of(cls, sequences: Sequences) -> Known:
        """Give what is known once these sequences were read."""
        labels, manner = sequences.labels, sequences.manner
        return cls(
            features=sequences.features,
            named=manner.get("named", False),
            kind="class" if labels is None else labels.kind,
            names=() if labels is None else labels.names,
            labels=tuple(manner.get("labels", ())),
            per_step=labels is not None and labels.per_step,
            columns=dict(manner.get("columns", {})),
            layout=manner.get("layout"),
            means=tuple(manner.get("means", ())),
        )

    def record(self) -> dict[str, Any]:
        """Give everything as plain values, as a run keeps it."""
        return asdict(self)

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> Known:
        """Give back what `record` gave, from a JSON file too."""
        lists = {name: tuple(each) for name, each in record.items() if isinstance(each, list)}
        return cls(**{**record, **lists})
