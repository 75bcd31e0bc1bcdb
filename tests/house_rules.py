"""The rules of the house, read off the source: floors, circles, names, and files with one reader.

An import counts wherever it stands, in a function too, but not under `if TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "glasscell"
FILES = sorted(SOURCE.rglob("*.py"))

FLOORS = (
    ("errors", "arrays", "files", "threads", "_core", "cells", "reference"),
    ("gates", "weights", "storage"),  # faces for users: nobody inside imports them
    ("engine",),
    ("traces",),
    ("model",),
    ("nn",),
    ("inspect",),
    ("data",),
    ("report",),
    ("training",),
    ("tasks",),
    ("estimators", "reproduce", "demo"),
    ("bench", "cli", "__main__"),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
FACES = FLOORS[1]
DOOR = SOURCE / "traces" / "pictures.py"
"""The one file whose imports may lead upwards: from results to their pictures."""

TORCH_LIVES_IN = {"nn", "training", "tasks", "estimators", "reproduce", "demo", "bench"}
TORCH_IN_FUNCTIONS = ("inspect/subjects/", "inspect/film/")
"""Folders that look at live torch modules, and import torch only once they are given one."""

ALIKE = ("views", "tasks")
"""Folders whose sub-folders have files of the same names on purpose."""

FIXED_SIGNATURES: tuple[str, ...] = ()
"""Functions whose ten or more parameters torch or a command asks for: "nn/file.py:function"."""

LONG = 10

CELLS_ARE_DATA = ("engine", "traces", "model", "nn", "inspect", "report")
"""Floors on which nothing asks for a cell by its name: a new cell needs no line there."""

LESSON = "report/lesson/"
"""Tells the story of these two cells."""

NAMES_OF_CELLS = ("LSTM", "GRU", "RNN", "RNN_TANH", "RNN_RELU")
CLASSES_OF_CELLS = {"LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_of(path: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def short(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Modules that a file imports, ours and others; `glasscell.trace` is the file that has it."""
    return frozenset(name for _, name in _imports(tree_of(path)))


