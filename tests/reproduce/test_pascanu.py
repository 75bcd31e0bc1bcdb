"""The norms of the chosen matrices against finite differences and closed forms."""

import math

import numpy as np
import pytest

from glasscell.reproduce.experiments import pascanu

NAMED = {matrix.name: matrix for matrix in pascanu.MATRICES}


def run(W, bias, inputs, h):
    for x in inputs:
        h = np.tanh(W @ h + bias + x)
    return h


def test_with_inputs_it_is_what_a_small_change_becomes():
    matrix, seed, lag, step = NAMED["normal, radius 1.5, with inputs"], 3, 10, 1e-6
    chance = np.random.default_rng([seed, 2013])
    W, bias = matrix.make(chance)
    inputs = matrix.noise * chance.normal(size=(101, 1, len(W)))[:, 0]
    h = run(W, bias, inputs[:1], np.zeros(len(W)))
    changed = [
        run(W, bias, inputs[1 : lag + 1], h + step * unit)
        - run(W, bias, inputs[1 : lag + 1], h - step * unit)
        for unit in np.eye(len(W))
    ]
    norm = np.linalg.norm(np.array(changed).T / (2 * step), 2)
    found = matrix.measure(seed)
    # Central differences of step 1e-6 leave errors of 1e-10 of the third derivatives.
    assert found["at_10"] == pytest.approx(math.log10(norm), abs=1e-6)
    assert found["radius"] == pytest.approx(1.5)


@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_at_rest_an_orthogonal_matrix_multiplies(scale):
    found = NAMED[f"orthogonal, {scale:g}, at rest"].measure(1)
    for lag in pascanu.LAGS:
        assert found[f"at_{lag}"] == pytest.approx(lag * math.log10(scale), abs=1e-9)
    assert found["radius"] == pytest.approx(scale)
    assert found["norm"] == pytest.approx(scale)


def test_at_rest_a_matrix_is_taken_to_its_power():
    matrix, seed = NAMED["normal, radius 0.9, at rest"], 2
    W, _ = matrix.make(np.random.default_rng([seed, 2013]))
    found = matrix.measure(seed)
    for lag in pascanu.LAGS:
        norm = np.linalg.norm(np.linalg.matrix_power(W, lag), 2)
        assert found[f"at_{lag}"] == pytest.approx(math.log10(norm), abs=1e-8)


def test_below_one_the_bound_holds():
    for seed in range(3):
        found = NAMED["orthogonal, 0.9, with inputs"].measure(seed)
        for lag in pascanu.LAGS:
            assert found[f"at_{lag}"] <= lag * math.log10(0.9)


def test_the_counter_example_is_that_of_its_closed_form():
    """J = [[8, 8], [-6, -6]] has J J = 2 J, so J^10 = 512 J, and |J| = sqrt(200)."""
    matrix = NAMED["two units, radius 0"]
    W, _ = matrix.make(np.random.default_rng(0))
    assert not (W @ W).any()
    found = matrix.measure(0)
    assert 10 ** found["at_10"] == pytest.approx(512 * math.sqrt(200), rel=1e-8)
    assert found["radius"] == pytest.approx(0, abs=1e-12)


def test_rows_say_what_was_found_and_what_was_refuted():
    trials = [t for t in pascanu.trials(True, 1) if t.row in NAMED]
    rows = pascanu.rows([(t, NAMED[t.row].measure(t.seed)) for t in trials])
    verdicts = {row.name: row.verdict for row in rows}
    assert verdicts.pop("two units, radius 0") == "refuted: explodes"
    assert set(verdicts.values()) <= {"matched", ""}
    assert "7,241" in pascanu.sentence(rows)[0]
    assert pascanu.sentence([]) == ("", "")
