"""What the page of a run on text shows beside the network: bits, surprise, units that track."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.data.wording import count
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.report.page import Exploration
from glasscell.report.views.results.data import Table
from glasscell.report.views.tracks.data import of_units
from glasscell.tasks.run_page import METHOD_HEAD, logged, measured, metrics, source_of
from glasscell.tasks.text.kept_text import KeptText, keep

__all__ = ["SHOWN", "loss_of", "name_of", "read_like", "surprises", "with_results"]

SHOWN: Final = 3
"""Stretches on a page; correlations are over all that a run kept."""
SAMPLE: Final = "sample.txt"
SAMPLED: Final = 4000
"""Characters of the sample that are shown."""
COLUMNS: Final[dict[str, tuple[str, str]]] = {
    "bits": ("bits a symbol", "每符号比特"),
    "bits_sd": ("±", "±"),
    "bits_per_character": ("bits a character", "每字符比特"),
    "bits_per_byte": ("bits a byte", "每字节比特"),
    "parameters": ("parameters", "参数量"),
    "seconds": ("seconds to fit", "训练秒数"),
}
"""Keys of a method in metrics.json, in the order of the table."""


def read_like(file: Path, run: Path) -> KeptText:
    """Cut stretches out of a new text for a finished run.

    Args:
        file: A text.
        run: The run folder.
    """
    from glasscell.data.text.corpus import read_text
    from glasscell.tasks.text.preprocessing import read_vocabulary

    vocabulary = read_vocabulary(run)
    return keep(vocabulary.indices(read_text(file, vocabulary.reading)), vocabulary.symbols)


def name_of(kept: KeptText, row: int) -> str:
    """Name a stretch by where it begins, and how."""
    start = " ".join("".join(kept.text(row)[:60]).split())
    return f"{kept.first[row]:,}: {start[:24]} …"


def surprises(scores: Array, after: Array) -> Array:
    """Give ``-log2 p`` of each symbol that follows.

    Args:
        scores: (..., V) of the network.
        after: (...) the symbols.

    >>> surprises(np.log([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 0])).round(3)
    array([1., 2.])
    """
    z = np.asarray(scores, np.float64)
    total = np.logaddexp.reduce(z, axis=-1)
    said = np.take_along_axis(z, after[..., None], axis=-1)[..., 0]
    bits: Array = (total - said) / math.log(2)
    return bits


def loss_of(kept: KeptText) -> Callable[[Array], tuple[float, Array]]:
    """Give the cross-entropy in nats of what follows each symbol, and its gradient."""

    def loss(scores: Array) -> tuple[float, Array]:
        z = np.asarray(scores, np.float64)
        said = np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))
        np.put_along_axis(
            said,
            kept.after[..., None],
            np.take_along_axis(said, kept.after[..., None], axis=-1) - 1.0,
            axis=-1,
        )
        cost = float(surprises(z, kept.after).mean() * math.log(2))
        return cost, said / kept.after.size

    return loss


def with_results(
    shown: Exploration,
    subject: SavedModel,
    run: Path,
    kept: KeptText,
    rows: Sequence[int],
    titled: bool,
) -> Exploration:
    """Put what a run says of its text on its page.

    Args:
        shown: The network's page.
        subject: The network.
        run: The run folder.
        kept: The stretches that the network read.
        rows: Which of them the page shows.
        titled: Whether the page has a title of its own.
    """
    found, _ = subject.recording(kept.read)
    assert found.output is not None
    bits = surprises(found.output, kept.after)
    # The bits of a symbol are known when the one before it was read: the first has none.
    arrays = {
        f"{place}/surprise": np.concatenate([[np.nan], bits[row, :-1]])[None]
        for place, row in enumerate(rows)
    }
    shown = shown.more(arrays, {"answers": []})
    shown = logged(shown, run, ("train_bits", "validation_bits"))
    if (run / SAMPLE).is_file():
        text = (run / SAMPLE).read_text(encoding="utf-8", errors="replace")
        shown = shown.more({}, {"sample": text[:SAMPLED]})
    told = metrics(run)
    if told is None:
        return shown
    names = [layer.name for layer in shown.layers]
    shown = shown.more(
        {},
        {
            "results": measured(told, results_table(told)),
            "tracks": of_units(told.get("units", ()), names),
        },
    )
    read = sum(told.get("data", {}).get("symbols", {}).values())
    size = [count(read, "symbol")] if read else []
    return replace(
        shown,
        title=shown.title if titled else source_of(told, run),
        subtitle=", ".join([*size, f"{len(kept.symbols)} different"])
        + f"; glasscell {glasscell.__version__} · {shown.subtitle}",
    )


def results_table(found: Mapping[str, Any]) -> Table:
    """Lay the methods of metrics.json out as a table."""
    methods = found.get("methods", ())
    keys = [key for key in COLUMNS if any(one.get(key) is not None for one in methods)]
    if all(one.get("bits") == one.get("bits_per_character") for one in methods):
        keys = [key for key in keys if key != "bits"]
    return Table(
        caption=(
            "On text that the method has not read; fewer bits are better.",
            "在各方法未读过的文本上；比特越少越好。",
        ),
        columns=[METHOD_HEAD, *(COLUMNS[key] for key in keys)],
        rows=[[str(one["name"]), *(_number(one.get(key), key) for key in keys)] for one in methods],
        highlight=[k for k, one in enumerate(methods) if one["name"] in ("LSTM", "GRU")],
    )


def _number(value: Any, key: str) -> float:
    number = math.nan if value is None else float(value)
    return round(number, 1) if key == "seconds" and math.isfinite(number) else number
