"""A training film as arrays: what gates and gradients looked like every so many steps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.files import draft
from glasscell.traces import pictures

__all__ = ["LayerReel", "Reel"]

FORMAT = 1

BEFORE = ("forget", "input", "output")
"""Gates of films that do not name theirs."""

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of units in which half-lives are drawn as bands."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerReel:
    """One layer of a film: F frames, H units.

    Attributes:
        half_life: (F, H) float32, steps; None for a layer without a belt, as an RNN.
        closed: (F, n, H) float32, fraction of steps at which each of the `gate_names` is below 0.1;
            None for a layer without.
        open: (F, n, H), the same above 0.9.
        extreme: (F, H) float32, fraction of steps with abs(candidate), for an RNN abs(h), > 0.97.
        lags: (n,) int64, lags of `profile`.
        profile: (F, n) float64, norm of the gradient by the stored state (|dL/dc| of an LSTM,
            |dL/dh| of a GRU or an RNN) by lag; NaN where sequences ended.
        rate: (F,) float64, factor per step of the gradient; NaN where no line fits.
        reach: (F,) float64, lag from which on nothing arrives; NaN where all of it does.
        kind: (F,) str, the verdict's kind.
        gates: (n,) str, names of the gates between 0 and 1; None of a film from before they were
            kept, whose layers were LSTMs.
    """

    half_life: Array | None
    closed: Array | None
    open: Array | None
    extreme: Array
    lags: Array
    profile: Array
    rate: Array
    reach: Array
    kind: Array
    gates: Array | None = None

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates of `closed` and `open`: "forget", "input", "output" of an LSTM."""
        if self.closed is None:
            return ()
        return BEFORE if self.gates is None else tuple(map(str, self.gates))

    def half_life_quantiles(self, levels: Sequence[float] = LEVELS) -> Array:
        """(F, len(levels)) quantiles over units; NaN for a layer without half-lives."""
        if self.half_life is None:
            return np.full((len(self.rate), len(levels)), np.nan)
        # The order statistic, as interpolation next to an infinite half-life gives NaN.
        quantiles: Array = np.quantile(self.half_life, levels, axis=1, method="lower").T
        return quantiles

    @property
    def closed_share(self) -> Array | None:
        """(F, n) mean over units of `closed`."""
        return None if self.closed is None else self.closed.mean(axis=2)

    @property
    def open_share(self) -> Array | None:
        """(F, n) mean over units of `open`."""
        return None if self.open is None else self.open.mean(axis=2)


@dataclass(frozen=True, eq=False)
class Reel:
    """A training film; `Film` makes one.

    Args:
        steps: (F,) int64, training step of each frame.
        loss: (F,) float64, mean loss since the frame before.
        layers: Layer name to what it did.

    >>> reel = Reel(np.array([1]), np.array([0.5]), {})
    >>> reel
    Reel(1 frame, steps 1 … 1, layers: none)
    """

    steps: Array
    loss: Array
    layers: Mapping[str, LayerReel]

    def arrays(self) -> dict[str, Array]:
        """Give everything under flat names, as in the file."""
        arrays = {
            "format": np.array(FORMAT),
            "steps": self.steps,
            "loss": self.loss,
            "layers": np.array(list(self.layers), dtype=np.str_),
        }
        for number, layer in enumerate(self.layers.values()):
            for field in fields(layer):
                value = getattr(layer, field.name)
                if value is not None:
                    arrays[f"{number}/{field.name}"] = value
        return arrays

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write an .npz file.

        Args:
            path: Where; an existing file is replaced.
        """
        path = Path(path)
        with draft(path) as beside, beside.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self.arrays())
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Reel:
        """Read a file that `save` wrote.

        Args:
            path: The file.

        Raises:
            DataError: It is damaged, or something else, or of a newer version.
            FileNotFoundError: There is none.
        """
        try:
            # Opened here, as np.load leaves a file that is cut short open.
            with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return cls.of_arrays(dict(file))
        except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
            if isinstance(error, FileNotFoundError | DataError):
                raise
            raise DataError(
                f"expected {path} as a film that Reel.save wrote, got {error}"
            ) from error

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Array]) -> Reel:
        """Make a film of what `arrays` gave."""
        if int(arrays["format"]) != FORMAT:
            raise DataError(
                f"expected a film of format {FORMAT}, got {int(arrays['format'])}; update glasscell"
            )
        layers = {
            str(layer): _layer_of(arrays, number) for number, layer in enumerate(arrays["layers"])
        }
        return cls(arrays["steps"], arrays["loss"], layers)

    def plot(self, layer: str | None = None, *, ax: Any = None, **options: Any) -> Array:
        """Draw the film of one layer over the training steps; needs matplotlib.

        Args:
            layer: Whose; default the only one.
            ax: One Axes per part; default a new pyplot figure.
            **options: As `glasscell.report.plots.film` takes them.

        Returns:
            (parts,) array of Axes.
        """
        return pictures.panels("film", self, layer, ax=ax, **options)

    def __repr__(self) -> str:
        count = f"{len(self.steps)} frame{'' if len(self.steps) == 1 else 's'}"
        ends = f", steps {self.steps[0]} … {self.steps[-1]}" if len(self.steps) else ""
        return f"Reel({count}{ends}, layers: {', '.join(self.layers) or 'none'})"


def _layer_of(arrays: Mapping[str, Array], number: int) -> LayerReel:
    values: dict[str, Any] = {
        field.name: arrays.get(f"{number}/{field.name}") for field in fields(LayerReel)
    }
    return LayerReel(**values)
