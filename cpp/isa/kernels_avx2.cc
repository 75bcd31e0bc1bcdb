// The kernel source compiled for avx2.
#define GC_ISA avx2
#define GC_VECTORS 2
#include "isa/vec_avx2.h"
// The vectors come first: kernels-inl.h is written over them.
#include "kernels-inl.h"

namespace glasscell {
const Kernels kKernelsAvx2 = {"avx2", avx2::table<float>(), avx2::table<double>(),
                              avx2::fingerprint};
}
