"""Counts what the lines of src/glasscell are, at a commit: python scripts/lines.py [COMMIT]."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import PurePosixPath


def git(*words: str) -> str:
    """Give what a command of git prints."""
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def kinds(path: PurePosixPath, text: str) -> Counter[str]:
    """Count the lines of one file by kind."""
    lines = text.splitlines()
    if path.suffix == ".js":
        return Counter(JavaScript=len(lines))
    described: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(
            node
        ):
            described.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    words = "words" in path.stem or path.stem == "sentences"
    counted: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if number in described:
            kind = "docstrings"
        elif not bare or bare.startswith("#"):
            kind = "comments" if bare else "blank"
        elif words:
            kind = "words, English and Chinese"
        else:
            kind = "imports" if line.startswith(("import ", "from ")) else "statements"
        counted[kind] += 1
    return counted


def main(commit: str) -> None:
    """Print the table."""
    names = git("ls-tree", "-r", "--name-only", commit, "src/glasscell").split()
    paths = [PurePosixPath(n) for n in names if n.endswith((".py", ".js"))]
    total = sum((kinds(p, git("show", f"{commit}:{p}")) for p in paths), Counter[str]())
    for kind, count in total.most_common():
        print(f"{count:6,}  {kind}")
    print(f"{total.total():6,}  in {len(paths)} files")


if __name__ == "__main__":
    main(*sys.argv[1:] or ["HEAD"])
