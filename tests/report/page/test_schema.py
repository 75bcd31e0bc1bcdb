"""What report/page/README.md says of the page's data is what the code packs, and the reverse."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib import resources

import numpy as np
import pytest
import torch

import glasscell
from glasscell import inspect
from glasscell.cells import GRU, LSTM
from glasscell.inspect.film.film import frame, stack
from glasscell.inspect.film.reel import LayerReel, Reel
from glasscell.inspect.subjects.subject import Recording
from glasscell.report import views
from glasscell.report.page import seen
from glasscell.report.page.collect import PageOptions, collect, explore
from glasscell.report.page.pack import pack
from report.page.made import lstm_trace
from report.page.made_cells import Leaky, bare_page

README = (resources.files("glasscell.report.page") / "README.md").read_text("utf-8")
FORMATS = (resources.files("glasscell.inspect") / "FORMATS.md").read_text("utf-8")


def table(text: str, head: str) -> dict[str, str]:
    """Names in the first column of the table with this first column head, to their rows."""
    lines = text[text.index(f"| {head} |") :].split("\n\n")[0].splitlines()[2:]
    rows = (line.strip("| ").split(" | ") for line in lines)
    return {
        name: " ".join(rest) for first, *rest in rows for name in re.findall(r"`([^`]+)`", first)
    }


JSON, ARRAYS, MEASURES = (
    table(README, "key | what"),
    table(README, "key | shape"),
    table(README, "name"),
)


QUANTITIES = {name for cell in (LSTM(), GRU(), Leaky()) for name in cell.quantities}


def plain(key: str) -> str:
    """Turn an array's key into the one of the tables."""
    if key.startswith("weights/"):
        own = re.sub(r"/[a-z]_[a-z]$", "/vector", key)
        return re.sub(r"/\d+/", "/l/", own) if re.match(r"weights/\d+/", key) else "weights/name"
    head, _, name = key.rpartition("/")
    key = f"{head}/quantity" if name in QUANTITIES and re.match(r"\d+/\d+", head) else key
    key = re.sub(r"^film/\d+/", "film/l/", key)
    key = re.sub(r"^\d+/\d+/", "s/l/", re.sub(r"^\d+/(?=\D)", "s/", key))
    return re.sub(r"(fan|fan_lags)_\d+$", r"\1_1", key)


