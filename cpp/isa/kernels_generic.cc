// The kernel source compiled for generic.
#define GC_ISA generic
#define GC_VECTORS 4
#include "isa/vec_generic.h"
// The vectors come first: kernels-inl.h is written over them.
#include "kernels-inl.h"

namespace glasscell {
const Kernels kKernelsGeneric = {"generic", generic::table<float>(), generic::table<double>(),
                                 generic::fingerprint};
}
