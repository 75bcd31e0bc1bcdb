"""Turns options and a text into a plan: vocabulary, parts, sizes and what the options left open."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.text.corpus import Corpus, read_text
from glasscell.data.text.vocabulary import Vocabulary
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.tasks.text.options import TextOptions

TRAIN, VALIDATION, TEST = "train", "validation", "test"
ENDS = (0.9, 0.95)
"""Parts of the text at which training and validation end."""

WHOLE = (0.025, 0.1)
"""Parts of the text that whole files must come to as validation and as test, 5 % being meant."""

SHORTEST = 500
"""Symbols: the test part then has 25."""

WORK = 8_000_000
"""Symbols that a network reads in all its epochs, unless they are named: 256 units on 100 symbols
take some six minutes of one core."""

STEP, STEPS = (128, 1024), 100
"""Least and most symbols of a training step; between, as many as make so many steps an epoch."""

PIECE = 1 << 20
"""Symbols that are counted at a time."""

LEAST = 8
"""Streams side by side: with fewer the kernels read all weights for hardly any work."""

UNITS: dict[str, tuple[str, str]] = {
    "char": ("character", "字符"),
    "byte": ("byte", "字节"),
    "token": ("token", "词元"),
}
"""What a symbol is called."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be trained on what.

    Args:
        options: The options with every default that depends on the text filled in; `truncation`
            stays open until it is measured.
        vocabulary: What the networks know.
        parts: "train", "validation" and "test" to indices (uint8, uint16 or int32).
        test_size: Characters and UTF-8 bytes of the test part.
        source: What the data are called.
        files: How many.
        whole: Whether the parts are whole files.
        unknown: Symbols of each part that the vocabulary lacks.
        notes: What a reader of the results should know, one sentence each.
    """

    options: TextOptions
    vocabulary: Vocabulary
    parts: dict[str, Array]
    test_size: tuple[int, int]
    source: str
    files: int
    whole: bool
    unknown: dict[str, int]
    notes: tuple[str, ...]

    @property
    def train(self) -> Array:
        """Indices to learn from."""
        return self.parts[TRAIN]

    @property
    def validation(self) -> Array:
        """Indices that decide which epoch is kept."""
        return self.parts[VALIDATION]

    @property
    def test(self) -> Array:
        """Indices that are scored."""
        return self.parts[TEST]

    def truncated(self, steps: int) -> Plan:
        """Fill in the truncation, and the streams that make up a training step with it."""
        longest = max(len(self.train) // (2 * steps), 1)
        symbols = int(np.clip(len(self.train) // STEPS, STEP[0], STEP[1]))
        streams = self.options.batch_size or min(max(symbols // steps, LEAST), longest)
        return replace(self, options=replace(self.options, truncation=steps, batch_size=streams))

    def fingerprint(self) -> str:
        """Give a digest of the options and the data, by which a resumed run knows its own."""
        digest = hashlib.sha256(repr(sorted(self.options.record().items())).encode())
        for part in self.parts.values():
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def summary(self) -> dict[str, Any]:
        """Give what was understood of the data, for metrics.json."""
        return {
            "source": self.source,
            "unit": self.options.unit,
            "files": self.files,
            "whole_files": self.whole,
            "symbols": {name: len(part) for name, part in self.parts.items()},
            "unknown": self.unknown,
            "vocabulary": len(self.vocabulary),
            "test_characters": self.test_size[0],
            "test_bytes": self.test_size[1],
        }

    def lines(self) -> list[str]:
        """Say what was understood, a line each."""
        unit = UNITS[self.options.unit][0]
        sizes = ", ".join(f"{count(len(part), unit)} {n}" for n, part in self.parts.items())
        split = (
            "whole files"
            if self.whole
            else "90, 5 and 5 % of " + ("each file" if self.files > 1 else "the text, in its order")
        )
        return [
            f"What was understood of {self.source}:",
            f"  text        {count(self.files, 'file')}, {count(len(self.vocabulary), unit)} known",
            f"  parts       {sizes} ({split})",
            f"  network     {count(self.options.hidden_size or 0, 'unit')}, "
            f"{count(self.options.layers, 'layer')}, at most {count(self.epochs, 'epoch')}",
            "  To change it: --unit, --encoding, --separator, --max-vocabulary, --hidden-size, "
            "--layers, --epochs",
        ]

    @property
    def epochs(self) -> int:
        """The most epochs."""
        assert self.options.epochs is not None
        return self.options.epochs


def make_plan(data: Any, options: TextOptions) -> Plan:
    """Read the text and decide what the options leave open, but for the truncation.

    Raises:
        DataError: The text cannot be used.
    """
    corpus = read_text(data, options.reading())
    unit = UNITS[options.unit][0]
    if len(corpus) < SHORTEST:
        raise DataError(
            f"{corpus.source}: expected {count(SHORTEST, unit)} at least, as a twentieth of them "
            f"is for the test, got {len(corpus):,}; give a longer text"
        )
    places, whole = _parts(corpus)
    counts = _counts(corpus.symbols[places[TRAIN]], len(corpus.known))
    if (counts > 0).sum() < 2:
        one = corpus.known[int(np.argmax(counts))]
        raise DataError(
            f"{corpus.source}: expected different {unit}s to learn from, got {one!r} alone; "
            "give another text"
        )
    vocabulary = Vocabulary.of(corpus, counts, options.max_vocabulary)
    indices = vocabulary.indices(corpus)
    parts = {name: indices[place] for name, place in places.items()}
    most = options.max_symbols
    shortened = [n for n in (VALIDATION, TEST) if len(parts[n]) > most]
    for name in shortened:
        parts[name] = parts[name][:most]
    lost = vocabulary.unknown
    unknown = {n: 0 if lost is None else int((p == lost).sum()) for n, p in parts.items()}
    read = corpus.symbols[places[TEST]][:most]
    times = np.bincount(read, minlength=len(corpus.known))
    size = tuple(int(times @ each) for each in corpus.sizes())
    resolved = _resolved(options, len(parts[TRAIN]))
    notes = [
        *corpus.notes,
        *_unknown_notes(unknown, parts, counts, unit, options),
        *(f"Of the {n} part the first {most:,} are scored (--max-symbols)." for n in shortened),
    ]
    if len(parts[TRAIN]) > most:
        share = most * (resolved.epochs or 1) / len(parts[TRAIN])
        notes.append(
            f"An epoch reads {most:,} of the {len(parts[TRAIN]):,} {unit}s for training "
            f"(--max-symbols), {count(resolved.epochs or 1, 'epoch')} {share:.2g} times the whole."
        )
    return Plan(
        options=resolved,
        vocabulary=vocabulary,
        parts=parts,
        test_size=(size[0], size[1]),
        source=corpus.source,
        files=len(corpus.names),
        whole=whole,
        unknown=unknown,
        notes=tuple(notes),
    )


def _counts(symbols: Array, size: int) -> Array:
    """Count symbols piece by piece, as bincount makes eight bytes of each."""
    pieces = (symbols[k : k + PIECE] for k in range(0, len(symbols), PIECE))
    return np.asarray(sum(np.bincount(piece, minlength=size) for piece in pieces))


def _parts(corpus: Corpus) -> tuple[dict[str, Any], bool]:
    """Give where each part lies: whole files where these come near 90, 5 and 5 %.

    Files keep their order, so that of dated files the last ones are the test.
    """
    ends, total = corpus.offsets[1:], len(corpus)
    if len(ends) == 1:
        first, second = (int(end * total) for end in ENDS)
        return _ranges(np.array([[0, first, second, total]])), False
    first, second = (int(ends[np.argmin(abs(ends - end * total))]) for end in ENDS)
    sizes = np.array([second - first, total - second]) / total
    if ((sizes >= WHOLE[0]) & (sizes <= WHOLE[1])).all():
        return _ranges(np.array([[0, first, second, total]])), True
    rows = [
        [start, *(start + int(end * (stop - start)) for end in ENDS), stop]
        for start, stop in zip(corpus.offsets, ends, strict=False)
    ]
    return _ranges(np.array(rows)), False


def _ranges(cuts: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Give the places of each part; of one document slices, which need no copy."""
    if len(cuts) == 1:
        return {n: slice(*cuts[0, k : k + 2]) for k, n in enumerate((TRAIN, VALIDATION, TEST))}
    return {
        name: np.concatenate([np.arange(row[k], row[k + 1]) for row in cuts])
        for k, name in enumerate((TRAIN, VALIDATION, TEST))
    }


