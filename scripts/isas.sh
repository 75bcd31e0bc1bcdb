#!/usr/bin/env bash
# Runs the tests as this machine is, then as older ones: with AVX2 alone, torch's own kernels held to it too, and
# with the portable build.
#
#   scripts/isas.sh              the whole suite as it is and with AVX2; kernels and glasscell.nn with the portable build
#   scripts/isas.sh avx2         kernels and glasscell.nn with AVX2 alone
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || command -v "$python" >/dev/null || python=python3
cd "$root"
tests() { "$python" -m pytest -q -n auto --dist loadfile "$@"; }
kernels=(tests/nn tests/engine tests/model tests/cells tests/test_{activations,kernels,laws,threads}.py)

has=" $("$python" -c 'import glasscell; print(*glasscell.cpu_info()["isas"])') "
avx2() {
  [[ $has == *" avx2 "* ]] || { echo "isas: this machine has no AVX2; left out"; return; }
  echo "isas: AVX2 alone"
  GLASSCELL_FORCE_ISA=avx2 ONEDNN_MAX_CPU_ISA=AVX2 tests "$@"
}

if [ "${1:-}" = avx2 ]; then
  avx2 "${kernels[@]}"
else
  echo "isas: as this machine is ($has)"
  tests
  avx2
  echo "isas: the portable build"
  GLASSCELL_FORCE_ISA=generic tests "${kernels[@]}"
fi
