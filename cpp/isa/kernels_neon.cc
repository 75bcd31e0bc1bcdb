// The kernel source compiled for neon.
#define GC_ISA neon
#define GC_VECTORS 4
#include "isa/vec_neon.h"
// The vectors come first: kernels-inl.h is written over them.
#include "kernels-inl.h"

namespace glasscell {
const Kernels kKernelsNeon = {"neon", neon::table<float>(), neon::table<double>(),
                              neon::fingerprint};
}
