"""Measure labelled sequences: the cost of a ragged batch, the memory of fit, the accuracy.

usage: python benchmarks/sequences.py cost|memory|accuracy|surnames OUT.json [DATA ...]

cost: one training step, forward, backward and Adam, of batches whose sequences are as long as
those of JapaneseVowels (7 to 29) or as 1 … 100, as the objective cuts them, beside the same number
of sequences padded to the longest of all, an epoch each in turns; the ratio is the median of pairs.
memory: the growth of resident memory over training on 10^5 sequences, in sizes of the data.
accuracy: sets that installed packages bring, default settings, five seeds, beside ridge regression
on summaries: the official training and test parts, or where there are groups folds by group.
surnames: the locale of a surname, out of Faker's lists, beside a naive Bayes and a logistic
regression over 1- to 3-grams: one test part, three seeds, and five folds of all names.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, median, quantiles, stdev

import numpy as np
import psutil
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from surroundings import surroundings

from glasscell.data.datasets.inventory import named
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.data.sequences.reading import read_sequences
from glasscell.tasks.sequences.gram_model import GramModel
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import Plan, plan_of
from glasscell.tasks.sequences.recipe import Recipe, predict_scores
from glasscell.tasks.sequences.ridge import Ridge, coded, summaries
from glasscell.tasks.sequences.splits import Round, hold_out
from glasscell.tasks.sequences.told import probabilities
from glasscell.training.trainer import Descent

LENGTHS = {
    "of JapaneseVowels, 7 to 29": lambda _, count: bundled("JapaneseVowels").lengths[:count],
    "uniform, 1 to 100": lambda draw, count: draw.integers(1, 101, count),
}
SETS = (
    *("JapaneseVowels", "BasicMotions", "PickupGestureWiimoteZ", "GunPoint", "ItalyPowerDemand"),
    *("ArrowHead", "ACSF1", "watch"),
)


def bundled(name: str) -> Sequences:
    return read_sequences(named(name).load(), SequenceOptions().reading())


def collection(arrays: list[np.ndarray], labels: np.ndarray, names: tuple[str, ...]) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in arrays])])
    values = np.concatenate(arrays).astype(np.float32)
    features = tuple(f"x{number}" for number in range(values.shape[1]))
    told = Labels("class", labels.astype(np.int64), names)
    return Sequences(values, offsets, features, np.arange(len(arrays)).astype(str), told)


def drawn(lengths: np.ndarray, features: int, classes: int) -> Sequences:
    draw = np.random.default_rng(0)
    arrays = [draw.normal(size=(length, features)).astype(np.float32) for length in lengths]
    labels = np.arange(len(lengths)) % classes
    return collection(arrays, labels, tuple(str(number) for number in range(classes)))


def cost(_: list[str]) -> dict[str, object]:
    """Time an epoch of ragged batches and the same padded, in turns."""
    found = {}
    for name, of in LENGTHS.items():
        lengths = of(np.random.default_rng(1), 640)
        longest = int(lengths.max())
        sets = {"ragged": drawn(lengths, 12, 9), "padded": drawn(np.full(640, longest), 12, 9)}
        seconds: dict[str, list[float]] = {kind: [] for kind in sets}
        # Changed sequences have other lengths, and what is padded here has one.
        options = SequenceOptions(rounds=1, hidden_size=64, batch_size=64, augment=False)
        trainers = {
            kind: Recipe.of(plan_of(one, options)).trainer("LSTM", 0) for kind, one in sets.items()
        }
        descents = {
            kind: Descent(one.network, one.optimizer, one.objective.loss)
            for kind, one in trainers.items()
        }
        for turn in range(60):
            for kind, trainer in trainers.items():
                descent = descents[kind]
                started = time.process_time()
                for batch in trainer.objective.batches(turn):
                    descent.step(batch)
                seconds[kind].append(time.process_time() - started)
        seconds = {kind: taken[4:] for kind, taken in seconds.items()}
        pairs = zip(seconds["ragged"], seconds["padded"], strict=True)
        quarter, middle, three_quarters = quantiles([one / other for one, other in pairs])
        found[name] = {
            **{f"{kind}_cpu_s": median(taken) for kind, taken in seconds.items()},
            "ratio": middle,
            "ratio_quartiles": [quarter, three_quarters],
            "valid_steps": float(lengths.sum() / (len(lengths) * longest)),
        }
    return found


def memory(_: list[str]) -> dict[str, object]:
    """Train one epoch on 10^5 sequences of 10 to 40 steps, and watch the resident memory."""
    lengths = np.random.default_rng(1).integers(10, 41, 100_000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = np.random.default_rng(2).random((offsets[-1], 16), np.float32)
    labels = Labels("class", np.arange(100_000) % 3, ("a", "b", "c"))
    names = np.arange(100_000)
    sequences = Sequences(values, offsets, tuple(map(str, range(16))), names, labels)
    process = psutil.Process()
    before = most = process.memory_info().rss
    recipe = Recipe.of(plan_of(sequences, SequenceOptions(rounds=1, epochs=1, hidden_size=8)))
    trainer = recipe.trainer("LSTM", 0)

    def watch(_: float) -> bool:
        nonlocal most
        most = max(most, process.memory_info().rss)
        return True

    trainer.step_epoch(watch)
    watch(1.0)
    size = values.nbytes
    return {"data_bytes": size, "growth_bytes": most - before, "held": 1 + (most - before) / size}


def fitted(recipe: Recipe, seed: int) -> float:
    """Train one network of a round, and give its accuracy on the test part."""
    part = recipe.plan.round(seed)
    return float(np.mean(trained(recipe, seed).argmax(1) == recipe.plan.labels.values[part.test]))


def trained(recipe: Recipe, seed: int) -> np.ndarray:
    """Train one network of a round, and give its scores of the test part."""
    trainer = recipe.trainer("LSTM", seed)
    while not trainer.finished:
        trainer.step_epoch()
    network = recipe.network("LSTM", seed)
    network.load_state_dict(trainer.best)
    plan, part = recipe.plan, recipe.plan.round(seed)
    return predict_scores(network, plan.sequences, plan.scaler(part), part.test)


def on_summaries(plan: Plan, part: Round) -> float:
    """Give the accuracy of ridge regression on summaries on the test part of a round."""
    learning, scaler = np.concatenate([part.train, part.validation]), plan.scaler(part)
    x, tested = (summaries(plan.sequences, rows, scaler) for rows in (learning, part.test))
    told = Ridge(x, coded(plan, learning), plan.goal).scores(tested).argmax(1)
    return float(np.mean(told == plan.labels.values[part.test]))


def rounds(sequences: Sequences, seeds: int = 5) -> dict[str, object]:
    recipe = Recipe.of(plan_of(sequences, SequenceOptions(rounds=seeds)))
    started = time.process_time()
    found = [fitted(recipe, part.seed) for part in recipe.plan.rounds]
    seconds = time.process_time() - started
    plan = recipe.plan
    return {
        "accuracy": mean(found),
        "sd": stdev(found),
        "rounds": found,
        "ridge_on_summaries": mean(on_summaries(plan.unaveraged, part) for part in plan.rounds),
        "train": [len(part.train) + len(part.validation) for part in plan.rounds],
        "test": [len(part.test) for part in plan.rounds],
        "scheme": plan.scheme,
        "cpu_s": seconds,
    }


def accuracy(names: list[str]) -> dict[str, object]:
    found = {}
    for name in names or SETS:
        found[name] = rounds(bundled(name))
        print(name, found[name], flush=True)
    return found


def surnames(_: list[str]) -> dict[str, object]:
    """Tell locales on the test part of a default run, and on five folds of all names."""
    sequences = bundled("surnames")
    plan = plan_of(sequences, SequenceOptions(rounds=3))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    told, rounds = plan.labels.values, []
    for number, (rest, test) in enumerate(folds.split(told, told)):
        train, validation = hold_out(sequences, rest, number)
        rounds.append(Round(number, train, validation, test))
    return {
        "names": len(sequences),
        "languages": plan.labels.names,
        "test": list(map(of_names, [plan] * 3, plan.rounds)),
        "folds": [of_names(replace(plan, rounds=tuple(rounds)), part) for part in rounds],
    }


def of_names(plan: Plan, part: Round) -> dict[str, object]:
    """Give accuracy and log loss of each method on the test part of a round."""
    told, words = plan.labels.values, plan.sequences.names
    learning = np.concatenate([part.train, part.validation])
    network = trained(Recipe(replace(plan, rounds=(part,))), part.seed)
    grams = GramModel.of(plan, part).scores(plan.sequences, part.test)
    said = {
        "network": probabilities("classify", network),
        "logistic_regression_of_fit": probabilities("classify", grams),
    }
    for name, model in {
        "naive_bayes": MultinomialNB(),
        "logistic_regression": LogisticRegression(C=0.3, max_iter=1000),
    }.items():
        # Words with their ends marked by a space, the usual choice for names.
        counts = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3))
        both = make_pipeline(counts, model).fit(words[learning], told[learning])
        said[name] = both.predict_proba(words[part.test])
    truth = told[part.test]
    found = {
        name: {
            "accuracy": float(np.mean(shares.argmax(1) == truth)),
            "log_loss": float(log_loss(truth, shares, labels=np.arange(plan.outputs))),
        }
        for name, shares in said.items()
    }
    print(part.seed, found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    measures = {"cost": cost, "memory": memory, "accuracy": accuracy, "surnames": surnames}
    parser.add_argument("measure", choices=measures)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", nargs="*")
    given = parser.parse_args()
    torch.set_num_threads(1)
    result = {
        "measure": given.measure,
        **surroundings(),
        "found": measures[given.measure](given.data),
    }
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["found"], indent=2))


if __name__ == "__main__":
    main()
