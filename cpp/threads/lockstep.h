// Phases of equal shares that several threads do together, and that none of them can hold up.
#pragma once
#include <sched.h>

#include <atomic>
#include <cstddef>

#include "isa/cpu.h"

namespace glasscell {

// Phases 0, 1, 2 ... of n shares each; no share of a phase begins before all of the phase before
// are done. A thread does its own share, that of threads that have not come yet, and after a while
// what another has not begun: one that sleeps, comes late or never comes cannot stop the others.
class Lockstep {
 public:
  static constexpr int kMost = 64;
  // 1 <= n <= kMost. Sets no more lines than it needs: a live step makes one each time.
  explicit Lockstep(int n) : n_(n) {
    for (int j = 0; j < n; ++j) {
      for (Count* counts : {come_, claimed_, done_}) counts[j].phases.store(0);
    }
  }

  // Waits until all threads have come, for a tenth of a millisecond at most.
  void gather(int k) {
    come_[k].phases.store(1, std::memory_order_relaxed);
    for (int turn = 0; turn < kYield; ++turn) {
      int j = 0;
      while (j < n_ && come_[j].phases.load(std::memory_order_relaxed)) ++j;
      if (j == n_) return;
      spin_pause();
    }
  }

  // Thread k's part of all phases; share(p, j) does share j of phase p. Returns when all are done.
  template <class F>
  void run(int k, ptrdiff_t phases, const F& share) {
    come_[k].phases.store(1, std::memory_order_relaxed);
    for (ptrdiff_t p = 0; p < phases; ++p) {
      attempt(k, p, share);
      for (int j = 0; j < n_; ++j) {
        if (!come_[j].phases.load(std::memory_order_relaxed)) attempt(j, p, share);
      }
      if (!done_within(p, kPatience)) {
        for (int j = 0; j < n_; ++j) attempt(j, p, share);
        // A share that is claimed but not done may belong to a thread that waits for this core.
        while (!done_within(p, kYield)) sched_yield();
      }
    }
  }

 private:
  // Some microseconds: longer than threads in step differ, shorter than a share is worth.
  static constexpr int kPatience = 512;
  static constexpr int kYield = 8192;

  bool done_within(ptrdiff_t p, int turns) const {
    int j = 0;
    for (int turn = 0; turn < turns; ++turn) {
      while (j < n_ && done_[j].phases.load(std::memory_order_acquire) > p) ++j;
      if (j == n_) return true;
      if (turn > 64) spin_pause();  // the first turns poll at full speed: a meeting is mostly short
    }
    return false;
  }

  template <class F>
  void attempt(int j, ptrdiff_t p, const F& share) {
    ptrdiff_t expected = p;
    if (claimed_[j].phases.load(std::memory_order_relaxed) != p ||
        !claimed_[j].phases.compare_exchange_strong(expected, p + 1, std::memory_order_acq_rel)) {
      return;
    }
    share(p, j);
    done_[j].phases.store(p + 1, std::memory_order_release);
  }

  // A line each: a thread polls the others' done_ without disturbing their claims.
  struct alignas(64) Count {
    std::atomic<ptrdiff_t> phases;
  };
  const int n_;
  Count come_[kMost];     // 1 once thread k runs
  Count claimed_[kMost];  // the first phase whose share is not claimed
  Count done_[kMost];     // phases whose share is done
};

}  // namespace glasscell
