"""Torch's names and shapes, to arrays and back; what does not fit is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import cells
from glasscell.cells.parameters import Config, from_state_dict, to_state_dict
from glasscell.errors import DtypeError, ShapeError, WeightFormatError
from strategies import network_weights

CONFIG = Config(
    mode="LSTM", input_size=3, hidden_size=4, num_layers=2, bidirectional=True, proj_size=2
)


def state_dict(config=CONFIG, dtype=np.float32, prefix=""):
    layers = network_weights(config, np.random.default_rng(0), dtype)
    return to_state_dict(config, layers, prefix)


@st.composite
def configs(draw):
    mode = draw(st.sampled_from(["LSTM", "RNN_TANH", "RNN_RELU", "GRU"]))
    H = draw(st.integers(1, 4))
    return Config(
        mode=mode,
        input_size=draw(st.integers(0, 4)),
        hidden_size=H,
        num_layers=draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        proj_size=draw(st.integers(0, H - 1)) if mode == "LSTM" else 0,
    )


@settings(deadline=None, max_examples=40)
@given(config=configs(), prefix=st.sampled_from(["", "encoder.", "a.b."]))
def test_a_network_goes_to_names_and_back_as_the_same_arrays(config, prefix):
    layers = network_weights(config, np.random.default_rng(0))
    arrays = to_state_dict(config, layers, prefix)
    again = from_state_dict(config, arrays, prefix)
    for before, after in zip(layers, again, strict=True):
        assert before.arrays().keys() == after.arrays().keys()
        for name, array in before.arrays().items():
            assert after.arrays()[name] is array


def test_names_come_in_the_order_of_torch():
    assert list(state_dict())[:6] == [
        "weight_ih_l0",
        "weight_hh_l0",
        "bias_ih_l0",
        "bias_hh_l0",
        "weight_hr_l0",
        "weight_ih_l0_reverse",
    ]


def test_suffixes_go_layer_by_layer_forward_before_reverse():
    assert CONFIG.suffixes() == ("l0", "l0_reverse", "l1", "l1_reverse")


def test_sizes_follow_from_the_configuration():
    assert (CONFIG.directions, CONFIG.output_size, CONFIG.gate_rows) == (2, 2, 16)
    assert (CONFIG.layer_input_size(0), CONFIG.layer_input_size(1)) == (3, 4)


def test_names_outside_the_prefix_are_left_alone():
    arrays = state_dict(prefix="encoder.") | {"head.weight": np.zeros(1)}
    assert len(from_state_dict(CONFIG, arrays, "encoder.")) == 4


def test_missing_and_unexpected_names_are_all_told():
    arrays = state_dict(prefix="rnn.")
    del arrays["rnn.bias_hh_l1"], arrays["rnn.weight_hr_l0"]
    arrays["rnn.weight_ih_l2"] = np.zeros(1)
    with pytest.raises(WeightFormatError) as error:
        from_state_dict(CONFIG, arrays, "rnn.")
    assert "missing: rnn.bias_hh_l1, rnn.weight_hr_l0;" in str(error.value)
    assert "unexpected: rnn.weight_ih_l2" in str(error.value)


def test_a_wrong_shape_is_told_by_name():
    arrays = state_dict() | {"weight_hh_l0": np.zeros((16, 4), np.float32)}
    with pytest.raises(ShapeError, match=r"weight_hh_l0 of shape \(16, 2\), got \(16, 4\)"):
        from_state_dict(CONFIG, arrays)


@pytest.mark.parametrize("dtype", ["float16", "int64", ">f4", "complex64"])
def test_other_dtypes_are_refused(dtype):
    arrays = state_dict()
    arrays["bias_ih_l0"] = arrays["bias_ih_l0"].astype(dtype)
    with pytest.raises(DtypeError, match="expected bias_ih_l0 as a float32 or float64"):
        from_state_dict(CONFIG, arrays)


def test_mixed_precision_is_refused():
    arrays = state_dict()
    arrays["bias_ih_l0"] = arrays["bias_ih_l0"].astype(np.float64)
    with pytest.raises(DtypeError, match="weight_ih_l0 as float32 and bias_ih_l0 as float64"):
        from_state_dict(CONFIG, arrays)


def test_a_list_is_no_array():
    with pytest.raises(DtypeError, match="got list"):
        from_state_dict(CONFIG, state_dict() | {"bias_ih_l0": [0.0] * 16})


def test_values_that_are_not_finite_are_the_business_of_others():
    arrays = state_dict()
    arrays["bias_ih_l0"][0] = np.nan
    assert np.isnan(from_state_dict(CONFIG, arrays)[0].bias_ih[0])


def test_too_few_layers_are_refused():
    layers = network_weights(CONFIG, np.random.default_rng(0))
    with pytest.raises(WeightFormatError, match="expected 4 layers and directions"):
        to_state_dict(CONFIG, layers[:3])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "SRU"),
        ("mode", None),
        ("input_size", -1),
        ("hidden_size", 0),
        ("hidden_size", 4.0),
        ("hidden_size", True),
        ("num_layers", 0),
        ("bias", 1),
        ("batch_first", None),
        ("bidirectional", "yes"),
        ("proj_size", 4),
        ("proj_size", -1),
        ("input_size", None),
    ],
)
def test_a_configuration_out_of_range_is_refused_by_name(field, value):
    good = {"mode": "LSTM", "input_size": 3, "hidden_size": 4}
    with pytest.raises(WeightFormatError, match=f"expected {field}"):
        Config(**good | {field: value})


@pytest.mark.parametrize("mode", ["RNN_TANH", "GRU", cells.LSTM(peephole=True)], ids=str)
def test_only_the_lstm_has_a_projection(mode):
    name = mode if isinstance(mode, str) else mode.name
    with pytest.raises(WeightFormatError, match=f"expected proj_size 0 for {name}"):
        Config(mode=mode, input_size=3, hidden_size=4, proj_size=2)


class Ind(cells.Cell):
    """A cell without a matrix R, and one vector of its own."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012
    vectors = {"s": "scale"}  # noqa: RUF012
    recurrent = "diagonal"

    def step(self, a, h):
        f, g = cells.sigmoid(a.f), cells.tanh(a.g)
        return f * h + (1 - f) * g * self.s


