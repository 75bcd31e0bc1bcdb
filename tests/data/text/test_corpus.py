"""Reading texts: any unit, any folder, few bytes a symbol, and bad input told where it is."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasscell.data.text import alphabet
from glasscell.data.text.corpus import TextReading, read_text
from glasscell.data.text.vocabulary import Vocabulary
from glasscell.errors import DataError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def written(corpus):
    return "".join(corpus.known[place] for place in corpus.symbols)


@given(text=TEXTS, piece=st.integers(1, 7))
def test_a_file_is_read_back_whatever_the_pieces(text, piece, tmp_path_factory):
    """Pieces of a few bytes cut characters apart; only the mark of the byte order is no text."""
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alphabet, "PIECE", piece)
        if not text.removeprefix("\ufeff"):
            with pytest.raises(DataError, match="found an empty one"):
                read_text(path)
            return
        corpus = read_text(path)
    assert written(corpus) == text.removeprefix("\ufeff")
    characters, size = (int(each[corpus.symbols].sum()) for each in corpus.sizes())
    assert (characters, size) == (len(written(corpus)), len(written(corpus).encode()))
    raw = read_text(path, TextReading(unit="byte"))
    characters, size = (int(each[raw.symbols].sum()) for each in raw.sizes())
    assert (characters, size) == (len(text), len(text.encode()))


@given(lines=st.lists(st.text("ab ", min_size=1), min_size=1), piece=st.integers(1, 5))
def test_tokens_are_the_same_whatever_the_pieces(lines, piece, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = [word for line in lines for word in [*line.split(" "), "\n"] if word]
    for separator, expected in (("\n", lines), (" ", words)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(alphabet, "PIECE", piece)
            corpus = read_text(path, TextReading(unit="token", separator=separator))
        assert [corpus.known[place] for place in corpus.symbols] == expected


def test_bytes_are_read_as_they_are(tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(bytes(range(256)))
    assert read_text(path, TextReading(unit="byte")).symbols.tolist() == list(range(256))


def test_gz_and_other_encodings(tmp_path):
    zipped, latin = tmp_path / "a.gz", tmp_path / "b.txt"
    zipped.write_bytes(gzip.compress("weiß\n".encode()))
    latin.write_bytes("weiß\n".encode("latin-1"))
    assert written(read_text(zipped)) == written(read_text(latin, TextReading(encoding="latin-1")))


@pytest.mark.parametrize("head", ["", "\ufeff", "é" * 100])
def test_bad_utf8_is_told_with_its_byte(head, tmp_path, monkeypatch):
    monkeypatch.setattr(alphabet, "PIECE", 16)
    path = tmp_path / "bad.txt"
    path.write_bytes(head.encode() + "naïve".encode() + b"\xff tail")
    place = len(head.encode()) + len("naïve".encode())
    message = rf"bad.txt: expected text in utf-8, found none at byte {place} \(0xFF\).*--unit byte"
    with pytest.raises(DataError, match=message):
        read_text(path)


def test_a_character_cut_off_at_the_end(tmp_path):
    path = tmp_path / "cut.txt"
    path.write_bytes("ab€".encode()[:-1])
    with pytest.raises(DataError, match=r"found none at byte 2 \(0xE2\)"):
        read_text(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), "found an empty one"),
        (lambda path: None, "found nothing"),
        (lambda path: path.mkdir(), "found no file"),
        (lambda path: path.write_bytes(gzip.compress(b"abc" * 99)[:-9]), "gz file is damaged"),
    ],
)
def test_what_cannot_be_read_is_told(make, message, tmp_path):
    make(tmp_path / "text")
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / "text")


def test_wrong_arguments_are_told():
    for data, message in (([], "empty"), ([1], r"int at \[0\]"), (3, "got int"), (["\ud800"], "0")):
        with pytest.raises(DataError, match=message):
            read_text(data)
    with pytest.raises(DataError, match="--encoding: expected a name"):
        read_text(__file__, TextReading(encoding="klingon"))


def test_a_folder_leaves_out_what_is_no_text_and_says_so(tmp_path):
    (tmp_path / "sub").mkdir()
    for name, content in (("b", b"two"), ("sub/a", b"one"), ("b.dat", b"\0\1"), (".c", b"x")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "b.u8").symlink_to("b")
    (tmp_path / "empty").write_bytes(b"")
    corpus = read_text(tmp_path)
    assert (corpus.names, written(corpus)) == (("b", "sub/a"), "twoone")
    assert corpus.offsets.tolist() == [0, 3, 6]
    assert corpus.notes == (
        "1 file is no text and left out: b.dat.",
        "1 link to files of the same folder left out.",
        "1 file is empty: empty.",
    )


def test_many_symbols_take_more_bytes_each():
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    corpus = read_text([text])
    assert corpus.symbols.dtype == np.uint16
    assert written(corpus) == text


def test_rare_symbols_share_the_unknown_one():
    corpus = read_text(["aaabbc"])
    vocabulary = Vocabulary.of(corpus, np.array([3, 2, 1]), most=3)
    assert vocabulary.symbols == ("\ufffd", "a", "b")
    assert vocabulary.indices(corpus).tolist() == [1, 1, 1, 2, 2, 0]
    assert vocabulary.encode("abcz").tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize("unit", ["char", "byte", "token"])
def test_a_vocabulary_survives_its_record(unit):
    corpus = read_text(["to be or\n"], TextReading(unit=unit, separator=" "))
    counts = np.bincount(corpus.symbols, minlength=len(corpus.known))
    vocabulary = Vocabulary.of(corpus, counts, 100)
    again = Vocabulary.read(vocabulary.record())
    assert (again.symbols, again.reading) == (vocabulary.symbols, vocabulary.reading)
    assert again.indices(corpus).tolist() == vocabulary.encode("to be or\n").tolist()
