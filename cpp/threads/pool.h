// A small pool of threads, started at first use, that runs fn(k) for k = 0 .. n-1 and returns when
// all have ended. k = 0 runs on the caller. No OpenMP: a second runtime beside torch's fights it.
#pragma once
#include <cstdint>

namespace glasscell {

// fn must not throw nor call parallel itself. While another Python thread's job runs, the caller
// does all of its own job alone, in order: results never depend on the partition.
void parallel(int n, void (*fn)(void* context, int k), void* context);

// Another runtime's parallel loop over [begin, end), to be used instead of our own threads. Where
// torch runs, its idle workers spin for milliseconds: a second pool beside it waits for their
// cores (training at H = 128 took twice as long). A forked child returns to its own threads, since
// the other runtime's did not survive.
using ParallelFor = int (*)(int64_t begin, int64_t end, int64_t grain,
                            void (*body)(int64_t begin, int64_t end, void* context), void* context);
void use_parallel_for(ParallelFor other);  // null: our own threads again

template <class F>
void parallel_for(int n, const F& f) {
  parallel(
      n, [](void* context, int k) { (*static_cast<const F*>(context))(k); }, const_cast<F*>(&f));
}

}  // namespace glasscell