def _resolved(options: TextOptions, size: int) -> TextOptions:
    hidden = options.hidden_size or (64 if size < 20_000 else 128 if size < 100_000 else 256)
    read = min(size, options.max_symbols)
    epochs = options.epochs or int(np.clip(WORK // read, 5, 30))
    # A network that reads a text a few times only has no chance to learn it by heart.
    passes = epochs * read / size
    usual = 0.25 if passes > 12 else 0.1 if passes > 4 else 0.0
    dropout = usual if options.dropout is None else options.dropout
    return replace(options, hidden_size=hidden, epochs=epochs, dropout=dropout)


def _unknown_notes(
    unknown: dict[str, int],
    parts: dict[str, Array],
    counts: Array,
    unit: str,
    options: TextOptions,
) -> list[str]:
    notes = []
    different = int((counts > 0).sum())
    if unknown[TRAIN]:
        notes.append(
            f"The training part has {different:,} different {unit}s; the most frequent "
            f"{options.max_vocabulary - 1:,} are known, the others, "
            f"{unknown[TRAIN] / len(parts[TRAIN]):.2%} of the text, share one unknown symbol "
            "(--max-vocabulary)."
        )
    if unknown[TEST]:
        notes.append(
            f"{count(unknown[TEST], unit)} of the test part "
            f"({unknown[TEST] / len(parts[TEST]):.2%}) not known from training and scored as one "
            "unknown symbol, by every method but compression."
        )
    return notes
