"""How far back the data help: what forecasts gain by each further step of the past, held out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.wording import count
from glasscell.tasks.forecast.linear import of_steps
from glasscell.tasks.forecast.windows import TRAIN, VALIDATION, Dataset, Windows
from glasscell.threads import one_blas_thread
from glasscell.traces import pictures

LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Steps that are tried, beside one and two seasons: each at most half as many again."""

COARSE = (1, 4, 16, 64)
"""Steps that trees are tried with first."""

FEATURES = 1024
"""Columns of the longest window, at most; the work grows with their square."""

LINEAR, TREES = "linear", "trees"
MODELS = {LINEAR: ("linear model", "线性模型"), TREES: ("trees", "树模型")}
WINDOWS = {LINEAR: (3000, 8000), TREES: (1000, 6000)}
"""Least and most windows that each rival reads, a quarter of all in between, evenly spaced."""
FOLDS = {LINEAR: 5, TREES: 2}
"""Parts in time, each forecast by a model of the others."""

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Penalties of the linear model; the best one counts, at each number of steps."""

RICH = 1000
"""Horizons, one after the other, from which on data are rich: more steps cost a network nothing."""

AHEAD = 8
"""Steps ahead of which the rivals read what is known, at most."""

LEAST = 40
"""Windows below which nothing is measured."""

READ = 1000
"""Windows on which a trained network is tried; fewer are exchanged several times."""

BLOCKS = 20
"""Stretches of neighbouring windows whose sums count as independent, at most."""

SMALL = 0.01
"""Part of the least error up to which two errors count as the same."""

TREE = {"max_iter": 20, "learning_rate": 0.3, "max_leaf_nodes": 8, "max_bins": 32}
"""Small trees: a fit of a thousand windows takes a twentieth of a second."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What one model's forecasts gain by further steps of the past.

    Args:
        model: "linear" or "trees" before training, afterwards the network's own name.
        steps: Numbers of steps that were tried, rising.
        errors: Mean absolute error with each, in standard deviations of the training part.
        doubts: Standard error of each error's difference from the least one.
        back: Steps back that help: the fewest whose error is within one standard error, or 1 %, of
            the least.
    """

    model: str
    steps: tuple[int, ...]
    errors: tuple[float, ...]
    doubts: tuple[float, ...]
    back: int

    @property
    def alike(self) -> tuple[int, int]:
        """Fewest and most steps whose error is within 1 % of the least."""
        good = [
            k for k, error in zip(self.steps, self.errors, strict=True)
            if error <= (1 + SMALL) * min(self.errors)
        ]  # fmt: skip
        return good[0], good[-1]

    @classmethod
    def of(cls, model: str, steps: Sequence[int], errors: Array, span: int) -> Curve:
        """Judge the errors of single windows.

        Args:
            model: Whose they are.
            steps: (n,) numbers of steps.
            errors: (n, M) of M windows in the order of time, the same ones for all.
            span: Stretches of time, a horizon each, that the windows cover.

        Notes:
            The one-standard-error rule (Breiman, Friedman, Olshen and Stone 1984, section 3.4.3),
            of paired differences: let e_k be the errors with k steps and b the k of the least mean.
            d_k = mean(e_k - e_b) is a mean over windows that overlap, so its variance is taken from
            the sums S_1 … S_B over B stretches of neighbours, each a horizon or longer, which
            hardly depend on each other: var(d_k) = B var(S) / M². What all windows have in common,
            such as a hard year, drops out of the difference, which a standard error of e_k alone
            would hide the gain behind. The answer is the least k with d_k <= sqrt(var(d_k)).
        """
        means = errors.mean(axis=1)
        apart = errors - errors[int(np.argmin(means))]
        blocks = max(min(BLOCKS, span, errors.shape[1]), 2)
        sums = np.stack([part.sum(axis=1) for part in np.array_split(apart, blocks, axis=1)])
        doubts = np.sqrt(blocks * sums.var(axis=0, ddof=1)) / errors.shape[1]
        enough = apart.mean(axis=1) <= np.maximum(doubts, SMALL * means.min())
        return cls(
            model=model,
            steps=tuple(int(k) for k in steps),
            errors=tuple(float(e) for e in means),
            doubts=tuple(float(d) for d in doubts),
            back=int(steps[int(np.argmax(enough))]),
        )

    def record(self) -> dict[str, Any]:
        """Give plain values, six digits of each number."""
        short = {
            name: [float(f"{v:.6g}") for v in getattr(self, name)] for name in ("errors", "doubts")
        }
        return {"model": self.model, "steps": list(self.steps), **short, "back": self.back}


@dataclass(frozen=True, kw_only=True)
class Lag:
    """How far back the data help.

    Args:
        back: Steps back that help some rival's forecasts: the more of the rivals'.
        longest: The most steps that were tried.
        span: Horizons, one after the other, that the windows cover.
        curves: Of each rival.
        network: Of the trained network, whose rows older than each number of steps were exchanged
            between windows; None before.
    """

    back: int
    longest: int
    span: int
    curves: tuple[Curve, ...]
    network: Curve | None = None

    @property
    def agree(self) -> bool:
        """Whether the rivals say the same, within half as many steps again."""
        said = [curve.back for curve in self.curves]
        return max(said) <= 1.5 * min(said)

    @property
    def needed(self) -> int:
        """Lag to judge a network at: from the last row to the oldest that helps, or is read.

        A network that reads further than the rivals found help may see what they do not.
        """
        read = self.back if self.network is None else max(self.back, self.network.back)
        return max(read - 1, 1)

    @property
    def reached(self) -> bool:
        """Whether the trained network reads as far back as the data help, or its whole window."""
        return self.network is not None and self.network.back >= min(
            self.back, self.network.steps[-1]
        )

    def lookback(self, usual: int) -> int:
        """Choose the steps that a network reads.

        Args:
            usual: Steps that would be read if nothing had been measured: by horizon and season.

        Returns:
            Enough for every rival. Where data are rich, up to `usual` as far as more does the
            linear model no harm: a network may make something of what the rivals do not see.
        """
        enough, harmless = self.curves[0].alike
        if enough == self.longest < usual:
            return usual
        return max(self.back, enough, min(harmless, usual) if self.span >= RICH else 1)

    def in_words(self, lang: str = "en") -> str:
        """Say it in a sentence.

        Args:
            lang: "en" or "zh"; default "en".

        >>> tried = {"steps": (1, 2), "errors": (2.0, 1.0), "doubts": (0.1, 0.0), "back": 2}
        >>> curve, trees = Curve(model=LINEAR, **tried), Curve(model=TREES, **tried)
        >>> Lag(back=2, longest=2, span=9, curves=(curve, trees)).in_words()
        'The data help back to 2 steps, the longest tried (two rivals agree).'
        """
        most, agree = self.back == self.longest, self.agree and len(self.curves) > 1
        if lang == "zh":
            said = "、".join(f"{MODELS[one.model][1]} {one.back}" for one in self.curves)
            text = f"数据在 {self.back} 步之内有帮助{'（已是尝试过的最长）' if most else ''}"
            text += f"（{'两个对照一致' if agree else said}）"
            return text + (f"，{self.network.model} 用到 {self.network.back} 步。"
                           if self.network else "。")  # fmt: skip
        said = ", ".join(f"{one.back} by the {MODELS[one.model][0]}" for one in self.curves)
        text = f"The data help back to {count(self.back, 'step')}"
        text += ", the longest tried" if most else ""
        text += f" ({'two rivals agree' if agree else said})"
        if self.network is not None:
            text += f", the {self.network.model} uses {self.network.back}"
        return f"{text}."

    def lines(self) -> tuple[list[int], dict[str, Array]]:
        """Put the curves on one axis, each over its error with one step.

        Returns:
            (n,) every number of steps that any was tried with, and each model's (n,) errors, in
            between on a line over log2, NaN beyond those that it was tried with.

        >>> one = Curve(model=LINEAR, steps=(1, 4), errors=(2.0, 1.0), doubts=(0.0, 0.0), back=4)
        >>> two = Curve(model=TREES, steps=(1, 2), errors=(1.0, 0.5), doubts=(0.0, 0.0), back=2)
        >>> Lag(back=4, longest=4, span=9, curves=(one, two)).lines()
        ([1, 2, 4], {'linear': array([1.  , 0.75, 0.5 ]), 'trees': array([1. , 0.5, nan])})
        """
        curves = (*self.curves, *(() if self.network is None else (self.network,)))
        every, lines = np.unique(np.concatenate([curve.steps for curve in curves])), {}
        for curve in curves:
            errors = np.array(curve.errors) / (curve.errors[0] or 1.0)
            at = np.interp(np.log2(every), np.log2(curve.steps), errors)
            lines[curve.model] = np.where(every <= curve.steps[-1], at, np.nan)
        return every.tolist(), lines

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Draw the curves; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.lag` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("lag", *self.lines(), self.back, ax=ax, **options)

    def record(self) -> dict[str, Any]:
        """Give what metrics.json and preprocessing.json hold."""
        return {
            "back": self.back,
            "longest": self.longest,
            "span": self.span,
            "curves": [curve.record() for curve in self.curves],
            "network": None if self.network is None else self.network.record(),
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Lag:
        """Read what `record` gave."""
        network = record.get("network")
        return cls(
            back=record["back"],
            longest=record["longest"],
            span=record["span"],
            curves=tuple(_read(curve) for curve in record["curves"]),
            network=None if network is None else _read(network),
        )


def _read(record: Mapping[str, Any]) -> Curve:
    listed = {name: tuple(record[name]) for name in ("steps", "errors", "doubts")}
    return Curve(model=record["model"], back=record["back"], **listed)


def longest_tried(lookback: int, columns: int) -> int:
    """Bound the steps that are tried, so that the linear model stays small.

    Args:
        lookback: Steps that there are.
        columns: Of a step: the target and its covariates.
    """
    return max(min(lookback, LADDER[-1], FEATURES // columns), 1)


def rungs(longest: int, season: int) -> list[int]:
    """List the numbers of steps to try.

    >>> rungs(30, 12)
    [1, 2, 3, 4, 6, 8, 12, 13, 16, 24, 25, 30]
    """
    of_season = [season, season + 1, 2 * season, 2 * season + 1] if season > 1 else []
    return sorted({k for k in (*LADDER, *of_season, longest) if k <= longest})


@one_blas_thread()
def measure(dataset: Dataset, season: int = 1) -> Lag | None:
    """Measure how far back the data help, on the training and validation parts alone.

    Args:
        dataset: Cut for the longest lookback that is to be tried.
        season: Steps of one season, 1 for none.

    Returns:
        None where there are fewer than 40 windows.

    Notes:
        Each rival forecasts every fifth (trees: half) of the time from the others, with 1, 2, 3 …
        steps of the target's changes and of all covariates, and with all that is known ahead:
        ridge regression, whose penalty is chosen for each number of steps, and gradient boosting of
        20 trees with 8 leaves (first and last step of the horizon). Windows whose targets touch
        those held out are not fitted. Blocked cross-validation is valid for autoregressions
        (Bergmeir, Hyndman and Koo 2018). Between the number of steps that is enough and the one
        below it further ones are tried, until no number (trees: none of the ladder) lies between.
    """
    if len(dataset.parts[TRAIN]) + len(dataset.parts[VALIDATION]) < LEAST:
        return None
    longest = dataset.parts[TRAIN].lookback
    ladder = rungs(longest, season)
    coarse = [k for k in ladder if k in (*COARSE, season, 2 * season, longest)]
    plot = _Field.of(dataset, LINEAR)
    linear = plot.judged(LINEAR, ladder, range(1, longest + 1))
    trees = _Field.of(dataset, TREES).judged(TREES, coarse, ladder)
    back, curves = _together(linear, trees), (linear, trees)
    return Lag(back=back, longest=longest, span=plot.span, curves=curves)


def _together(linear: Curve, trees: Curve) -> int:
    """Give the more of both; what trees tell is no finer than the steps that they were tried with.

    >>> seen = {"errors": (2.0, 1.0), "doubts": (0.1, 0.0)}
    >>> one = Curve(model=LINEAR, steps=(6, 7), back=7, **seen)
    >>> two = Curve(model=TREES, steps=(6, 8), back=8, **seen)
    >>> _together(one, two)
    7
    """
    below = max((k for k in trees.steps if k < trees.back), default=0)
    return linear.back if below < linear.back else trees.back


@dataclass(frozen=True, eq=False)
class _Field:
    """Windows laid out for models of any number of steps.

    Args:
        always: (M, A) what is read at any number: the level, and what is known ahead.
        back: (M, L, F) rows, the last one first; the target less its last value.
        targets: (M, H) less the last value.
        owners: (M,) which series.
        rows: (M,) first target of each.
        span: Horizons that the windows cover in all.
    """

    always: Array
    back: Array
    targets: Array
    owners: Array
    rows: Array
    span: int

    @classmethod
    def of(cls, dataset: Dataset, model: str) -> _Field:
        train, held_out = dataset.parts[TRAIN], dataset.parts[VALIDATION]
        origins = np.sort(np.concatenate([train.origins, held_out.origins]))
        most = int(np.clip(len(origins) // 4, *WINDOWS[model]))
        both = replace(train, origins=origins).thinned(most)
        inputs, lookback, level = both.inputs(), both.lookback, dataset.level
        rows, channels, ahead = inputs.astype(np.float64), inputs.shape[2], both.ahead
        last, past = rows[:, lookback - 1, :1], rows[:, lookback - 1 :: -1]
        wanted = list(range(1 + level, channels))
        always = [last] if level else [last[:, :0]]
        if ahead is not None:
            wanted = [*ahead.numbers_of_past(channels, 1 + level), *ahead.past(channels)]
        if both.known:
            known = of_steps(rows, ahead, both.horizon)[:, :: -(-both.horizon // AHEAD)]
            always.append(known.reshape(len(rows), -1))
        back = np.concatenate([past[..., :1] - last[..., None], past[..., wanted]], axis=2)
        owners = dataset.owner(both.origins)
        # Horizons that the origins of each series span, one series after another.
        whose = dataset.owner(origins)
        first = np.flatnonzero(np.diff(whose, prepend=-1))
        last_of = np.append(first[1:], len(origins)) - 1
        horizons = -(-(origins[last_of] - origins[first] + 1) // both.horizon)
        span = int(horizons[np.isin(whose[first], owners)].sum())
        targets = both.targets() - last
        return cls(np.concatenate(always, axis=1), back, targets, owners, both.origins, span)

    def judged(self, model: str, steps: Sequence[int], finer: Iterable[int]) -> Curve:
        """Forecast what is held out with each number of steps, then with those of `finer`."""
        return _searched(
            model, {LINEAR: self._linear, TREES: self._trees}[model], steps, finer, self.span
        )

    def _folds(self, parts: int) -> list[tuple[Array, Array]]:
        """Which windows are held out and which are fitted, each time."""
        at = np.empty(len(self.rows))
        for s in np.unique(self.owners):
            mine = self.owners == s
            at[mine] = (self.rows[mine] - self.rows[mine].min()) / (np.ptp(self.rows[mine]) + 1)
        fold, horizon, found = (at * parts).astype(int), self.targets.shape[1], []
        for held in range(parts):
            out, near = fold == held, np.zeros(len(fold), bool)
            for s in np.unique(self.owners[out]):
                mine = self.rows[out & (self.owners == s)]
                low, high = mine.min() - horizon, mine.max() + horizon
                near |= (self.owners == s) & (low < self.rows) & (self.rows < high)
            if out.any() and (~near).sum() > 1:
                found.append((out, ~near))
        return found

    def _features(self, steps: int) -> Array:
        rows = self.back[:, :steps].reshape(len(self.back), -1)
        return np.concatenate([self.always, rows], axis=1)

    def _linear(self, steps: list[int]) -> Array:
        """(n, M) errors of ridge regression, by sums of products that all n share."""
        x, y = self._features(max(steps)), self.targets
        width, before = self.back.shape[2], self.always.shape[1]
        errors = np.full((len(ALPHAS), len(steps), len(x)), np.nan)
        for out, fitted in self._folds(FOLDS[LINEAR]):
            centre, level = x[fitted].mean(axis=0), y[fitted].mean(axis=0)
            inside, outside = x[fitted] - centre, x[out] - centre
            square, product = inside.T @ inside, inside.T @ (y[fitted] - level)
            for place, k in enumerate(steps):
                size = before + k * width
                part, right = square[:size, :size], product[:size]
                for which, alpha in enumerate(ALPHAS):
                    weight = np.linalg.solve(part + alpha * np.eye(size), right)
                    miss = outside[:, :size] @ weight + level - y[out]
                    errors[which, place, out] = abs(miss).mean(axis=1)
        best = np.nanmean(errors, axis=2).argmin(axis=0)
        return np.asarray(errors[best, np.arange(len(steps))])

    def _trees(self, steps: list[int]) -> Array:
        """(n, M) errors of boosted trees, at the first and the last step of the horizon."""
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        errors = np.full((len(steps), len(self.rows)), np.nan)
        columns = np.unique([0, self.targets.shape[1] - 1])
        with threadpool_limits(1):
            for out, fitted in self._folds(FOLDS[TREES]):
                for place, k in enumerate(steps):
                    x = self._features(k)
                    miss = [
                        HistGradientBoostingRegressor(**TREE, early_stopping=False, random_state=0)
                        .fit(x[fitted], self.targets[fitted, column])
                        .predict(x[out])
                        - self.targets[out, column]
                        for column in columns
                    ]
                    errors[place, out] = abs(np.array(miss)).mean(axis=0)
        return errors


def _searched(
    model: str,
    measured: Callable[[list[int]], Array],
    steps: Sequence[int],
    finer: Iterable[int],
    span: int,
) -> Curve:
    """Measure with each number of steps, then go on between enough and too few.

    Args:
        model: Whose errors they are.
        measured: Gives (n, M) errors of n numbers of steps.
        steps: Numbers to begin with.
        finer: Further ones that may be tried.
        span: Horizons that the windows cover.
    """
    errors = dict(zip(steps, measured(list(steps)), strict=True))
    while True:
        tried = sorted(errors)
        every = np.stack([errors[k] for k in tried])
        curve = Curve.of(model, tried, every[:, ~np.isnan(every).any(axis=0)], span)
        below = max((k for k in tried if k < curve.back), default=0)
        between = [k for k in finer if below < k < curve.back]
        if not between:
            return curve
        middle = between[len(between) // 2]
        errors[middle] = measured([middle])[0]


@dataclass(frozen=True, eq=False)
class _Exchanged(Windows):
    """Windows whose older rows come from another window, moved to their own last value.

    Args:
        kept: Rows, counted back from the last, that are their own.
        others: (M,) which window each takes its older rows from.
        level: Whether channel 1 is the target's level.
    """

    kept: int = 0
    others: Array = field(default_factory=lambda: np.empty(0, np.int64))
    level: bool = False

    def inputs(self, which: slice | Array = slice(None)) -> Array:
        """Copy out the inputs of some windows."""
        own, other = super().inputs(which), super().inputs(self.others[which])
        older = slice(0, self.lookback - self.kept)
        moved = own[:, self.lookback - 1, :1] - other[:, self.lookback - 1, :1]
        own[:, older] = other[:, older]
        own[:, older, : 1 + self.level] += moved[:, :, None]
        return own


def read_back(
    forecast: Callable[[Windows], Array],
    windows: Windows,
    model: str,
    season: int = 1,
    level: bool = False,
) -> Curve:
    """Measure how far back a trained network reads: its errors without what is older.

    Args:
        forecast: Gives (M, horizon) scaled forecasts of windows.
        windows: That it was not fitted on.
        model: What it is called.
        season: Steps of one season, 1 for none.
        level: Whether channel 1 of the windows is the target's level.

    Returns:
        For each k the error where all rows older than the k last ones come from another window, at
        random, moved so that they end at the window's own last value: what they tell of that very
        window is lost, what such rows are like stays (permutation importance, Breiman 2001).
    """
    windows = windows.thinned(READ)
    truth, lookback = windows.targets(), windows.lookback
    chance = np.random.default_rng(0)
    rounds = int(np.clip(READ // max(len(windows), 1), 1, 8))
    partners = [chance.permutation(len(windows)) for _ in range(rounds)]
    held = {one.name: getattr(windows, one.name) for one in fields(windows)}

    def measured(steps: list[int]) -> Array:
        errors = np.zeros((len(steps), len(windows)))
        for place, k in enumerate(steps):
            for others in partners[:1] if k == lookback else partners:
                exchanged = windows
                if k < lookback:
                    exchanged = _Exchanged(**held, kept=k, others=others, level=level)
                errors[place] += abs(forecast(exchanged) - truth).mean(axis=1)
            errors[place] /= 1 if k == lookback else rounds
        return errors

    span = -(-(int(np.ptp(windows.origins)) + 1) // windows.horizon)
    return _searched(model, measured, rungs(lookback, season), range(1, lookback + 1), span)
