#include "threads/meeting.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>

#include "threads/lockstep.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kValid = std::chrono::milliseconds(50);
constexpr int kPhases = 24;
constexpr int kWindow = 8;  // meetings timed together: one alone is near the clock's own 25 ns

// The best window: threads that are still on their way spoil the first ones.
double measure(int n) {
  Clock::time_point begun[kPhases + 1];
  Lockstep lockstep(n);
  parallel_for(n, [&](int k) {
    lockstep.gather(k);
    lockstep.run(k, kPhases, [&](ptrdiff_t phase, int j) {
      if (j == 0) begun[phase] = Clock::now();
    });
  });
  begun[kPhases] = Clock::now();
  auto best = begun[kPhases] - begun[0];
  for (int phase = 0; phase + kWindow <= kPhases; ++phase) {
    best = std::min(best, begun[phase + kWindow] - begun[phase]);
  }
  return std::chrono::duration<double, std::nano>(best).count() / kWindow;
}

struct Known {
  std::atomic<double> ns{0};
  std::atomic<Clock::rep> until{0};
};
Known known[Lockstep::kMost + 1];

}  // namespace

double meeting_ns(int n) {
  static const char* const given = std::getenv("GLASSCELL_MEETING_NS");
  if (given) return std::atof(given);
  Known& one = known[std::min(n, Lockstep::kMost)];
  const Clock::rep now = Clock::now().time_since_epoch().count();
  if (now >= one.until.load(std::memory_order_acquire)) {
    one.until.store((Clock::now() + kValid).time_since_epoch().count(), std::memory_order_relaxed);
    one.ns.store(measure(std::min(n, Lockstep::kMost)), std::memory_order_release);
  }
  return one.ns.load(std::memory_order_acquire);
}

}  // namespace glasscell
