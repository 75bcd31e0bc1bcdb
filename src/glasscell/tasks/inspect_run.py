"""What `glasscell inspect RUN` and `explain RUN` look into: what a run kept, data, or chance.

What reads data is imported where it is used, as a look at random numbers needs no pandas.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.model.model import Model
from glasscell.model.nodes import Forecaster
from glasscell.report.lesson import lesson
from glasscell.report.page import Exploration, Finding
from glasscell.report.page.collect import PageOptions, collect
from glasscell.tasks.run_page import task_of
from glasscell.training import run_folder

if TYPE_CHECKING:
    from glasscell.data.read_options import Policy
    from glasscell.tasks.forecast.kept_windows import Specimens

__all__ = ["Looking", "look", "look_at", "own_lesson", "random_input"]

LINEAR = Finding(
    text=(
        "recurrent.l0 adds nothing to the forecast: the network was kept as the linear model that "
        "its training starts from, as no epoch was better on validation. The layer has learnt "
        "nothing, so no gradient reaches it, and its gates and states tell nothing about the data.",
        "recurrent.l0 对预测没有任何贡献：保留下来的网络就是训练起点的线性模型，因为没有哪一轮训练"
        "在验证集上更好。这一层没有学到东西，因此没有梯度到达它，它的门和状态也不反映数据。",
    ),
    advice=(
        "Nothing is broken: forecast with the linear model, or fit again with more data, a longer "
        "--lookback, more --seeds or a lower --learning-rate.",
        "并没有出错：可以直接用线性模型预测，或用更多数据、更长的 --lookback、更多的 --seeds "
        "或更低的 --learning-rate 重新训练。",
    ),
    kind="silent",
    good=False,
    layer=0,
)
"""What is found in a network whose recurrent layer the forecast does not use."""

STEPS, SEQUENCES = 60, 3
"""Of random input."""

SHOWN = 4
"""Sequences on a page unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What is wanted of a look into a model.

    Args:
        inputs: Columns of a CSV file, in the model's order; default all with numbers. Not for runs.
        series: Which sequences the page shows; default the first four, for a run the liveliest
            windows and the last one, or mistakes, the surest and the least sure sequences.
        steps: First step and the one after the last; default all. Not for a run's windows.
        lag: How many steps back the task needs; default of a run on series what was measured, else
            all there are.
        title: The page's heading; default what a run forecasts, else the folder's name.
        nan: Whether NaN and infinities in the data may stay.
        gaps: Gap policy for a run's CSV file; default the run's.
        max_gap: Longest interpolated gap; default the run's.
        say: Called with each sentence on what was done to the data; default silent.
    """

    inputs: Sequence[str] = ()
    series: Sequence[int] | None = None
    steps: tuple[int, int] | None = None
    lag: int | None = None
    title: str = ""
    nan: bool = False
    gaps: Policy | None = None
    max_gap: str | None = None
    say: Callable[[str], None] | None = None


def look(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    looking: Looking | None = None,
    **more: Any,
) -> Exploration:
    """Measure everything that a page shows of a trained model; needs no torch.

    Args:
        run: A run folder, or any folder that `glasscell.save` wrote. It is read once.
        data: A CSV file, .npy, or .npz with `x`; default the run's own test windows, sequences or
            stretches of text. For a run a file is read as `glasscell predict` reads it.
        looking: What is wanted; default `Looking()`.
        **more: Fields of `Looking`, in place of those of `looking`.

    Returns:
        `Exploration`, for `glasscell.report.page.write`.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: The data are missing, damaged, or do not fit the model.
    """
    folder, looking = Path(run), replace(looking or Looking(), **more)
    subject = SavedModel.read(folder)
    file = None if data is None else Path(data)
    task = task_of(folder)
    arrays = file is not None and file.suffix.lower() in (".npy", ".npz")
    if task and (task == "sequences" or not arrays):
        if looking.inputs or looking.steps:
            raise DataError(
                "--inputs and --steps are for models without a run: a run knows its columns, and "
                "reads windows of one length or whole sequences"
            )
        if task == "sequences":
            return _look_at_sequences(subject, folder, file, looking)
        if task == "text":
            return _look_at_text(subject, folder, file, looking)
        return look_at(subject, folder, _windows(folder, file, looking), looking)
    if file is None:
        raise DataError(
            f"{folder} holds a model and no data; give some: glasscell inspect {folder} DATA "
            "(a CSV file, .npy, or .npz with x)"
        )
    from glasscell.data.model_inputs import read_model_inputs

    read = read_model_inputs(file, subject.model.input_size, looking.inputs, looking.nan)
    read = read if looking.steps is None else read.steps(*looking.steps)
    rows = _chosen(looking.series, len(read.x))
    options = replace(
        _options(folder, looking),
        shown=rows,
        names=[read.names[row] for row in rows] if read.names else (),
        inputs=read.inputs,
        labels=read.labels,
        text=None if read.text is None else [read.text[row] for row in rows],
        lengths=read.lengths,
    )
    return _judged(collect(subject, read.x, None, options, _rival(folder)))


def look_at(
    subject: SavedModel, run: Path, windows: Specimens, looking: Looking | None = None
) -> Exploration:
    """Measure everything that a page shows of a run on windows that are given.

    Args:
        subject: The run's model.
        run: The run folder.
        windows: What the model reads.
        looking: Which of them the page shows, the lag and the title; default `Looking()`.
    """
    from glasscell.tasks.forecast.lag import Lag
    from glasscell.tasks.forecast.layout import Layout
    from glasscell.tasks.forecast.page import with_lag, with_reasons, with_results
    from glasscell.tasks.forecast.preprocessing import read_preprocessing
    from glasscell.tasks.forecast.reasons import of_window, target_of

    looking, settings = looking or Looking(), read_preprocessing(run)
    lag = None if settings.get("lag") is None else Lag.of_record(settings["lag"])
    rows = _chosen(looking.series, len(windows.x))
    options = replace(
        _options(run, looking),
        lag=looking.lag if lag is None or looking.lag is not None else lag.needed,
        shown=rows,
        names=[str(windows.names[row]) for row in rows],
        inputs=[str(name) for name in windows.channels],
        labels=[[str(time) for time in windows.labels[row]] for row in rows],
    )
    loss = windows.loss if windows.scored else None
    page = _judged(collect(subject, windows.x, loss, options, _rival(run)))
    if lag is not None:
        page = with_lag(page, lag, looking.lag is None)
    unit = str(settings.get("unit") or "")
    if scales := [windows.scale_of(row) for row in rows if windows.center is not None]:
        layout = Layout.read(settings)
        found = [
            of_window(subject, windows.x[row], layout, scale, series=name,
                      target=target_of(settings, name.rpartition(", ")[0]))
            for row, scale in zip(rows, scales, strict=True)
            for name in [str(windows.names[row])]
        ]  # fmt: skip
        page = with_reasons(page, found, unit)
    truth = {f"{place}/truth": windows.y[row][None] for place, row in enumerate(rows)}
    page = page.more(truth, {"forecast": {"unit": unit, "scales": _scales(windows, rows)}})
    return with_results(page, run, titled=bool(looking.title))


def _look_at_sequences(
    subject: SavedModel, run: Path, file: Path | None, looking: Looking
) -> Exploration:
    """Measure what a page shows of a run on labelled sequences: those that it kept, or new ones."""
    from glasscell.tasks.sequences import page
    from glasscell.tasks.sequences.kept_sequences import KeptSequences

    settings = run_folder.read_preprocessing(run, "sequences", ("goal", "features"))
    if file is not None:
        kept = page.read_like(file, run, looking.say)
    else:
        kept = KeptSequences.load(_kept(run, run_folder.SEQUENCES))
    rows = page.rows_of(kept)
    rows = rows if looking.series is None else _chosen(looking.series, len(kept.x))
    options = replace(
        _options(run, looking),
        shown=rows,
        names=page.names_of(kept, rows),
        inputs=[str(name) for name in kept.features],
        lengths=kept.lengths,
    )
    loss = page.loss_of(kept, settings) if kept.scored else None
    shown = collect(subject, kept.x, loss, options, _rival(run))
    return page.with_results(shown, subject, run, kept, rows, settings, bool(looking.title))


def _look_at_text(
    subject: SavedModel, run: Path, file: Path | None, looking: Looking
) -> Exploration:
    """Measure what a page shows of a run on text: stretches that it kept, or of a new text."""
    from glasscell.tasks.text import page
    from glasscell.tasks.text.kept_text import KeptText

    if file is not None:
        kept = page.read_like(file, run)
    else:
        kept = KeptText.load(_kept(run, run_folder.TEXT))
    rows = _chosen(looking.series, len(kept.read))
    rows = rows[: page.SHOWN] if looking.series is None else rows
    options = replace(
        _options(run, looking),
        shown=rows,
        names=[page.name_of(kept, row) for row in rows],
        text=[kept.text(row) for row in rows],
    )
    shown = collect(subject, kept.read, page.loss_of(kept), options, _rival(run))
    return page.with_results(shown, subject, run, kept, rows, bool(looking.title))


def _kept(run: Path, name: str) -> Path:
    if (run / name).is_file():
        return run / name
    raise DataError(f"{run} has no {name}; give the data: glasscell inspect {run} DATA")


def _options(folder: Path, looking: Looking) -> PageOptions:
    options = PageOptions(title=looking.title or folder.resolve().name, lag=looking.lag)
    film = folder / run_folder.FILM
    return replace(options, film=Reel.load(film)) if film.is_file() else options


def _rival(folder: Path) -> tuple[str, Path] | None:
    """The plain RNN that a run keeps beside its LSTM."""
    place = folder / run_folder.RIVAL
    return ("RNN", place) if place.is_dir() else None


def _judged(page: Exploration) -> Exploration:
    """Put LINEAR in place of what was found in a Forecaster that is as its training started."""
    head = [weight for name, weight in page.parameters.items() if name.startswith("head.")]
    # The first step of training moves the head, which starts at zero.
    started = (page.model or {}).get("type") == "Forecaster" and not any(map(np.any, head))
    return replace(page, findings=[LINEAR]) if started else page


def _windows(folder: Path, file: Path | None, looking: Looking) -> Specimens:
    """Give a run's own windows, or those of new data."""
    from glasscell.tasks.forecast.kept_windows import Specimens, of_panel
    from glasscell.tasks.forecast.preprocessing import read_preprocessing

    settings = read_preprocessing(folder)
    if file is None:
        if (folder / run_folder.WINDOWS).is_file():
            return Specimens.load(folder / run_folder.WINDOWS)
        raise DataError(
            f"{folder} has no {run_folder.WINDOWS} (an older glasscell wrote it); give the CSV "
            f"file: glasscell inspect {folder} DATA"
        )
    from glasscell.tasks.forecast.predict import read_like

    panel = read_like(file, settings, looking.say, gaps=looking.gaps, max_gap=looking.max_gap)
    return of_panel(panel, settings)


