#!/usr/bin/env bash
# Proves the NEON kernels: cross-compiles the core for AArch64, runs cpp/tests/digest.cc under
# qemu-user with the NEON and with the generic kernels, and demands the same bits from both, and
# from this machine's own build.
#
# Debian and Ubuntu: apt-get install g++-aarch64-linux-gnu qemu-user
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cross=${CROSS_CXX:-aarch64-linux-gnu-g++}
qemu=${QEMU:-qemu-aarch64}
sysroot=${CROSS_SYSROOT:-/usr/aarch64-linux-gnu}
for tool in "$cross" "$qemu"; do
  command -v "$tool" >/dev/null || {
    echo "neon: expected $tool, found none; apt-get install g++-aarch64-linux-gnu qemu-user" >&2
    exit 1
  }
done

out=$root/build/neon
mkdir -p "$out"
flags=(-std=c++17 -O2 -ffp-contract=off -fno-math-errno -Wall -Wextra -Werror -pthread -I"$root/cpp")
mapfile -t core < <(find "$root"/cpp{,/isa,/threads} -maxdepth 1 -name "*.cc" ! -name "kernels_*")

echo "neon: compiling for AArch64 ..."
"$cross" "${flags[@]}" -DGLASSCELL_HAVE_NEON=1 -o "$out/digest-aarch64" \
  "$root"/cpp/tests/digest.cc "${core[@]}" "$root"/cpp/isa/kernels_{generic,neon}.cc
echo "neon: compiling for this machine ..."
"${CXX:-g++}" "${flags[@]}" -o "$out/digest-here" \
  "$root"/cpp/tests/digest.cc "${core[@]}" "$root/cpp/isa/kernels_generic.cc"

for isa in generic neon; do
  GLASSCELL_FORCE_ISA=$isa "$qemu" -L "$sysroot" "$out/digest-aarch64" >"$out/$isa.txt"
done
GLASSCELL_FORCE_ISA=generic "$out/digest-here" >"$out/here.txt"

for other in neon here; do
  diff "$out/generic.txt" "$out/$other.txt" || {
    echo "neon: expected the same bits from generic (AArch64) and $other; see the lines above" >&2
    exit 1
  }
done
echo "neon: $(wc -l <"$out/neon.txt") cases, the same bits as generic on AArch64 and here"
