"""Dossier, match and weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from glasscell import inspect
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect import LayerTrace, Match, Matches
from glasscell.report import plots
from report.plots.drawn import image, network, rendered


def test_the_most_important_units_are_on_top_with_their_worth():
    layer, _, x, _ = network()
    worth = np.array([0.1, -0.2, 0.5, np.nan])
    found = inspect.dossier(layer, x, ablation=worth)
    bars, inputs = found.plot(3)
    np.testing.assert_array_equal([bar.get_width() for bar in bars.patches], [0.5, 0.1, -0.2])
    assert [t.get_text() for t in bars.get_yticklabels()] == ["2", "0", "1"]
    np.testing.assert_array_equal(image(inputs), found.correlation[[2, 0, 1]])
    assert bars.get_xlabel() == "loss added without it"


def test_without_ablation_the_deviation_is_drawn_and_said():
    layer, _, x, _ = network()
    found = inspect.dossier(layer, x)
    bars = found.plot(2)[0]
    wanted = found.deviation[found.ranked()[:2]]
    np.testing.assert_array_equal([bar.get_width() for bar in bars.patches], wanted)
    assert "standard deviation" in bars.get_xlabel()


def test_lags_are_written_into_their_cells():
    layer, _, x, _ = network()
    found = inspect.dossier(layer, x, lags=(0, 2))
    axes = found.plot()
    texts = [text for text in axes[1].texts if "ago" in text.get_text()]
    assert len(texts) == (found.lag > 0).sum()
    rendered(axes)


def test_a_dossier_without_inputs_has_one_panel():
    assert inspect.dossier(network().layer).plot().shape == (1,)
    with pytest.raises(ValueError, match="expected at least 1 unit"):
        inspect.dossier(network().layer).plot(0)


def test_units_that_never_change_are_drawn():
    still = LayerTrace(*[None] * 5, hidden=np.ones((4, 512)), mode="RNN_TANH", layout="TH")
    rendered(inspect.dossier(still, np.ones((4, 9))).plot(30))


def range_of(series: int, start: int, stop: int, score: float = 0.5) -> Match:
    return Match(series=series, start=start, stop=stop, score=score, share=1.0, extra=0.0)


def test_a_range_is_a_bar_over_its_steps_in_its_sequences_row():
    found = Matches(np.array([1, 2]), (range_of(7, 5, 9), range_of(2, 0, 1)))
    ax = found.plot((4, 1, 3))
    bars = [(b.get_x(), b.get_width(), b.get_y() + b.get_height() / 2) for b in ax.patches]
    np.testing.assert_allclose(bars, [(4.5, 4, 2), (-0.5, 1, 0), (0.5, 2, 1)])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["2", "4", "7"]


def test_the_colour_is_the_score():
    found = Matches(np.array([1]), (range_of(0, 0, 1, 0.0), range_of(0, 2, 3, 1.0)))
    low, high = (bar.get_facecolor() for bar in found.plot().patches)
    assert sum(high[:3]) > sum(low[:3])


def test_no_match_still_shows_the_chosen_range():
    found = Matches(np.array([1]), ())
    rendered(found.plot((0, 1, 3)))
    with pytest.raises(ValueError, match="expected at least one range to draw"):
        found.plot()


def test_many_sequences_do_not_write_over_each_other():
    found = Matches(np.array([1]), tuple(range_of(k, 0, 5) for k in range(50)))
    assert len(rendered(found.plot()).axes[0].get_yticks()) == 12


def test_each_gate_has_its_own_blocks_of_torchs_weights():
    module = network().module
    axes = plots.weights(network().weights)
    H = 4
    for row, place in enumerate((1, 0, 2, 3)):
        block = slice(place * H, (place + 1) * H)
        U, W = module.weight_hh_l0.detach()[block], module.weight_ih_l0.detach()[block]
        np.testing.assert_array_equal(image(axes[row, 0]), U)
        np.testing.assert_array_equal(image(axes[row, 1]), W)
        bias = (module.bias_ih_l0 + module.bias_hh_l0).detach()[block]
        np.testing.assert_array_equal([bar.get_width() for bar in axes[row, 2].patches], bias)
        norm = torch.linalg.matrix_norm(U, 2).item()
        assert axes[row, 0].get_xlabel() == f"‖U‖ = {norm:.3g}"


def test_the_spectral_radius_never_comes_without_its_warning():
    def said(figure: Figure) -> str:
        return " ".join(
            str(text.get_text()) for text in figure.findobj(lambda a: hasattr(a, "get_text"))
        )

    assert "ρ" not in said(plots.weights(network().weights)[0, 0].figure)
    for ax in (None, Figure(figsize=(9, 9)).subplots(4, 3)):
        axes = plots.weights(network().weights, radius=True, ax=ax)
        text = " ".join(said(axes[0, 0].figure).split())
        radius = abs(np.linalg.eigvals(network().weights.weight_hh[4:8])).max()
        assert f"ρ = {radius:.3g}" in text
        assert "decides nothing" in text


def test_an_rnn_a_projection_and_no_biases_are_drawn():
    rng = np.random.default_rng(0)
    rnn = LayerWeights(weight_ih=rng.normal(size=(3, 2)), weight_hh=rng.normal(size=(3, 3)))
    assert plots.weights(rnn, radius=True).shape == (1, 2)
    projected = LayerWeights(
        weight_ih=rng.normal(size=(12, 2)), weight_hh=rng.normal(size=(12, 2)),
        bias_ih=np.zeros(12), weight_hr=rng.normal(size=(2, 3)),
    )  # fmt: skip
    axes = plots.weights(projected, radius=True)
    assert axes.shape == (4, 3)
    assert "ρ =" not in axes[0, 0].get_xlabel()
    rendered(axes)


def test_weights_of_nan_and_of_512_units_are_drawn():
    U = np.full((4, 1), np.nan)
    axes = plots.weights(LayerWeights(weight_ih=U, weight_hh=U, bias_ih=U[:, 0]), radius=True)
    assert axes[0, 0].get_xlabel() == "not finite"
    rendered(axes)
    wide = LayerWeights(weight_ih=np.ones((512, 3)), weight_hh=np.eye(512), bias_ih=np.ones(512))
    rendered(plots.weights(wide))


def test_input_names_must_fit():
    with pytest.raises(ValueError, match="expected 3 input names"):
        plots.weights(network().weights, inputs=["a"])
