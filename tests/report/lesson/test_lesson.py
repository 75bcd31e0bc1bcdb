"""The lesson: what it shows of whom, its words in both languages, and what stays without script."""

from __future__ import annotations

import re
from string import Formatter

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import DataError
from glasscell.report.draw.markup import escape
from glasscell.report.lesson import lesson
from glasscell.report.lesson.lesson_page import chapters, render, write
from glasscell.report.lesson.story_words import CHAPTERS, WORDS
from glasscell.tasks.inspect_run import own_lesson, random_input

TERMS = {
    "forget gate": "遗忘门",
    "input gate": "输入门",
    "output gate": "输出门",
    "vanishing gradient": "梯度消失",
    "exploding gradient": "梯度爆炸",
    "cell state": "细胞状态",
}


def saved(tmp_path, *layers):
    torch.manual_seed(3)
    return glasscell.save(torch.nn.Sequential(*layers), tmp_path / "model")


def places(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_a_word_has_both_languages_with_the_same_numbers_and_letters(key):
    english, chinese = WORDS[key]
    assert places(english) == places(chinese)
    assert english.count("**") % 2 == chinese.count("**") % 2 == 0
    letters = [sorted(re.findall(r"\[\[.*?\]\]", text)) for text in (english, chinese)]
    assert letters[0] == letters[1]
    assert not any("一" <= letter <= "鿿" for letter in english)


@pytest.mark.parametrize(("english", "chinese"), TERMS.items())
def test_the_fields_terms_are_the_fields_terms(english, chinese):
    pairs = [pair for pair in WORDS.values() if english in pair[0].lower()]
    assert len(pairs) >= 1
    assert sum(chinese in pair[1] for pair in pairs) >= 0.7 * len(pairs)


def test_every_chapter_asks_and_answers():
    words = WORDS
    for name in CHAPTERS:
        assert {f"lesson.{name}", f"lesson.{name}.how"} <= words.keys()
        asked = [key for key in words if re.fullmatch(rf"lesson\.{name}\.ask\d", key)]
        assert asked or name == "remember"
        assert all(key.replace(".ask", ".answer") in words for key in asked)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_script_all_words_and_answers_are_there(lang):
    text = re.sub("<.*?>", "", chapters(lesson(), lang))
    column = int(lang == "zh")
    for key, pair in WORDS.items():
        if re.search(r"\.(ask|answer|p)\d$", key):
            # Between the places for numbers, letters and bold the words stand as they are.
            pieces = re.split(r"\{.*?\}|\[\[.*?\]\]|\*\*", pair[column])
            for piece in pieces:
                assert escape(piece) in text, key
    assert not re.search(r"\{\w+\}", text)


def test_the_carried_lesson_has_both_networks_and_their_answers():
    shown = lesson()
    assert [layer.mode for layer in shown.layers] == ["LSTM", "RNN_TANH"]
    facts = shown.measures["lesson"]
    assert facts["carried"]
    truth, lstm, rnn = shown.arrays["lesson/answers"]
    assert len(truth) == facts["count"]
    assert np.mean((lstm - truth) ** 2) == pytest.approx(facts["errors"]["lstm"])
    assert np.mean((rnn - truth) ** 2) == pytest.approx(facts["errors"]["rnn"])
    assert len(render(shown).encode()) < 1_000_000


def test_ones_own_network_takes_the_place_from_chapter_four_on(tmp_path):
    parts = torch.nn.LSTM(3, 6, 2, bidirectional=True, batch_first=True), torch.nn.Linear(12, 1)
    shown = own_lesson(saved(tmp_path, *parts))
    assert [layer.name for layer in shown.layers][:2] == ["0.l0", "0.l0_reverse"]
    assert not shown.measures["lesson"]["carried"]
    assert shown.measures["lesson"]["source"] == "random"
    assert "duel" not in shown.measures
    assert "lesson/rnn/weight_hh" in shown.arrays


def test_the_first_lstm_is_explained_where_a_plain_rnn_reads_first(tmp_path):
    class First(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.RNN(2, 4, batch_first=True)
            self.lstm = torch.nn.LSTM(4, 5, batch_first=True)

        def forward(self, x):
            return self.lstm(self.rnn(x)[0])[0]

    from glasscell.report.page.collect import collect

    shown = lesson(collect(First(), np.ones((1, 12, 2), np.float32)), "data")
    assert shown.layers[shown.start["layer"]].mode == "LSTM"
    assert shown.measures["duel"]["layers"] == [1, 0]


def test_a_network_without_lstm_is_refused(tmp_path):
    folder = saved(tmp_path, torch.nn.RNN(2, 4, batch_first=True))
    with pytest.raises(DataError, match="expected a network with an LSTM layer to explain"):
        own_lesson(folder)


def test_sources_are_known():
    with pytest.raises(DataError, match="carried, run, data, random"):
        lesson(source="nowhere")


def test_chance_reads_what_the_model_reads(tmp_path):
    folder = saved(tmp_path, torch.nn.Embedding(9, 3), torch.nn.LSTM(3, 4, batch_first=True))
    drawn = random_input(glasscell.load(folder))
    assert np.issubdtype(drawn.dtype, np.integer)
    assert 0 <= drawn.min() <= drawn.max() < 9
    glasscell.load(folder).run(drawn)


def test_a_lesson_that_is_there_is_not_overwritten(tmp_path):
    target = tmp_path / "lesson.html"
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        write(lesson(), target)
    assert target.read_text() == "mine"
    with pytest.raises(DataError, match="expected lang"):
        write(lesson(), target, "fr", force=True)
    assert target.read_text() == "mine"