def _scales(windows: Specimens, rows: Sequence[int]) -> list[list[str]]:
    """Give [center, scale] of each shown window's answers, [0, 1] where nothing is known.

    As text, which keeps all digits of a small scale about a large center.
    """
    if windows.center is None or windows.scale is None:
        return [["0", "1"] for _ in rows]
    return [[repr(float(windows.center[row])), repr(float(windows.scale[row]))] for row in rows]


def _chosen(series: Sequence[int] | None, count: int) -> list[int]:
    rows = list(range(min(count, SHOWN))) if series is None else list(series)
    if not rows or [row for row in rows if not 0 <= row < count]:
        raise DataError(f"--series: expected numbers of 0 … {count - 1}, got {rows or 'none'}")
    return rows


def own_lesson(
    run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None
) -> Exploration:
    """Put the lesson together on the reader's own network; needs no torch, without data no pandas.

    Args:
        run: A run folder, or any folder that `glasscell.save` wrote, with an LSTM layer.
        data: A CSV, .npy or .npz file, as for `look`. Default the run's
            own windows; for a folder without any, random numbers, and the page says so.

    Returns:
        `Exploration` for `glasscell.report.lesson.write`.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: The network has no LSTM layer, or the data do not fit it.
    """
    folder = Path(run)
    if data is None and not (folder / run_folder.PREPROCESSING).is_file():
        title = folder.resolve().name
        subject = SavedModel.read(folder)
        return lesson(collect(subject, random_input(subject.model), title=title), "random")
    if find_spec("pandas") is None:
        raise DataError("reading a run or data takes pandas; pip install 'glasscell[train]'")
    return lesson(look(folder, data), "run" if data is None else "data")


def random_input(model: Model, seed: int = 0) -> Array:
    """Draw sequences that a model can read: standard normal numbers, or indices.

    Args:
        model: Which.
        seed: Of the numbers.

    Returns:
        (B, T, I) float32, (B, T) int64 for a model that begins with an Embedding; T is a
        Forecaster's window, whose codes are all 0.
    """
    nodes = list(_nodes(model.config))
    root = model.root
    steps = root.rows if isinstance(root, Forecaster) else STEPS
    generator = np.random.default_rng(seed)
    if model.input_size is None:
        words = next(node["num_embeddings"] for node in nodes if "num_embeddings" in node)
        return generator.integers(0, words, (SEQUENCES, steps))
    drawn = generator.normal(size=(SEQUENCES, steps, model.input_size)).astype(np.float32)
    if isinstance(root, Forecaster) and root.known is not None:
        drawn[:, :, list(root.known.codes)] = 0.0
    return drawn


def _nodes(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for child in tree.get("children", ()):
        yield from _nodes(child)
