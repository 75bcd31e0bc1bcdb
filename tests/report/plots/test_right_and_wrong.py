"""What decided, and the confusion matrix."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.errors import ShapeError
from glasscell.report import plots
from report.plots.drawn import COUNTS, attribution, image, rendered


def test_bars_are_what_steps_added_and_rows_the_inputs_that_added_most():
    found = attribution()
    bars, rows = found.plot(["a", "b", "c"], inputs=2)
    np.testing.assert_allclose([bar.get_height() for bar in bars.patches], found.by_step)
    most = np.argsort(-abs(found.contribution).sum(axis=0))[:2]
    np.testing.assert_array_equal(image(rows), found.contribution[:, most].T)
    assert [t.get_text() for t in rows.get_yticklabels()] == ["abc"[k] for k in most]
    score = found.contribution.sum() - 1
    assert bars.get_title("left") == f"score {score:.3g}, -1 without what the steps say"


def test_other_names_than_inputs_and_no_input_are_refused():
    with pytest.raises(ShapeError, match="expected 3 names"):
        attribution().plot(["a"])
    with pytest.raises(ValueError, match="at least 1 input"):
        attribution().plot(inputs=0)


def test_a_cell_is_the_part_of_its_row_and_says_its_count():
    counts = np.array([[7, 3, 0], [0, 0, 0], [1, 0, 1]])
    ax = plots.confusion(counts)
    np.testing.assert_allclose(image(ax), [[0.7, 0.3, 0], [np.nan] * 3, [0.5, 0, 0.5]])
    said = {tuple(map(int, text.get_position())): text.get_text() for text in ax.texts}
    assert said == {(0, 0): "7", (1, 0): "3", (0, 2): "1", (2, 2): "1"}


def test_many_classes_do_not_write_over_each_other():
    ax = plots.confusion(np.eye(60, dtype=int), [f"class {k}" for k in range(60)])
    rendered(ax)
    assert len(ax.get_xticks()) == 10
    assert not ax.texts


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ShapeError, match="expected counts"):
        plots.confusion(COUNTS[:2])
    with pytest.raises(ShapeError, match="expected 3 classes"):
        plots.confusion(COUNTS, ["one"])
