"""The page as a whole: complete, offline, escaped, small, and robust against odd windows."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from glasscell import report
from glasscell.report.run_words import WORDS
from glasscell.traces.layer import LayerTrace

VOID = {"meta", "img", "input", "br", "hr", "link"}


class Balance(HTMLParser):
    """Keeps the open elements, and the ids and text seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


def data_of(html):
    return json.loads(re.search(r'id="report-data">(.*?)</script>', html, re.S)[1])


def test_every_part_of_a_full_page_is_there_and_its_html_is_balanced(make_page):
    html = report.render(make_page())
    parser = parsed(html)
    for anchor in ("results", "forecast", "gates0", "events0", "river", "cell"):
        assert anchor in parser.ids
        assert f'href="#{anchor}"' in html
    assert "The LSTM is no better than ridge." in html
    assert html.index("no better than ridge") < html.index('id="results"')


def test_the_page_asks_no_network_for_anything(make_page):
    html = report.render(make_page())
    assert not re.search(
        r"""(?:src|href|url\(|@import|action)\s*=?\s*["'(]?\s*(?:https?:)?//""", html
    )
    assert re.findall(r"https?://[^\s\"'<]*", html) == []
    assert "default-src 'none'" in html
    assert "<link" not in html
    for source in re.findall(r'src="([^"]*)"', html):
        assert source.startswith("data:image/png;base64,")


def test_text_from_data_cannot_become_markup(make_page, make_lstm):
    bad = '</script><script>alert("x")</script>&\'"<img src=x onerror=1>'
    weights, x, trace = make_lstm(20, 4)
    page = report.Page(
        title=bad,
        subtitle=bad,
        verdict=bad,
        tables=[report.Table(caption=bad, columns=[bad, bad], rows=[[bad, bad]], note=bad)],
        forecast=report.ForecastPlot(
            times=[bad] * 20, truth=x[:, 0], forecasts={bad: x[:, 0]}, unit=bad, caption=bad
        ),
        gates=[
            report.GateWindow(
                trace=trace,
                name=bad,
                times=[bad] * 20,
                inputs={bad: x[:, 0]},
                events=[(7, bad)],
                caption=bad,
            )
        ],
        river=report.River(
            lines=[report.RiverLine(name=bad, hidden=np.ones(20))],
            caption=bad,
        ),
        cell=report.cell_numbers(
            weights, trace, x, unit=0, step=3, input_names=(bad, bad), when=bad, layer=bad
        ),
        notes=[bad],
    )
    html = report.render(page)
    parsed(html)
    assert html.count("<script") == 2
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert data_of(html)["groups"]["gates0"]["labels"][0] == bad


def test_a_window_of_200_steps_and_64_units_stays_below_two_megabytes(make_page):
    assert len(report.render(make_page(T=200, H=64)).encode()) < 2_000_000


def test_the_script_is_below_30_kilobytes(make_page):
    html = report.render(make_page())
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert sum(len(script.encode()) for script in scripts) < 30_000


@pytest.mark.parametrize(("T", "H"), [(1, 1), (2, 1), (1, 5), (5, 2), (1500, 3), (20, 512)])
def test_windows_of_any_size_are_drawn(make_page, T, H):
    html = report.render(make_page(T=T, H=H))
    parsed(html)
    data = data_of(html)["groups"]["gates0"]
    assert len(data["units"]) == min(H, 128)
    assert data["steps"] <= 600
    assert data["steps"] * data["pool"] >= T
    assert ("every k-th unit" in html) == (H > 128 or T > 600)


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_constant_and_missing_gates_are_drawn(value):
    array = np.full((9, 3), value)
    trace = LayerTrace(array, array, array, array, array, array)
    window = report.GateWindow(
        trace=trace, name="l0", inputs={"x": array[:, 0]}, events=[(4, "meal")]
    )
    html = report.render(report.Page(title="constant", gates=[window]))
    parsed(html)
    assert "NaN" not in html.split("<script>")[0]
    assert "nan" not in re.sub(r'base64,[^"]*|"b64":"[^"]*"', "", html.split("<script>")[0])


def test_a_page_without_parts_is_still_a_page():
    parsed(report.render(report.Page(title="empty")))


def test_an_empty_forecast_says_so():
    plot = report.ForecastPlot(times=[], truth=np.array([]), forecasts={})
    html = report.render(report.Page(title="t", forecast=plot))
    parsed(html)
    assert "nothing to draw" in html


def test_a_forecast_without_methods_shows_the_truth():
    plot = report.ForecastPlot(times=[0, 1], truth=np.array([1.0, 2.0]), forecasts={})
    assert 'class="line truth"' in report.render(report.Page(title="t", forecast=plot))


def test_chinese_pages_use_chinese_words_and_say_so(make_page):
    html = report.render(make_page(lang="zh"))
    assert '<html lang="zh-Hans">' in html
    for word in ("遗忘门", "输入门", "候选", "输出门", "细胞状态", "隐藏状态", "梯度消失"):
        assert word in html
    own = html.split("<main>")[1].split("</main>")[0]
    for word in ("forget gate", "hidden state", "gradient", "steps"):
        assert word not in own


def test_every_string_has_the_same_parts_in_both_languages():
    for key, (english, chinese) in WORDS.items():
        parts = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, chinese)]
        assert parts[0] == parts[1], key


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match='expected "en" or "zh", got \'fr\''):
        report.Page(title="t", lang="fr")


def test_a_file_is_not_overwritten_without_force(tmp_path, make_page):
    page = make_page(T=5, H=2)
    path = report.write(page, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == report.render(page)
    with pytest.raises(FileExistsError, match=r"report\.html.*force=True"):
        report.write(page, path)
    report.write(report.Page(title="new"), path, force=True)
    assert "<h1>new</h1>" in path.read_text(encoding="utf-8")


def test_rendering_needs_no_matplotlib():
    import subprocess
    import sys

    code = (
        "import sys; from glasscell import report; report.render(report.Page(title='t'));"
        "print('matplotlib' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
