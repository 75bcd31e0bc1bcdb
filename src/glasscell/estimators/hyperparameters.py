"""Hyper-parameters of an estimator: stored as given, and checked when it is fitted.

They are written once, as the fields of a dataclass: its `__init__` only stores, which is what
scikit-learn, sktime and aeon ask of one, and has the names and defaults in its signature.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from glasscell.errors import DataError

__all__ = [
    "TRIED",
    "Hyperparameters",
    "OfClasses",
    "beginning_as",
    "named_as_parameters",
    "storing",
]

FLAG = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
"""How an option is written on the command line."""

TRIED: list[dict[str, Any]] = [
    {"hidden_size": 2, "max_epochs": 1, "validation_fraction": 0.2},
    {"cell": "gru", "hidden_size": 2, "max_epochs": 1},
]
"""What the checks of sktime and aeon fit: small, as they fit often."""


@dataclass(kw_only=True, eq=False, repr=False)
class Hyperparameters:
    """What is common to all estimators of sequences.

    Args:
        cell: The recurrent layer: "lstm", "gru" or "rnn".
        hidden_size: Units of a layer and direction. Default: from the number of sequences.
        layers: Recurrent layers.
        bidirectional: Read from both ends. Default: true, false where each step has a label and
            where the pooling is "last" alone, as such a network runs step by step.
        pooling: What the head reads of the outputs of all steps: "last", "mean", "max",
            "attention", or with commas several. Default: as `glasscell fit` chooses; where each
            step has a label none.
        stride: Neighbouring steps that are averaged to one. Default: 1, and of sequences of more
            than 128 steps so many that the longest has no more.
        dropout: Part of what the head reads that is left out in training, at random.
        augment: Whether each pass sees the training sequences changed: cut at their ends, faster
            and slower, stronger and weaker. Default: where classes of fewer than 1,000 sequences
            of no whole numbers are to be told.
        learning_rate: Adam's, at its highest.
        batch_size: Sequences per training step. Default: from the number of sequences.
        max_epochs: Most passes over the training sequences.
        patience: Epochs without a better validation loss before training stops; without validation
            all epochs are trained.
        validation_fraction: Part of the sequences that decides which epoch is kept, drawn by class,
            and is not trained on; with 0 the training loss decides. Default: 0 for fewer than
            1,000 sequences, else a sixth.
        missing: What to do with NaN in X: "raise", "interpolate" linearly within a sequence, take
            the "previous" value, or "zero" after scaling, which is the feature's mean.
        random_state: Seed of the initial weights, the order of the sequences, and the validation
            part.
        verbose: Whether to tell of every epoch on standard error.
    """

    cell: str = "lstm"
    hidden_size: int | None = None
    layers: int = 1
    bidirectional: bool | None = None
    pooling: str | None = None
    stride: int | None = None
    dropout: float | None = None
    augment: bool | None = None
    learning_rate: float = 0.01
    batch_size: int | None = None
    max_epochs: int = 100
    patience: int = 20
    validation_fraction: float | None = None
    missing: str = "raise"
    random_state: Any = None
    verbose: int = 0


@dataclass(kw_only=True, eq=False, repr=False)
class OfClasses(Hyperparameters):
    """What a classifier has besides.

    Args:
        class_weight: How much each class counts in the training loss: "balanced" all classes
            alike, or a mapping of class to weight. Default: every sequence alike.
    """

    class_weight: str | Mapping[Any, float] | None = None


def beginning_as(base: Any, parameters: Any) -> Callable[..., None]:
    """Make an `__init__` that stores hyper-parameters and begins as a class of another library.

    Args:
        base: The class of that library, whose own `__init__` takes nothing. Its tags say whether
            NaN is read.
        parameters: The dataclass of the hyper-parameters.
    """

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807
        parameters.__init__(self, **given)
        base.__init__(self)
        self.set_tags(**{"capability:missing_values": self.missing != "raise"})

    __init__.__signature__ = inspect.signature(parameters.__init__)  # type: ignore[attr-defined]
    return __init__


def storing(
    options: Any,
    without: Collection[str],
    more: Mapping[str, Any],
) -> Callable[..., None]:
    """Make an `__init__` that stores the fields of a dataclass, which is asked when it is fitted.

    Args:
        options: The dataclass.
        without: Fields that are left out, those without a default among them.
        more: Further parameters, with their defaults.

    >>> inspect.signature(storing(Hyperparameters, list(vars(Hyperparameters())), {"alpha": 1}))
    <Signature (self, *, alpha=1)>
    """
    own = {one.name: one.default for one in fields(options) if one.name not in without}
    defaults = own | dict(more)

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807
        if strange := [name for name in given if name not in defaults]:
            raise TypeError(
                f"{type(self).__name__}: expected parameters of {', '.join(defaults)}, got "
                f"{', '.join(strange)}"
            )
        for name, default in defaults.items():
            setattr(self, name, given.get(name, default))

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind, default=one) for name, one in defaults.items()]
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]
    return __init__


@contextmanager
def named_as_parameters() -> Iterator[None]:
    """Write in messages what is a flag on the command line as the parameter that it is here."""
    try:
        yield
    except DataError as error:
        said = FLAG.sub(lambda flag: flag[1].replace("-", "_"), str(error))
        raise DataError(said.replace("seed:", "random_state:", 1)) from error
