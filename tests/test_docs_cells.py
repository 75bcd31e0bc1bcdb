"""docs/cells.md and its translation: every block of Python in them runs, in order."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
import torch

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("cells.md", "cells.zh-CN.md")


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def run(page: str, folder: Path) -> dict[str, Any]:
    """Run all blocks, and give what they define; each prints what the comments after it say."""
    names: dict[str, Any] = {"__name__": "cells_page"}
    for k, block in enumerate(blocks(page)):
        file = folder / f"block_{k}.py"  # so that errors can name a line of a step
        file.write_text(block, encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, str(file), "exec"), names)
        shown = [line.removeprefix("# ") for line in block.splitlines() if line.startswith("# ")]
        assert printed.getvalue().splitlines() == shown
    return names


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "full_gates" in run(page, tmp_path)


def test_full_gate_recurrence_is_what_greff_wrote(tmp_path: Path) -> None:
    """Section III.B of Greff et al. 2017, of the LSTM without peepholes."""
    full_gates = run("cells.md", tmp_path)["full_gates"]
    torch.manual_seed(1)
    H = 5
    layer = full_gates(3, H).double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    found = layer(x)[0][..., :H]
    w, r = (p.unflatten(0, (4, 4, H))[:, 0] for p in (layer.weight_ih_l0, layer.weight_hh_l0))
    b = (layer.bias_ih_l0 + layer.bias_hh_l0).unflatten(0, (4, 4, H))[:, 0]
    h, i, f, o, c = (x.new_zeros(2, H) for _ in range(5))
    outputs = []
    for x_t in x:
        read = torch.cat([h, i, f, o], dim=1)
        z = [x_t @ w[k].T + read @ r[k].T + b[k] for k in range(4)]
        i, f, g, o = z[0].sigmoid(), z[1].sigmoid(), z[2].tanh(), z[3].sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        outputs.append(h)
    torch.testing.assert_close(found, torch.stack(outputs), rtol=1e-10, atol=1e-12)


def test_the_two_pages_have_the_same_code() -> None:
    def bare(page: str) -> list[str]:
        return [re.sub(r" +#.*|\"\"\".*\"\"\"", "", block) for block in blocks(page)]

    assert bare(PAGES[0]) == bare(PAGES[1])
