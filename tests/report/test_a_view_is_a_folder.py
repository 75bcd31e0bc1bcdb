"""A view is a folder and one line: all that it brings is found on the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from glasscell.report import views
from glasscell.report.page.collect import collect
from glasscell.report.page.frame_words import WORDS, table
from glasscell.report.page.render import render

FILES = {
    "__init__.py": '"""A made view."""\n',
    "view.js": 'GC.view({ id: "made", order: 99, title: "view.made", build: () => ({}) });\n',
    "style.css": ".made { color: red; }\n",
    "words.py": 'WORDS = {"view.made": ("Made", "自制"), "view.made.how": ("How", "如何")}\n',
    "data.py": (
        "from glasscell.report.page.measured import Measured, each\n"
        "def measure(recorded):\n"
        "    return each(recorded.seen, lambda one: Measured(\n"
        '        arrays={"made": one.trace.hidden.T[:1]},\n'
        '        numbers={"made": len(one.trace.hidden)},\n'
        "    ))\n"
    ),
}
"""What CONTRIBUTING tells a stranger to write."""


@pytest.fixture
def made_view(tmp_path, monkeypatch):
    """A view in a folder of its own, and its line in the list."""
    folder = tmp_path / "made"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(views, "__path__", [*views.__path__, str(tmp_path)])
    monkeypatch.setattr(views, "VIEWS", (*views.VIEWS, "made"))
    table.cache_clear()
    yield
    table.cache_clear()


def test_a_new_view_takes_one_folder_and_one_line(made_view):
    html = render(collect(torch.nn.LSTM(2, 3), torch.zeros(1, 5, 2), ways=False))
    assert FILES["view.js"].strip() in html
    assert FILES["style.css"].strip() in html
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html)[1])
    assert data["words"]["view.made"] == ["Made", "自制"]
    assert data["measures"]["made"] == {"0/0": 5}
    assert data["arrays"]["0/0/made"]["shape"] == [1, 5]


def test_every_folder_is_in_the_list_and_has_what_a_view_has():
    folders = {
        folder.name
        for path in views.__path__
        for folder in Path(path).iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
    }
    assert folders == set(views.VIEWS)
    known = {"__init__.py", "data.py", "words.py", "plot.py", "static.py", "drawing.py"}
    for path in views.__path__:
        for view in views.VIEWS:
            names = {file.name for file in (Path(path) / view).iterdir() if file.is_file()}
            odd = {name for name in names - known if not name.endswith((".js", ".css", ".svg"))}
            assert not odd, (view, odd)
            assert names & {"view.js", "plot.py"}, f"{view} neither draws nor plots"


def test_a_views_words_are_its_own():
    """No word of a view is another's or the frame's, and each of its titles has its own key."""
    seen = dict.fromkeys(WORDS, "the frame")
    for view, module in views.modules("words"):
        for key in module.WORDS:
            assert key not in seen, f"{key} of {view} is {seen[key]}'s"
            seen[key] = view
    for view, module in views.modules("words"):
        heads = {key.split(".")[1] if key.startswith("view.") else key for key in module.WORDS}
        stems = {key.split(".")[0] for key in heads}
        assert view in stems, (view, stems)
