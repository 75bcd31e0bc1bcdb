"""Drawing code is given results: it computes nothing of a trace or a gradient itself.

What is refused in it, on arrays: means and sums and products, also running ones, differences,
quantiles, orders, logarithms and exponentials, correlations, matrix products, norms, eigenvalues,
fits. What is left to it is what takes a value to a pixel, a colour or a text: minimum and maximum,
clipping, rounding, picking, counting places. A function that needs one of the refused for that is
in `ALLOWED`, with the reason.
"""

from __future__ import annotations

import ast
from pathlib import Path

import glasscell.report

ROOT = Path(glasscell.report.__file__).parent
FILES = sorted(
    file
    for pattern in (
        "views/*/data.py", "views/*/plot.py", "views/*/static.py", "views/*/drawing.py",
        "draw/*.py", "page/*.py",
        "lesson/*.py",
    )
    for file in ROOT.glob(pattern)
)  # fmt: skip

REFUSED = frozenset(
    [
        "mean",
        "nanmean",
        "average",
        "median",
        "nanmedian",
        "std",
        "nanstd",
        "var",
        "nanvar",
        "sum",
        "nansum",
        "prod",
        "nanprod",
        "cumsum",
        "cumprod",
        "nancumsum",
        "nancumprod",
        "diff",
        "ediff1d",
        "gradient",
        "quantile",
        "nanquantile",
        "percentile",
        "nanpercentile",
        "log",
        "log2",
        "log10",
        "log1p",
        "exp",
        "exp2",
        "expm1",
        "power",
        "corrcoef",
        "cov",
        "correlate",
        "convolve",
        "dot",
        "vdot",
        "inner",
        "outer",
        "matmul",
        "einsum",
        "tensordot",
        "norm",
        "eig",
        "eigh",
        "eigvals",
        "eigvalsh",
        "svd",
        "qr",
        "det",
        "inv",
        "pinv",
        "lstsq",
        "solve",
        "polyfit",
        "argsort",
        "sort",
        "lexsort",
        "argmax",
        "argmin",
        "nanargmax",
        "nanargmin",
        "histogram",
        "bincount",
        "cross",
        "trapz",
        "reduce",
        "accumulate",
    ]
)

ALLOWED = {
    "draw/axes.py:as_datetimes": "whether dates of an axis are in order",
    "draw/charts.py:_runs": "where a line is broken",
    "draw/curves.py:log_line": "how many triangles stand at the foot",
    "draw/curves.py:logs": "a log axis",
    "draw/curves.py:module": "the smallest float32 on a log axis",
    "draw/pooling.py:pool": "which of the values under one pixel is shown",
    "draw/pooling.py:magnitude": "where a colour map ends",
    "draw/pooling.py:_medians": "which of the values under one pixel is shown",
    "lesson/pair.py:Answers.error": "the score of answers; no trace",
    "lesson/pair.py:Pair.targets": "the problem's right answers; no trace",
    "lesson/lesson_page.py:_carried": "the unit that the lesson begins with",
    "page/headline.py:missing": "gaps in what was read, counted for their sentence",
    "views/cell/static.py:_terms": "which terms of a long sum are written out",
    "views/forecast/data.py:Stretch.measured": "lines of a forecast, scaled for 32 bits; no trace",
    "views/forecast/data.py:Stretch._error": "the score of a forecast; no trace",
    "views/confusion/plot.py:confusion": "a colour for each part of a row; no trace",
    "views/decided/plot.py:decided": "which inputs are drawn first",
    "views/tags/static.py:_sequence": "how many steps were said wrong; no trace",
    "views/film/plot.py:_half_life": "a log axis",
    "views/ladder/plot.py:half_life_ladder": "which dot stands above which",
}
"""What drawing needs of them, by file and function, and for what."""


def uses(tree: ast.AST) -> list[tuple[str, int]]:
    """What of the refused a function does, with the lines."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            found.append(("@", node.lineno))
        # np.mean(a), a.mean(), np.linalg.norm(a); math.log of a number is no array's.
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = node.func.value
            if node.func.attr in REFUSED and not (isinstance(base, ast.Name) and base.id == "math"):
                found.append((node.func.attr, node.lineno))
    return found


def functions(file: Path) -> dict[str, ast.AST]:
    """Every function and method of a file by its name; what is outside of them as "module"."""
    tree = ast.parse(file.read_text("utf-8"))
    parts: dict[str, ast.AST] = {}
    rest = []
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        name = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for one in inner:
            if isinstance(one, ast.FunctionDef):
                parts[name + one.name] = one
            else:
                rest.append(one)
    parts["module"] = ast.Module(rest, [])
    return parts


def test_drawing_code_does_no_arithmetic_on_traces():
    refused = {}
    for file in FILES:
        for name, tree in functions(file).items():
            key = f"{file.relative_to(ROOT).as_posix()}:{name}"
            if (found := uses(tree)) and key not in ALLOWED:
                refused[key] = found
    assert not refused, "\n".join(f"{key}: {found}" for key, found in refused.items())


def test_what_is_allowed_is_needed():
    for key in ALLOWED:
        name, _, function = key.partition(":")
        assert uses(functions(ROOT / name)[function]), f"{key} needs nothing that is refused"


def test_all_drawing_code_is_walked():
    names = {file.relative_to(ROOT).as_posix() for file in FILES}
    assert {"draw/pooling.py", "page/without_script.py", "views/wall/plot.py"} <= names
    assert len(names) > 40
    elsewhere = {
        file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.py") if file not in FILES
    }
    beside = {name for name in elsewhere if not name.endswith(("__init__.py", "words.py"))}
    assert beside <= {"plots.py"}, f"{beside} draw, and are not walked"


def test_the_walk_sees_what_it_refuses():
    for text in ("np.mean(a)", "a.mean(0)", "a @ b", "np.linalg.norm(a)", "np.add.reduce(a)"):
        assert uses(ast.parse(text)), text
    assert not uses(ast.parse("math.log(2); np.clip(a, 0, 1); a.max(); np.isfinite(a).all()"))
