"""Fills the report page of a forecasting run: table, forecast, gates, gradient river, one cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import glasscell
from glasscell import report
from glasscell.arrays import Array
from glasscell.data.frequency import rhythm
from glasscell.data.wording import count
from glasscell.report.draw.axes import step_labels
from glasscell.tasks.forecast.kept_windows import MOST
from glasscell.tasks.forecast.scores import LSTM, PLAIN_RNN, Method
from glasscell.tasks.forecast.verdict import label
from glasscell.tasks.forecast.windows import Windows

if TYPE_CHECKING:
    from glasscell.tasks.forecast.result import FitResult

LAYER = "recurrent.l0"
UNUSED = (
    " The network was kept as the linear model that its training starts from: this layer has "
    "learnt nothing, and the forecast does not use it."
)
SHOWN_ORIGINS = 288


def forecast_page(result: FitResult) -> report.Page:
    """Collect what the page of a run shows.

    Args:
        result: What `fit` found.

    Returns:
        The page, ready for `glasscell.report.write`.
    """
    window = _liveliest(result.plan.test)
    gates, cell = _gates(result, window)
    return report.Page(
        title=f"{_subject(result)}, {count(result.plan.horizon, 'step')} ahead",
        subtitle=_subtitle(result),
        verdict=result.verdict,
        tables=[results_table(result.methods, result.plan.options.unit)],
        forecast=_forecast(result),
        gates=[gates],
        river=_river(result),
        cell=cell,
        notes=_notes(result),
    )


def results_table(methods: tuple[Method, ...], unit: str = "") -> report.Table:
    """Lay the methods out as a table."""
    head = f"MAE, {unit}" if unit else "MAE"
    rows: list[list[str | float]] = [
        [label(m), m.mae, _spread(m), m.rmse, m.mase, float(m.parameters), round(m.seconds, 1)]
        for m in methods
    ]
    return report.Table(
        caption="Errors on the test part, the last 20 % of each series.",
        columns=["method", head, "± between seeds", "RMSE", "MASE", "parameters", "seconds to fit"],
        rows=rows,
        highlight=[i for i, m in enumerate(methods) if m.name == LSTM],
        note=f"LSTM and plain RNN: mean of {count(max(m.seeds for m in methods), 'seed')}.",
    )


def _spread(method: Method) -> float:
    return math.nan if method.all_linear else method.mae_sd


def _subject(result: FitResult) -> str:
    """Name the series if there are few, else the file."""
    names = [series.unique_id for series in result.plan.dataset.series]
    return ", ".join(names) if len(names) <= 3 else result.plan.panel.source


def _subtitle(result: FitResult) -> str:
    plan = result.plan
    rows = sum(len(s.ds) for s in plan.dataset.series)
    return (
        f"{count(len(plan.dataset.series), 'series', 'series')}, {count(rows, 'time step')}, "
        f"{rhythm(plan.panel.freq)}; lookback "
        f"{plan.lookback}, horizon {plan.horizon}; glasscell {glasscell.__version__}"
    )


def _liveliest(test: Windows) -> int:
    """Choose the test window whose inputs move the most."""
    inputs = test.inputs(np.arange(0, len(test), max(len(test) // 2000, 1)))[:, :, 0]
    return int(np.argmax(inputs.std(axis=1))) * max(len(test) // 2000, 1)


def _times(result: FitResult, window: int, first: int, last: int) -> Array:
    """Give the times of a test window's rows, from `first` to `last` around its origin."""
    series = result.plan.dataset.series[result.board.owners[window]]
    row = int(result.board.rows[window])
    return np.asarray(series.ds[row + first : row + last])


