// A small pool of threads, started at first use, that runs fn(k) for k = 0 .. n-1 and returns when
// all have ended. k = 0 runs on the caller. No OpenMP: a second runtime beside torch's fights it.
#pragma once

namespace glasscell {

// fn must not throw nor call parallel itself. While another Python thread's job runs, the caller
// does all of its own job alone, in order: results never depend on the partition.
void parallel(int n, void (*fn)(void* context, int k), void* context);

template <class F>
void parallel_for(int n, const F& f) {
  parallel(n, [](void* context, int k) { (*static_cast<const F*>(context))(k); },
           const_cast<F*>(&f));
}

}  // namespace glasscell
