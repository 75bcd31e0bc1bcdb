"""Names of the user are shown letter by letter, whatever is in them."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from glasscell import inspect
from glasscell.inspect import LayerFlow
from glasscell.report import plots
from glasscell.report.draw.canvas import plain
from report.plots.drawn import network, rendered

NAMES = ["cost_$", "$x_1$ and $", r"a\$b", "_hidden", "<script>", "50 % & #1", "a^b {c}", "x\ny"]


def shown(text: str) -> str:
    """What matplotlib makes of a text that is no mathematics."""
    from matplotlib.cbook import is_math_text

    assert not is_math_text(text)
    return text.replace(r"\$", "$")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_never_mathematics(name):
    assert shown(plain(name)).replace("\\", "") == name.replace("\n", " ").replace("\\", "")


def test_with_latex_its_special_letters_are_escaped():
    mpl.rcParams["text.usetex"] = True
    assert plain("50 % & #1_a") == r"50 \% \& \#1\_a"


def test_a_long_name_is_cut():
    assert plain("a" * 100) == "a" * 31 + "…"


@pytest.mark.parametrize("name", NAMES)
def test_layers_and_networks_of_any_name_are_in_the_legend(name):
    flow = LayerFlow(hidden=np.ones(4), cell=None, cell_path=None)
    ax = plots.duel({name: flow, "other": flow})
    rendered(ax)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [plain(name), "other"]
    rendered(plots.gradient_rivers({name: flow}))
    rendered(plots.gate_walls({name: network().layer}))


def test_inputs_of_any_name_are_under_their_column():
    layer, weights, x, _ = network()
    found = inspect.dossier(layer, x, names=NAMES[:3])
    axes = found.plot()
    assert [t.get_text() for t in axes[1].get_xticklabels()] == [plain(n) for n in NAMES[:3]]
    rendered(axes)
    rendered(plots.weights(weights, inputs=NAMES[3:6]))
