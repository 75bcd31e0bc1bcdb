"""Opens the files of data sets: a short function for each form that they have."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glasscell.data.sequences.collection import Labels, Sequences

__all__ = [
    "base_name",
    "digits",
    "first_names",
    "fortunes",
    "rows",
    "surnames",
    "table",
    "topics",
    "watch",
]

Files = Sequence[Path]


def base_name(files: Files) -> Path:
    """Give the path that stands for `NAME_TRAIN.ts` and `NAME_TEST.ts`."""
    return files[0].with_name(re.sub(r"_(TRAIN|TEST)$", "", files[0].stem))


def table(
    files: Files,
    time: str | None = None,
    target: str | None = None,
    form: str | None = None,
    months: bool = False,
) -> pd.DataFrame:
    """Read a CSV file as a frame with ds and y.

    Args:
        files: The file.
        time: Time column. Default: the first.
        target: Column to forecast. Default: the second.
        form: How times are written, as for strptime. Default: as they stand.
        months: Whether a row is a year with a column for each month.
    """
    frame = pd.read_csv(files[0])
    time = time or frame.columns[0]
    if months:
        values = frame.drop(columns=time).to_numpy(float).reshape(-1)
        first = f"{frame[time].iloc[0]}-01-01"
        return pd.DataFrame(
            {"ds": pd.date_range(first, periods=values.size, freq="MS"), "y": values}
        )
    times = frame[time] if form is None else pd.to_datetime(frame[time].astype(str), format=form)
    return pd.DataFrame({"ds": times, "y": frame[target or frame.columns[1]]})


def watch(_: Files) -> Sequences:
    """Read seglearn's exercises, by its own function; the subject is the group."""
    held = import_module("seglearn.datasets").load_watch()
    return _collected(
        [np.asarray(x, np.float32) for x in held["X"]],
        [held["y_labels"][int(label)] for label in held["y"]],
        tuple(held["X_labels"]),
        groups=np.array([f"subject {int(subject)}" for subject in held["subject"]]),
    )


def digits(files: Files) -> Sequences:
    """Read scikit-learn's digits: 8 steps of the 8 pixels of a row."""
    rows = np.loadtxt(files[0], delimiter=",", dtype=np.float32)
    pictures = rows[:, :-1].reshape(-1, 8, 8)
    names = tuple(f"pixel {column}" for column in range(8))
    return _collected(list(pictures), [str(int(label)) for label in rows[:, -1]], names)


def rows(files: Files) -> Sequences:
    """Read text files with a sequence a row, the class first; the file says which part it is of."""
    parts = {file.stem.rpartition("_")[2]: np.loadtxt(file) for file in files}
    held = np.concatenate([parts["TRAIN"], parts["TEST"]])
    test = np.arange(len(held)) >= len(parts["TRAIN"])
    labels = [str(int(label)) for label in held[:, 0]]
    return _collected(list(held[:, 1:, None].astype(np.float32)), labels, ("value",), test=test)


def surnames(_: Files, locales: Mapping[str, str]) -> Sequences:
    """Read Faker's surnames, letter by letter.

    Args:
        locales: Those to take, to the language.
    """
    pairs = [
        (name, language)
        for locale, language in locales.items()
        for name in dict.fromkeys(
            import_module(f"faker.providers.person.{locale}").Provider.last_names
        )
    ]
    return _letters(pairs)


def first_names(files: Files) -> Sequences:
    """Read the first names of the US census that one sex alone has, letter by letter."""
    pairs = [
        (line.split()[0], file.name.split(".")[1])
        for file in files
        for line in file.read_text().splitlines()
        if line.strip()
    ]
    sexes = Counter(name for name, _ in pairs)
    return _letters([(name, sex) for name, sex in pairs if sexes[name] == 1])


def topics(_: Files) -> list[str]:
    """Read the help texts of Python."""
    held: dict[str, str] = import_module("pydoc_data.topics").topics
    return ["\n".join(held[name] for name in sorted(held))]


def fortunes(files: Files, chosen: Sequence[str]) -> list[str]:
    """Read sayings, which lines of % part.

    Args:
        files: Those that are there.
        chosen: Names of those to take.
    """
    taken = [file for file in files if file.name.removesuffix(".u8") in chosen]
    texts = [file.read_text(encoding="utf-8") for file in taken]
    return [re.sub(r"^%\n", "\n", text, flags=re.MULTILINE) for text in texts]


def _person(locale: str) -> Any:
    return import_module(f"faker.providers.person.{locale}").Provider


def _letters(pairs: Sequence[tuple[str, str]]) -> Sequences:
    """Write words as steps of one letter, each letter a feature that is 1 where it stands."""
    words = [unicodedata.normalize("NFC", word).lower() for word, _ in pairs]
    alphabet = sorted(set("".join(words)))
    place = {letter: k for k, letter in enumerate(alphabet)}
    table = np.eye(len(alphabet), dtype=np.float32)
    steps = [table[[place[letter] for letter in word]] for word in words]
    named = tuple("space" if letter == " " else letter for letter in alphabet)
    names = np.array([word for word, _ in pairs])
    return _collected(steps, [label for _, label in pairs], named, names=names)


def _collected(
    steps: Sequence[npt.NDArray[np.float32]],
    labels: Sequence[str],
    features: tuple[str, ...],
    names: Any = None,
    groups: Any = None,
    test: Any = None,
) -> Sequences:
    """Put sequences with a class each together."""
    ends, values = np.cumsum([0, *map(len, steps)]), np.concatenate(steps)
    classes, numbers = np.unique(np.asarray(labels), return_inverse=True)
    return Sequences(
        values=values,
        offsets=ends.astype(np.int64),
        features=features,
        names=np.arange(1, len(steps) + 1).astype(str) if names is None else names,
        labels=Labels("class", numbers.astype(np.int64), tuple(classes.tolist())),
        groups=groups,
        test=test,
        manner={"named": True},
    )
