"""What the source promises about itself: symbols, versions, stubs, floors, docstrings, text."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import glasscell
import house_rules
from glasscell import _core

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "glasscell"
MODULES = sorted(SOURCE.rglob("*.py"))
ISA_FLAGS = {
    "generic": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"],
}
TOOLS = shutil.which("g++") and shutil.which("nm")


@pytest.mark.skipif(not TOOLS, reason="looks at object files, which takes g++ and nm")
@pytest.mark.parametrize("isa", [isa for isa in ISA_FLAGS if isa in _core.isas])
def test_no_kernel_object_defines_a_symbol_that_another_file_could_pick_up(isa, tmp_path):
    """A weak std:: function compiled for wide vectors may be the copy that the linker keeps.

    Without optimisation every function that is not forced inline leaves its symbol.
    """
    built = tmp_path / "kernels.o"
    subprocess.run(
        ["g++", "-std=c++17", "-O0", "-fno-exceptions", *ISA_FLAGS[isa], "-I", str(ROOT / "cpp"),
         "-c", str(ROOT / "cpp" / "isa" / f"kernels_{isa}.cc"), "-o", str(built)],
        check=True,
    )  # fmt: skip
    listed = subprocess.run(
        ["nm", "--demangle", "--defined-only", str(built)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    symbols = [line.split(maxsplit=2)[1:] for line in listed.stdout.splitlines()]
    assert len(symbols) > 20
    table = f"glasscell::kKernels{isa.capitalize()}"
    weak = [name for kind, name in symbols if kind in "WVu"]
    assert [name for name in weak if f"glasscell::{isa}::" not in name] == []
    strong = [name for kind, name in symbols if kind.isupper() and kind not in "WVu"]
    assert strong == [table]


def test_kernel_sources_include_no_standard_library_beyond_two_headers():
    allowed = {"cstddef", "cstdint", "immintrin.h", "arm_neon.h"}
    names = ["kernels-inl.h", "activations-inl.h", "fingerprint-inl.h", "kernels.h"]
    names += ["program.h", "program-inl.h", "gru-inl.h"]
    files = [ROOT / "cpp" / name for name in names]
    isa = ROOT / "cpp" / "isa"
    files += sorted(isa.glob("vec_*.h")) + sorted(isa.glob("kernels_*.cc"))
    assert len(files) >= 11
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(r"#include <([^>]+)>", text)) <= allowed, file.name
        assert "std::" not in re.sub(r"//.*", "", text), file.name


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert glasscell.__version__ == project["version"]


def names_of(body):
    """Public names that a module or class body defines."""
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return {name for name in found if not name.startswith("_")}


def test_the_stub_says_what_the_core_has():
    stub = ast.parse((SOURCE / "_core.pyi").read_text(encoding="utf-8"))
    assert names_of(stub.body) == {name for name in dir(_core) if not name.startswith("_")}
    classes = {node.name: node for node in stub.body if isinstance(node, ast.ClassDef)}
    for name, node in classes.items():
        if not name.startswith("_"):
            base = classes[node.bases[0].id] if node.bases else node
            real = {n for n in dir(getattr(_core, name)) if not n.startswith("_")}
            assert names_of(base.body) == real, name


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def listed(tree):
    """What `__all__` lists; nothing where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_public_name_is_described(path):
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the first lines of a file say its purpose"
    public = listed(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public:
            overload = "overload" in map(ast.unparse, node.decorator_list)
            assert overload or ast.get_docstring(node), node.name


def test_a_file_imports_only_from_floors_below():
    """In functions too; the one door is traces/pictures.py."""
    assert house_rules.upward() == []


def test_no_file_leads_back_to_itself():
    assert house_rules.circles() == []


def test_a_name_of_a_file_is_said_once():
    assert house_rules.stems_said_twice() == {}


def test_nobody_asks_a_cell_for_its_name():
    """What a cell has is read off its definition, so that a new one needs no line elsewhere."""
    assert house_rules.cells_asked_by_name() == []


def test_nor_do_scripts():
    """Lesson and duel tell of the LSTM and the plain RNN by name."""
    pattern = re.compile(r"""[!=]==? *["'](LSTM|GRU|RNN)""")
    found = [
        f"{path.name}:{number} {line.strip()}"
        for path in sorted((SOURCE / "report").rglob("*.js"))
        if not {"lesson", "duel"} & {*path.parts}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_few_files_have_one_reader():
    """A file that one other imports is mostly a part of it that was cut off by length."""
    assert len(house_rules.imported_by_one()) <= len(house_rules.FILES) // 9


def test_no_function_takes_ten_parameters():
    assert house_rules.long_signatures() == []


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("upward", ("engine/a.py", "def f():\n    from glasscell.nn import convert\n")),
        ("upward", ("cells/a.py", "import torch\n")),
        ("upward", ("inspect/a.py", "from glasscell.weights import LayerWeights\n")),
        ("circles", ("traces/a.py", "from glasscell.traces import b\n")),
        ("cells_asked_by_name", ("inspect/a.py", "def f(mode):\n    return mode == 'LSTM'\n")),
        ("stems_said_twice", ("report/model.py", "")),
        ("long_signatures", ("nn/a.py", "def f(a, b, c, d, e, f, g, h, i, *, j): ...\n")),
    ],
)
def test_what_breaks_a_rule_is_found(rule, broken, tmp_path):
    """The rules read a copy of the source with one file more, in a process of their own."""
    source = tmp_path / "src" / "glasscell"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    (source / broken[0]).write_text(broken[1], encoding="utf-8")
    if rule == "circles":
        (source / "traces" / "b.py").write_text("from glasscell.traces import a\n")
    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(house_rules.__file__, tests)
    code = f"import house_rules as rules; print(len(rules.{rule}()))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=True
    )
    assert int(run.stdout) == 1


def text_files():
    """Files under version control, or all of them where there is no git."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        paths = [ROOT / name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [
            p
            for name in ("src", "cpp", "tests", "docs", "scripts")
            for p in (ROOT / name).rglob("*")
        ]
    kinds = {
        ".py",
        ".pyi",
        ".h",
        ".cc",
        ".md",
        ".toml",
        ".txt",
        ".sh",
        ".json",
        ".js",
        ".css",
        ".yml",
    }
    return [p for p in paths if p.is_file() and (p.suffix in kinds or p.name == "Makefile")]


def test_no_file_names_a_machine_an_index_or_an_unfinished_thing():
    # Put together from pieces, so that this file does not match itself.
    words = ["/" + "tmp/w", "/" + "work/", "/" + "root/", "/home/" + r"\w+/", "index-" + "url"]
    words += ["dev" + "pi", "arti" + "factory", "TO" + "DO", "FIX" + "ME", "shared/" + "DESIGN"]
    pattern = re.compile("|".join(words))
    found = []
    for path in text_files():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []
