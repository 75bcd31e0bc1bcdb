// Sums that tell whether memory still holds the same bytes. Included once per instruction set.
//
// Over words d of 8 bytes, m = d + key(position): sum m ^ (m >> 29) and sum low(m) high(m), modulo
// 2^64, in eight lanes each. The first changes with any single word, being one to one in it; the
// second depends on which word is where, so words that change places show too. Reading one copy at
// the rate of L3 takes less than half as long as comparing two, and leaves the weights in L3.
#pragma once

namespace glasscell::GC_ISA {

// sums[kFingerprintWords] of n bytes from p on, any alignment, n a multiple of 64.
inline void fingerprint(const unsigned char* p, ptrdiff_t n, uint64_t* sums) {
  constexpr int kVectors = 8 / Words::kCount;
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio: keys far apart
  uint64_t keys[8];
  for (unsigned j = 0; j < 8; ++j) keys[j] = kGolden * (2 * j + 1);
  Words key[kVectors], folds[kVectors], products[kVectors];
  for (int j = 0; j < kVectors; ++j) {
    key[j] = Words::load(keys + j * Words::kCount);
    folds[j] = products[j] = Words::set(0);
  }
  const Words next = Words::set(16 * kGolden);
  for (ptrdiff_t k = 0; k < n; k += 64) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      const Words m = add(Words::load(p + k + 8 * j * Words::kCount), key[j]);
      folds[j] = add(folds[j], fold(m));
      products[j] = add(products[j], halves_product(m));
      key[j] = add(key[j], next);
    }
  }
  for (int j = 0; j < kVectors; ++j) {
    folds[j].store(sums + j * Words::kCount);
    products[j].store(sums + 8 + j * Words::kCount);
  }
}

}  // namespace glasscell::GC_ISA
