#include "sequence.h"

#include <algorithm>
#include <numeric>

namespace glasscell {

Sequence::Sequence(ptrdiff_t T_, ptrdiff_t B_, const int64_t* lengths, const uint8_t* reset,
                   ptrdiff_t reset_t, ptrdiff_t reset_b, bool reverse_)
    : T(T_),
      B(B_),
      reverse(reverse_),
      reset_(reset),
      reset_t_(reset_t),
      reset_b_(reset_b),
      order_(static_cast<std::size_t>(B_)),
      length_(static_cast<std::size_t>(B_), T_),
      active_(static_cast<std::size_t>(T_)) {
  std::iota(order_.begin(), order_.end(), ptrdiff_t{0});
  if (lengths) {
    std::stable_sort(order_.begin(), order_.end(),
                     [lengths](ptrdiff_t a, ptrdiff_t b) { return lengths[a] > lengths[b]; });
    for (std::size_t j = 0; j < order_.size(); ++j) {
      length_[j] = static_cast<ptrdiff_t>(lengths[order_[j]]);
      ragged_ = ragged_ || length_[j] != T;
    }
  }
  steps_ = B == 0 ? 0 : length_[0];
  ptrdiff_t rows = B;
  for (ptrdiff_t t = 0; t < T; ++t) {
    while (rows > 0 && length_[static_cast<std::size_t>(rows - 1)] <= t) --rows;
    active_[static_cast<std::size_t>(t)] = rows;
  }
}

Share share_of(const Sequence& sequence, int k, int n) {
  if (sequence.ragged()) return {k, n, (sequence.B - k + n - 1) / n};
  const ptrdiff_t first = sequence.B * k / n;
  return {first, 1, sequence.B * (k + 1) / n - first};
}

}  // namespace glasscell
