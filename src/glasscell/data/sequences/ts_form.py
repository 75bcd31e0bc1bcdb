"""Reads sktime's and aeon's .ts files, and refuses a header that says other than what follows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.sequences.content import Content, Said, joined, require_finite, say
from glasscell.data.sequences.reading_options import Known, ReadingOptions
from glasscell.data.wording import count, few
from glasscell.errors import DataError

MISSING = ("?", "nan")
SWITCHES = ("timestamps", "missing", "univariate", "equallength", "targetlabel", "classlabel")


@dataclass
class Header:
    """What the lines with @ say.

    Args:
        path: The file.
        says: Tag in small letters to its words, and the line where it stands.
    """

    path: Path
    says: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    def switch(self, tag: str) -> bool | None:
        """Give what a tag says, None where it is not there.

        Raises:
            DataError: It says neither true nor false.
        """
        if tag not in self.says:
            return None
        words, line = self.says[tag]
        known = {"true": True, "false": False}
        if not words or words[0].lower() not in known:
            raise DataError(
                f"{self.path}, line {line}: expected true or false after @{tag}, got "
                f"{' '.join(words) or 'nothing'}"
            )
        return known[words[0].lower()]

    def number(self, tag: str) -> int | None:
        """Give the number that a tag says, None where it is not there.

        Raises:
            DataError: It says no whole number.
        """
        if tag not in self.says:
            return None
        words, line = self.says[tag]
        if len(words) != 1 or not words[0].isdigit():
            raise DataError(
                f"{self.path}, line {line}: expected a whole number after @{tag}, got "
                f"{' '.join(words) or 'nothing'}"
            )
        return int(words[0])


def read_ts(data: Any, options: ReadingOptions, known: Known | None) -> Content | None:
    """Read a .ts file, or the pair NAME_TRAIN.ts and NAME_TEST.ts.

    Args:
        data: The file; a folder with one pair; or the place and name of a pair, without _TRAIN.ts.
        options: Nothing of them is needed.
        known: Nothing of it is needed.

    Returns:
        The content, or None where the data are no such file.

    Raises:
        DataError: The header lies, the times are of their own at each step, or a line is broken.
    """
    if not isinstance(data, str | Path):
        return None
    path = Path(data)
    if path.is_file():
        if path.suffix.lower() != ".ts":
            return None
        content = _content(path)
        return content if known is not None else with_note_of_half(content, path)
    pair = pair_of(path, lambda file: file.suffix.lower() == ".ts")
    return None if pair is None else of_pair(pair, _content)


def of_pair(pair: tuple[Path, Path], read: Callable[[Path], Content]) -> Content:
    """Read two halves of a set as its training and its test part.

    Raises:
        DataError: One is not there, or they do not fit.
    """
    for half in pair:
        if not half.is_file():
            other = pair[1] if half == pair[0] else pair[0]
            raise DataError(f"{half}: expected the other half of {other.name}, found nothing; "
                            f"give the path of {other.name} to read it alone")  # fmt: skip
    both = joined([read(half) for half in pair], ("train", "test"))
    return replace(both, source=half_of(pair[0])[0])


def with_note_of_half(content: Content, path: Path) -> Content:
    """Say that the other half of a file's set lies beside it, where it does."""
    base, half, ending = half_of(path)
    other = {"TRAIN": "TEST", "TEST": "TRAIN"}.get(half.upper(), "")
    other = other if half.isupper() else other.lower()
    if not half or not path.with_name(f"{base}_{other}{ending}").is_file():
        return content
    note = (
        f"{base}_{other}{ending} lies beside {path.name} and was not read; {path.with_name(base)} "
        "reads both, and tests on the second."
    )
    return replace(content, notes=[*content.notes, note])


def half_of(path: Path) -> tuple[str, str, str]:
    """Cut the name of a half of a set into base, half and ending; half "" where it is none.

    >>> half_of(Path("GunPoint_TRAIN.ts")), half_of(Path("a.ts"))
    (('GunPoint', 'TRAIN', '.ts'), ('a', '', '.ts'))
    """
    found = re.fullmatch(r"(.+)_(train|test)(\.[a-z]+)", path.name, re.IGNORECASE)
    return (found[1], found[2], found[3]) if found else (path.stem, "", path.suffix)