def test_the_arrays_of_a_cell_are_what_its_definition_says():
    def names(mode):
        return Config(mode=mode, input_size=3, hidden_size=4).shapes(1)

    assert names("GRU") == {
        "weight_ih": (12, 4),
        "weight_hh": (12, 4),
        "bias_ih": (12,),
        "bias_hh": (12,),
    }
    assert names(Ind()) == {
        "weight_ih": (8, 4),
        "bias_ih": (8,),
        "u_f": (4,),
        "u_g": (4,),
        "s": (4,),
    }
    assert list(names(cells.LSTM(peephole=True)))[4:] == ["p_i", "p_f", "p_o"]


@pytest.mark.parametrize("cell", [Ind(), cells.LSTM(peephole=True), cells.GRU()], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_of_ones_own_goes_to_names_and_back(cell, bias):
    config = Config(
        mode=cell, input_size=3, hidden_size=4, num_layers=2, bidirectional=True, bias=bias
    )
    layers = network_weights(config, np.random.default_rng(0))
    arrays = to_state_dict(config, layers, "rnn.")
    again = from_state_dict(config, arrays, "rnn.")
    for before, after in zip(layers, again, strict=True):
        assert before.arrays().keys() == after.arrays().keys()
        assert after.weight_hh.shape[1] == 4
        for name, array in before.arrays().items():
            assert after.arrays()[name] is array


def test_a_configuration_is_described_with_its_cell_and_comes_back():
    for mode in ("LSTM", "GRU", Ind(), cells.LSTM(peephole=True, zoneout=(0.1, 0.2))):
        config = Config(mode=mode, input_size=3, hidden_size=4, num_layers=2)
        text = json.dumps(config.description())
        again = Config.from_description(json.loads(text))
        assert again == config
        assert ("cell" in again.description()) == (not isinstance(mode, str))
        assert again.cell.program == config.cell.program


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "LSTM"}, "expected mode to be the name of the cell, 'Ind'"),
        ({"mode": "Other"}, "got 'Other'"),
        ({"cell": None}, "cell: expected an object"),
        ({"cell": {}}, "cell: expected an object"),
        ({"colour": 1}, "expected no field colour"),
        ({"hidden_size": None}, "expected hidden_size"),
    ],
)
def test_a_damaged_description_of_a_configuration_is_refused(change, words):
    good = Config(mode=Ind(), input_size=3, hidden_size=4).description()
    with pytest.raises(WeightFormatError, match=words):
        Config.from_description(good | change)
    with pytest.raises(WeightFormatError, match="expected mode to be one of"):
        Config.from_description({k: v for k, v in good.items() if k != "cell"})
    with pytest.raises(WeightFormatError, match="a field hidden_size, got none"):
        Config.from_description({k: v for k, v in good.items() if k != "hidden_size"})
