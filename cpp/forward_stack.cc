// A stack of layers: one after the other, or as a wave where sequences are few.
#include <algorithm>
#include <vector>

#include "forward_worker.h"
#include "isa/cpu.h"
#include "threads/lockstep.h"
#include "threads/meeting.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

// Steps of a block: a wave begins and ends with threads that have nothing to do for one block each,
// and meets once a block.
ptrdiff_t block_of(const Sequence& sequence) {
  return std::clamp<ptrdiff_t>(sequence.steps() / 16, 4, 32);
}

// One core's L2 has room for the weights of a layer. Beyond, threads that share the units of one
// layer after the other keep more of them (I = H = 256: 0.82 ms instead of 1.08).
constexpr ptrdiff_t kMostBytes = 512 << 10;

// Threads that a wave is worth. Every thread needs as many layers as the others, or it waits; with
// three rows for each thread and more, a batch divided by rows runs as fast.
template <class T>
ptrdiff_t wave_threads(const std::vector<const Layer<T>*>& layers, const Sequence& sequence,
                       int threads) {
  const auto L = static_cast<ptrdiff_t>(layers.size());
  ptrdiff_t n = std::min<ptrdiff_t>({threads, L, Lockstep::kMost});
  while (L % n != 0) --n;
  // From 2^19 multiply-adds a thread, as for every other division.
  ptrdiff_t work = 0, largest = 0;
  for (const Layer<T>* layer : layers) {
    const ptrdiff_t weights = layer->macs();
    work += weights;
    largest = std::max(largest, weights * layer->bytes_per_weight());
  }
  n = std::min(n, (work * sequence.B * sequence.steps() >> 19) + 1);
  if (largest > kMostBytes || sequence.reverse || sequence.B >= 3 * n || n == 1) return 1;
  // At 40 multiply-adds a nanosecond, as in forward_team.cc.
  const double block = static_cast<double>(work * sequence.B * block_of(sequence)) / 40;
  return block * (1 - 1 / static_cast<double>(n)) > meeting_ns(static_cast<int>(n)) ? n : 1;
}

template <class T>
void wave(const std::vector<const Layer<T>*>& layers, const Sequence& sequence,
          const std::vector<ForwardArgs<T>>& args, ptrdiff_t n) {
  const Arena::Scope scope;
  const FlushDenormals flush;
  const auto L = static_cast<ptrdiff_t>(layers.size());
  std::vector<ForwardWorker<T>> workers;
  workers.reserve(layers.size());
  for (std::size_t k = 0; k < layers.size(); ++k) {
    workers.emplace_back(*layers[k], sequence, args[k], share_of(sequence, 0, 1));
    workers.back().begin();
  }
  const ptrdiff_t block = block_of(sequence), blocks = (sequence.steps() + block - 1) / block;
  const auto share = [&](ptrdiff_t phase, ptrdiff_t j) {
    const ptrdiff_t at = phase - j;
    if (at < 0 || at >= blocks) return;
    for (ptrdiff_t k = L * j / n; k < L * (j + 1) / n; ++k) {
      workers[static_cast<std::size_t>(k)].advance(std::min(sequence.steps(), (at + 1) * block));
    }
  };
  Lockstep lockstep(static_cast<int>(n));
  parallel_for(static_cast<int>(n), [&](int k) {
    const FlushDenormals flush_worker;
    const Arena::Scope scope_worker;
    lockstep.run(k, blocks + n - 1, share);
  });
  for (const ForwardWorker<T>& worker : workers) worker.finish();
}

}  // namespace

template <class T>
void forward_stack(const std::vector<const Layer<T>*>& layers, const Sequence& sequence,
                   const std::vector<ForwardArgs<T>>& args, int threads) {
  const ptrdiff_t n = layers.empty() ? 1 : wave_threads(layers, sequence, threads);
  if (n > 1) {
    wave(layers, sequence, args, n);
    return;
  }
  for (std::size_t k = 0; k < layers.size(); ++k) forward(*layers[k], sequence, args[k], threads);
}

template void forward_stack<float>(const std::vector<const Layer<float>*>&, const Sequence&,
                                   const std::vector<ForwardArgs<float>>&, int);
template void forward_stack<double>(const std::vector<const Layer<double>*>&, const Sequence&,
                                    const std::vector<ForwardArgs<double>>&, int);

}  // namespace glasscell
