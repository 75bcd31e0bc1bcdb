"""Load the tiny model, run it, stream it, and compare every bit with what `glasscell.nn` computed;
then look into it, and explain it.

Needs NumPy and safetensors only: `scripts/no_torch.sh` runs this file where there is no torch,
`tests/test_import_without_torch.py` where torch is hidden.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import safetensors.numpy

HERE = Path(__file__).parent


def require_equal(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    if found.dtype != expected.dtype or found.tobytes() != expected.tobytes():
        sys.exit(f"{what}: the bits are not those of glasscell.nn")


def replay() -> int:
    """Compare; the number of outputs that were."""
    import glasscell

    golden = safetensors.numpy.load_file(HERE / "tiny.safetensors")
    model = glasscell.load(HERE / "tiny")
    compared = 0
    for name, cut in {"whole": {}, "cut": {k: golden[k] for k in ("lengths", "reset")}}.items():
        for trace in (False, True):
            run = model.run(golden["x"], trace=trace, **cut)
            found = dict(zip("hc", run.state["0"], strict=True), output=run.output)
            found["last"] = run.state["2"]
            for part, array in found.items():
                require_equal(array, golden[f"{name}.{part}"], f"run, {name}, {part}")
                compared += 1
        if list(run.trace) != ["0.l0", "0.l1", "2.l0"]:
            sys.exit(f"trace: expected the layers 0.l0, 0.l1, 2.l0, got {list(run.trace)}")
    stream = model.stream()
    for b in range(golden["x"].shape[1]):
        stream.reset()
        for t, x_t in enumerate(golden["x"][:, b]):
            require_equal(stream.step(x_t), golden["whole.output"][t, b], f"stream, step {t}")
            compared += 1
    return compared


def pages(folder: Path) -> list[Path]:
    """Write the page that looks into the model, and the lesson."""
    from glasscell.report import lesson
    from glasscell.report import page as explore

    x = safetensors.numpy.load_file(HERE / "tiny.safetensors")["x"].swapaxes(0, 1)
    shown = explore.collect(HERE / "tiny", x)
    if [layer.name for layer in shown.layers] != ["0.l0", "0.l1", "2.l0"] or not shown.findings:
        sys.exit(f"page: expected three layers and a verdict, got {shown}")
    return [
        explore.write(shown, folder / "page.html"),
        lesson.write(lesson.lesson(), folder / "lesson.html"),
    ]


if __name__ == "__main__":
    print(f"{replay()} outputs have the bits of glasscell.nn")
    with tempfile.TemporaryDirectory() as place:
        sizes = [f"{page.name} {page.stat().st_size / 1e6:.1f} MB" for page in pages(Path(place))]
    print("written:", ", ".join(sizes))
    if "torch" in sys.modules:
        sys.exit("torch was imported on the way")
