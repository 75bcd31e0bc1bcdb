"""The page's script and style, shortened: the same meaning in fewer bytes."""

import json
import shutil
import subprocess

import pytest

from glasscell.report.explore.compact import css, joined, script
from glasscell.report.explore.render import _folder

NODE = shutil.which("node")

PIECES = [
    "const first = [1, 2, 3];\nconst half = first.length / 2 / 1; // not a pattern\nresult = half;",
    "const found = /[/`]\\/x/.test('a/x'); result = found ? 'a  b' : `c  d`;",
    "const inner = 3;\nresult = `${inner} of ${`${inner + 1}  deep {`} }`;",
    "let count = 1\nlet other = count\n++count\nresult = [count, other]",
    "const size = 2; const shown = { size, twice: size * 2 }; result = shown.size + shown.twice;",
    "const take = ({ alpha, beta = 4 }) => alpha - -beta; result = take({ alpha: 1 });",
    "const high = { true: 1, of: 2 }; const t = true; result = [high.of, t, typeof /x/];",
    "function* counted(most) { for (let k = 0; k < most; k += 1) yield k; }\n"
    "result = [...counted(3)];",
    "const text = '// no comment /* here */'; /* but\nhere */ result = text;",
    "let twice = (v) => Math.max(v, 2 * v); result = [1, 2].map((v) => Math.max(twice(v), "
    "Math.max(0, v))).concat(Array.from({ length: 2 }, (_, k) => Math.max(k, 1)));",
    "const label = 1; const box = { label: 2 }; const name = 'label'; result = box[name] + label;",
]


def run(code):
    done = subprocess.run(
        [NODE, "-e", f"let result; {code}\n;console.log(JSON.stringify(result))"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="runs scripts, which takes node")
@pytest.mark.parametrize("source", PIECES)
def test_a_shortened_script_gives_what_it_gave(source):
    assert run(script(source)) == run(source)
    assert len(script(source)) <= len(source)


@pytest.mark.skipif(NODE is None, reason="parses scripts, which takes node")
def test_the_pages_script_is_still_a_script(tmp_path):
    file = tmp_path / "page.js"
    file.write_text(joined(_folder(), ".js"), encoding="utf-8")
    done = subprocess.run([NODE, "--check", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_pages_script_and_style_keep_their_budget():
    """150 KB of script; lessons are a page of their own."""
    views = [file for file in _folder().iterdir() if file.name.endswith(".js")]
    source = "\n".join(f.read_text("utf-8") for f in views if not f.name.startswith("lesson"))
    assert len(script(source).encode()) <= 150_000
    assert len(joined(_folder(), ".css").encode()) <= 30_000


def test_a_style_keeps_the_blanks_that_mean_something():
    assert css(".a :is(b, i) > u {\n width: calc(1px + 2px); }") == (
        ".a :is(b,i) > u{width:calc(1px + 2px)}"
    )
