"""A page weighs at most 4 MB: what of a model and its traces travels exactly, and what does not."""

import numpy as np
import pytest
import torch

from glasscell.report.page import render
from glasscell.report.page.budget import PAGE_BYTES, SIZES, Plan, allot, plan
from glasscell.report.page.collect import collect


def test_two_hundred_steps_of_three_layers_of_128_units_are_not_pooled():
    """With 1.3 MB of exact weights beside them."""
    budget = allot([3 * 6 * 200 * 128], 337_000, 0, 2_400_000)
    assert budget.maps[0].exact
    assert budget.weights == "f32"


def test_where_not_all_series_fit_the_first_is_whole():
    first, *rest = plan([400_000] * 4, 1_000_000)
    assert first == Plan("u8", 1)
    assert {one.size for one in rest} == {2}


@pytest.mark.parametrize("weights", [0, 300_000, 700_000, 5_000_000])
@pytest.mark.parametrize("maps", [[50_000], [2_000_000], [500_000] * 4, [30_000_000]])
@pytest.mark.parametrize("again", [False, True])
def test_what_is_allotted_fits(maps, weights, again):
    room = 2_500_000
    budget = allot(maps, weights, 100_000, room, again)
    taken = SIZES[budget.weights] * weights + SIZES[budget.parameters] * 100_000
    for values, one in zip(maps, budget.maps, strict=True):
        taken += SIZES[one.kind] * values / one.size
    assert taken <= room
    assert budget.again <= again


def test_weights_that_leave_the_maps_no_room_are_left_out():
    assert allot([15_000_000], 1_400_000, 0, 2_500_000).weights is None
    assert allot([15_000_000], 1_000_000, 0, 2_500_000).weights == "u8"
    assert allot([400_000], 800_000, 0, 2_500_000).weights == "i16"


def test_a_vocabulary_that_does_not_fit_leaves_the_layers_their_weights():
    budget = allot([100_000], 10_000, 10_000_000, 2_500_000, again=True)
    assert (budget.weights, budget.parameters, budget.again) == ("f32", None, False)


@pytest.mark.parametrize(
    ("steps", "units", "layers", "batch"),
    [(200, 128, 3, 1), (200, 128, 3, 4), (5000, 128, 1, 1), (200, 512, 2, 4), (40, 16, 6, 4)],
)
def test_a_page_weighs_less_than_four_megabytes(steps, units, layers, batch):
    """Random weights and white noise: what compresses and rounds worst."""
    torch.manual_seed(0)
    model = torch.nn.LSTM(16, units, layers, batch_first=True)
    shown = collect(model, torch.randn(batch, steps, 16), ways=False)
    size = len(render(shown).encode())
    assert size <= 4_000_000
    if units == 128:
        assert size > 0.75 * PAGE_BYTES  # the room is used
    assert np.isfinite(size)
