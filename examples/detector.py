"""A detector on a sensor: learnt from labelled steps, run row by row, and restarted in the middle.

A pump's vibration is normal, or its bearing knocks. A network learns to say which at every step,
reading forwards only; then it watches the sensor live with NumPy alone. The process ends half-way,
its state in a file, and the next one goes on as if there had been no break, to the bit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

WATCH = """
import sys
from pathlib import Path
import numpy as np
from glasscell.tasks.sequences.live import Live

run, rows, state = sys.argv[1:]
live = Live(run)
if Path(state).exists():
    live.restore(state)
knocks = live.columns.index("p(knocking)")
for row in np.load(rows):
    print(repr(live.step(row, "pump 7")[knocks]))
live.save(state)
print("torch imported:", "torch" in sys.modules, file=sys.stderr)
"""


def main() -> None:
    """Fit a detector, watch a sensor with it in one process, and in two."""
    import numpy as np

    from glasscell.tasks.sequences import fit

    rng = np.random.default_rng(0)

    def record(steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Give vibration on two axes (steps, 2), and what each step is."""
        begins = int(rng.integers(steps // 4, 3 * steps // 4))
        knocking = np.arange(steps) >= begins
        time = np.arange(steps)
        both = np.stack([np.sin(time / 2), np.cos(time / 3)], axis=1)
        both[:, 0] += knocking * (time % 6 == 0) * 2.0
        both += rng.normal(scale=0.1, size=both.shape)
        return both, np.where(knocking, "knocking", "normal")

    records = [record(int(rng.integers(60, 120))) for _ in range(60)]
    vibration, truth = record(200)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        fit(
            ([steps for steps, _ in records], [labels for _, labels in records]),
            place / "run",
            per_step=True,
            hidden_size=32,
            epochs=40,
            rounds=1,
            jobs=1,
        )

        def watch(rows: np.ndarray, state: str) -> list[str]:
            """Run the detector over rows in a process of its own."""
            np.save(place / "rows.npy", rows)
            command = [sys.executable, "-c", WATCH, "run", "rows.npy", state]
            done = subprocess.run(
                command, cwd=place, check=True, capture_output=True, text=True, encoding="utf-8"
            )
            print(done.stderr.strip())
            return done.stdout.split()

        unbroken = watch(vibration, "unbroken.state")
        halves = watch(vibration[:100], "pump.state") + watch(vibration[100:], "pump.state")
    said = np.array([float(one) > 0.5 for one in unbroken])
    print(f"right at {(said == (truth == 'knocking')).mean():.0%} of the steps")
    print("same bits with a restart in the middle:", halves == unbroken)


if __name__ == "__main__":
    main()
