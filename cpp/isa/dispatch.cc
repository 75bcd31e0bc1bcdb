// The one decision about instruction sets, made at the first call and kept.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "isa/cpu.h"
#include "kernels.h"

namespace glasscell {
namespace {

const Kernels& best() {
#if GLASSCELL_HAVE_AVX512
  if (cpu_has_avx512()) return kKernelsAvx512;
#endif
#if GLASSCELL_HAVE_AVX2
  if (cpu_has_avx2()) return kKernelsAvx2;
#endif
#if GLASSCELL_HAVE_NEON
  return kKernelsNeon;
#endif
  return kKernelsGeneric;
}

const Kernels& named(const std::string& isa) {
  if (isa == "generic") return kKernelsGeneric;
#if GLASSCELL_HAVE_AVX2
  if (isa == "avx2" && cpu_has_avx2()) return kKernelsAvx2;
#endif
#if GLASSCELL_HAVE_AVX512
  if (isa == "avx512" && cpu_has_avx512()) return kKernelsAvx512;
#endif
#if GLASSCELL_HAVE_NEON
  if (isa == "neon") return kKernelsNeon;
#endif
  throw std::runtime_error(
      "GLASSCELL_FORCE_ISA: expected one of generic, avx2, avx512, neon that "
      "this CPU has and this build contains, got '" +
      isa + "'. Unset it to take the best.");
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
    const char* forced = std::getenv("GLASSCELL_FORCE_ISA");
    return forced && *forced ? named(forced) : best();
  }();
  return chosen;
}

}  // namespace glasscell
