"""Parts of a text, its vocabulary, and what is refused before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.errors import DataError
from glasscell.tasks.text.options import TextOptions
from glasscell.tasks.text.plan import make_plan


def shown(plan, part):
    return "".join(plan.vocabulary.shown(plan.parts[part]))


def test_one_text_is_cut_in_its_order():
    text = "".join(chr(97 + n % 26) for n in range(1000))
    plan = make_plan([text], TextOptions())
    assert [len(part) for part in plan.parts.values()] == [900, 50, 50]
    assert "".join(shown(plan, part) for part in plan.parts) == text
    assert plan.test.dtype == np.uint8
    assert plan.test_size == (50, 50)
    assert not plan.whole


def test_whole_files_where_they_come_near_the_shares():
    texts = [f"text number {n} and so on. " * 3 for n in range(20)]
    plan = make_plan(texts, TextOptions())
    assert plan.whole
    assert shown(plan, "validation") == texts[18]
    assert shown(plan, "test") == texts[19]


def test_few_files_give_their_ends():
    texts = ["ab" * 500, "cd" * 500]
    plan = make_plan(texts, TextOptions())
    assert not plan.whole
    assert shown(plan, "test") == "ab" * 25 + "cd" * 25
    assert shown(plan, "train") == "ab" * 450 + "cd" * 450


def test_characters_of_the_test_part_alone_are_not_known():
    plan = make_plan(["ab" * 480 + "zz" * 20], TextOptions())
    assert plan.unknown == {"train": 0, "validation": 0, "test": 40}
    assert shown(plan, "test")[-1] == "\ufffd"
    assert any("80.00%) not known from training" in note for note in plan.notes)


def test_a_long_text_is_read_in_stretches_and_says_so():
    plan = make_plan(["abc" * 10_000], TextOptions(max_symbols=1000, epochs=2))
    assert (len(plan.train), len(plan.validation), len(plan.test)) == (27_000, 1000, 1000)
    assert any("An epoch reads 1,000 of the 27,000 characters" in note for note in plan.notes)
    assert sum("--max-symbols" in note for note in plan.notes) == 3


def test_less_is_left_out_of_a_text_that_is_read_less_often():
    made = [
        make_plan(["abc" * 10_000], TextOptions(epochs=epochs, max_symbols=most)).options
        for epochs, most in ((13, 27_000), (13, 9_000), (13, 5_000))
    ]
    assert [options.dropout for options in made] == [0.25, 0.1, 0.0]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("short", {}, "expected 500 characters at least.*got 5; give a longer text"),
        ("a" * 600, {}, "expected different characters to learn from, got 'a' alone"),
        ("a b " * 200, {"unit": "token", "separator": ""}, "--separator"),
        ("a b\n" * 200, {"unit": "token"}, "expected 500 tokens at least.*got 200"),
    ],
)
def test_what_cannot_be_learnt_is_refused(text, options, message):
    with pytest.raises(DataError, match=message):
        make_plan([text], TextOptions(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "word"}, "unit: expected char, byte, token, got 'word'"),
        ({"truncation": 0}, "--truncation: expected at least 1"),
        ({"dropout": 1.0}, "--dropout: expected from 0 to less than 1"),
        ({"learning_rate": float("nan")}, "--learning-rate"),
    ],
)
def test_wrong_options_are_told(options, message):
    with pytest.raises(DataError, match=message):
        TextOptions(**options)
