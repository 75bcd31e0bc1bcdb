"""What the page of a forecasting run shows beside the network: table, forecast, training log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.data.frequency import rhythm
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.inspect.verdict.findings import OF_LAG
from glasscell.report.draw.axes import step_labels
from glasscell.report.page import Exploration
from glasscell.report.page.measured import Measured
from glasscell.report.views.errors.data import errors
from glasscell.report.views.forecast.data import Band, Stretch
from glasscell.report.views.lag.data import lag as reach
from glasscell.report.views.reasons.data import reasons as moved
from glasscell.report.views.results.data import Table, results
from glasscell.tasks.forecast.intervals import level_name
from glasscell.tasks.forecast.lag import Lag
from glasscell.tasks.forecast.reasons import Reasons
from glasscell.tasks.forecast.results_table import widest
from glasscell.tasks.forecast.scores import LSTM, PLAIN_RNN, Method
from glasscell.tasks.forecast.verdict import label
from glasscell.tasks.run_page import STOPPED, logged
from glasscell.tasks.run_page import metrics as read_metrics
from glasscell.training import run_folder

if TYPE_CHECKING:
    from glasscell.tasks.forecast.result import FitResult

EVERYWHERE = ("the last 20 % of each series", "每个序列最后 20%")

RIVALS = 4
"""Rivals at most whose errors are drawn beside the network's."""

SHOWN = 288
"""Steps of the stretch over which forecasts stand beside what happened."""

HOW = (
    "The {} reads the window less its last value and adds to a linear path, which starts at the "
    "ridge regression",
    "{} 读取减去最后一个值的窗口，并在一条以岭回归为起点的线性通路上做加法",
)
RIVAL = (
    "; the plain RNN has the same form and as many parameters",
    "；普通 RNN 形式相同、参数量相同",
)
COLUMNS = (
    ("method", "方法"),
    ("MAE", "MAE"),
    ("± between seeds", "± 种子之间"),
    ("RMSE", "RMSE"),
    ("MASE", "MASE"),
    ("parameters", "参数量"),
    ("seconds to fit", "训练秒数"),
)