def film_of(model, x, loss):
    flow = glasscell.gradient_flow(model, x, loss)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x)
    layers = {name: stack({1: frame(flow[name], trace[name])}, [1]) for name in trace}
    return Reel(np.array([1]), np.array([1.0]), layers)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Several pages that together have everything: the JSON of each."""
    torch.manual_seed(0)
    model = torch.nn.LSTM(2, 6, batch_first=True)
    x = torch.randn(2, 40, 2)

    def loss(out):
        return out[0][:, -1].sum()

    lstm = collect(model, x, loss, film=film_of(model, x, loss), lag=7)
    text = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.LSTM(3, 4, proj_size=2))
    folder = glasscell.save(text, tmp_path_factory.mktemp("saved") / "model")
    read = collect(folder, np.arange(30).reshape(2, 15) % 5)
    wide = collect(torch.nn.LSTM(2, 60, batch_first=True), x, loss)
    blind = collect(torch.nn.RNN(2, 3, batch_first=True), x * torch.nan, ways=False)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x, (torch.randn(1, 2, 6), torch.randn(1, 2, 6)))
    begun = explore(Recording(traces=trace), None, PageOptions(title="t", ways=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "FLOPS", 5e6)
        end = collect(torch.nn.LSTM(2, 24), torch.randn(1, 300, 2))
    cells = [bare_page(GRU()), bare_page(Leaky())]
    data = [pack(one, {}, "en")[0] for one in (lstm, read, wide, blind, begun, end, *cells)]
    long = explore(
        Recording(traces={"l0": lstm_trace(4000, 100)}), None, PageOptions(title="t", ways=False)
    )
    return [*data, pack(long, {}, "en", 2_000_000)[0]]


def declared(name: str) -> dict[str, str]:
    """What the views that are measured here say of their keys, ARRAYS or MEASURES."""
    return {
        key: text
        for _, module in views.modules("data")
        for key, text in getattr(module, name, {}).items()
    }


def measured_here(name: str) -> set[str]:
    """Of these keys those that `collect` brings, and not a run of fit."""
    return {
        key
        for _, module in views.modules("data")
        if hasattr(module, "measure")
        for key in getattr(module, name, {})
    }


def test_every_key_of_the_json_is_in_the_readme(packed):
    for data in packed:
        assert set(data) == set(JSON)
        for name in ("series", "layers", "cells", "verdicts"):
            for one in data[name]:
                assert set(one) == set(re.findall(r"`(\w+)`", JSON[name])), name
        assert set(data["start"]) == set(re.findall(r"`(\w+)`", JSON["start"]))
    entries = [entry for data in packed for entry in data["arrays"].values()]
    assert set().union(*entries) == set(re.findall(r"`(\w+)`", JSON["arrays"]))


def test_every_array_is_in_the_tables_and_every_one_of_the_tables_is_an_array(packed):
    keys = {plain(key) for data in packed for key in data["arrays"]}
    assert keys == set(ARRAYS) | measured_here("ARRAYS")
    assert not set(ARRAYS) & set(declared("ARRAYS"))


def test_every_measure_is_in_the_tables_and_every_one_of_the_tables_is_measured(packed):
    names = {name for data in packed for name in data["measures"]}
    assert names == set(MEASURES) | measured_here("MEASURES")
    assert not set(MEASURES) & set(declared("MEASURES"))


def test_what_the_views_give_is_what_they_declare(packed):
    """Fields of numbers, as the view's own line on them has them in braces."""
    for name, text in {**declared("MEASURES"), **MEASURES}.items():
        inner = re.search(r"\{(?:key|layer): \{([^{}]*)\}", text)
        if inner is None or ":" in inner[1].split(",")[0]:
            continue
        fields_of = {part.split(":")[0].strip() for part in inner[1].split(",")}
        given = [one for data in packed for one in data["measures"].get(name, {}).values()]
        assert set().union(*given) == fields_of, name


def test_the_script_has_every_function_that_the_readme_names():
    script = "\n".join(
        file.read_text("utf-8")
        for folder in ("web", "web/network")
        for file in (resources.files("glasscell.report.page") / folder).iterdir()
        if file.name.endswith(".js")
    )
    for name in set(re.findall(r"`GC\.(\w+)", README)):
        assert re.search(rf"\b{name}\b\s*[=(:,]|GC\.{name}\b", script), name


@pytest.mark.parametrize("made", [Reel, LayerReel, inspect.Dossier, inspect.Match])
def test_the_formats_of_inspect_are_those_of_its_dataclasses(made):
    """FORMATS.md names every field, in order."""
    own = [field.name for field in fields(made)]
    if made is inspect.Match:
        listed = re.search(r"`Match\(([\w, ]+)\)`", FORMATS)[1].split(", ")
    else:
        start = FORMATS.index(f"`{made.__name__}`")
        rows = FORMATS[FORMATS.index("| field |", start) :].split("\n\n")[0]
        firsts = [line.split(" | ")[0] for line in rows.splitlines()[2:]]
        listed = [name for first in firsts for name in re.findall(r"`(\w+)`", first)]
    assert listed == own


def test_a_findings_json_is_what_formats_says():
    listed = FORMATS[FORMATS.index('`{"layer": name') :].split("`")[1]
    torch.manual_seed(0)
    model = torch.nn.LSTM(2, 3)
    [*findings] = inspect.examine(model, torch.randn(9, 2, 2), lambda out: out[0][-1].sum())
    assert re.findall(r'"(\w+)":?[ ,]', re.sub(r'\(""[^)]*\)', "", listed)) == list(
        findings[0].as_json()
    )
