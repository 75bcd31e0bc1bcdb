"""The table of data sets against the packages that are installed."""

from __future__ import annotations

import pandas as pd
import pytest

from glasscell.data.datasets import contents
from glasscell.data.datasets.inventory import DATA_SETS, DataSet, find, named
from glasscell.data.sequences.collection import Sequences
from glasscell.data.sequences.reading import read_sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences.options import SequenceOptions

HERE = [each for each in DATA_SETS if each.place is not None]
OF_PYTHON = 0.05
"""Part by which the help texts of one Python differ in length from another's."""


@pytest.mark.parametrize("entry", HERE, ids=lambda entry: entry.name)
def test_an_entry_says_what_the_files_hold(entry):
    held = entry.load()
    if isinstance(held, pd.DataFrame):
        assert list(held.columns) == ["ds", "y"]
        assert len(held) == entry.count
    elif isinstance(held, list):
        assert sum(map(len, held)) == pytest.approx(entry.count, rel=OF_PYTHON)
    else:
        read = read_sequences(held, SequenceOptions().reading())
        lengths = read.lengths
        assert len(read) == entry.count
        assert (int(lengths.min()), int(lengths.max())) == entry.steps
        assert len(read.features) == entry.features
        numbers = read.labels.kind == "number"
        assert (0 if numbers else len(read.labels.names)) == entry.classes
    assert entry.nbytes > 0
    assert entry.record()["version"]


def test_names_differ_and_are_found_in_any_case():
    names = [entry.name.lower() for entry in DATA_SETS]
    assert len(set(names)) == len(names)
    assert find("BASICMOTIONS").name == find("dataset:BasicMotions").name == "BasicMotions"
    assert find("data.csv") is None
    with pytest.raises(DataError, match="there is no data set 'nil'; did you mean nile"):
        named("nil")


def test_every_entry_has_a_licence_a_place_and_something_that_opens_it():
    for entry in DATA_SETS:
        assert all((entry.licence, entry.stated, entry.places, entry.what, entry.count))
        assert entry.opens in contents.__all__


def test_one_whose_package_is_missing_names_it():
    missing = DataSet(
        **{**vars(find("nile")), "places": (type(HERE[0].places[0])("nowhere", "nowhere_x", "*"),)}
    )
    assert missing.record()["installed"] is False
    with pytest.raises(DataError, match="pip install nowhere"):
        missing.load()


def test_a_subject_is_a_group():
    watch = find("watch").load()
    assert isinstance(watch, Sequences)
    assert len(set(watch.groups)) == 10
