"""What holds for every picture: where it is drawn, what it leaves alone, that it can be read."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from glasscell.report import plots
from report.plots.drawn import PANELS, VIEWS, rendered


def test_every_public_function_is_among_the_views():
    assert set(VIEWS) == set(plots.__all__)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_gives_its_axes(name):
    found = VIEWS[name]()
    if name in PANELS:
        assert isinstance(found, np.ndarray)
        assert found.shape == PANELS[name]
        assert all(isinstance(ax, Axes) for ax in found.flat)
    else:
        assert isinstance(found, Axes)
    rendered(found)


@pytest.mark.parametrize("name", VIEWS)
def test_given_axes_are_drawn_in_and_pyplot_is_left_alone(name, monkeypatch):
    monkeypatch.setattr(plt, "figure", lambda *_, **__: pytest.fail("made a pyplot figure"))
    shape = PANELS.get(name, (1,))
    rows, columns = shape if len(shape) == 2 else (1, shape[0])
    given = Figure(figsize=(9, 9)).subplots(rows, columns, squeeze=False)
    found = VIEWS[name](ax=given if name in PANELS else given[0, 0])
    assert [id(ax) for ax in np.ravel(found)] == [id(ax) for ax in given.flat]
    assert plt.get_fignums() == []
    rendered(found)


@pytest.mark.parametrize("name", VIEWS)
def test_settings_and_the_screen_are_left_alone(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("called show"))
    before = dict(mpl.rcParams)
    VIEWS[name]()
    assert dict(mpl.rcParams) == before
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("width", [3.4, 7.0])
def test_nothing_is_cut_off_and_no_legend_covers_data(name, width):
    mpl.rcParams["font.size"] = 8
    figure = rendered(VIEWS[name](width=width))
    assert figure.get_size_inches()[0] == width
    whole = figure.bbox.padded(1.0)
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= whole.x0
        assert box.y0 >= whole.y0
        assert box.x1 <= whole.x1
        assert box.y1 <= whole.y1
        # Room for data: at least a third of an inch either way, but for colour bars.
        legend = ax.get_legend()
        if legend is not None:
            assert legend.get_window_extent().y0 >= ax.bbox.y1 - 1
            assert ax.bbox.height > figure.dpi / 3
            assert ax.bbox.width > figure.dpi / 3


@pytest.mark.parametrize("name", VIEWS)
def test_the_users_font_is_kept(name):
    mpl.rcParams.update({"font.size": 5, "font.family": "DejaVu Serif"})
    figure = rendered(VIEWS[name]())
    shown = [text for text in figure.findobj(Text) if text.get_text()]
    # Titles are "large" by default, 1.2 times the font size.
    assert max(text.get_fontsize() for text in shown) <= 6
    assert {text.get_fontname() for text in shown} == {"DejaVu Serif"}


@pytest.mark.parametrize("name", VIEWS)
def test_axes_are_labelled(name):
    axes = np.ravel(VIEWS[name]())
    assert all(any(ax.get_xlabel() for ax in axes) for _ in axes)
    assert any(ax.get_ylabel() for ax in axes)


def test_another_number_of_axes_is_refused():
    with pytest.raises(ValueError, match=r"expected ax as 6 Axes.*got 2.*plt.subplots\(6, 1\)"):
        VIEWS["gate_wall"](ax=Figure().subplots(2))


@pytest.mark.parametrize("given", [Figure(), "left", 3])
def test_what_is_no_axes_is_refused(given):
    with pytest.raises(
        TypeError, match=f"expected ax as matplotlib Axes, got {type(given).__name__}"
    ):
        VIEWS["duel"](ax=given)


def test_without_matplotlib_the_error_says_how_to_get_it():
    code = """
import importlib.abc, sys
import numpy as np
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
from glasscell import inspect
from glasscell.report import plots
layer = inspect.LayerTrace(*[None] * 5, hidden=np.zeros((3, 2)), mode="RNN_TANH", layout="TH")
flow = inspect.LayerFlow(hidden=np.ones(3), cell=None, cell_path=None)
for draw in (layer.plot, flow.plot, inspect.Fan(np.ones(1), np.ones((1, 1))).plot):
    try:
        draw()
    except ModuleNotFoundError as error:
        print(error.name, error)
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert len(told) == 3
    for line in told:
        assert line.startswith("matplotlib expected matplotlib, which the static pictures need")
        assert "pip install 'glasscell[report]'" in line


def test_importing_the_pictures_imports_no_matplotlib():
    code = (
        "import sys, glasscell.report.plots, glasscell.inspect; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