def _imports(tree: ast.Module) -> Iterator[tuple[bool, str]]:
    """Whether each import stands in a function, and what it imports."""
    for node, inside in _walk(tree, inside=False):
        if isinstance(node, ast.Import):
            yield from ((inside, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield inside, _resolved(node.module, alias.name)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            yield from ((inside, name) for name in named if name in MODULES)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "glasscell":
            yield inside, _resolved("glasscell", node.attr)


def _walk(node: ast.AST, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other, inside
                yield from _walk(other, inside)
            continue
        yield child, inside
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _walk(child, inside or function)


def _resolved(module: str, name: str) -> str:
    if f"{module}.{name}" in MODULES or f"{module}.{name}" == "glasscell._core":
        return f"{module}.{name}"
    return _lazy().get(name, module) if module == "glasscell" else module


@cache
def _lazy() -> dict[str, str]:
    """Public names of the package to the modules that they are taken from on first use."""
    for node in tree_of(SOURCE / "__init__.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_LAZY":
            return dict(ast.literal_eval(node.value))
    raise AssertionError("glasscell/__init__.py says in _LAZY where its names come from")


def edges() -> dict[str, set[str]]:
    """Each of our modules to those of ours that it imports."""
    return {
        name: {other for other in imports_of(path) if other in MODULES} - {name, "glasscell"}
        for name, path in MODULES.items()
        if name != "glasscell"
    }


def circles() -> list[list[str]]:
    """Sets of files each of which leads to every other one, without the door (Tarjan 1972)."""
    graph, order, lowest = edges(), dict[str, int](), dict[str, int]()
    graph[module_of(DOOR)] = set()
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        path.append(name)
        for other in graph[name]:
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            place = path.index(name)
            circle, path[place:] = path[place:], []
            if len(circle) > 1:
                found.append(sorted(circle))

    for name in graph:
        if name not in order:
            visit(name)
    return found


def upward() -> list[str]:
    """Imports that lead to a floor above, to a face, or to torch from a floor without it."""
    found = []
    for path in FILES:
        place = short(path).removesuffix(".py").split("/")[0]
        if place == "__init__" or path == DOOR:
            continue
        if place not in FLOOR:
            found.append(f"{short(path)}: say in FLOORS where {place} stands")
            continue
        for inside, name in sorted(set(_imports(tree_of(path)))):
            top, *rest = name.split(".")
            if top == "torch":
                lazy = inside and short(path).startswith(TORCH_IN_FUNCTIONS)
                wrong = place not in TORCH_LIVES_IN and not lazy
            elif top == "glasscell" and rest:
                wrong = FLOOR.get(rest[0], 0) > FLOOR[place] or rest[0] in FACES
            else:
                wrong = False
            if wrong:
                found.append(f"{short(path)} imports {name}")
    return found


def stems_said_twice() -> dict[str, list[str]]:
    """Names of files that several files have, but for those of folders alike on purpose."""
    stems: defaultdict[str, list[str]] = defaultdict(list)
    for path in FILES:
        parts = path.relative_to(SOURCE).parts
        alike = len(parts) > 2 and parts[-3] in ALIKE
        if path.stem not in ("__init__", "__main__") and not alike:
            stems[path.stem].append(short(path))
    return {stem: files for stem, files in stems.items() if len(files) > 1}


def imported_by_one() -> list[str]:
    """Files that exactly one other file imports.

    Left out are those that the package takes public names from, which users import, the files of
    views and of tasks, each the part of that name in its folder, and the cells of the zoo, which
    are for users.
    """
    counts = Counter(other for others in edges().values() for other in others)
    public = set(_lazy().values())
    return sorted(
        short(path)
        for name, path in MODULES.items()
        if counts[name] == 1
        and name not in public
        and path.name != "__init__.py"
        and path.parts[-3] not in ALIKE
        and path.parts[-2] != "zoo"
    )


def cells_asked_by_name() -> list[str]:
    """Places that ask which cell it is, in place of what the cell has.

    That is: a comparison with one of the names, a class of one in `isinstance`, or a flag of that
    name. Tasks choose a kind of network by its name, and the benchmark's engines spell equations.
    """
    found = []
    for path in FILES:
        floor = short(path).split("/")[0]
        if floor not in CELLS_ARE_DATA or short(path).startswith(LESSON):
            continue
        for node in ast.walk(tree_of(path)):
            if _asks_by_name(node):
                found.append(f"{short(path)}:{node.lineno} {ast.unparse(node)[:60]}")
    return sorted(found)


def _asks_by_name(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return any(_names_a_cell(side) for side in (node.left, *node.comparators))
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
        named = {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
        return bool(named & CLASSES_OF_CELLS)
    flag = isinstance(node, ast.Attribute) and node.attr in ("lstm", "has_cell")
    return flag and not ast.unparse(node).startswith("torch.ops.")


def _names_a_cell(node: ast.expr) -> bool:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return any(isinstance(part, ast.Constant) and part.value in NAMES_OF_CELLS for part in parts)


def long_signatures() -> list[str]:
    """Functions with ten or more parameters, but for the fixed ones."""
    found = []
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = sum(each.arg not in ("self", "cls") for each in every)
                name = f"{short(path)}:{node.name}"
                if count >= LONG and name not in FIXED_SIGNATURES:
                    found.append(f"{name} takes {count}")
    return found


RULES = (
    circles,
    upward,
    stems_said_twice,
    imported_by_one,
    cells_asked_by_name,
    long_signatures,
)

if __name__ == "__main__":
    for rule in RULES:
        broken = rule()
        print(f"{rule.__name__}: {len(broken)}")
        for each in broken.items() if isinstance(broken, dict) else broken:
            print("   ", each)