def pair_of(path: Path, fits: Callable[[Path], bool]) -> tuple[Path, Path] | None:
    """Find the two halves of a set in a folder, or beside a name; one may be missing.

    Args:
        path: The folder, or the place and name of the set.
        fits: Whether a file with the name of a half is of the form that is looked for.

    Raises:
        DataError: There are several sets in the folder.
    """
    if path.suffix:
        base, folder = None, path
    else:
        base, folder = path.name, path if path.is_dir() else path.parent
    if not folder.is_dir():
        return None
    halves: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.iterdir()):
        name, half, _ = half_of(file)
        if half and file.is_file() and fits(file):
            halves.setdefault(name, {})[half.upper()] = file
    bases = set(halves)
    if not bases:
        return None
    if base not in bases:
        if not path.is_dir():
            return None
        if len(bases) > 1:
            kind = next(iter(halves[min(bases)].values())).suffix
            raise DataError(
                f"{path}: expected one pair of {kind} files, found {few(sorted(bases))}; give the "
                f"name of one, such as {path / min(bases)}"
            )
        (base,) = bases
    there = halves[base]
    _, half, ending = half_of(next(iter(there.values())))
    lower = half.islower()
    train, test = (
        there.get(one, folder / f"{base}_{one.lower() if lower else one}{ending}")
        for one in ("TRAIN", "TEST")
    )
    return train, test


def _content(path: Path) -> Content:
    header, sequences, labels = Header(path), list[Array](), list[str]()
    try:
        # Comments of the archives are in several encodings; what is read is in UTF-8.
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
            for line, text in _lines(stream, header):
                values, label = _sequence(text, line, header, sequences)
                sequences.append(values)
                labels.append(label)
    except UnicodeEncodeError as error:
        byte = ord(error.object[error.start]) - 0xDC00
        raise DataError(f"{path}: expected text in UTF-8, got the byte 0x{byte:02x}") from error
    if not sequences:
        raise DataError(f"{path}: expected a line per sequence after @data, found none")
    return Content(
        values=np.concatenate(sequences),
        lengths=np.array([len(values) for values in sequences], np.int64),
        features=[f"x{i + 1}" for i in range(sequences[0].shape[1])],
        named=False,
        names=[str(number) for number in range(len(sequences))],
        labels=_labels(header, labels),
        source=path.name,
        manner={"layout": None},
    )


def _lines(stream: Any, header: Header) -> Iterator[tuple[int, str]]:
    """Give the lines of data with their numbers, once the header above them is read."""
    begun = False
    for line, raw in enumerate(stream, 1):
        text = raw.strip()
        if not text or text.startswith(("#", "%")):
            continue
        text.encode()
        if begun:
            yield line, text
            continue
        if not text.startswith("@"):
            raise DataError(
                f"{header.path}, line {line}: expected a tag such as @classLabel, or @data before "
                f"the sequences, got {text[:40]!r}"
            )
        tag, *words = text[1:].split()
        begun = tag.lower() == "data"
        if begun:
            _require_readable(header)
        else:
            header.says[tag.lower()] = (words, line)
    if not begun:
        raise DataError(f"{header.path}: expected a line @data, found none")


def _require_readable(header: Header) -> None:
    for tag in SWITCHES:
        header.switch(tag)
    if header.switch("timestamps"):
        raise DataError(
            f"{header.path}, line {header.says['timestamps'][1]}: @timeStamps true: each step has "
            "a time of its own, which is not read; write the values alone, at even times, with "
            "@timeStamps false, or a long table with a column of times"
        )
    if header.switch("classlabel") and header.switch("targetlabel"):
        raise DataError(f"{header.path}: expected @classLabel or @targetLabel, got both as true")
    if header.switch("classlabel") and len(header.says["classlabel"][0]) < 2:
        raise DataError(
            f"{header.path}, line {header.says['classlabel'][1]}: expected the classes after "
            "@classLabel true, got none"
        )
    wide = header.number("dimensions") or header.number("dimension")
    if header.switch("univariate") and wide not in (None, 1):
        raise DataError(f"{header.path}: @univariate true, but @dimensions {wide}; correct one")
    header.number("serieslength")


