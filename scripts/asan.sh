#!/usr/bin/env bash
# Runs the tests of the core in a build with AddressSanitizer and UndefinedBehaviorSanitizer, once
# for each instruction set of this machine. The build stands beside the installed one (build/asan).
#
#   scripts/asan.sh [PYTEST ARGUMENTS]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || command -v "$python" >/dev/null || python=python3
out=$root/build/asan

echo "asan: building ..."
cmake -S "$root" -B "$out/core" -DGLASSCELL_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DSKBUILD_PROJECT_NAME=glasscell -DSKBUILD_PROJECT_VERSION=0 \
  -DPython_EXECUTABLE="$(command -v "$python")" >/dev/null
cmake --build "$out/core" --parallel "$(nproc)" >/dev/null

# Without `site` (-S) an editable installation of glasscell cannot step in before this copy.
rm -rf "$out/site"
mkdir -p "$out/site"
cp -r "$root/src/glasscell" "$out/site/"
rm -f "$out"/site/glasscell/_core*.so
cp "$out"/core/_core*.so "$out/site/glasscell/"
packages=$("$python" -c 'import os, site; print(os.pathsep.join(site.getsitepackages()))')
export PYTHONPATH=$out/site:$root/tests:$packages PYTHONDONTWRITEBYTECODE=1

# Python never gives some of its memory back, so leaks are looked for in tests/test_threads.py.
cxx=${CXX:-g++}
preload="$("$cxx" -print-file-name=libasan.so) $("$cxx" -print-file-name=libubsan.so)"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:halt_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
run() { LD_PRELOAD=$preload "$python" -S "$@"; }

cd "$root"
built=$(run -c 'import glasscell._core as c; print(c.__file__)')
[[ $built == "$out"/* ]] || { echo "asan: expected the core of $out, found $built" >&2; exit 1; }
for isa in $(run -c 'import glasscell._core as c; print(*c.isas)'); do
  echo "asan: $isa"
  export GLASSCELL_FORCE_ISA=$isa
  run tests/isa_digest.py >"$out/$isa.txt"
  run -m pytest -q -p no:cacheprovider tests/engine tests/test_{activations,kernels,laws}.py tests/model/test_{pool,pool_refusals}.py \
    -k "not denormals_do_not_slow and not instruction_set and not without_the_core" "$@"
done
echo "asan: clean"
