// Whether arrays still hold the bytes that they held once, without keeping a copy of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace glasscell {

class Fingerprint {
 public:
  using Array = std::pair<const void*, std::size_t>;  // address and bytes

  Fingerprint() = default;
  explicit Fingerprint(const std::vector<Array>& arrays);

  // Arrays of the same sizes in the same order: the same bytes, but for one chance in 2^64 or less.
  // On at most `threads` threads, a megabyte or more each.
  bool matches(const std::vector<Array>& arrays, int threads = 1) const;

 private:
  std::vector<uint64_t> sums_;
};

}  // namespace glasscell
