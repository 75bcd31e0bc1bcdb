// Forward over time on the threads that the work is worth: a batch is divided by rows.
#include "forward.h"

#include <algorithm>

#include "arena.h"
#include "forward_worker.h"
#include "isa/cpu.h"
#include "threads/pool.h"

namespace glasscell {

int useful_threads(const Sequence& sequence, ptrdiff_t macs_per_row, int threads) {
  // Waking a worker costs a few microseconds: worth it from about 2^19 multiply-adds each.
  const ptrdiff_t work = (sequence.B * sequence.steps() * macs_per_row) >> 19;
  return static_cast<int>(
      std::max<ptrdiff_t>(1, std::min<ptrdiff_t>({threads, sequence.B, work + 1})));
}

template <class T>
void forward(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
             int threads) {
  if (forward_team(layer, sequence, args, threads)) return;
  const int n = useful_threads(sequence, layer.macs(), threads);
  parallel_for(n, [&](int k) {
    const FlushDenormals flush;
    const Arena::Scope scope;
    ForwardWorker<T>(layer, sequence, args, share_of(sequence, k, n)).run();
  });
}

template <class T>
void replay(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
            const Share& share, ptrdiff_t segment) {
  const Arena::Scope scope;
  ForwardWorker<T>(layer, sequence, args, share).replay(segment);
}

template void forward<float>(const Layer<float>&, const Sequence&, const ForwardArgs<float>&, int);
template void forward<double>(const Layer<double>&, const Sequence&, const ForwardArgs<double>&,
                              int);
template void replay<float>(const Layer<float>&, const Sequence&, const ForwardArgs<float>&,
                            const Share&, ptrdiff_t);
template void replay<double>(const Layer<double>&, const Sequence&, const ForwardArgs<double>&,
                             const Share&, ptrdiff_t);

}  // namespace glasscell
