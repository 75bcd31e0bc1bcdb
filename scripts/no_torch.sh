#!/usr/bin/env bash
# Proves that a saved model runs where there is no torch: installs glasscell into an environment of
# its own, where only NumPy and safetensors come along, and replays tests/golden there to the bit.
#
#   scripts/no_torch.sh [WHEEL]     default: builds from this source tree
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || command -v "$python" >/dev/null || python=python3
package=${1:-$root}
[ -e "$package" ] || { echo "no_torch: expected a wheel or source tree, found none: $package" >&2; exit 1; }
package=$(cd "$(dirname "$package")" && pwd)/$(basename "$package")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
alone="$work/venv/bin/python"
"$alone" -m pip install -q --disable-pip-version-check "$package"

# Away from the source tree, and isolated (-I) from the caller's PYTHONPATH and user packages.
cp -r "$root/tests/golden" "$work/golden"
cd "$work"
"$alone" -I - <<'PYTHON'
import importlib.metadata
import importlib.util
import pathlib
import sys

if importlib.util.find_spec("torch") is not None:
    sys.exit("no_torch: expected an environment without torch, found one")
installed = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
if extra := installed - {"glasscell", "numpy", "safetensors", "pip", "setuptools"}:
    sys.exit(f"no_torch: expected NumPy and safetensors alone, found also {', '.join(sorted(extra))}")

import glasscell

if not pathlib.Path(glasscell.__file__).is_relative_to(sys.prefix):
    sys.exit(f"no_torch: expected the installed glasscell, found {glasscell.__file__}")
print("no_torch: python", sys.version.split()[0], "with", ", ".join(sorted(installed)))
PYTHON
"$alone" -I -W error golden/replay.py
