"""The page as text: whole without script, asks for nothing, holds no foreign markup."""

import re

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import DataError, ShapeError
from glasscell.report.page import Finding, Layer, Series, render, write
from glasscell.report.page.frame_words import table
from glasscell.traces.layer import LayerTrace
from glasscell.traces.trace import Trace
from pages import array_of
from report.page.made import exploration, lstm_trace

HOSTILE = '</script><script>alert("x")</script>&<img src=x onerror=alert(1)>'


def test_the_page_asks_no_network_for_anything():
    html = render(exploration())
    assert "default-src 'none'" in html
    outside = re.sub(r"http://www\.w3\.org/2000/svg", "", html)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//|@import|url\((?!#)", outside)
    assert not re.search(r"https?://", outside)


def test_names_from_outside_never_become_markup():
    series = Series(
        name=HOSTILE, traces=[lstm_trace(4, 2)], x=np.ones((4, 1)), inputs=[HOSTILE],
        labels=[HOSTILE] * 4, text=[HOSTILE] * 4,
    )  # fmt: skip
    layers = [Layer(name=HOSTILE)]
    finding = Finding(text=(HOSTILE, HOSTILE), advice=(HOSTILE, HOSTILE))
    shown = exploration(
        title=HOSTILE, subtitle=HOSTILE, series=[series], layers=layers, findings=[finding]
    )
    html = render(shown)
    assert html.count("<script") == 4
    assert "<img src=x" not in html


def test_without_script_there_is_the_verdict_a_table_and_pictures():
    static = render(exploration()).split('id="static"')[1].split('id="console"')[0]
    assert "it vanishes" in static
    assert "<table>" in static
    assert static.count("data:image/png") == 6
    assert "它消失" in render(exploration(), lang="zh").split('id="console"')[0]


def test_the_language_is_one_of_two():
    with pytest.raises(DataError, match='"en" or "zh"'):
        render(exploration(), lang="de")


def test_every_word_has_both_languages_and_the_same_blanks():
    for key, (english, chinese) in table().items():
        assert english, key
        assert chinese, key
        blanks = [set(re.findall(r"\{(\w+)\}", text)) for text in (english, chinese)]
        assert blanks[1] <= blanks[0], key


def test_a_file_is_not_replaced_unless_told_so(tmp_path):
    target = write(exploration(), tmp_path / "page.html")
    with pytest.raises(FileExistsError, match="force=True"):
        write(exploration(), target)
    assert write(exploration(), target, force=True) == target


def test_a_trace_gives_its_page_and_a_frame_for_notebooks():
    model = torch.nn.LSTM(3, 4, 2)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(torch.ones(6, 2, 3))
    assert "<title>mine</title>" in trace.to_html(title="mine")
    frame = trace._repr_html_()
    assert frame.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert frame.count("<") == 2


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("steps", [6, 2])
def test_a_trace_takes_its_input_as_the_model_did(first, steps, tmp_path):
    model = torch.nn.LSTM(3, 4, batch_first=first)
    x = torch.randn(*((2, steps) if first else (steps, 2)), 3, requires_grad=True)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x)
    page = tmp_path / "page.html"
    page.write_text(trace.to_html(x), encoding="utf-8")
    own = (x if first else x.transpose(0, 1))[1].detach().numpy()
    assert np.array_equal(array_of(page, "1/x"), own.T)
    with pytest.raises(ShapeError, match=rf"\(T, B, I\) = \({steps}, 2, I\) or \(B, T, I\), got"):
        trace.to_html(x[..., :1, :])
    with pytest.raises(ShapeError, match=r"to_html gives the page as text: .*page\.html"):
        trace.to_html(page)


def test_a_trace_of_one_sequence_takes_one():
    model = torch.nn.LSTM(3, 4)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(torch.ones(6, 3))
    assert "<canvas" not in trace.to_html(np.ones((6, 3)))


def test_a_trace_of_nothing_or_of_too_much_falls_back_to_text():
    assert Trace()._repr_html_() is None
    trace = Trace()
    trace.add("l0", LayerTrace(*[None] * 5, np.zeros((1, 400_000)), mode="RNN_TANH", layout="TH"))
    assert trace._repr_html_() is None


def test_layers_of_two_lengths_are_shown_one_length_at_a_time():
    trace = Trace()
    trace.add("a.l0", lstm_trace(6, 2))
    trace.add("b.l0", lstm_trace(9, 2))
    with pytest.raises(ShapeError, match="several lengths"):
        trace.to_html()
    assert trace._repr_html_() is None
    assert "b.l0" in trace.to_html(layers=["b.l0"])
