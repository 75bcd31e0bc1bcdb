"""A page of sequences of several lengths: nothing of the padding is on it."""

import numpy as np
import pytest
import torch

import glasscell
from glasscell.errors import DataError
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.report.page.collect import collect
from glasscell.report.page.pack import finite

LENGTHS = np.array([9, 4, 7, 1])


@pytest.fixture(params=[False, True], ids=["forwards", "both"])
def subject(request, tmp_path):
    torch.manual_seed(0)
    layers = glasscell.nn.LSTM(3, 5, batch_first=True, bidirectional=request.param)
    head = torch.nn.Linear(10 if request.param else 5, 2)
    model = torch.nn.Sequential(layers, head)
    glasscell.save(model, tmp_path / "model")
    return SavedModel.read(tmp_path / "model")


@pytest.fixture
def x():
    read = np.random.default_rng(0).normal(size=(4, 9, 3)).astype(np.float32)
    for row, length in zip(read, LENGTHS, strict=True):
        row[length:] = 0
    return read


def last(output):
    """The sum of what is put out at the end of each sequence."""
    gradient = np.zeros_like(output)
    lengths = LENGTHS if len(output) > 1 else [output.shape[1]]
    for row, length in zip(gradient, lengths, strict=True):
        row[length - 1] = 1
    return float((gradient * output).sum()), gradient


def test_a_sequence_among_longer_ones_is_shown_as_if_it_were_alone(subject, x):
    page = collect(subject, x, last, lengths=LENGTHS)
    assert [series.steps for series in page.series] == LENGTHS.tolist()
    for row, series in enumerate(page.series):
        alone = collect(subject, x[row : row + 1, : LENGTHS[row]], last).series[0]
        np.testing.assert_array_equal(series.x, alone.x)
        np.testing.assert_array_equal(series.output, alone.output)
        for ours, own in zip(series.traces, alone.traces, strict=True):
            np.testing.assert_array_equal(ours.cell, own.cell)
        for ours, own in zip(series.flows, alone.flows, strict=True):
            np.testing.assert_allclose(ours.cell, own.cell, rtol=1e-6)


def test_what_lies_behind_an_end_changes_nothing(subject, x):
    page = collect(subject, x, last, lengths=LENGTHS)
    filled = np.where(x == 0, np.float32(50), x)
    other = collect(subject, filled, last, lengths=LENGTHS)
    assert finite(page.measures) == finite(other.measures)
    assert [one.text for one in page.findings] == [one.text for one in other.findings]


def test_without_a_loss_each_sequence_has_its_own_last_step(subject, x):
    both = subject.model.recurrent[0].config.bidirectional

    def ends(output):
        gradient = last(output)[1]
        gradient[:, 0] += both  # which a layer that reads from the end works on last
        return float((gradient * output).sum()), gradient

    found = collect(subject, x, lengths=LENGTHS)
    asked = collect(subject, x, ends, lengths=LENGTHS)
    for ours, own in zip(found.series, asked.series, strict=True):
        np.testing.assert_array_equal(ours.flows[0].hidden, own.flows[0].hidden)


def test_a_module_with_lengths_is_refused(x):
    with pytest.raises(DataError, match="save it"):
        collect(glasscell.nn.LSTM(3, 5, batch_first=True), x, lengths=LENGTHS)
