"""Every sentence says the same in both languages, with the same numbers in it."""

from __future__ import annotations

import re

import pytest
import torch

import glasscell
from glasscell.errors import DataError
from glasscell.inspect.verdict.sentences import SENTENCES, Phrase, Term, say

CELL = Term("cell", letter="c", state=True)


@pytest.mark.parametrize("key", SENTENCES)
def test_both_languages_have_the_same_places(key: str) -> None:
    english, chinese = SENTENCES[key]
    places = [set(re.findall(r"\{(\w+)", text)) for text in (english, chinese)]
    assert places[0] == places[1]
    assert not english.endswith(".")
    assert not chinese.endswith("。")
    assert re.search("[一-鿿]", chinese)
    assert not re.search("[一-鿿]", english)


def test_counts_are_written_as_each_language_writes_them() -> None:
    reached = {"bias": 2.0, "lag": 9, "slope": "1 - h_t^2"}
    assert "within 1 step;" in say("rnn.do", "en", **reached, reach=1)
    assert "within 2 steps;" in say("rnn.do", "en", **reached, reach=2)
    assert "放到 1 步以内；" in say("rnn.do", "zh", **reached, reach=1)
    values = {"symbol": "c", "change": 0.5, "lag": 3}
    assert "(drops at once)" in say("healthy", "en", **values, rate=float("nan"))
    assert "（骤降）" in say("healthy", "zh", **values, rate=float("nan"))


@pytest.mark.parametrize(
    ("steps", "english", "chinese"),
    [
        (0.0, "at the next step", "在一步之内"),
        (0.83, "within 0.83 steps", "在 0.83 步内"),
        (1.0, "within 1 step", "在 1 步内"),
        (12.0, "within 12 steps", "在 12 步内"),
    ],
)
def test_no_time_at_all_is_not_written_as_0_steps(steps: float, english: str, chinese: str) -> None:
    assert f"half of their cell state {english}" in say("half of units", median=steps, state=CELL)
    assert f"细胞状态{chinese}就减半" in say("half of units", "zh", median=steps, state=CELL)


def test_factors_are_written_with_the_sign_and_not_with_the_letter_of_the_input() -> None:
    for english, _ in SENTENCES.values():
        assert not re.search(r"\bx \{", english)


def test_what_says_to_raise_a_bias_says_to_train_again() -> None:
    for key in ("longer.do", "shut.do", "rnn.do", "ignores.do"):
        english, chinese = SENTENCES[key]
        assert "train again" in english
        assert "重新训练" in chinese


def test_plain_networks_are_told_nothing_about_gates() -> None:
    for key in ("rnn.do", "saturated.rnn", "dead.tanh", "dead.relu", "silent.do", "states"):
        english = SENTENCES[key][0].replace("Use an LSTM (forget bias", "")
        assert "gate" not in english


def test_a_phrase_within_a_phrase_is_said_in_the_same_language() -> None:
    whole = Phrase("saturated", {"stuck": 0.9, "what": Phrase("states")})
    assert "of the values of its hidden states lie" in whole.say()
    assert "隐藏状态的取值中有 90%" in whole.say("zh")


def test_other_languages_are_refused() -> None:
    with pytest.raises(DataError, match="lang as one of en, zh, got 'de'"):
        say("silent", "de", symbol="c")


def test_the_verdict_of_a_flow_is_said_in_chinese_with_the_same_numbers() -> None:
    torch.manual_seed(0)
    model = torch.nn.LSTM(3, 16)
    flow = glasscell.gradient_flow(model, torch.randn(100, 4, 3), lambda out: out[0][-1].sum())
    assert flow.said() == flow.verdict
    english, chinese = flow["l0"].judge().said(), flow["l0"].judge().said("zh")
    for one, other in zip(english, chinese, strict=True):
        numbers = [set(re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", text)) for text in (one, other)]
        assert numbers[0] - numbers[1] <= {"1", "10000"}
    assert "后消失" in flow.said("zh")
    assert flow.said("zh").endswith("。")
