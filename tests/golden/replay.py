"""Load tiny models, run and stream them, and compare every bit with what `glasscell.nn` computed;
then look into one, and explain it.

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
    return replay_model("tiny", ["0.l0", "0.l1", "2.l0"]) + replay_model(
        "cells", ["0.l0", "0.l1", "1.l0", "2.l0"]
    )


def replay_model(folder: str, layers: list[str]) -> int:
    """Compare what one model computes; the number of outputs that were."""
    import glasscell

    golden = safetensors.numpy.load_file(HERE / f"{folder}.safetensors")
    model = glasscell.load(HERE / folder)
    compared = 0
    for name, cut in {"whole": {}, "cut": {k: golden[k] for k in ("lengths", "reset")}}.items():
        for trace in (False, True):
            run = model.run(golden["x"], trace=trace, **cut)
            found = {"output": run.output} | states_of(run.state)
            for part, array in found.items():
                part = OLD_NAMES.get(part, part) if folder == "tiny" else part
                require_equal(array, golden[f"{name}.{part}"], f"{folder}, run, {name}, {part}")
                compared += 1
        if list(run.trace) != layers:
            sys.exit(f"trace: expected the layers {layers}, got {list(run.trace)}")
    stream, pool = model.stream(), model.pool(5)
    ids = pool.open(golden["x"].shape[1])
    for t, x_t in enumerate(golden["x"]):
        require_equal(pool.step(ids, x_t), golden["whole.output"][t], f"{folder}, pool, step {t}")
    for b in range(golden["x"].shape[1]):
        stream.reset()
        for t, x_t in enumerate(golden["x"][:, b]):
            wanted = golden["whole.output"][t, b]
            require_equal(stream.step(x_t), wanted, f"{folder}, stream, step {t}")
            compared += 1
    return compared


OLD_NAMES = {"0.0": "h", "0.1": "c", "2.0": "last"}


def states_of(states: dict) -> dict[str, np.ndarray]:
    """Give every final state by "layer.number"."""
    found = {}
    for layer, state in states.items():
        parts = state if isinstance(state, tuple) else (state,)
        found |= {f"{layer}.{k}": part for k, part in enumerate(parts)}
    return found


def runs() -> None:
    """Step through a run on labelled sequences, and let a run on text write on.

    The kernels give the same bits everywhere; the probabilities made of them are NumPy's `exp`,
    whose last bit depends on the machine.
    """
    from glasscell.tasks.sequences.live import Live
    from glasscell.tasks.text import sample

    golden = safetensors.numpy.load_file(HERE / "detector.safetensors")
    live = Live(HERE / "detector")
    said = np.array([live.step(row)[1:] for row in golden["rows"]])
    if not np.allclose(said, golden["said"], rtol=1e-12, atol=0):
        sys.exit(f"detector: expected {golden['said']}, got {said}")
    written = sample(HERE / "text", "the ", 40, 1, 0.5)
    if written != (HERE / "text.txt").read_text():
        sys.exit(f"text: expected {(HERE / 'text.txt').read_text()!r}, got {written!r}")
    print(f"a detector said {len(said)} rows, a text went on: {written!r}")


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
    runs()
    with tempfile.TemporaryDirectory() as place:
        sizes = [f"{page.name} {page.stat().st_size / 1e6:.1f} MB" for page in pages(Path(place))]
    print("written:", ", ".join(sizes))
    if "torch" in sys.modules:
        sys.exit("torch was imported on the way")
