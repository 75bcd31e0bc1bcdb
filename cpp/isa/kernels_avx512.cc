// The kernel source compiled for avx512.
#define GC_ISA avx512
#define GC_VECTORS 4
#include "isa/vec_avx512.h"
// The vectors come first: kernels-inl.h is written over them.
#include "kernels-inl.h"

namespace glasscell {
const Kernels kKernelsAvx512 = {"avx512", avx512::table<float>(), avx512::table<double>(),
                                avx512::fingerprint};
}
