#include "stepper.h"

#include <algorithm>
#include <utility>

#include "cpu.h"
#include "helpers.h"
#include "kernels.h"
#include "lockstep.h"

namespace glasscell {

namespace {

// Weights that leave one core's L2 (1 MB and less) come from L3 at half the rate or less: from
// there a second core pays for a meeting (0.3 us beside 14 at H = 256). Each thread gets half a
// megabyte.
template <class T>
int useful_threads(const Layer<T>& layer, int threads) {
  const ptrdiff_t bytes = layer.columns * (layer.I + layer.P) * layer.bytes_per_weight();
  const ptrdiff_t blocks = layer.Hp / kernel_table<T>().lanes;
  return static_cast<int>(std::clamp<ptrdiff_t>(
      std::min({bytes >> 19, blocks / 2, static_cast<ptrdiff_t>(kMostHelped)}), 1,
      std::max(1, bytes < (1 << 20) ? 1 : threads)));
}

}  // namespace

template <class T>
Stepper<T>::Stepper(std::vector<const Layer<T>*> layers, int threads)
    : layers_(std::move(layers)), threads_(threads) {
  for (const Layer<T>* layer : layers_) {
    const auto Hp = static_cast<std::size_t>(layer->Hp);
    State state;
    // The kernel writes whole vectors: P rounded up to lanes is at most Hp for both kinds of layer
    // but for a projection that is not smaller than H, hence the larger of the two.
    const std::size_t Pp = std::max(Hp, static_cast<std::size_t>(layer->P));
    for (Buffer<T>& h : state.h) h = Buffer<T>(Pp);
    state.c = Buffer<T>(Hp);
    if (layer->projected) state.m = Buffer<T>(Hp);
    state_.push_back(std::move(state));
  }
}

template <class T>
void Stepper<T>::step(const T* x, T* y) {
  const FlushDenormals flush;
  const KernelTable<T>& table = kernel_table<T>();
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const Layer<T>& layer = *layers_[k];
    State& s = state_[k];
    T* next = s.h[1 - s.now].data();
    if (layer.mode == Mode::kLstm) {
      T* out = layer.projected ? s.m.data() : next;
      lstm_step(layer, s, x, out);
      if (layer.projected) {
        const T* m = out;
        table.gemm({1, layer.H, layer.P, &m, 1, layer.hr(), nullptr, &next});
      }
    } else {
      const T* h = s.h[s.now].data();
      const T* init = layer.start();
      table.rnn_forward_step({1, layer.H, layer.I, layer.P, &x, &h, layer.w(), layer.r(), &init,
                              &next, &next, layer.mode == Mode::kRnnRelu});
    }
    s.now = 1 - s.now;
    x = next;
  }
  std::copy(x, x + outputs(), y);
}

template <class T>
void Stepper<T>::lstm_step(const Layer<T>& layer, State& s, const T* x, T* out) const {
  const T* h = s.h[s.now].data();
  const T* init = layer.start();
  T* c = s.c.data();
  const bool descending = s.now != 0;
  const auto blocks = [&](ptrdiff_t first, ptrdiff_t end) {
    kernel_table<T>().lstm_forward_step({1, layer.H, layer.I, layer.P, &x, &h, layer.w(), layer.r(),
                                         &init, &c, &out, nullptr, nullptr, first, end,
                                         descending});
  };
  const int n = useful_threads(layer, threads_);
  if (n == 1) {
    blocks(0, -1);
    return;
  }
  const ptrdiff_t all = layer.Hp / kernel_table<T>().lanes;
  Lockstep lockstep(n);
  with_helpers(n, [&](int k) {
    lockstep.run(k, 1, [&](ptrdiff_t, int j) { blocks(all * j / n, all * (j + 1) / n); });
  });
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace glasscell
