"""A run folder elsewhere: its model card, hubs, MLflow, and the same bits from its settings."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import safetensors
from huggingface_hub import ModelCard, ModelHubMixin

import glasscell
from glasscell.cli import main
from glasscell.errors import DataError
from glasscell.tasks import mlflow_flavour, sequences, text
from glasscell.tasks.forecast.fitting import fit

SMALL = {"epochs": 1, "hidden_size": 4}


def days(rows=120):
    noise = np.random.default_rng(0).normal(0, 0.1, rows)
    times = pd.date_range("2024-01-01", periods=rows)
    return pd.DataFrame({"unique_id": "a", "ds": times, "y": np.sin(np.arange(rows) / 3) + noise})


def steps():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            (number, step, rng.normal() + number % 2, "ab"[number % 2])
            for number in range(40)
            for step in range(6)
        ],
        columns=["sequence", "step", "x", "label"],
    )


TEXT = "the cat sat on the mat and the dog ran after it. " * 60


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    fit(days(), place / "forecast", horizon=3, lookback=8, seeds=1, **SMALL)
    sequences.fit(steps(), place / "sequences", rounds=1, **SMALL)
    (place / "a.txt").write_text(TEXT)
    text.fit(place / "a.txt", place / "text", seeds=1, **SMALL)
    return place


@pytest.mark.parametrize(
    ("task", "pipeline", "row"),
    [
        ("forecast", "time-series-forecasting", "| ridge |"),
        ("sequences", "tabular-classification", "| majority |"),
        ("text", "text-generation", "| unigram |"),
    ],
)
def test_every_run_has_a_card_that_a_hub_reads(runs, task, pipeline, row):
    card = ModelCard.load(runs / task / "README.md")
    assert card.data.library_name == "glasscell"
    assert card.data.pipeline_tag == pipeline
    assert card.data.license == "unknown"
    assert card.data.eval_results[0].metric_value is not None
    for part in ("# LSTM: ", "## Results", row, "## Data", "hidden_size: 4", "## Use", "## Limits"):
        assert part in card.text
    assert str(runs) not in card.content


def test_the_use_that_a_card_tells_works(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days().to_csv("history.csv", index=False)
    steps().to_csv("sequences.csv", index=False)
    for task in ("forecast", "sequences", "text"):
        content = (runs / task / "README.md").read_text()
        code = content.partition("```python\n")[2].partition("```")[0]
        exec(code.replace('"RUN"', repr(str(runs / task))), {})


def test_weights_say_that_their_names_are_those_of_torch(runs):
    with safetensors.safe_open(runs / "forecast" / "model.safetensors", "numpy") as held:
        assert held.metadata()["format"] == "pt"


def test_a_forecaster_is_saved_and_loaded_by_the_names_of_a_hub(runs, tmp_path):
    forecaster = glasscell.Forecaster.from_pretrained(runs / "forecast")
    assert forecaster.save_pretrained(tmp_path / "copy") is None
    again = glasscell.Forecaster.from_pretrained(tmp_path / "copy")
    pd.testing.assert_frame_equal(again.predict(days()), forecaster.predict(days()))
    assert ModelCard.load(tmp_path / "copy" / "README.md").data.library_name == "glasscell"
    with pytest.raises(DataError, match="expected no folder"):
        forecaster.save_pretrained(tmp_path / "copy")
    with pytest.raises(DataError, match="found no folder 'nowhere'"):
        glasscell.Forecaster.from_pretrained("nowhere")
    for name in ("from_pretrained", "save_pretrained", "push_to_hub"):
        assert callable(getattr(ModelHubMixin, name))
        assert callable(getattr(forecaster, name))


def test_pushing_sends_the_whole_folder(runs, monkeypatch):
    import huggingface_hub

    sent = {}

    class Api:
        def __init__(self, token):
            sent["token"] = token

        def create_repo(self, name, private, exist_ok):
            return type("Repo", (), {"repo_id": name})

        def upload_folder(self, **given):
            sent.update(given)
            return type("Commit", (), {"commit_url": "there"})

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    told = glasscell.Forecaster.load(runs / "forecast").push_to_hub("me/load", token="t")
    assert told == "there"
    assert (sent["repo_id"], sent["folder_path"]) == ("me/load", runs / "forecast")


def test_without_the_hub_a_message_says_what_to_install(runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModuleNotFoundError, match="pip install huggingface_hub"):
        glasscell.Forecaster.from_pretrained("me/load")


SERVED = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('torch', 'accelerate'):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
print(model.predict(pd.read_csv(sys.argv[2])).iloc[:, -1].tolist())
"""


@pytest.mark.filterwarnings("ignore:.*Any type hint")
@pytest.mark.parametrize("task", ["forecast", "sequences", "text"])
def test_mlflow_loads_a_run_without_torch(runs, tmp_path, task):
    data = {"forecast": days(), "sequences": steps(), "text": pd.DataFrame({"text": [TEXT[:99]]})}
    data[task].to_csv(tmp_path / "data.csv", index=False)
    mlflow_flavour.save_model(runs / task, tmp_path / "model")
    command = [sys.executable, "-W", "ignore", "-c", SERVED]
    done = subprocess.run(
        [*command, str(tmp_path / "model"), str(tmp_path / "data.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    served = mlflow_flavour.Served(runs / task)
    expected = served.predict(pd.read_csv(tmp_path / "data.csv")).iloc[:, -1].tolist()
    assert done.stdout.strip().splitlines()[-1] == str(expected)


@pytest.mark.filterwarnings("ignore:.*Any type hint")
def test_mlflow_is_refused_what_is_no_run(tmp_path):
    with pytest.raises(DataError, match="expected a run folder"):
        mlflow_flavour.save_model(tmp_path, tmp_path / "model")


@pytest.mark.parametrize("task", ["forecast", "sequences", "text"])
@pytest.mark.parametrize("printed", [False, True])
def test_settings_train_the_same_bits_again(tmp_path, capsys, task, printed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days().to_csv("forecast", index=False)
    steps().to_csv("sequences", index=False)
    (tmp_path / "text").write_text(TEXT)
    for name, end in (("forecast", ".csv"), ("sequences", ".csv"), ("text", ".txt")):
        (tmp_path / name).rename(f"{name}{end}")
    one = ["--rounds", "1"] if task == "sequences" else ["--seeds", "1"]
    source = f"{task}.txt" if task == "text" else f"{task}.csv"
    flags = [source, *one, "--epochs", "1", "--hidden-size", "4", "--quiet", "--jobs", "1"]
    assert main(["fit", *flags, "--out", "first"]) == 0
    config = "first/run.yaml"
    if printed:
        capsys.readouterr()
        assert main(["fit", *flags, "--out", "again", "--print_config"]) == 0
        config = "printed.yaml"
        (tmp_path / config).write_text(capsys.readouterr().out)
    assert main(["fit", "--config", config, "--out", "again", "--quiet", "--jobs", "1"]) == 0
    for file in ("model.safetensors", "plain-rnn/model.safetensors", "config.json", "run.yaml"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
