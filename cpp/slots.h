// Which slots of a slab are taken: ids are given out, checked and taken back.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace glasscell {

// An id is the index of a slot. Those closed last are given out first, since their memory is warm,
// then the lowest that was never used: a slab is touched from its beginning, as far as needed.
class Slots {
 public:
  explicit Slots(ptrdiff_t capacity) : capacity_(capacity) {}

  // Writes n ids. Throws std::invalid_argument, nothing changed, if fewer are free.
  void open(ptrdiff_t n, int64_t* ids);
  // `ids` must have passed require_open.
  void close(ptrdiff_t n, const int64_t* ids);
  // Throws std::out_of_range, which names the first id that is not open or comes a second time.
  void require_open(ptrdiff_t n, const int64_t* ids);
  // Writes all open ids, size() of them, in ascending order.
  void list(int64_t* ids) const;

  ptrdiff_t capacity() const { return capacity_; }
  ptrdiff_t size() const { return used() - static_cast<ptrdiff_t>(free_.size()); }  // open now
  ptrdiff_t used() const { return static_cast<ptrdiff_t>(mark_.size()); }  // slots ever given out
  std::size_t bytes() const { return mark_.capacity() + free_.capacity() * sizeof(int64_t); }

 private:
  enum Mark : uint8_t { kClosed, kOpen, kSeen };  // kSeen: earlier in the same call
  const ptrdiff_t capacity_;
  std::vector<Mark> mark_;
  std::vector<int64_t> free_;  // closed ids, the last one on top
};

}  // namespace glasscell
