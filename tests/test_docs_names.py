"""What texts and docstrings name is there: modules and what is in them, files and folders.

Everything is read, nothing imported, so that the answer comes at once.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "glasscell"
FOLDERS = "benchmarks|cpp|docs|examples|experiments|scripts|src|tests"
TEXTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if path.name != "CHANGELOG.md"
    and not any(part.startswith((".", "build")) for part in path.relative_to(ROOT).parts)
)
SOURCES = sorted(path for folder in FOLDERS.split("|") for path in (ROOT / folder).rglob("*.py"))

DOTTED = re.compile(r"(?<![\w./-])glasscell((?:\.[A-Za-z_]\w*)+)")
PATH = re.compile(rf"(?<![\w./-])((?:{FOLDERS})/[\w./*<>-]*[\w/*>])")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
LISTED = re.compile(r"(?<!`)`([a-z]\w*)`(?!`)")
FILE_NAMES = {"css", "html", "js", "json", "md", "svg", "toml"}
"""What makes `glasscell.css` a file's name."""


def module_of(path: Path) -> Path | None:
    """The file of a module's path without its ending."""
    for file in (path / "__init__.py", path.with_suffix(".py"), path.with_suffix(".pyi")):
        if file.is_file():
            return file
    return None


@cache
def names_in(file: Path) -> frozenset[str]:
    """All names that a module binds, at any depth, and those that it finds on first use."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names |= {(one.asname or one.name).split(".")[0] for one in node.names}
                if any(one.name == "*" for one in node.names):
                    assert isinstance(node, ast.ImportFrom)
                    assert node.module
                    inner = module_of(PACKAGE.parent / node.module.replace(".", "/"))
                    names |= names_in(inner) if inner else set()
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.arg():
                names.add(node.arg)
            case ast.Dict():  # of names that __getattr__ looks up
                names |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return frozenset(name for name in names if isinstance(name, str))


def is_there(dotted: str) -> bool:
    """Tell whether `.a.b.c` names a module of glasscell, or something that one binds."""
    place, parts = PACKAGE, dotted.strip(".").split(".")
    for at, part in enumerate(parts):
        if (place / part).is_dir() or module_of(place / part):
            place = place / part
            continue
        file = module_of(place)
        # Of a class, its own names are looked for in the whole file: it may inherit them there.
        return file is not None and part in names_in(file) and len(parts) - at <= 2
    return True


def docstrings(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    return [text for text in texts if text]


def dead_names(text: str) -> list[str]:
    dead = [
        f"glasscell{name}"
        for name in DOTTED.findall(text)
        if name.rpartition(".")[2] not in FILE_NAMES and not is_there(name)
    ]
    for path in PATH.findall(text):
        pattern = re.sub(r"<\w+>", "*", path.rstrip("./"))
        if not any(ROOT.glob(pattern)):
            dead.append(path)
    return dead


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_text_names_what_is_there(file):
    text = file.read_text(encoding="utf-8")
    assert dead_names(text) == []
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_docstrings_name_what_is_there():
    dead = {
        str(file.relative_to(ROOT)): names
        for file in SOURCES
        if (names := dead_names("\n".join(docstrings(file))))
    }
    assert dead == {}


def test_a_package_names_its_own_files():
    """What the docstring of an `__init__.py` puts between backticks is in that package."""
    dead = {}
    for file in PACKAGE.rglob("__init__.py"):
        known = {"glasscell", "proj_size", *names_in(file)}  # the second is torch's
        for inner in file.parent.rglob("*.py"):
            known |= {inner.stem, inner.parent.name, *names_in(inner)}
        if names := sorted(set(LISTED.findall("\n".join(docstrings(file)[:1]))) - known):
            dead[str(file.relative_to(ROOT))] = names
    assert dead == {}


def test_what_is_not_there_is_noticed():
    assert is_there(".nn.LSTM")
    assert is_there(".inspect.gradients.flow.LayerFlow.judge")
    assert not is_there(".nn.Transformer")
    assert dead_names("see glasscell.nowhere.at_all, tests/nothing.py and src/glasscell/nn/") == [
        "glasscell.nowhere.at_all",
        "tests/nothing.py",
    ]