def _forecast(result: FitResult) -> report.ForecastPlot:
    """Show the farthest step of the forecasts over a stretch around the liveliest window."""
    board, horizon = result.board, result.plan.horizon
    centre = _liveliest(result.plan.test)
    owner = board.owners[centre]
    series = result.plan.dataset.series[owner]
    low = max(int(board.rows[centre]) - SHOWN_ORIGINS // 2, 0)
    rows = np.arange(low, min(low + SHOWN_ORIGINS, len(series.ds)))
    mine = np.flatnonzero(board.owners == owner)
    targets = board.rows[mine] + horizon - 1
    inside = (targets >= rows[0]) & (targets <= rows[-1])
    lines = {}
    for name in (LSTM, "ridge"):
        line = np.full(len(rows), np.nan)
        line[targets[inside] - rows[0]] = result.forecasts[name][mine[inside], horizon - 1]
        lines[name] = line
    return report.ForecastPlot(
        times=np.asarray(series.ds[rows[0] : rows[-1] + 1]),
        truth=np.where(series.measured[rows], series.target[rows], np.nan),
        forecasts=lines,
        unit=result.plan.options.unit,
        caption=(
            f"Series {series.unique_id}: each forecast was made {count(horizon, 'step')} before "
            "the time at which it stands. A stretch of the test part."
        ),
    )


def _gates(result: FitResult, window: int) -> tuple[report.GateWindow, report.CellNumbers]:
    """Trace the saved LSTM over one real window, and take the unit that moves most apart."""
    plan = result.plan
    network = result.best.network
    inputs = plan.test.inputs(np.array([window]))
    with glasscell.trace(network) as traced:
        network(torch.from_numpy(inputs))
    trace = _one_sequence(traced[LAYER])
    owner = result.board.owners[window]
    scaler, series = plan.dataset.scalers[owner], plan.dataset.series[owner]
    times = _times(result, window, -plan.lookback, 0)
    gates = report.GateWindow(
        trace=trace,
        name=LAYER,
        times=times,
        inputs={series.unique_id: scaler.restore(inputs[0, :, -1 - len(plan.panel.covariates)])},
        caption=f"The last inputs up to {step_labels(times, len(times))[-1]}, in the test part: "
        "where they move the most." + (UNUSED if result.best.best_epoch == 0 else ""),
    )
    unit = int(np.argmax(np.ptp(trace.cell, axis=0)))
    step = int(np.argmax(abs(np.diff(trace.cell[:, unit], prepend=0.0))))
    z = inputs[0].copy()
    z[:, 0] -= z[-1, 0]
    cell = report.cell_numbers(
        network.recurrent,
        trace,
        z,
        unit=unit,
        step=step,
        suffix="l0",
        input_names=plan.channels,
        when=str(times[step]),
        layer=LAYER,
    )
    return gates, cell


def _one_sequence(trace: Any) -> Any:
    """Take the only sequence of a batch-first trace (1, T, H)."""
    from dataclasses import replace

    names = ("forget", "input", "candidate", "output", "cell", "hidden")
    return replace(trace, **{name: getattr(trace, name)[0] for name in names})


def _river(result: FitResult) -> report.River:
    """Measure how far the loss reaches back in the plain RNN and in the LSTM.

    On the windows that `glasscell inspect` judges, so that both say the same numbers.

    A network that was kept as it started is left out: its head is zero, so no gradient reaches it.
    """
    test = result.plan.test.thinned(MOST)
    x, y = torch.from_numpy(test.inputs()), torch.from_numpy(test.targets())
    lines = []
    for name, trained in ((PLAIN_RNN, result.rival), (LSTM, result.best)):
        if trained is None:
            continue
        flow = glasscell.gradient_flow(
            trained.network, x, lambda output: torch.nn.functional.l1_loss(output, y)
        )
        if flow[LAYER].hidden.any():
            lines.append(report.RiverLine.of(name, flow[LAYER]))
    return report.River(
        lines=lines,
        caption=(
            f"{count(len(test), 'test window')}; the loss is the forecast's error, at the right "
            "end."
        ),
    )


def _notes(result: FitResult) -> list[str]:
    plan = result.plan
    windows = {part: len(w) for part, w in plan.dataset.parts.items()}
    train = count(windows["train"], "window")
    return [
        f"Each series: the first 70 % train ({train}), the next 10 % validate "
        f"({windows['validation']:,}), the last 20 % test ({windows['test']:,}); scaled on the "
        "training part alone.",
        "The LSTM reads the window less its last value and adds to a linear path, which starts at "
        "the ridge regression; the plain RNN has the same form and as many parameters.",
        *plan.notes,
        *result.remarks,
        *(["Training was stopped with Ctrl-C."] if result.interrupted else []),
    ]
