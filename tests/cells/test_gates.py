"""Orders of gates, and each gate's own W and b as textbooks write them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import cells
from glasscell.cells.parameters import Config, LayerWeights
from glasscell.errors import DtypeError, ShapeError
from strategies import layer_weights

orders = st.sampled_from(list(permutations(cells.TORCH)))


def lstm_layer(H=3, I=2, P=0, bias=True):  # noqa: E741 (torch's letter)
    config = Config(mode="LSTM", input_size=I, hidden_size=H, proj_size=P, bias=bias)
    return layer_weights(config, np.random.default_rng(0))


def test_torch_keeps_input_forget_candidate_output():
    blocks = cells.split(np.repeat([1, 2, 3, 4], 2))
    assert {gate: block.tolist() for gate, block in blocks.items()} == {
        "input": [1, 1],
        "forget": [2, 2],
        "candidate": [3, 3],
        "output": [4, 4],
    }


def test_an_onnx_weight_goes_into_torch_order():
    iofc = np.array([[10], [40], [20], [30]])
    assert cells.reorder(iofc, cells.ONNX, cells.TORCH).ravel().tolist() == [10, 20, 30, 40]


@settings(deadline=None, max_examples=30)
@given(source=orders, target=orders)
def test_reordering_there_and_back_changes_nothing(source, target):
    array = np.arange(24).reshape(8, 3)
    there = cells.reorder(array, source, target)
    np.testing.assert_array_equal(cells.reorder(there, target, source), array)


@settings(deadline=None, max_examples=30)
@given(source=orders, target=orders)
def test_permutation_says_where_each_gate_of_the_target_comes_from(source, target):
    places = cells.permutation(source, target)
    assert tuple(source[place] for place in places) == target


def test_split_gives_views_so_that_writing_a_gate_writes_the_array():
    array = np.zeros((8, 3))
    cells.split(array)["forget"][...] = 1
    assert array[2:4].all()
    assert not array[:2].any()
    assert not array[4:].any()


def test_orders_of_different_gates_are_refused():
    with pytest.raises(ValueError, match="expected two orders of the same gates"):
        cells.permutation(cells.TORCH, cells.TAPE)


def test_an_unknown_gate_is_refused_by_name():
    with pytest.raises(ValueError, match="got 'peephole'"):
        cells.rows("peephole", 4)


@pytest.mark.parametrize("shape", [(), (7, 2)])
def test_an_array_that_does_not_hold_whole_gates_is_refused(shape):
    with pytest.raises(ShapeError, match=r"expected a first axis of 4 \* H rows"):
        cells.split(np.zeros(shape))


@pytest.mark.parametrize("P", [0, 2])
def test_each_gate_of_the_textbook_acts_on_the_hidden_state_then_the_input(P):
    layer = lstm_layer(H=3, I=4, P=P)
    h, x = np.random.default_rng(1).standard_normal((2, 4))
    h = h[: P or 3]
    stacked = layer.weight_ih @ x + layer.bias_ih + layer.weight_hh @ h + layer.bias_hh
    book, expected = cells.Textbook(layer), cells.split(stacked)
    hx = np.concatenate([h, x])
    np.testing.assert_allclose(book.W_i @ hx + book.b_i, expected["input"])
    np.testing.assert_allclose(book.W_f @ hx + book.b_f, expected["forget"])
    np.testing.assert_allclose(book.W_C @ hx + book.b_C, expected["candidate"])
    np.testing.assert_allclose(book.W_o @ hx + book.b_o, expected["output"])


@pytest.mark.parametrize("letter", ["f", "i", "C", "o"])
@pytest.mark.parametrize("P", [0, 2])
def test_what_one_sets_is_what_one_reads_and_other_gates_stay(letter, P):
    layer = lstm_layer(H=3, I=4, P=P)
    book = cells.Textbook(layer)
    before = {name: getattr(book, name) for name in _names()}
    W, b = np.full((3, (P or 3) + 4), 7.0), np.full(3, 8.0)
    setattr(book, f"W_{letter}", W)
    setattr(book, f"b_{letter}", b)
    before |= {f"W_{letter}": W, f"b_{letter}": b}
    for name, expected in before.items():
        np.testing.assert_array_equal(getattr(book, name), expected)


def _names():
    return [f"{kind}_{letter}" for kind in "Wb" for letter in "fiCo"]


def test_setting_a_bias_puts_all_of_it_into_bias_ih():
    layer = lstm_layer()
    cells.Textbook(layer).b_f = np.array([1.0, 2.0, 3.0])
    assert cells.split(layer.bias_ih)["forget"].tolist() == [1, 2, 3]
    assert cells.split(layer.bias_hh)["forget"].tolist() == [0, 0, 0]
    assert cells.split(layer.bias_hh)["input"].all()


def test_reading_gives_a_copy():
    layer = lstm_layer()
    cells.Textbook(layer).W_f[...] = 99
    assert not (layer.weight_hh == 99).any()


def test_a_plain_rnn_has_one_matrix_and_no_forget_gate():
    layer = LayerWeights(
        weight_ih=np.array([[2.0]]),
        weight_hh=np.array([[3.0]]),
        bias_ih=np.array([4.0]),
        bias_hh=np.array([5.0]),
    )
    book = cells.Textbook(layer)
    assert (book.W_h.tolist(), book.b_h.tolist()) == ([[3, 2]], [9])
    with pytest.raises(AttributeError, match=r"expected one of this layer's gates \(hidden\)"):
        book.W_f  # noqa: B018 (reading it is the test)


def test_a_layer_without_biases_reads_none_and_refuses_one():
    book = cells.Textbook(lstm_layer(bias=False))
    assert book.b_o is None
    with pytest.raises(ValueError, match="make the layer with bias=True"):
        book.b_o = np.zeros(3)


def test_a_wrong_shape_is_refused_before_anything_is_written():
    layer = lstm_layer()
    kept = layer.weight_hh.copy(), layer.weight_ih.copy()
    with pytest.raises(ShapeError, match=r"expected W of the forget gate of shape \(3, 5\)"):
        cells.Textbook(layer).W_f = np.zeros((3, 4))
    np.testing.assert_array_equal(layer.weight_hh, kept[0])
    np.testing.assert_array_equal(layer.weight_ih, kept[1])


def gru_layer(H=3, I=2):  # noqa: E741 (torch's letter)
    config = Config(mode="GRU", input_size=I, hidden_size=H)
    return layer_weights(config, np.random.default_rng(0))


def test_a_gru_shows_the_two_biases_of_its_candidate():
    layer = gru_layer()
    h, x = np.random.default_rng(1).standard_normal((2, 3))
    x = x[:2]
    book, order = cells.Textbook(layer), cells.GRU().gate_names
    of_x = cells.split(layer.weight_ih @ x + layer.bias_ih, order)
    of_h = cells.split(layer.weight_hh @ h + layer.bias_hh, order)
    hx = np.concatenate([h, x])
    np.testing.assert_allclose(book.W_r @ hx + book.b_r, of_x["reset"] + of_h["reset"])
    np.testing.assert_allclose(book.W_z @ hx + book.b_z, of_x["update"] + of_h["update"])
    np.testing.assert_allclose(book.W_n[:, 3:] @ x + book.b_in, of_x["candidate"])
    np.testing.assert_allclose(book.W_n[:, :3] @ h + book.b_hn, of_h["candidate"])
    book.b_hn = np.full(3, 5.0)
    assert (book.b_hn == 5).all()
    assert cells.split(layer.bias_hh, order)["candidate"].tolist() == [5, 5, 5]
    np.testing.assert_allclose(book.W_n[:, 3:] @ x + book.b_in, of_x["candidate"])
    with pytest.raises(AttributeError, match="b_in, b_hn, got b_n"):
        book.b_n  # noqa: B018 (reading it is the test)
    with pytest.raises(AttributeError, match="got b_n"):
        book.b_n = np.zeros(3)


def test_a_cell_of_ones_own_has_a_textbook_by_its_letters():
    cell = cells.LSTM(peephole=True, coupled=True)
    layer = layer_weights(Config(mode=cell, input_size=2, hidden_size=3), np.random.default_rng(0))
    book = cells.Textbook(layer, cell=cell)
    assert dir(book) == ["W_f", "W_g", "W_o", "b_f", "b_g", "b_o", "p_f", "p_o"]
    np.testing.assert_array_equal(book.p_f, layer.vectors["p_f"])
    np.testing.assert_array_equal(book.W_C, book.W_g)
    book.p_o = np.array([1.0, 2, 3])
    assert layer.vectors["p_o"].tolist() == [1, 2, 3]
    with pytest.raises(ShapeError, match=r"expected p_o of the LSTM gate|expected p_o"):
        book.p_o = np.zeros(2)
    with pytest.raises(AttributeError, match="got W_i"):
        book.W_i  # noqa: B018 (reading it is the test)


def test_rows_of_no_known_cell_are_refused():
    layer = LayerWeights(weight_ih=np.zeros((15, 2)), weight_hh=np.zeros((15, 3)))
    with pytest.raises(ShapeError, match=r"1H \(RNN\), 3H \(GRU\), 4H \(LSTM\).* got 15 rows"):
        cells.Textbook(layer)


@pytest.mark.parametrize(
    ("library", "letters"), [("torch", "rzn"), ("keras", "zrn"), ("onnx", "zrn")]
)
def test_the_gates_of_a_gru_lie_as_each_library_has_them(library, letters):
    gates = cells.GRU().gates
    order = cells.order_of(library, tuple(gates.values()))
    assert order == tuple(gates[letter] for letter in letters)
    assert cells.order_of(library, cells.HIDDEN) == cells.HIDDEN


def test_orders_of_the_lstm_are_found_by_its_gates():
    assert cells.order_of("onnx", cells.TORCH) == cells.ONNX
    assert cells.order_of("keras", cells.ONNX) == cells.KERAS
    with pytest.raises(ValueError, match="expected a library out of"):
        cells.order_of("theano", cells.TORCH)
    with pytest.raises(ValueError, match="a cell that keras has"):
        cells.order_of("keras", ("forget", "candidate"))


def test_something_without_weights_is_refused():
    with pytest.raises(DtypeError, match="expected a layer with an array weight_ih_l0"):
        cells.Textbook(object(), "l0")


@settings(deadline=None, max_examples=25)
@given(H=st.integers(1, 9), I=st.integers(1, 9), P=st.integers(0, 8))
def test_the_kind_of_layer_is_told_from_shapes_alone(H, I, P):  # noqa: E741 (torch's letter)
    layer = lstm_layer(H, I, P if P < H else 0)
    assert cells.layer_gates(layer) == cells.TORCH
    config = Config(mode="RNN_TANH", input_size=I, hidden_size=H)
    assert cells.layer_gates(layer_weights(config, np.random.default_rng(0))) == cells.HIDDEN
    assert cells.layer_gates(gru_layer(H, I)) == ("reset", "update", "candidate")
