#include "threads/pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "isa/cpu.h"

namespace glasscell {
namespace {

// A worker that has just finished spins this long before it sleeps. Long enough to catch the next
// phase of the same call (two per chunk of time in backward), short enough that an idle process
// uses no CPU: runtimes that spin for milliseconds slow everyone else down.
constexpr auto kSpin = std::chrono::microseconds(30);

template <class Ready>
bool spin_until(const Ready& ready) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int k = 0; k < 32; ++k) {
      if (ready()) return true;
      spin_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

class Pool {
 public:
  void run(int n, void (*fn)(void*, int), void* context) {
    grow(n - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      fn_ = fn;
      context_ = context;
      jobs_ = n;
      pending_.store(n - 1, std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    fn(context, 0);
    const auto done = [this] { return pending_.load(std::memory_order_acquire) == 0; };
    if (!spin_until(done)) {
      std::unique_lock<std::mutex> lock(mutex_);
      finished_.wait(lock, done);
    }
  }

  std::mutex busy;  // held by the thread whose job runs

 private:
  void grow(int workers) {
    while (static_cast<int>(threads_.size()) < workers) {
      const int k = static_cast<int>(threads_.size()) + 1;
      const auto seen = generation_.load();
      threads_.emplace_back([this, k, seen] { work(k, seen); });
      threads_.back().detach();
    }
  }

  void work(int k, unsigned long seen) {
    const FlushDenormals flush;
    while (true) {
      const auto fresh = [&] { return generation_.load(std::memory_order_acquire) != seen; };
      if (!spin_until(fresh)) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, fresh);
      }
      void (*fn)(void*, int);
      void* context;
      int jobs;
      {
        // The job is read under the lock: a worker beyond `jobs` may wake late, when the next job
        // is being written.
        std::lock_guard<std::mutex> lock(mutex_);
        seen = generation_.load(std::memory_order_relaxed);
        fn = fn_;
        context = context_;
        jobs = jobs_;
      }
      if (k >= jobs) continue;
      fn(context, k);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        std::lock_guard<std::mutex> lock(mutex_);
        finished_.notify_one();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::atomic<unsigned long> generation_{0};
  std::atomic<int> pending_{0};
  void (*fn_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int jobs_ = 0;
  std::vector<std::thread> threads_;
};

// Never destroyed: detached workers may outlive static destructors. A forked child has none of the
// parent's threads, so it forgets the pool and makes its own at first use.
std::atomic<Pool*> pool{nullptr};
std::atomic<ParallelFor> other{nullptr};

void register_fork_handler() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    pool.store(nullptr, std::memory_order_release);
    other.store(nullptr, std::memory_order_release);
  });
  (void)registered;
}

Pool& the_pool() {
  Pool* now = pool.load(std::memory_order_acquire);
  if (now) return *now;
  register_fork_handler();
  Pool* fresh = new Pool;
  if (pool.compare_exchange_strong(now, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;  // another thread was first
  return *now;
}

}  // namespace

void use_parallel_for(ParallelFor loop) {
  register_fork_handler();
  other.store(loop, std::memory_order_release);
}

void parallel(int n, void (*fn)(void*, int), void* context) {
  if (const ParallelFor loop = other.load(std::memory_order_acquire); loop && n > 1) {
    struct Job {
      void (*fn)(void*, int);
      void* context;
    } job{fn, context};
    loop(
        0, n, 1,
        [](int64_t begin, int64_t end, void* p) {
          const Job* mine = static_cast<const Job*>(p);
          for (int64_t k = begin; k < end; ++k) mine->fn(mine->context, static_cast<int>(k));
        },
        &job);
    return;
  }
  if (n > 1) {
    Pool& p = the_pool();
    if (std::unique_lock<std::mutex> mine(p.busy, std::try_to_lock); mine.owns_lock()) {
      p.run(n, fn, context);
      return;
    }
  }
  for (int k = 0; k < n; ++k) fn(context, k);
}

}  // namespace glasscell
