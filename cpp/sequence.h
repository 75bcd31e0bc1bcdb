// Which rows run at which step, and where each step's row lies in memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace glasscell {

// Rows of a (T, B, n) or packed (N, n) array: element 0 of row (t, b) is base + step[t] + b * row.
template <class T>
struct Rows {
  T* base = nullptr;
  std::vector<ptrdiff_t> step;
  ptrdiff_t row = 0;
  bool packed = false;

  explicit operator bool() const { return base != nullptr; }
  T* at(ptrdiff_t t, ptrdiff_t b) const {
    return base + step[static_cast<std::size_t>(t)] + b * row;
  }
};

// The ragged batch: rows sorted by length, longest first, so the rows that run at a step are always
// the first `active(t)`. A cut (reset) before step t splits a row into pieces, each of which starts
// from the initial state; in the reverse direction each piece is entered from its own end.
class Sequence {
 public:
  // lengths: B values in [0, T], or null when all are T. reset: element (t, b) at t * reset_t +
  // b * reset_b, or null. Both must outlive the object.
  Sequence(ptrdiff_t T, ptrdiff_t B, const int64_t* lengths, const uint8_t* reset,
           ptrdiff_t reset_t, ptrdiff_t reset_b, bool reverse);

  const ptrdiff_t T, B;
  const bool reverse;
  bool ragged() const { return ragged_; }
  bool cut() const { return reset_ != nullptr; }

  ptrdiff_t time(ptrdiff_t s) const { return reverse ? steps_ - 1 - s : s; }  // s-th step processed
  ptrdiff_t steps() const { return steps_; }                                  // the longest length
  ptrdiff_t active(ptrdiff_t t) const { return active_[static_cast<std::size_t>(t)]; }
  ptrdiff_t batch(ptrdiff_t j) const { return order_[static_cast<std::size_t>(j)]; }
  ptrdiff_t length(ptrdiff_t j) const { return length_[static_cast<std::size_t>(j)]; }

  // Step t is the first that its piece processes: the state before it is the initial one.
  bool starts(ptrdiff_t t, ptrdiff_t j) const {
    if (!reverse) return t == 0 || is_cut(t, j);
    return t == length(j) - 1 || is_cut(t + 1, j);
  }
  // A cut lies between step t and the step processed before it.
  bool restarts(ptrdiff_t t, ptrdiff_t j) const {
    if (!reset_) return false;
    return reverse ? t < length(j) - 1 && is_cut(t + 1, j) : t > 0 && is_cut(t, j);
  }
  ptrdiff_t previous(ptrdiff_t t) const { return reverse ? t + 1 : t - 1; }

 private:
  bool is_cut(ptrdiff_t t, ptrdiff_t j) const {
    return reset_ && reset_[t * reset_t_ + batch(j) * reset_b_] != 0;
  }
  const uint8_t* reset_;
  ptrdiff_t reset_t_, reset_b_;
  ptrdiff_t steps_ = 0;
  bool ragged_ = false;
  std::vector<ptrdiff_t> order_, length_, active_;
};

// The rows of one thread: sorted rows first, first + stride, ... Equal lengths are split in runs of
// neighbours, ragged ones dealt like cards so that each thread gets long and short rows.
struct Share {
  ptrdiff_t first, stride, count;
  ptrdiff_t row(ptrdiff_t q) const { return first + q * stride; }
  ptrdiff_t active(ptrdiff_t rows) const {  // how many of this share are among the first `rows`
    if (rows <= first) return 0;
    const ptrdiff_t n = (rows - first + stride - 1) / stride;
    return n < count ? n : count;
  }
};
Share share_of(const Sequence& sequence, int k, int n);

}  // namespace glasscell
