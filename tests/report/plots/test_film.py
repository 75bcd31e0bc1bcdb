"""Training film: loss, half-lives, gates and gradient of each frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glasscell.errors import DataError
from glasscell.inspect import Reel
from report.plots.drawn import lines, reel, rendered


def test_each_panel_has_what_the_film_recorded():
    found = reel()
    layer = found.layers["a.l0"]
    loss, life, gates, rate = found.plot("a.l0", lag=4)
    np.testing.assert_allclose(10 ** lines(loss)[0], found.loss)
    np.testing.assert_allclose(2 ** lines(life)[0], layer.half_life_quantiles()[:, 2])
    assert lines(life)[1][0] == 2.0
    np.testing.assert_allclose(lines(gates)[:3], layer.open_share.T)
    np.testing.assert_allclose(lines(gates)[3:6], layer.closed_share.T)
    np.testing.assert_allclose(10 ** lines(rate)[0], layer.rate)
    assert all((ax.lines[0].get_xdata() == found.steps).all() for ax in (loss, life, gates, rate))


def test_the_bands_hold_half_and_nine_tenths_of_the_units():
    layer = reel().layers["a.l0"]
    middle, most = reel().plot("a.l0", parts=["half_life"])[0].collections
    quantiles = layer.half_life_quantiles()
    for band, low, high in ((middle, 1, 3), (most, 0, 4)):
        heights = 2 ** band.get_paths()[0].vertices[:, 1]
        assert heights.min() == pytest.approx(quantiles[:, low].min())
        assert heights.max() == pytest.approx(quantiles[:, high].max())


def test_an_rnn_has_loss_and_gradient_and_refuses_gates():
    assert reel().plot("b.l0").shape == (2,)
    with pytest.raises(ValueError, match=r"of a layer with gates to draw its gates.*'rate'"):
        reel().plot("b.l0", parts=["gates"])
    with pytest.raises(ValueError, match="expected parts of loss"):
        reel().plot("b.l0", parts=["colour"])


def test_the_layer_must_be_named_where_there_are_several():
    with pytest.raises(DataError, match=r"expected layer= as one of .*\(a.l0, b.l0\), got None"):
        reel().plot()
    with pytest.raises(KeyError, match=r"no layer .c. in the film; known: a\.l0, b\.l0"):
        reel().plot("c")
    alone = Reel(reel().steps, reel().loss, {"a.l0": reel().layers["a.l0"]})
    assert alone.plot().shape == (4,)


def test_a_film_without_frames_is_refused():
    with pytest.raises(DataError, match="expected a film of at least one frame"):
        Reel(np.zeros(0, np.int64), np.zeros(0), {}).plot()


@pytest.mark.parametrize("frames", [1, 3])
def test_memory_for_ever_none_at_all_and_gaps_are_drawn(frames):
    layer = reel().layers["a.l0"]
    for value in (np.inf, 0.0, np.nan):
        some = {
            name: getattr(layer, name)[:frames]
            for name in ("closed", "open", "extreme", "profile", "reach", "kind")
        }
        some |= {"half_life": np.full((frames, 3), value), "rate": np.full(frames, np.nan)}
        found = Reel(reel().steps[:frames], reel().loss[:frames], {"a": replace(layer, **some)})
        rendered(found.plot())
