"""N-grams are proper distributions, and compressors are asked what the test part adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell.data.text.corpus import TextReading
from glasscell.data.text.vocabulary import Vocabulary
from glasscell.tasks.text.baselines import KneserNey, compressed_bits, ngram, plain_bytes

SYMBOLS = 5


@settings(max_examples=60)
@given(
    train=st.lists(st.integers(0, SYMBOLS - 2), min_size=8, max_size=80),
    context=st.lists(st.integers(0, SYMBOLS - 1), min_size=4, max_size=4),
    order=st.integers(1, 5),
    share=st.sampled_from([0.7, 1.0, 1.3]),
)
def test_probabilities_of_all_symbols_sum_to_one(train, context, order, share):
    """In any context, seen or not, with a symbol that the training part never has."""
    endings = np.array([[*context, symbol] for symbol in range(SYMBOLS)]).ravel()
    text = np.concatenate([train, endings])
    model = KneserNey(text, len(train), SYMBOLS, order)
    found = model.probabilities(slice(len(train), None), share)[4::5]
    assert (found > 0).all()
    assert abs(found.sum() - 1) < 1e-12


def test_a_unigram_is_how_often_symbols_come():
    train = np.array([0] * 600 + [1] * 300 + [2] * 100)
    model = KneserNey(np.append(train, [0, 1, 2]), 1000, 3, order=1)
    assert np.allclose(model.probabilities(slice(1000, None)), [0.6, 0.3, 0.1], atol=0.002)


def test_only_the_training_part_is_counted():
    """Scoring a test text twice does not make its second half any likelier."""
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 4, 400), rng.integers(0, 4, 60)
    once, known = ngram(train, train[:50], test, 4, 3)
    twice, again = ngram(train, train[:50], np.concatenate([test, test]), 4, 3)
    assert np.allclose(twice[:60], once)
    assert np.allclose(twice[62:], once[2:])
    assert known == again


def test_a_longer_context_foretells_what_only_it_tells():
    """In 0 0 1 1 0 0 1 1 … one symbol back tells nothing, two tell all."""
    text = np.tile([0, 0, 1, 1], 100)
    bits = [ngram(text[:300], text[300:340], text[340:], 2, n)[0].mean() for n in (1, 2, 3)]
    assert bits[0] > 0.9
    assert bits[1] > 0.9
    assert bits[2] < 0.1


@pytest.mark.parametrize("name", ["xz", "bz2"])
def test_a_compressor_pays_little_for_what_it_has_read(name):
    rng = np.random.default_rng(0)
    train, fresh = rng.integers(0, 256, 20_000), rng.integers(0, 256, 2_000)
    plain = plain_bytes(Vocabulary(TextReading(unit="byte"), tuple(map(chr, range(256)))))
    new = compressed_bits(name, plain, train, fresh)
    assert abs(new / (8 * 2_000) - 1) < 0.1  # noise cannot be compressed
    if name == "xz":  # whose longest match is 273 bytes; bz2 sorts instead
        assert compressed_bits(name, plain, train, train[:2_000]) < 0.2 * new


def test_tokens_are_compressed_with_what_stands_between_them():
    reading = TextReading(unit="token", separator=" ")
    plain = plain_bytes(Vocabulary(reading, ("<unk>", "to", "be")))
    assert plain(np.array([1, 2, 1])) == b"to be to"
