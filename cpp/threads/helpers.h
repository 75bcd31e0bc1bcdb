// Threads that may join a job of microseconds, and that its owner never waits for unless they did.
#pragma once

namespace glasscell {

constexpr int kMostHelped = 8;  // n below is at most this

// Runs fn(context, 0) on the caller; fn(context, k), k = 1 .. n-1, on threads that are awake. fn
// must be able to finish the whole job from the caller alone (see Lockstep), since a helper that
// has not begun by then does not begin at all. Helpers stay awake for 50 us after their last job;
// one that sleeps is woken when jobs follow each other faster than that, so that it serves the
// next. While another thread's job runs, the caller gets no helpers. fn must not throw.
void with_helpers(int n, void (*fn)(void* context, int k), void* context);

template <class F>
void with_helpers(int n, const F& f) {
  with_helpers(
      n, [](void* context, int k) { (*static_cast<const F*>(context))(k); }, const_cast<F*>(&f));
}

}  // namespace glasscell
