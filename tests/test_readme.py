"""What README.md and README.zh-CN.md show is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")


def code_blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)


@pytest.mark.parametrize("name", READMES)
def test_the_first_screen_prints_what_its_comments_say(name: str) -> None:
    block = code_blocks(name)[0]
    promised = [
        re.split(", as | as |[:，：]", rest)[0].strip()
        for rest in re.findall(r"# prints (.*)", block)
    ]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, {})
    lines = printed.getvalue().splitlines()
    assert len(lines) == len(promised) == 3
    for line, promise in zip(lines, promised, strict=True):
        assert line.startswith(promise), (line, promise)


@pytest.mark.parametrize("name", READMES)
def test_the_verdict_in_the_first_screen_is_whole(name: str) -> None:
    block = code_blocks(name)[0]
    shown = " ".join(
        line.removeprefix("#").strip() for line in block.splitlines() if line.startswith("#")
    )
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, {})
    assert shown == "prints " + printed.getvalue().splitlines()[-1]


def test_torch_prints_the_same_sum() -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(4, 8, 2)
    assert f"{lstm(torch.randn(100, 1, 4))[0].sum().item():.4f}" == "-32.7322"


@pytest.mark.parametrize("name", READMES)
def test_the_deployment_lines_give_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code_blocks(name)[0] + code_blocks(name)[1], scope)
    y = scope["y"].detach().numpy()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(scope["run"].output, y)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(scope["y_t"], y[0, 0])  # type: ignore[arg-type]
    np.testing.assert_array_equal(scope["live"][0], y[0, 0])  # type: ignore[index]


@pytest.mark.parametrize("name", READMES)
def test_every_link_and_picture_exists(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text()):
        assert (ROOT / target).exists(), target