@dataclass(frozen=True, eq=False)
class Shown:
    """Forecasts over a stretch of the test part, as a run keeps them in forecasts.npz.

    Args:
        series: Whose.
        times: (n,) labels.
        truth: (n,) in the data's unit, NaN where nothing was measured.
        lstm: (n,) of the saved network, made `horizon` steps before.
        ridge: (n,) of the ridge regression.
        low: (n,) lower end of the network's outermost interval; None in runs without intervals.
        high: (n,) its upper end.
        level: Percent of that interval.
    """

    series: str
    times: Array
    truth: Array
    lstm: Array
    ridge: Array
    low: Array | None = None
    high: Array | None = None
    level: Array | None = None

    @classmethod
    def of(cls, result: FitResult) -> Shown:
        """Take a stretch around the test window whose inputs move the most."""
        board, horizon, test = result.board, result.plan.horizon, result.plan.test
        every = max(len(test) // 2000, 1)
        inputs = test.inputs(np.arange(0, len(test), every))[:, : test.lookback, 0]
        centre = int(np.argmax(inputs.std(axis=1))) * every
        owner = board.owners[centre]
        series = result.plan.dataset.series[owner]
        low = max(int(board.rows[centre]) - SHOWN // 2, 0)
        rows = np.arange(low, min(low + SHOWN, len(series.ds)))
        mine = np.flatnonzero(board.owners == owner)
        targets = board.rows[mine] + horizon - 1
        inside = (targets >= rows[0]) & (targets <= rows[-1])

        def line(forecasts: Array) -> Array:
            values = np.full(len(rows), np.nan)
            values[targets[inside] - rows[0]] = forecasts[mine[inside], horizon - 1]
            return values

        ends: dict[str, Array] = {}
        if result.span is not None and result.span.low:
            outermost = max(result.span.low)
            ends["low"], ends["high"] = map(
                line, (result.span.low[outermost], result.span.high[outermost])
            )
            ends["level"] = np.array(outermost)

        return cls(
            series=series.unique_id,
            times=np.array(step_labels(series.ds[rows], len(rows)), np.str_),
            truth=np.where(series.measured[rows], series.target[rows], np.nan),
            lstm=line(result.forecasts[result.network]),
            ridge=line(result.forecasts["ridge"]),
            **ends,
        )

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        with path.open("wb") as file:
            arrays = {name: array for name, array in vars(self).items() if array is not None}
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @property
    def band(self) -> Band | None:
        """The network's intervals, for the picture."""
        if self.low is None or self.high is None or self.level is None:
            return None
        known = np.isfinite(self.truth) & np.isfinite(self.low)
        held = (self.low <= self.truth) & (self.truth <= self.high)
        inside = f"{100 * held[known].mean():.0f}" if known.any() else ""
        return Band(level_name(float(self.level)), self.low, self.high, inside)

    @classmethod
    def load(cls, path: Path) -> Shown:
        """Read what `save` wrote.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return cls(**{**file, "series": str(file["series"])})
        except (ValueError, TypeError, KeyError, EOFError, OSError, BadZipFile) as error:
            raise DataError(f"{path} is damaged: {error}; fit again") from error


def with_results(shown: Exploration, run: Path, titled: bool) -> Exploration:
    """Put what a run says of its forecasts on its page.

    Args:
        shown: The network's page.
        run: The run folder; what an older version did not write is left out.
        titled: Whether the page has a title of its own.

    Raises:
        DataError: A file is damaged.
    """
    metrics = read_metrics(run)
    measure = "mae_scaled"
    if metrics is not None:
        said = (name for seed in metrics["seeds"] for name in seed)
        measure = next((n[len("validation_") :] for n in said if "validation_" in n), measure)
    shown = logged(shown, run, (f"train_{measure}", f"validation_{measure}"))
    if metrics is None:
        return shown
    known = metrics["data"]
    horizon, unit = known["horizon"], str(metrics["unit"])
    own = str(metrics.get("network", LSTM))
    shown = shown.more(
        {}, {"results": results([metrics["verdict"]], _tables(metrics, unit, own), _notes(metrics))}
    )
    if "by_horizon" in metrics:
        put = _errors(metrics, unit, own)
        shown = shown.more(put.arrays, put.numbers)
    if (run / run_folder.FORECASTS).is_file():
        kept = Shown.load(run / run_folder.FORECASTS)
        stretch = Stretch(
            times=kept.times,
            truth=kept.truth,
            forecasts={own: kept.lstm, "ridge": kept.ridge},
            band=kept.band,
            unit=unit,
            caption=(
                f"Series {kept.series}: each forecast was made {count(horizon, 'step')} before the "
                "time at which it stands. A stretch of the test part.",
                f"序列 {kept.series}：每个预测都是在其所在时刻之前 {horizon} 步作出的。"
                "测试部分的一段。",
            ),
        ).measured()
        shown = shown.more(stretch.arrays, stretch.numbers)
    names, freq = known["series_names"], known["frequency"]
    subject = ", ".join(names) if len(names) <= 3 else known["source"]
    every = rhythm(int(freq) if freq.isdigit() else freq)
    return replace(
        shown,
        title=shown.title if titled else f"{subject}, {count(horizon, 'step')} ahead",
        subtitle=(
            f"{count(len(names), 'series', 'series')}, {count(known['rows'], 'time step')}, "
            f"{every}; lookback {known['lookback']}, horizon {horizon}; "
            f"glasscell {glasscell.__version__} · {shown.subtitle}"
        ),
    )


def with_lag(shown: Exploration, lag: Lag, judged: bool) -> Exploration:
    """Put on a page how far back the data help and the network reads, and what that answers.

    Args:
        shown: The network's page, judged at the lag that was measured.
        lag: What was measured.
        judged: Whether it was that lag that the page was judged at.
    """
    backs = [one.back for one in (*lag.curves, lag.network) if one is not None]
    put = reach(*lag.lines(), backs, lag.back, (lag.in_words(), lag.in_words("zh")))
    shown = shown.more(put.arrays, put.numbers)
    if not (judged and lag.reached):
        return shown
    findings = [
        replace(one, kind="healthy", good=True, assumed=False, advice=("", ""), value=None,
                text=_through(one.text, lag))
        if one.kind in OF_LAG else one
        for one in shown.findings
    ]  # fmt: skip
    return replace(shown, findings=findings)


def with_reasons(shown: Exploration, found: Sequence[Reasons], unit: str) -> Exploration:
    """Put on a page what moved the forecast of each shown window.

    Args:
        shown: The network's page.
        found: One for each sequence of the page.
        unit: Of the target.
    """
    added, by_step = [one.added for one in found], [one.by_step for one in found]
    put = moved([_record(one) for one in found], added, by_step, unit)
    memory = {
        f"{s}/remembered": one.remembered[None]
        for s, one in enumerate(found)
        if one.remembered is not None
    }
    return shown.more({**put.arrays, **memory}, put.numbers)


def _record(one: Reasons) -> dict[str, Any]:
    parts = [
        {"name": (part.in_words(), part.in_words("zh")), "added": part.added, "fell": part.fell}
        for part in one.parts
    ]
    names = ("forecast", "last", "base", "said", "fell", "error")
    return {
        "columns": list(one.columns),
        "steps": list(one.steps),
        "parts": parts,
        "text": (one.in_words(), one.in_words("zh")),
        **{name: float(getattr(one, name)) for name in names},
    }


def _through(text: tuple[str, str], lag: Lag) -> tuple[str, str]:
    """Say why a layer that forgets is no fault: beside it lies a linear path."""
    assert lag.network is not None
    back = lag.network.back
    return (
        f"{text[0]} That is no fault here: the data help back to {count(lag.back, 'step')}, and "
        f"the network reads back {count(back, 'step')}, what is older than the layer holds through "
        "the linear path beside it.",
        f"{text[1]}这里并非问题：数据在 {lag.back} 步之内有帮助，网络读到 {back} 步之前，"
        "该层留不住的更早内容经由其旁边的线性通路。",
    )


def _tables(metrics: Mapping[str, Any], unit: str, own: str) -> list[Table]:
    """Give the table of all test windows, those of some of them, and that of each origin."""
    places = [metrics.get("where", EVERYWHERE)]
    tables = [results_table(metrics["methods"], unit, own, places[0])]
    for one in metrics.get("standings", ()):
        place, why = one["where"], one.get("why", ("", ""))
        tables.append(results_table(one["methods"], unit, own, place, (why[0], why[1])))
    origins = metrics.get("backtest", {"origins": ()})["origins"]
    if len(origins) > 1:
        names = [method["name"] for method in origins[0]["methods"]]
        caption = f"MAE{f' in {unit}' if unit else ''} of each origin.", "每个起点的 MAE。"
        rows = [
            [one["where"][0], *(_number(method["mae"]) for method in one["methods"])]
            for one in origins
        ]
        columns = [("last value known", "最后已知值的时间"), *names]
        tables.append(Table(caption=caption, columns=columns, rows=rows))
    return tables


def _errors(metrics: Mapping[str, Any], unit: str, own: str) -> Measured:
    """Give the network's errors and those of its best rivals, by step ahead and by origin."""
    scored = [m for m in metrics["methods"] if m["mae"] is not None and m["name"] != own]
    names = [own, *(m["name"] for m in sorted(scored, key=lambda m: m["mae"])[:RIVALS])]
    stretches = metrics["by_stretch"]

    def lines(part: Mapping[str, Any]) -> dict[str, Array]:
        return {name: np.array([*map(_number, part[name])]) for name in names}

    return errors(
        lines(metrics["by_horizon"]), lines(stretches["methods"]), stretches["times"], unit
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def results_table(
    methods: list[Mapping[str, Any]],
    unit: str = "",
    own: str = LSTM,
    where: Sequence[str] = EVERYWHERE,
    why: tuple[str, str] = ("", ""),
) -> Table:
    """Lay methods of metrics.json out as a table, that of the network marked.

    Args:
        methods: Their records.
        unit: Unit of the errors.
        own: Name of the network.
        where: On which windows they were tested, in English and Chinese.
        why: Why on these alone; empty: they are all.
    """
    scored = [_method(record) for record in methods]
    head = tuple(f"{name}, {unit}" if unit else name for name in COLUMNS[1])
    seeds = max((m.seeds for m in scored), default=0)
    level = widest(scored)
    said = level_name(level)
    inside = (f"% of values in the {said} % interval", f"落在 {said}% 区间内的百分比")
    width = (f"its width, {unit}", f"区间宽度（{unit}）") if unit else ("its width", "区间宽度")
    sure = [inside, width, ("CRPS", "CRPS")] if level else []
    return Table(
        caption=(
            f"Errors on the test part: {where[0]}.",
            f"测试部分（{where[1]}）上的误差。",
        ),
        columns=[COLUMNS[0], (head[0], head[1]), *COLUMNS[2:5], *sure, *COLUMNS[5:]],
        rows=[
            [label(m), m.mae, math.nan if m.all_linear else m.mae_sd, m.rmse, m.mase,
             *((m.coverage.get(level, math.nan), m.width.get(level, math.nan), m.crps)
               if level else ()),
             float(m.parameters), round(m.seconds, 1)]
            for m in scored
        ],
        highlight=[place for place, m in enumerate(scored) if m.name == own],
        note=(
            f"{why[0]} {_and_rival(own, ' and ')}: mean of {count(seeds, 'seed')}.".strip(),
            f"{why[1]}{_and_rival(own, ' 与').replace(PLAIN_RNN, '普通 RNN')}："
            f"{seeds} 个种子的平均。",
        ),
    )  # fmt: skip


def _how(own: str) -> tuple[str, str]:
    """Say how the network forecasts, and what its rival is where it has one."""
    rival = ("", "") if own == PLAIN_RNN else RIVAL
    english, chinese = (text.format(own) + more for text, more in zip(HOW, rival, strict=True))
    return f"{english}.", f"{chinese.replace(PLAIN_RNN, '普通 RNN')}。"


def _and_rival(own: str, joint: str) -> str:
    return own if own == PLAIN_RNN else f"{own}{joint}{PLAIN_RNN}"


def _method(record: Mapping[str, Any]) -> Method:
    numbers = ("mae", "rmse", "mase", "mae_sd", "seconds")
    return Method(
        name=record["name"],
        **{key: _number(record[key]) for key in numbers},  # type: ignore[arg-type]
        seeds=record["seeds"],
        parameters=record["parameters"],
        errors=np.empty(0),
        linear=record.get("seeds_at_linear_start", 0),
        coverage={float(level): share for level, share in record.get("coverage", {}).items()},
        width={float(level): wide for level, wide in record.get("width", {}).items()},
        crps=record.get("crps", math.nan),
    )


def _notes(metrics: Mapping[str, Any]) -> list[str | tuple[str, str]]:
    windows = metrics["data"]["windows"]
    train, validation, test = (windows[part] for part in ("train", "validation", "test"))
    how: tuple[str, str] | None = None
    if "backtest" in metrics:
        how = (
            "Each series: what lies before the first origin trains (7 parts of 8, "
            f"{count(train, 'window')}) and validates ({validation:,}), the origins test; scaled "
            "on the training part alone.",
            f"每个序列：第一个起点之前的部分用于训练（八分之七，{train:,} 个窗口）与验证"
            f"（{validation:,}），各起点用于测试；仅按训练部分缩放。",
        )
    return [
        how
        or (
            f"Each series: the first 70 % train ({count(train, 'window')}), the next 10 % validate "
            f"({validation:,}), the last 20 % test ({test:,}); scaled on the training part alone.",
            f"每个序列：前 70% 训练（{train:,} 个窗口），其后 10% 验证（{validation:,}），"
            f"最后 20% 测试（{test:,}）；仅按训练部分缩放。",
        ),
        _how(str(metrics.get("network", LSTM))),
        *metrics["notes"],
        *([STOPPED] if metrics["interrupted"] else []),
    ]
