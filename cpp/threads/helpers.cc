#include "threads/helpers.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "isa/cpu.h"

namespace glasscell {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kAwake = std::chrono::microseconds(50);

// A pool's run() would wait for every worker, and one that sleeps takes longer to wake up (tens of
// microseconds) than the whole job lasts. Here the owner takes back what nobody has taken.
class Helper {
 public:
  explicit Helper(int k) : k_(k) {
    std::thread([this] { work(); }).detach();
  }

  void offer(void (*fn)(void*, int), void* context, bool wake) {
    fn_ = fn;
    context_ = context;
    state_.store(kOffered, std::memory_order_seq_cst);
    if (wake && asleep_.load(std::memory_order_seq_cst)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_one();
    }
  }

  // After this the helper touches nothing of the job.
  void settle() {
    int offered = kOffered;
    if (state_.compare_exchange_strong(offered, kIdle, std::memory_order_acq_rel)) return;
    for (int turn = 0; state_.load(std::memory_order_acquire) != kDone; ++turn) {
      if (turn % 8192 == 8191) sched_yield();
      spin_pause();
    }
    state_.store(kIdle, std::memory_order_relaxed);
  }

 private:
  enum : int { kIdle, kOffered, kTaken, kDone };

  void work() {
    const FlushDenormals flush;
    while (true) {
      const auto end = Clock::now() + kAwake;
      while (!take()) {
        if (Clock::now() < end) {
          for (int turn = 0; turn < 16; ++turn) spin_pause();
        } else {
          sleep();
          break;
        }
      }
    }
  }

  bool take() {
    int offered = kOffered;
    if (state_.load(std::memory_order_relaxed) != kOffered ||
        !state_.compare_exchange_strong(offered, kTaken, std::memory_order_acq_rel)) {
      return false;
    }
    fn_(context_, k_);
    state_.store(kDone, std::memory_order_release);
    return true;
  }

  void sleep() {
    std::unique_lock<std::mutex> lock(mutex_);
    asleep_.store(true, std::memory_order_seq_cst);
    wake_.wait(lock);  // an early return only makes it look around once more
    asleep_.store(false, std::memory_order_relaxed);
  }

  const int k_;
  alignas(64) std::atomic<int> state_{kIdle};
  void (*fn_)(void*, int) = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

struct Helpers {
  std::mutex busy;
  Helper* each[kMostHelped] = {};  // [k] for k >= 1, made at first use
  Clock::time_point last;          // when the last job ended
};

// Never destroyed, and forgotten by a forked child, which has none of these threads.
std::atomic<Helpers*> helpers{nullptr};

Helpers& the_helpers() {
  Helpers* now = helpers.load(std::memory_order_acquire);
  if (now) return *now;
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { helpers.store(nullptr, std::memory_order_release); });
  (void)registered;
  Helpers* fresh = new Helpers;
  if (helpers.compare_exchange_strong(now, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;  // another thread was first
  return *now;
}

}  // namespace

void with_helpers(int n, void (*fn)(void*, int), void* context) {
  Helpers& h = the_helpers();
  const std::unique_lock<std::mutex> mine(h.busy, std::try_to_lock);
  if (!mine.owns_lock()) n = 1;
  const bool wake = n > 1 && Clock::now() - h.last < kAwake;
  for (int k = 1; k < n; ++k) {
    if (!h.each[k]) h.each[k] = new Helper(k);
    h.each[k]->offer(fn, context, wake);
  }
  fn(context, 0);
  for (int k = 1; k < n; ++k) h.each[k]->settle();
  if (n > 1) h.last = Clock::now();
}

}  // namespace glasscell