def _sequence(text: str, line: int, header: Header, before: list[Array]) -> tuple[Array, str]:
    """Read a line: dimensions with : between them, then the label."""
    parts = text.split(":")
    here = f"{header.path}, line {line}"
    label = ""
    if header.switch("classlabel") or header.switch("targetlabel"):
        label = parts.pop().strip()
        if "," in label or not label:
            raise DataError(
                f"{here}: expected a label behind the last colon, as the header says, got "
                f"{label[:40]!r}"
            )
    if header.switch("classlabel") and label not in header.says["classlabel"][0][1:]:
        said, where = header.says["classlabel"]
        raise DataError(
            f"{here}: label {label!r} is none of those that @classLabel in line {where} names "
            f"({few(said[1:], 10)}); correct the header or the line"
        )
    if not parts or not all(part.strip() for part in parts):
        raise DataError(f"{here}: expected values in each dimension, got an empty sequence")
    _require_dimensions(here, len(parts), header, before)
    columns = []
    for number, part in enumerate(parts, 1):
        cells = ["nan" if c.strip().lower() in MISSING else c for c in part.split(",")]
        try:
            columns.append(np.array(cells, np.float64))
        except ValueError as error:
            raise DataError(f"{here}, dimension {number}: expected numbers; {error}") from error
        if len(columns[-1]) != len(columns[0]):
            raise DataError(
                f"{here}: expected dimensions of one length, got {len(columns[0])} steps in the "
                f"first and {len(columns[-1])} in dimension {number}"
            )
    with np.errstate(over="ignore"):
        values = np.stack(columns, axis=1).astype(np.float32)
    _require_length(here, values, header, before)
    require_finite(values, 0, lambda t, f: f"line {line}, dimension {f + 1}, step {t + 1}",
                   str(header.path))  # fmt: skip
    return values, label


def _require_dimensions(here: str, found: int, header: Header, before: list[Array]) -> None:
    tag = "dimensions" if "dimensions" in header.says else "dimension"
    wide = header.number(tag)
    if wide is not None and found != wide:
        raise DataError(
            f"{here}: the header says {wide} dimensions (line {header.says[tag][1]}), got {found}"
        )
    if header.switch("univariate") and found > 1:
        raise DataError(
            f"{here}: the header says @univariate true (line {header.says['univariate'][1]}), got "
            f"{found} dimensions; a dimension ends at a colon"
        )
    if before and found != before[0].shape[1]:
        raise DataError(
            f"{here}: expected {before[0].shape[1]} dimensions as in the first sequence, got "
            f"{found}"
        )


def _require_length(here: str, values: Array, header: Header, before: list[Array]) -> None:
    if header.switch("missing") is False and np.isnan(values).any():
        raise DataError(
            f"{here}: the header says @missing false (line {header.says['missing'][1]}), and "
            f"{count(int(np.isnan(values).sum()), 'value is', 'values are')} missing; correct the "
            "header, and choose "
            "--missing"
        )
    if header.switch("equallength") is False:
        return
    length = header.number("serieslength")
    if length is not None and len(values) != length:
        raise DataError(
            f"{here}: the header says @seriesLength {length} (line "
            f"{header.says['serieslength'][1]}), got {len(values)} steps"
        )
    if header.switch("equallength") and before and len(values) != len(before[0]):
        raise DataError(
            f"{here}: the header says @equalLength true (line {header.says['equallength'][1]}), "
            f"got {len(values)} steps where the first sequence has {len(before[0])}"
        )


def _labels(header: Header, labels: list[str]) -> tuple[Said, ...]:
    if header.switch("classlabel"):
        return (say("class", labels),)
    if not header.switch("targetlabel"):
        return ()
    try:
        return (say("target", np.array(labels, np.float64)),)
    except ValueError as error:
        raise DataError(
            f"{header.path}: @targetLabel true: expected a number behind the last colon; {error}"
        ) from error
