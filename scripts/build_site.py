"""Build the documents as a site: lay the pages out under build/docs, then run zensical on them.

The pages stand where they are read without a site: in docs/, and as the README of the folder that
they are about. Here they become one tree a language, and their links follow. What a page links to
that is no page, a program or a result, is copied beside them.

    python scripts/build_site.py [--only-lay-out | --packages]

`--packages` prints what the build needs, as pyproject.toml names it; glasscell itself is read, not
imported, so no compiler and no torch is needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAID = ROOT / "build" / "docs"
ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "DIFFERENCES.md": "differences.md",
    "benchmarks/README.md": "benchmarks.md",
    "cpp/README.md": "kernels.md",
    "experiments/README.md": "experiments.md",
    "src/glasscell/data/README.md": "readers.md",
    "src/glasscell/inspect/FORMATS.md": "formats.md",
    "src/glasscell/inspect/README.md": "measures.md",
    "src/glasscell/report/page/README.md": "page.md",
}
"""Pages outside docs/, and where they come to stand."""
CHINESE = ".zh-CN.md"
Known = dict[Path, tuple[str, Path]]
"""Each page's file to its language and its place in that language's tree."""
LINK = re.compile(r"(!?)\[((?:[^][]|\[[^]]*\])*)\]\(([^)#\s]*)(#[^)]*)?\)")
SIZES = re.compile(r"(?<=\| )\((?:\d+|[A-Z])(?:, (?:\d+|[A-Z]))+\)(?= \|)")
"""(T, B, I, H) in a cell of a table, which is not to be broken."""
FLAG = re.compile(r"((?<!`)`--[^` ]+`)(?!`)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def pages() -> Known:
    """Find every page."""
    found = {}
    for file in sorted((ROOT / "docs").rglob("*.md")):
        found[file] = ("en", file.relative_to(ROOT / "docs"))
    for name, place in ELSEWHERE.items():
        found[ROOT / name] = ("en", Path(place))
    found[ROOT / "README.zh-CN.md"] = ("zh", Path("index.md"))
    for file, (_, place) in list(found.items()):
        if file.name.endswith(CHINESE) and file.parent != ROOT:
            found[file] = ("zh", place.with_name(place.name.replace(CHINESE, ".md")))
    return found


def moved(link: re.Match[str], file: Path, known: Known) -> str:
    """Give a link as it is where the page comes to stand; what it leads to is copied if no page."""
    picture, label, target, anchor = link.groups(default="")
    if not target or "://" in target:
        return link.group()
    language, place = known[file]
    goal = (file.parent / target).resolve()
    if goal in known:
        spoken, at = known[goal]
        if language == "zh" and at in of_language("zh", known):
            spoken = "zh"  # a Chinese reader stays among Chinese pages where there are some
        if spoken == language:
            return f"[{label}]({os.path.relpath(at, place.parent)}{anchor})"
        return f"[{label}]({across(place, language, at)}{anchor})"
    if not goal.exists():
        sys.exit(f"{file}: expected a file at {target}, found none")
    if goal.is_dir():
        return label
    kept = goal.relative_to(ROOT)
    kept = kept.relative_to("docs") if kept.parts[0] == "docs" else "files" / kept
    copy = LAID / language / kept
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(goal, copy)
    return f"{picture}[{label}]({os.path.relpath(kept, place.parent)})"


def of_language(language: str, known: Known) -> set[Path]:
    """Give the places of a language's pages in its tree."""
    return {place for spoken, place in known.values() if spoken == language}


def across(place: Path, language: str, goal: Path) -> str:
    """Give the way from a page to a page of the other language in the built site."""
    if language == "zh":
        return "../" * len(place.parts) + str(goal.with_suffix(".html"))
    return "../" * len(place.parent.parts) + f"zh/{goal.with_suffix('.html')}"


def laid_out(file: Path, known: Known) -> str:
    """Give a page's text as it is in its tree."""
    language, place = known[file]
    text = file.read_text(encoding="utf-8")
    # The header has the switch between languages.
    text = re.sub(r"^\[(?:中文|English)\]\([^)]*\)\n\n?", "", text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^<!-- /?[\w:]+ -->\n", "", text, flags=re.MULTILINE)

    def mended(prose: str) -> str:
        prose = LINK.sub(partial(moved, file=file, known=known), prose)
        prose = SIZES.sub(lambda sizes: sizes.group().replace(", ", ",\u00a0"), prose)
        return FLAG.sub(r"\1{.flag}", prose)

    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [mended(text[at : fence.start()]), fence.group()]
        at = fence.end()
    text = "".join([*parts, mended(text[at:])])
    head = ["hide: [navigation]"] if place == Path("index.md") else []
    if place in of_language("en" if language == "zh" else "zh", known):
        head.append(f"translation: {across(place, language, place)}")
    return "\n".join(["---", *head, "---", "", text]) if head else text


def decisions(known: Known) -> str:
    """Give the page that lists every decision by its heading."""
    lines = [
        "# Decisions",
        "",
        "Choices that someone may question, with the measurement behind them.",
        "",
    ]
    for file in known:
        if file.parent.name == "decisions":
            heading = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            lines.append(f"- [{heading}](decisions/{file.name})")
    return "\n".join(lines) + "\n"


def lay_out() -> None:
    """Write both trees anew."""
    shutil.rmtree(LAID, ignore_errors=True)
    known = pages()
    for file, (language, place) in known.items():
        target = LAID / language / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(laid_out(file, known), encoding="utf-8")
    (LAID / "en" / "decisions.md").write_text(decisions(known), encoding="utf-8")
    for language in ("en", "zh"):
        for file in (ROOT / "docs" / "theme").glob("*.*"):
            shutil.copyfile(file, LAID / language / file.name)


def main() -> None:
    """Lay the pages out and, unless told not to, build both languages."""
    if "--packages" in sys.argv[1:]:
        with (ROOT / "pyproject.toml").open("rb") as file:
            print("\n".join(tomllib.load(file)["project"]["optional-dependencies"]["docs"]))
        return
    lay_out()
    if "--only-lay-out" in sys.argv[1:]:
        return
    for settings in ("mkdocs.yml", "mkdocs.zh-CN.yml"):
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", settings]
        built = subprocess.run(command, cwd=ROOT, check=False)
        if built.returncode:
            sys.exit(built.returncode)
    print(ROOT / "site" / "index.html")


if __name__ == "__main__":
    main()
