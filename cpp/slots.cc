#include "slots.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace glasscell {

void Slots::open(ptrdiff_t n, int64_t* ids) {
  if (n > capacity_ - size()) throw std::invalid_argument("_core: more streams than room");
  const ptrdiff_t reused = std::min(n, static_cast<ptrdiff_t>(free_.size())), first = used();
  mark_.resize(static_cast<std::size_t>(first + n - reused), kClosed);
  for (ptrdiff_t q = 0; q < n; ++q) {
    ids[q] =
        q < reused ? free_[free_.size() - 1 - static_cast<std::size_t>(q)] : first + q - reused;
    mark_[static_cast<std::size_t>(ids[q])] = kOpen;
  }
  free_.resize(free_.size() - static_cast<std::size_t>(reused));
}

void Slots::close(ptrdiff_t n, const int64_t* ids) {
  free_.insert(free_.end(), ids, ids + n);
  for (ptrdiff_t q = 0; q < n; ++q) mark_[static_cast<std::size_t>(ids[q])] = kClosed;
}

void Slots::require_open(ptrdiff_t n, const int64_t* ids) {
  Mark found = kOpen;
  ptrdiff_t q = 0;
  for (; q < n; ++q) {
    // A negative id is a huge one here.
    const auto id = static_cast<std::size_t>(ids[q]);
    found = id < mark_.size() ? mark_[id] : kClosed;
    if (found != kOpen) break;
    mark_[id] = kSeen;
  }
  for (ptrdiff_t p = 0; p < q; ++p) mark_[static_cast<std::size_t>(ids[p])] = kOpen;
  if (q == n) return;
  throw std::out_of_range("expected ids of open streams, each once, got ids[" + std::to_string(q) +
                          "] = " + std::to_string(ids[q]) +
                          (found == kSeen ? " a second time; give one step of a stream a call"
                                          : ", which is not open"));
}

void Slots::list(int64_t* ids) const {
  for (std::size_t id = 0; id < mark_.size(); ++id) {
    if (mark_[id] == kOpen) *ids++ = static_cast<int64_t>(id);
  }
}

}  // namespace glasscell
