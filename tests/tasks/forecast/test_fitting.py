"""Fitting from end to end on series small enough to train in a second."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import glasscell
from glasscell.errors import DataError
from glasscell.inspect import Reel
from glasscell.report.draw.markup import escape
from glasscell.report.page import render
from glasscell.tasks.forecast import fitting, network
from glasscell.tasks.forecast import plan as planning
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.network import Forecaster
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.verdict import label
from glasscell.tasks.inspect_run import LINEAR, look
from glasscell.training import campaign
from glasscell.training import workers as workers_module
from glasscell.training.progress import Reporter
from glasscell.training.run_folder import CHECKPOINT
from glasscell.training.workers import WorkerError, Workers

SMALL = {"horizon": 3, "lookback": 8, "epochs": 3, "seeds": 2, "hidden_size": 4, "batch_size": 32}
FILES = {
    "README.md",
    "plain-rnn",
    "windows.npz",
    "calibration.npz",
    "forecasts.npz",
    "config.json",
    "model.safetensors",
    "preprocessing.json",
    "run.yaml",
    "metrics.json",
    "log.jsonl",
    "report.html",
}


def waves(rows=240, series=("a",)):
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2020-01-01", periods=rows, freq="D"),
                "y": 10 + np.sin(np.arange(rows) / 3) + 0.1 * rng.normal(size=rows),
            }
        )
        for name in series
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fit(waves(), tmp_path_factory.mktemp("runs") / "run", **SMALL)


class PressCtrlC(Reporter):
    """Sends the process a real interrupt after a number of epochs."""

    def __init__(self, after):
        super().__init__(quiet=True)
        self.left = after

    def epoch(self, *args):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


class KilledError(Exception):
    """Stands for a process that dies on the spot."""


class Kill(PressCtrlC):
    def epoch(self, *args):
        self.left -= 1
        if self.left < 0:
            raise KilledError


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def numbers(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    return [{k: v for k, v in m.items() if k != "seconds"} for m in metrics["methods"]]


def test_a_run_folder_is_complete(run):
    assert {p.name for p in run.folder.iterdir()} == FILES


def test_the_table_has_every_rival(run):
    names = [m.name for m in run.methods]
    assert names == ["naive", "seasonal naive", "drift", "ridge", "trees", "plain RNN", "LSTM"]
    counts = {m.name: m.parameters for m in run.methods}
    assert counts["ridge"] == 3 * (8 + 1 + 1)
    assert abs(counts["plain RNN"] - counts["LSTM"]) < 0.15 * counts["LSTM"]
    assert all(np.isfinite([m.mae, m.rmse, m.mase]).all() for m in run.methods)


def test_metrics_json_says_what_the_table_says(run):
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert metrics["verdict"] == run.verdict
    assert [m["mae"] for m in metrics["methods"]] == [m.mae for m in run.methods]
    assert metrics["data"]["frequency"] == "D"
    assert len(metrics["seeds"]) == 4


def test_the_log_has_a_line_per_epoch(run):
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert len(lines) == sum(len(t.history) for t in run.networks)
    assert {"network", "seed", "epoch", "validation_mae_scaled"} <= set(lines[0])


def test_the_report_holds_the_verdict_and_loads_nothing(run):
    html = (run.folder / "report.html").read_text()
    assert escape(run.verdict) in html
    assert 'src="http' not in html


def test_the_report_is_the_page_of_glasscell_inspect(run):
    assert (run.folder / "report.html").read_text() == render(look(run.folder))


def test_the_report_shows_table_forecast_and_log_in_both_languages(run):
    shown = look(run.folder)
    results = shown.measures["results"]
    (table,) = results["tables"]
    assert results["said"] == [(run.verdict, run.verdict)]
    assert [row[0] for row in table["rows"]] == [label(m) for m in run.methods]
    assert table["columns"][0] == ("method", "方法")
    stretch = shown.measures["stretch"]
    center, scale = map(float, stretch["scale"])
    truth = center + scale * shown.arrays["forecast/0"]
    series = {s.unique_id: s.target for s in run.plan.dataset.series}
    name = stretch["caption"][0].split(":")[0].removeprefix("Series ")
    assert np.isin(truth[np.isfinite(truth)].round(9), series[name].round(9)).all()
    lines = [len(one["at"]) for one in shown.measures["training"]]
    assert lines == [len(t.history) for t in run.networks]


def test_the_saved_model_is_the_best_seed_to_the_bit(run):
    model = glasscell.load(run.folder)
    inputs = run.plan.test.inputs()
    with torch.no_grad():
        expected = run.best.network(torch.from_numpy(inputs)).numpy()
    np.testing.assert_array_equal(model.run(inputs).output, expected)


def test_the_same_seed_gives_the_same_bits(run, tmp_path):
    again = fit(waves(), tmp_path / "run", **SMALL)
    assert weights(again.folder) == weights(run.folder)
    assert numbers(again.folder) == numbers(run.folder)


def log(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def two_workers():
    with Workers(2) as workers:
        yield workers


def test_side_by_side_gives_the_same_bits_as_in_turn(run, tmp_path, two_workers):
    whole = fit(waves(), tmp_path / "run", **SMALL, film=2, jobs=two_workers)
    assert weights(whole.folder) == weights(run.folder)
    assert weights(whole.folder / "plain-rnn") == weights(run.folder / "plain-rnn")
    assert numbers(whole.folder) == numbers(run.folder)
    assert log(whole.folder) == log(run.folder)
    in_turn = fit(waves(), **SMALL, film=2, jobs=1).best.film
    for name, array in whole.best.film.arrays().items():
        np.testing.assert_array_equal(array, in_turn.arrays()[name])


@pytest.mark.parametrize("after", [1, 5])
def test_a_run_stopped_side_by_side_resumes_in_turn_and_back(run, tmp_path, two_workers, after):
    for number, (first, then) in enumerate(((two_workers, 1), (1, two_workers))):
        out = tmp_path / f"run{number}"
        stopped = fit(waves(), out, **SMALL, reporter=PressCtrlC(after), jobs=first)
        assert stopped.interrupted
        assert all(one.history for one in stopped.networks)
        fit(waves(), out, **SMALL, resume=True, jobs=then)
        assert weights(out) == weights(run.folder)
        assert numbers(out) == numbers(run.folder)
        assert log(out) == log(run.folder)


def test_a_worker_that_is_killed_leaves_what_was_trained_for_resume(run, tmp_path):
    out = tmp_path / "run"
    with Workers(2) as workers:

        class KillOne(PressCtrlC):
            def epoch(self, *args):
                self.left -= 1
                if self.left == 0:
                    os.kill(next(iter(workers._busy)).process.pid, signal.SIGKILL)

        with pytest.raises(WorkerError, match=r"seed \d was killed by SIGKILL.*--resume"):
            fit(waves(), out, **SMALL, reporter=KillOne(3), jobs=workers)
    assert not out.exists()
    fit(waves(), out, **SMALL, resume=True)
    assert weights(out) == weights(run.folder)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_worker_that_is_killed_at_once_leaves_nothing(tmp_path, two_workers, monkeypatch):
    def lost(*_):
        raise WorkerError("the process for LSTM, seed 0 was killed by SIGKILL")

    monkeypatch.setattr(two_workers, "call", lost)
    with pytest.raises(WorkerError, match=r"SIGKILL$"):
        fit(waves(), tmp_path / "run", **SMALL, jobs=two_workers)
    assert list(tmp_path.iterdir()) == []


def test_a_short_training_starts_no_process_unless_asked(monkeypatch):
    hired = []
    monkeypatch.setattr(workers_module, "_Worker", lambda: hired.append(1))
    fit(waves(), **{**SMALL, "seeds": 1, "epochs": 1})
    assert not hired
    plan = make_plan(waves(), ForecastOptions(**SMALL))
    long = replace(plan, options=replace(plan.options, hidden_size=512, epochs=200))
    start = fitting.start(plan)
    assert network.Recipe.of(plan, start).work < campaign.LONG < network.Recipe.of(long, start).work


def test_no_jobs_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match="--jobs: expected a whole number from 1, got 0"):
        fit(waves(), tmp_path / "run", **SMALL, jobs=0)
    assert list(tmp_path.iterdir()) == []


def test_another_seed_gives_other_weights(run, tmp_path):
    assert weights(fit(waves(), tmp_path / "run", **SMALL, seed=9).folder) != weights(run.folder)


def test_training_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    fit(waves(), **{**SMALL, "seeds": 1, "epochs": 1})
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_after_training_changes_what_was_trained(run, tmp_path):
    changed = waves()
    changed.loc[changed.index >= 192, "y"] += 100.0
    again = fit(changed, tmp_path / "run", **SMALL, show_level=run.plan.dataset.level)
    assert weights(again.folder) == weights(run.folder)


@pytest.mark.parametrize("after", [1, 4, 8])
def test_ctrl_c_leaves_a_loadable_run_that_resumes_to_the_same_bits(run, tmp_path, after):
    out = tmp_path / "run"
    stopped = fit(waves(), out, **SMALL, reporter=PressCtrlC(after))
    assert stopped.interrupted
    # The plain RNN trains after the LSTM's seeds, so an early stop may leave a run without one.
    assert {p.name for p in out.iterdir()} | {"plain-rnn"} == FILES | {CHECKPOINT}
    assert glasscell.load(out).config["type"] == "Forecaster"
    assert json.loads((out / "metrics.json").read_text())["interrupted"]
    whole = fit(waves(), out, **SMALL, resume=True)
    assert not whole.interrupted
    assert {p.name for p in out.iterdir()} == FILES
    assert weights(out) == weights(run.folder)
    assert numbers(out) == numbers(run.folder)


def test_ctrl_c_before_the_first_epoch_ends_still_leaves_a_loadable_run(tmp_path):
    class AtOnce(PressCtrlC):
        def within(self, *args):
            self.epoch()

    stopped = fit(waves(), tmp_path / "run", **SMALL, reporter=AtOnce(1))
    assert stopped.best.history == ()
    assert [m.name for m in stopped.methods][-1] == "LSTM"
    assert glasscell.load(tmp_path / "run").run(stopped.plan.test.inputs()).output.shape[1] == 3


def test_a_killed_run_resumes_to_the_same_bits(run, tmp_path, monkeypatch):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        # A killed process runs no clean-up.
        patch.setattr("glasscell.training.run_folder.RunFolder.__exit__", lambda *_: None)
        with pytest.raises(KilledError):
            fit(waves(), out, **SMALL, reporter=Kill(after=4))
    assert not out.exists()
    fit(waves(), out, **SMALL, resume=True)
    assert weights(out) == weights(run.folder)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_resuming_with_other_options_or_data_is_refused(tmp_path):
    out = tmp_path / "run"
    fit(waves(), out, **SMALL, reporter=PressCtrlC(1))
    for data, options in ((waves(), {**SMALL, "epochs": 4}), (waves(230), SMALL)):
        with pytest.raises(DataError, match="other options or other data"):
            fit(data, out, **options, resume=True)
    assert (out / CHECKPOINT).exists()


def test_a_damaged_checkpoint_is_refused(tmp_path):
    out = tmp_path / "run"
    fit(waves(), out, **SMALL, reporter=PressCtrlC(1))
    (out / CHECKPOINT).write_bytes(b"junk")
    with pytest.raises(DataError, match="damaged"):
        fit(waves(), out, **SMALL, resume=True)


def test_a_failure_in_training_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("glasscell.training.trainer.Trainer.step_epoch", fail)
    with pytest.raises(ZeroDivisionError):
        fit(waves(), tmp_path / "run", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_several_series_of_different_scale_are_learnt_together():
    data = waves(series=("a", "b"))
    data.loc[data.unique_id == "b", "y"] *= 1000
    result = fit(data, **{**SMALL, "seeds": 1})
    assert result.metrics()["data"]["series"] == 2
    assert len(result.plan.dataset.scalers) == 2


def test_a_constant_series_is_forecast_without_a_fuss(tmp_path):
    data = waves().assign(y=5.0)
    result = fit(data, tmp_path / "run", **{**SMALL, "seeds": 1})
    assert result.verdict.startswith("No clear difference")
    json.loads((tmp_path / "run" / "metrics.json").read_text())


def test_covariates_are_read_by_ridge_and_networks():
    data = waves().drop(columns="unique_id").assign(price=lambda d: d.y * 2)
    result = fit(data, **{**SMALL, "seeds": 1}, target="y")
    assert result.plan.channels[-1] == "price"
    assert {m.name: m.parameters for m in result.methods}["ridge"] == 3 * (8 + 1 + 8 + 1)


def test_capped_windows_are_said_so():
    result = fit(waves(), **{**SMALL, "seeds": 1}, max_windows=20)
    assert len(result.plan.test) == 20
    assert sum("--max-windows" in note for note in result.plan.notes) == 3


@pytest.mark.parametrize(
    ("calendar", "rows", "near"), [([], 8, None), (["weekday"], 8 + 3, None), ([], 5, 4)]
)
def test_an_epoch_of_long_windows_draws_fewer_and_says_so(calendar, rows, near, monkeypatch):
    options = ForecastOptions(**SMALL, calendar=calendar, near=near)
    numbers = rows * (32 + len(make_plan(waves(), options).channels))
    monkeypatch.setattr(planning, "NUMBERS_OF_AN_EPOCH", 13 * numbers + 1)
    plan = make_plan(waves(), options)
    recipe = network.Recipe.of(plan, fitting.start(plan))
    objective = network.WindowObjective(recipe, 0, torch.device("cpu"))
    assert sum(len(batch.inputs) for batch in objective.batches(0)) == 13
    assert len(plan.train) > 13 == plan.options.epoch_windows
    said = f"The train part has {len(plan.train)} windows; each epoch draws 13 of them anew"
    assert any(note.startswith(said) for note in plan.notes)
    assert not any("--max-windows" in note for note in plan.notes)
    named = make_plan(waves(), replace(options, epoch_windows=17))
    assert named.options.epoch_windows == 17


def test_the_network_learns_what_a_line_cannot():
    rng = np.random.default_rng(0)
    y = [0.3, 0.4]
    for _ in range(1500):
        y.append(3.9 * y[-1] * (1 - y[-1]) if 0.01 < y[-1] < 0.99 else rng.uniform(0.2, 0.8))
    data = pd.DataFrame({"ds": np.arange(len(y)), "y": y})
    result = fit(data, horizon=1, lookback=6, epochs=12, seeds=1, hidden_size=16, batch_size=32)
    assert "The LSTM" in result.verdict
    assert {m.name: m.mae for m in result.methods}["LSTM"] < 0.5 * next(
        m.mae for m in result.methods if m.name == "ridge"
    )


def test_near_rows_are_read_in_three_quarters_of_the_epochs(monkeypatch):
    seen = []
    real = Forecaster.forward

    def forward(self, x, near=None):
        if self.training and torch.is_grad_enabled():
            seen.append(near)
        return real(self, x, near)

    monkeypatch.setattr(Forecaster, "forward", forward)
    result = fit(waves(), **{**SMALL, "seeds": 1, "epochs": 4}, near=5)
    batches = len(seen) // 8
    assert seen == 2 * ([5] * 3 * batches + [None] * batches)
    assert all(len(one.history) == 4 for one in result.networks)


def test_patience_begins_when_all_rows_are_read(monkeypatch):
    errors = iter([1.0, *[3.0] * 6, 2.0, 2.0] * 2)
    monkeypatch.setattr(network.WindowObjective, "error", lambda self, judged: next(errors))
    result = fit(waves(), **{**SMALL, "seeds": 1, "epochs": 9, "patience": 2}, near=5)
    assert [len(one.history) for one in result.networks] == [8, 8]


def test_a_film_sees_all_rows_whatever_the_network_reads():
    reels, states = [], []
    for near, film in ((None, 1), (5, 1), (5, None)):
        options = ForecastOptions(**SMALL, near=near, film=film)
        plan = make_plan(waves(), options)
        trainer = network.Recipe.of(plan, fitting.start(plan)).trainer("LSTM", 0)
        torch.nn.init.constant_(trainer.network.head.weight, 0.1)
        trainer.step_epoch()
        states.append(trainer.network.state_dict())
        reels.append(trainer.film and trainer.film.reel.layers["recurrent.l0"])
    whole, near, _ = reels
    assert near.lags.tolist() == list(range(8))
    # The first frames are those of the same weights and sequences.
    np.testing.assert_allclose(near.profile[0], whole.profile[0], rtol=1e-5)
    np.testing.assert_array_equal(near.half_life[0], whole.half_life[0])
    assert all(torch.equal(states[1][name], states[2][name]) for name in states[1])


def test_a_film_changes_no_bit_of_training_and_resumes_to_the_same_frames(run, tmp_path):
    whole = fit(waves(), tmp_path / "whole", **SMALL, film=2)
    assert weights(tmp_path / "whole") == weights(run.folder)
    assert {p.name for p in (tmp_path / "whole").iterdir()} == FILES | {"film.npz"}
    fit(waves(), tmp_path / "broken", **SMALL, film=2, reporter=PressCtrlC(2))
    fit(waves(), tmp_path / "broken", **SMALL, film=2, resume=True)
    first, second = (Reel.load(tmp_path / name / "film.npz") for name in ("whole", "broken"))
    assert list(first.layers) == ["recurrent.l0"]
    np.testing.assert_array_equal(first.steps[:3], [1, 3, 5])
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])
        np.testing.assert_array_equal(array, whole.best.film.arrays()[name])


def test_a_season_that_training_does_not_hold_is_refused():
    with pytest.raises(DataError, match="--season: expected fewer than 168 time steps"):
        fit(waves(), **SMALL, season=168)


def test_metrics_and_terminal_say_what_was_understood(tmp_path):
    data = waves(series=("a", "b")).assign(price=1.0, note="x")
    data = pd.concat([data, waves(rows=9, series=("c",))])
    said = []

    class Listening(Reporter):
        def say(self, text):
            said.append(text)

    listening = Listening(quiet=True)
    fit(data, tmp_path / "run", **{**SMALL, "seeds": 1}, target="y", reporter=listening)
    known = json.loads((tmp_path / "run" / "metrics.json").read_text())["data"]
    assert known["series_names"] == ["a", "b"]
    assert known["series_left_out"] == ["c"]
    assert (known["rows_read"], known["rows"], known["rows_left_out"]) == (489, 480, 9)
    assert (known["targets"], known["time"]["column"]) == (["y"], "ds")
    assert (known["frequency"], known["horizon"], known["lookback"]) == ("D", 3, 8)
    assert set(known["not_read"]) == {"price", "note"}
    first, last = (known["split"][part] for part in ("train", "test"))
    assert (first["first"], last["last"]) == ("2020-01-01", "2020-08-27")
    text = "\n".join(said[: next(i for i, line in enumerate(said) if "epoch" in line)])
    for word in ("y of 2 series", "daily", "season", "480 time steps", "lookback 8", "horizon 3"):
        assert word in text
    for word in ("not read: price, note", "2020-08-27", "9 left out", "too short"):
        assert word in text


def test_networks_that_stay_at_their_linear_start_are_called_so(tmp_path):
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"ds": np.arange(400), "y": rng.normal(size=400).cumsum()})
    options = {"horizon": 1, "lookback": 2, "epochs": 1, "hidden_size": 2, "learning_rate": 9.0}
    result = fit(data, tmp_path / "run", **options, seeds=2)
    kept = [trained.best_epoch == 0 for trained in result.networks]
    assert all(kept)
    assert "its linear start" in result.verdict
    assert "adds nothing: no epoch of any of 2 seeds" in result.verdict
    records = {m["name"]: m for m in result.metrics()["methods"]}
    assert records["LSTM"]["seeds_at_linear_start"] == 2
    assert "The plain RNN was kept as the same linear model." in result.metrics()["notes"]
    html = (tmp_path / "run" / "report.html").read_text()
    assert "LSTM (its linear start)" in html
    assert LINEAR.text[0] in html


@pytest.mark.parametrize("data", [None, 3, "", "no.csv", [1, 2], {"y": [1]}, np.zeros(9)], ids=repr)
def test_what_is_no_data_is_refused_in_words(data):
    with pytest.raises(DataError, match="expected"):
        fit(data)


def test_options_of_another_kind_are_refused_in_words():
    with pytest.raises(DataError, match="options: expected ForecastOptions"):
        fit(waves(), options={"horizon": 3})
    for name in ("force", "resume"):
        with pytest.raises(DataError, match=f"{name}: expected True or False, got 'no'"):
            fit(waves(), **{name: "no"})


@pytest.mark.parametrize("size", [1e300, 1e-250])
def test_values_of_any_size_are_forecast_as_well(size):
    plain = fit(waves(), **SMALL)
    sized = fit(waves().assign(y=lambda d: d.y * size), **SMALL)
    for one, other in zip(plain.methods, sized.methods, strict=True):
        expected = [one.mae * size, one.rmse * size, one.mase]
        np.testing.assert_allclose([other.mae, other.rmse, other.mase], expected, rtol=0.05)
    assert math.isfinite(sized.methods[-1].mae_sd)
