"""Vanishing and exploding: the gradient's norm by lag for chosen matrices, and what clipping saves.

The norm is that of the product of actual Jacobians, ``sigma_1(J_{t+lag} … J_{t+1})``: by how much
the gradient of a plain RNN grows or shrinks over so many steps in its best direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

import glasscell
from glasscell.arrays import Array
from glasscell.inspect import fan, layer_weights
from glasscell.inspect.dynamics.spectrum import stretch
from glasscell.nn import RNN
from glasscell.report.views.curves.data import Chart
from glasscell.reproduce.laboratory import Row, Tell, Trial, rows_of, spread
from glasscell.reproduce.problems import temporal_order
from glasscell.reproduce.side_by_side import SEQUENCES, Entry, SideBySide, Test, mean_of, right
from glasscell.reproduce.today import Today
from glasscell.reproduce.trial_curves import banded

NAME = "pascanu"
TITLE = ("Gradients that vanish and explode", "消失与爆炸的梯度")
SOURCE = "Pascanu, Mikolov & Bengio (2013), sections 2.1, 2.2, 3.2 and 4.1"
COLUMNS = (
    ("at_10", ("log10, 10 steps", "10 步，log10")),
    ("at_100", ("log10, 100 steps", "100 步，log10")),
    ("radius", ("spectral radius", "谱半径")),
    ("norm", ("largest singular value", "最大奇异值")),
    ("right", ("right, %", "答对，%")),
    SEQUENCES,
)
LAGS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
DRAWN = -30.0
"""log10 of a norm below which it is not drawn: two lines that fall fast hide all others."""
UNITS = 50
DECIMALS = 10
"""What the linear algebra of float64 is sure of: a norm of 1 has a log10 of 1e-15."""


@dataclass(frozen=True)
class Matrix:
    """A plain RNN of chosen W, and the most that theory lets its gradient grow.

    Args:
        name: What the row is called.
        make: Makes W (H, H) and the bias (H,) from a source of chance.
        noise: Standard deviation of the inputs; 0: the network is at rest.
        says: What was published of such a matrix.
        start: (H,) the hidden state that it begins in; None: 0.
        judged_at: The lag at which that is looked at.
    """

    name: str
    make: Callable[[np.random.Generator], tuple[Array, Array]]
    noise: float
    says: str = ""
    start: tuple[float, ...] | None = None
    judged_at: str = "at_100"

    def measure(self, seed: int) -> dict[str, float]:
        """Measure the norm over each lag, and W."""
        chance = np.random.default_rng([seed, 2013])
        W, bias = self.make(chance)
        layer = plain_rnn(W, bias)
        x = torch.from_numpy(self.noise * chance.normal(size=(max(LAGS) + 1, 1, len(W))))
        begin = torch.zeros(1, 1, len(W), dtype=torch.float64)
        if self.start is not None:
            begin[:] = torch.tensor(self.start)
        with glasscell.trace(layer) as seen:
            layer(x, begin)
        found = fan(seen["l0"].sequence(0), layer_weights(layer, "l0"), columns=1, lags=LAGS)
        told = {f"at_{lag}": found.log10_sigma[n, 0] for n, lag in enumerate(LAGS)}
        of = stretch(W)
        told |= {"radius": of.radius or 0, "norm": of.norm or 0}
        return {name: round(float(value), DECIMALS) for name, value in told.items()}


def plain_rnn(W: Array, bias: Array) -> torch.nn.Module:
    """Make a tanh network of a recurrent matrix, float64, each unit with an input of its own."""
    layer = RNN(len(W), len(W), dtype=torch.float64)
    with torch.no_grad():
        for name, value in (("ih", np.eye(len(W))), ("hh", W)):
            layer.get_parameter(f"weight_{name}_l0").copy_(torch.from_numpy(value))
        layer.get_parameter("bias_ih_l0").copy_(torch.from_numpy(bias))
        layer.get_parameter("bias_hh_l0").zero_()
    return layer


def _orthogonal(scale: float, chance: np.random.Generator) -> tuple[Array, Array]:
    """All singular values, and all eigenvalues in size, are `scale`."""
    turn, triangle = np.linalg.qr(chance.normal(size=(UNITS, UNITS)))
    return scale * turn * np.sign(np.diag(triangle)), np.zeros(UNITS)


def _normal(radius: float, chance: np.random.Generator) -> tuple[Array, Array]:
    """Normal numbers, scaled to a spectral radius; the norm is about twice as large."""
    W = chance.normal(size=(UNITS, UNITS))
    return W * radius / np.abs(np.linalg.eigvals(W)).max(), np.zeros(UNITS)


def _nilpotent(chance: np.random.Generator) -> tuple[Array, Array]:
    """W W = 0, and yet at the fixed point h = (0, 1/2) the Jacobian [[8, 8], [-6, -6]] doubles."""
    return np.array([[8.0, 8.0], [-8.0, -8.0]]), np.array([-4.0, 4.0 + math.atanh(0.5)])


MAY = "may explode"
"""Nothing that is found contradicts it."""
MATRICES = (
    Matrix("orthogonal, 0.9, with inputs", partial(_orthogonal, 0.9), 1.0, "vanishes"),
    Matrix("orthogonal, 1, at rest", partial(_orthogonal, 1.0), 0.0, "neither"),
    Matrix("orthogonal, 1, with inputs", partial(_orthogonal, 1.0), 1.0),
    Matrix("orthogonal, 1.1, at rest", partial(_orthogonal, 1.1), 0.0, "explodes"),
    Matrix("normal, radius 0.9, at rest", partial(_normal, 0.9), 0.0, "vanishes"),
    Matrix("normal, radius 1.5, at rest", partial(_normal, 1.5), 0.0, "explodes"),
    Matrix("normal, radius 1.5, with inputs", partial(_normal, 1.5), 1.0, MAY),
    Matrix("two units, radius 0", _nilpotent, 0.0, "vanishes", (0.0, 0.5), "at_10"),
)
"""`says` is the statement of the paper on matrices of such a radius and norm: a norm below 1 is
enough to vanish; for a linear network, as a tanh network at rest is, a radius below 1 is too, and a
radius above 1 is needed to explode. Section 3.1 has "a spectral radius below 1 cannot explode" of
tanh networks as well, to which the last one is the counter-example."""
DIFFERS = {
    "two units, radius 0": "the statement is false of tanh networks: what counts are the Jacobians "
    "on the way, here [[8, 8], [-6, -6]] with eigenvalue 2, and not the eigenvalues of W",
    "normal, radius 1.5, with inputs": "a radius above 1 is needed for explosion, not enough: "
    "saturated units shrink the gradient",
}


def effect(log10: float) -> str:
    """Say what a gradient does that ends at such a log10.

    >>> effect(-4.0), effect(0.0), effect(30.0)
    ('vanishes', 'neither', 'explodes')
    """
    return "vanishes" if log10 < -1 else "explodes" if log10 > 1 else "neither"


def _training(clip: float | None, length: int, trials: int, quick: int) -> Entry:
    draw = partial(temporal_order, 2, scale=length / 100)
    return Entry(
        name=f"order, {length} steps, {'not clipped' if clip is None else 'clipped'}",
        options=Today(
            cell="RNN",
            hidden_size=UNITS,
            loss="classes",
            plain_steps=True,
            identity=True,
            rate=0.1,
            clip=clip,
            batch_size=20,
            steps=5000,
            enough=0.05,
        ),
        draw=draw,
        tests=(Test(column="right", draw=draw, measure=right),),
        trials=trials,
        quick=quick,
        differs="published in words: clipping helps, and with the regulariser of section 3.3 too, "
        "which is not here, all of 50 to 200 steps are solved; W starts at the identity",
    )


TRAINING = SideBySide(
    entries=tuple(
        _training(clip, length, trials, quick)
        for length, trials, quick in ((20, 3, 1), (50, 3, 0), (100, 3, 0))
        for clip in (None, 1.0)
    ),
    better="more",
)


def _matrix(name: str) -> Matrix | None:
    return next((matrix for matrix in MATRICES if matrix.name == name), None)


def trials(quick: bool, seeds: int | None) -> list[Trial]:
    """List the matrices, then the networks that are trained."""
    number = seeds or (1 if quick else 3)
    measured = [
        Trial(
            matrix.name,
            {"noise": matrix.noise, "start": matrix.start, "lags": list(LAGS), "units": UNITS},
            seed,
        )
        for matrix in MATRICES
        for seed in range(number)
    ]
    return measured + TRAINING.trials(quick, seeds)


def run(trial: Trial, line: Tell) -> dict[str, Any]:
    """Measure one matrix, or train one network."""
    matrix = _matrix(trial.row)
    if matrix is None:
        return TRAINING.run(trial, line)
    found = matrix.measure(trial.seed)
    return {**found, "said": f"10^{found['at_10']:.2f} after 10 steps, 10^{found['at_100']:.2f}"}


def curves(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Chart]:
    """Draw the norms by lag, lowest and highest trial around the mean; then how networks learnt."""
    lines = []
    for name, some in rows_of(done).items():
        # Trials that were measured at two lags alone have no curve.
        norms = [[r[f"at_{lag}"] for lag in LAGS] for _, r in some if f"at_{LAGS[0]}" in r]
        if norms:
            seen = np.where(np.mean(norms, axis=0) < DRAWN, np.nan, norms)
            lines.append(banded(name, LAGS, seen))
    chart = Chart(
        title=(
            "How much a gradient grows or shrinks on its way through a plain RNN",
            "梯度穿过普通 RNN 时放大或缩小多少",
        ),
        x=("steps", "步数"),
        y=("log10 of the largest factor", "最大倍数的 log10"),
        lines=lines,
        log_x=True,
    )
    return [chart] * bool(lines) + TRAINING.curves(done)


def rows(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
    """Lay out what was found beside what was published."""
    laid = []
    for name, some in rows_of(done).items():
        matrix, results = _matrix(name), [result for _, result in some]
        laid += TRAINING.rows(some) if matrix is None else [_row(matrix, results)]
    return laid


def _row(matrix: Matrix, results: Sequence[Mapping[str, Any]]) -> Row:
    keys = ("at_10", "at_100", "radius", "norm")
    ours: dict[str, float | str] = {
        key: float(np.mean([result[key] for result in results])) for key in keys
    }
    found = effect(float(ours[matrix.judged_at]))
    return Row(
        matrix.name,
        {matrix.judged_at: matrix.says} if matrix.says else {},
        ours,
        len(results),
        {key: spread([result[key] for result in results]) for key in keys},
        _verdict(matrix.says, found),
        DIFFERS.get(matrix.name, ""),
    )


def _verdict(says: str, found: str) -> str:
    if not says:
        return ""
    return "matched" if found in says or says == MAY else f"refuted: {found}"


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say what the counter-example does, and what clipping saves."""
    grown = mean_of(rows, "two units, radius 0", "at_10")
    english, chinese = [], []
    if grown is not None:
        english.append(
            f"A tanh network whose W has spectral radius 0 grows a gradient {10**grown:,.0f} times "
            "in 10 steps"
        )
        chinese.append(f"W 谱半径为 0 的 tanh 网络在 10 步内把梯度放大 {10**grown:,.0f} 倍")
    for length in (20, 50, 100):
        whole, clipped = (
            mean_of(rows, _training(clip, length, 1, 1).name, "right") for clip in (None, 1.0)
        )
        if whole is not None and clipped is not None:
            english.append(
                f"over {length} steps of temporal order the clipped gradient comes to "
                f"{clipped:.0f} % right, the unclipped one to {whole:.0f} %"
            )
            chinese.append(
                f"{length} 步的时间顺序上，裁剪梯度答对 {clipped:.0f}%，不裁剪 {whole:.0f}%"
            )
    return "; ".join(english) + "." * bool(english), "；".join(chinese) + "。" * bool(chinese)
