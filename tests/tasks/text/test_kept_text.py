"""Which stretches of a text a run keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasscell.errors import DataError
from glasscell.tasks.text.kept_text import KeptText, keep


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(1, 5), st.integers(1, 20))
def test_every_stretch_is_in_the_text_with_what_follows_it(text, stretches, steps):
    kept = keep(np.array(text), "abcd", stretches, steps)
    B, T = kept.read.shape
    assert 1 <= B <= stretches
    assert min(steps, len(text) - 1) == T
    for first, read, after in zip(kept.first, kept.read, kept.after, strict=True):
        assert read.tolist() == text[first : first + T]
        assert after.tolist() == text[first + 1 : first + T + 1]
    assert kept.first[-1] == (len(text) - 1 - T if B > 1 else 0)
    assert (np.diff(kept.first) >= T).all()


def test_a_file_brings_back_every_symbol(tmp_path):
    symbols = ["\0", "ß", "\n", "词"]
    keep(np.arange(4), symbols, 1, 3).save(tmp_path / "text.npz")
    assert KeptText.load(tmp_path / "text.npz").text(0) == symbols[:3]


def test_a_text_of_one_symbol_is_refused():
    with pytest.raises(DataError, match="two symbols"):
        keep(np.zeros(1, np.int64), "a")
