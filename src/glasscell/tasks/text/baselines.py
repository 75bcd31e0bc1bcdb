"""What an LSTM on text has to beat: how often symbols come, n-grams with backoff, compressors."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.text.vocabulary import Vocabulary

ORDER = 5
"""n of the n-gram: it foretells a symbol from the four before it."""

MOST = 8_000_000
"""Symbols that n-grams are counted in and compressors read, the last ones of the training part:
some 2 GB of memory and half a minute. Networks read as many with their defaults."""

SHARES = (0.7, 0.85, 1.0, 1.15, 1.3)
"""Parts of the discounts that are tried on validation."""

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lambda text: lzma.compress(text, preset=9 | lzma.PRESET_EXTREME),
    "bz2": bz2.compress,
}


@dataclass(frozen=True, eq=False)
class Counted:
    """The n-grams of one order in a text.

    Args:
        gram: (S,) which n-gram ends at each symbol.
        context: (S,) which (n - 1)-gram comes before it.
        times: By n-gram, how often it counts: for the highest order how often it occurs in the
            training part, for lower ones behind how many different symbols.
        context_of: By n-gram, the (n - 1)-gram that it begins with.
        contexts: How many (n - 1)-grams there are.
    """

    gram: Int64
    context: Int64
    times: Int64
    context_of: Int64
    contexts: int


class KneserNey:
    """An interpolated n-gram with modified Kneser-Ney discounts.

    ``P(w | h) = (c(hw) - D(c(hw)) + (sum_v D(c(hv))) P(w | h')) / c(h)``, h' the context without
    its first symbol; at the end stands 1 / V. ``c`` counts occurrences for the highest order, and
    for lower ones the different symbols before.

    Args:
        text: (S,) indices: the training part, then what is scored; it is counted in the first part
            alone.
        train: Symbols of the training part.
        symbols: V.
        order: n; 1 is how often symbols come.

    Notes:
        S. Chen and J. Goodman, An empirical study of smoothing techniques for language modeling,
        1998: D for counts of 1, 2 and more from how many n-grams occur once to four times. The
        probabilities of all symbols sum to 1 in every context.
    """

    def __init__(self, text: Array, train: int, symbols: int, order: int = ORDER) -> None:
        self.symbols, self.order = symbols, order
        grams, sizes = [text.astype(np.int64)], [symbols]
        for n in range(2, order + 1):
            # An n-gram is the (n - 1)-gram that ends one symbol before, and its last symbol.
            pairs = grams[-1][n - 2 : -1] * symbols + text[n - 1 :]
            found, places = np.unique(pairs, return_inverse=True)
            grams.append(np.concatenate([np.zeros(n - 1, np.int64), places]))
            sizes.append(len(found))
        self.counted = [self._count(grams, sizes, n, train) for n in range(1, order + 1)]

    def _count(self, grams: list[Int64], sizes: list[int], n: int, train: int) -> Counted:
        gram, seen = grams[n - 1], grams[n - 1][n - 1 : train]
        if n < self.order:
            longer = grams[n][n:train]
            seen = grams[n - 1][n:train][np.unique(longer, return_index=True)[1]]
        contexts = sizes[n - 2] if n > 1 else 1
        context = np.zeros(len(gram), np.int64)
        if n > 1:
            context[1:] = grams[n - 2][:-1]
        context_of = np.zeros(sizes[n - 1], np.int64)
        context_of[gram[n - 1 :]] = context[n - 1 :]
        times = np.bincount(seen, minlength=sizes[n - 1])
        return Counted(gram, context, times, context_of, contexts)

    def probabilities(self, places: slice, share: float = 1.0) -> Float64:
        """Give the probability of each symbol at some places of the text.

        Args:
            places: Which; at least n - 1 symbols come before.
            share: What the discounts are multiplied with.
        """
        result: Float64 = np.full(len(self.counted[0].gram[places]), 1.0 / self.symbols)
        for one in self.counted:
            gram, context = one.gram[places], one.context[places]
            taken = np.minimum(share * discounts(one.times), one.times)
            total = np.bincount(one.context_of, one.times, one.contexts)[context]
            left = np.bincount(one.context_of, taken, one.contexts)[context]
            mixed = ((one.times - taken)[gram] + left * result) / np.maximum(total, 1)
            result = np.where(total > 0, mixed, result)
        return result

    @property
    def parameters(self) -> int:
        """N-grams of all orders that the training part has."""
        return sum(int((one.times > 0).sum()) for one in self.counted)


def discounts(times: Int64) -> Float64:
    """Give what is taken off each count, from how many n-grams come once to four times.

    >>> discounts(np.array([0, 1, 1, 1, 2, 2, 3, 4])).round(2).tolist()
    [0.0, 0.43, 0.43, 0.43, 1.36, 1.36, 1.29, 1.29]
    """
    once, twice, thrice, four = (float((times == k).sum()) for k in (1, 2, 3, 4))
    share = once / (once + 2 * twice) if once else 0.5
    steps = [(1, once, twice), (2, twice, thrice), (3, thrice, four)]
    taken = [k - (k + 1) * share * more / here if here else share for k, here, more in steps]
    # A text without any trigram that comes three times tells no discount for it.
    bounded = np.clip([0.0, *taken], [0, 0.05, 0.05, 0.05], [0, 1, 2, 3])
    return np.asarray(bounded[np.minimum(times, 3)], np.float64)


def ngram(
    train: Array, validation: Array, test: Array, symbols: int, order: int
) -> tuple[Float64, int]:
    """Give the bits of each test symbol under an n-gram, and how many n-grams it knows.

    Args:
        train: Indices that are counted.
        validation: Indices that the size of the discounts is chosen on.
        test: Indices that are scored, the validation part being what comes before them.
        symbols: V.
        order: n.
    """
    train = train[-MOST:]
    text = np.concatenate([train, validation, test])
    model = KneserNey(text, len(train), symbols, order)
    middle = len(train) + len(validation)
    places = slice(len(train), middle)
    errors = [-np.log2(model.probabilities(places, share)).mean() for share in SHARES]
    share = SHARES[int(np.argmin(errors))]
    return -np.log2(model.probabilities(slice(middle, None), share)), model.parameters


def compressed_bits(name: str, plain: Callable[[Array], bytes], train: Array, test: Array) -> int:
    """Give the bits by which a compressed text grows if the test part follows the training part.

    Args:
        name: "xz" or "bz2".
        plain: Gives the bytes of a text of indices.
        train: Indices, of which the last `MOST` are read.
        test: Indices.
    """
    before = plain(train[-MOST:])
    compress = COMPRESSORS[name]
    # bz2 sorts the whole text anew, and a few bytes more may come out shorter.
    return 8 * max(len(compress(before + plain(test))) - len(compress(before)), 0)


def plain_bytes(vocabulary: Vocabulary) -> Callable[[Array], bytes]:
    """Give what turns indices into the bytes that a file would hold."""
    separator = vocabulary.reading.separator
    if vocabulary.reading.unit == "byte":
        return lambda indices: indices.astype(np.uint8).tobytes()
    gap = separator if vocabulary.reading.unit == "token" else ""
    return lambda indices: gap.join(vocabulary.shown(indices)).encode()
