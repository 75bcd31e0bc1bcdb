#!/usr/bin/env bash
# Looks for data races: every part of the core (cpp/tests/digest.cc) under ThreadSanitizer, three
# times at once on threads of their own, each of which asks for more threads.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/build/tsan
mkdir -p "$out"
mapfile -t core < <(find "$root"/cpp{,/isa,/threads} -maxdepth 1 -name "*.cc" ! -name "kernels_*")

echo "tsan: building ..."
"${CXX:-g++}" -std=c++17 -O1 -g1 -fsanitize=thread -ffp-contract=off -fno-math-errno -pthread \
  -I"$root/cpp" -o "$out/digest" "$root/cpp/tests/digest.cc" "${core[@]}" \
  "$root/cpp/isa/kernels_generic.cc"
GLASSCELL_FORCE_ISA=generic TSAN_OPTIONS=halt_on_error=1 "$out/digest" 3 >"$out/all.txt"

# The three copies also computed the same.
odd=$(sort "$out/all.txt" | uniq -c | awk '$1 != 3' | wc -l)
[ "$odd" -eq 0 ] || { echo "tsan: expected each line three times, $odd differ" >&2; exit 1; }
echo "tsan: clean, $(sort -u "$out/all.txt" | wc -l) cases"
