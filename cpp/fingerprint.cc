#include "fingerprint.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

// Arrays are taken in pieces with sums of their own, so that threads may share the work.
constexpr std::size_t kPiece = 256 << 10;

struct Piece {
  const unsigned char* data;
  std::size_t bytes;  // up to kPiece
};

std::vector<Piece> pieces_of(const std::vector<Fingerprint::Array>& arrays) {
  std::vector<Piece> pieces;
  for (const auto& [data, bytes] : arrays) {
    const auto* first = static_cast<const unsigned char*>(data);
    for (std::size_t at = 0; at < bytes; at += kPiece) {
      pieces.push_back({first + at, std::min(kPiece, bytes - at)});
    }
  }
  return pieces;
}

// Sums of whole lines, then of the rest filled up with zeros.
constexpr std::size_t kWords = 2 * kFingerprintWords;

void sum(const Piece& piece, uint64_t* sums) {
  const std::size_t lines = piece.bytes / 64 * 64;
  unsigned char rest[64] = {};
  std::memcpy(rest, piece.data + lines, piece.bytes - lines);
  kernels().fingerprint(piece.data, static_cast<ptrdiff_t>(lines), sums);
  kernels().fingerprint(rest, 64, sums + kFingerprintWords);
}

}  // namespace

Fingerprint::Fingerprint(const std::vector<Array>& arrays) {
  const std::vector<Piece> pieces = pieces_of(arrays);
  sums_.resize(pieces.size() * kWords);
  for (std::size_t k = 0; k < pieces.size(); ++k) sum(pieces[k], sums_.data() + k * kWords);
}

bool Fingerprint::matches(const std::vector<Array>& arrays, int threads) const {
  const std::vector<Piece> pieces = pieces_of(arrays);
  const auto all = static_cast<ptrdiff_t>(pieces.size());
  const auto n = std::clamp<ptrdiff_t>(all / 4, 1, threads);
  std::atomic<bool> same{true};
  parallel_for(static_cast<int>(n), [&](int share) {
    for (ptrdiff_t k = all * share / n; k < all * (share + 1) / n && same; ++k) {
      const auto at = static_cast<std::size_t>(k);
      uint64_t now[kWords];
      sum(pieces[at], now);
      if (std::memcmp(now, sums_.data() + at * kWords, sizeof now) != 0) same = false;
    }
  });
  return same;
}

}  // namespace glasscell
