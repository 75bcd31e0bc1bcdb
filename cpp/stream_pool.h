// Many live sequences, their states in one slab: any subset advances by one step in one call.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "layer.h"
#include "slab.h"
#include "slots.h"

namespace glasscell {

template <class T>
class StreamPool {
 public:
  using Stack = std::vector<const Layer<T>*>;  // layer k + 1 reads what layer k writes

  // One stream is the states of all stacks, side by side. The layers must outlive the pool.
  StreamPool(const std::vector<Stack>& stacks, ptrdiff_t capacity);

  Slots slots;

  // Below, ids must have passed slots.require_open.
  void clear(ptrdiff_t n, const int64_t* ids) const;  // all states: what their cells start from

  // h (L, n, P) and c (L, n, S, H), contiguous, between stack s and the caller; null: skipped by
  // `get_state`, what the cells start from in `set_state`. All layers of the stack have the same P,
  // H and S states after h.
  void get_state(std::size_t s, ptrdiff_t n, const int64_t* ids, T* h, T* c) const;
  void set_state(std::size_t s, ptrdiff_t n, const int64_t* ids, const T* h, const T* c) const;

  // Where the streams lie. `step` takes rows instead of ids, since another Python thread may change
  // the caller's array of ids while it runs.
  void find(ptrdiff_t n, const int64_t* ids, T** rows) const;

  // Advances n streams in stack s by one step: x row q (I of the first layer), y row q (P of the
  // last), x_row and y_row elements apart; y overlaps nothing. Each stream has the bits of
  // `forward`.
  void step(std::size_t s, ptrdiff_t n, T* const* rows, const T* x, ptrdiff_t x_row, T* y,
            ptrdiff_t y_row, int threads) const;

  std::size_t stacks() const { return stacks_.size(); }
  const Layer<T>& first(std::size_t s) const { return *stacks_[s].front().layer; }
  const Layer<T>& last(std::size_t s) const { return *stacks_[s].back().layer; }
  ptrdiff_t depth(std::size_t s) const { return static_cast<ptrdiff_t>(stacks_[s].size()); }
  ptrdiff_t work(std::size_t s) const;  // multiply-adds of one stream's step
  std::size_t stream_bytes() const { return static_cast<std::size_t>(stride_) * sizeof(T); }

 private:
  // A layer and where in a stream's row its state lies, in elements.
  struct Place {
    const Layer<T>* layer;
    ptrdiff_t c;  // [states][Hp], whole vectors
    ptrdiff_t h;  // (Hp), which the kernel writes whole, or (P) where a projection writes it
  };
  class Worker;
  T* row(int64_t id) const { return slab_.data() + id * stride_; }
  ptrdiff_t place(const std::vector<Stack>& stacks);

  std::vector<std::vector<Place>> stacks_;
  ptrdiff_t stride_;  // between streams, whole cache lines: no two threads meet in one
  Slab<T> slab_;
};

}  // namespace glasscell
