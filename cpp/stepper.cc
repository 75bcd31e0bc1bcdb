#include "stepper.h"

#include <algorithm>
#include <utility>

#include "cell_step.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "threads/helpers.h"
#include "threads/lockstep.h"

namespace glasscell {

namespace {

// Weights that leave one core's L2 (1 MB and less) come from L3 at half the rate or less: from
// there a second core pays for a meeting (0.3 us beside 14 at H = 256). Each thread gets half a
// megabyte. Compressed weights count as full ones: making floats of them takes its time too.
template <class T>
int useful_threads(const Layer<T>& layer, int threads) {
  const ptrdiff_t bytes = layer.macs() * static_cast<ptrdiff_t>(sizeof(T));
  return static_cast<int>(
      std::clamp<ptrdiff_t>(std::min({bytes >> 19, layer.pieces() / (layer.cell.tiled() ? 2 : 1),
                                      static_cast<ptrdiff_t>(kMostHelped)}),
                            1, std::max(1, bytes < (1 << 20) ? 1 : threads)));
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
    state.c = Buffer<T>(static_cast<std::size_t>(layer->c_row()));
    layer->start_h(state.h[0].data());
    layer->start_c(state.c.data());
    if (!layer->cell.tiled()) state.pre = Buffer<T>(static_cast<std::size_t>(layer->columns));
    if (layer->projected) state.m = Buffer<T>(Hp);
    state_.push_back(std::move(state));
  }
}

template <class T>
void Stepper<T>::step(const T* x, T* y) {
  const FlushDenormals flush;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const Layer<T>& layer = *layers_[k];
    State& s = state_[k];
    T* next = s.h[1 - s.now].data();
    T* out = layer.projected ? s.m.data() : next;
    on_threads(layer, [&](ptrdiff_t first, ptrdiff_t end) {
      if (layer.cell.tiled()) {
        pieces(k, x, out, first, end);
      } else {
        units(k, x, out, first, end);
      }
    });
    if (layer.projected) {
      const T* m = out;
      kernel_table<T>().gemm({1, layer.H, layer.P, &m, 1, layer.hr(), nullptr, &next});
    }
    s.now = 1 - s.now;
    x = next;
  }
  std::copy(x, x + outputs(), y);
}

template <class T>
template <class F>
void Stepper<T>::on_threads(const Layer<T>& layer, const F& pieces) const {
  const int n = useful_threads(layer, threads_);
  const ptrdiff_t all = layer.pieces();
  if (n == 1) {
    pieces(0, all);
    return;
  }
  Lockstep lockstep(n);
  with_helpers(n, [&](int k) {
    lockstep.run(k, 1, [&](ptrdiff_t, int j) { pieces(all * j / n, all * (j + 1) / n); });
  });
}

template <class T>
void Stepper<T>::units(std::size_t k, const T* x, T* out, ptrdiff_t first, ptrdiff_t end) {
  const Layer<T>& layer = *layers_[k];
  State& s = state_[k];
  const T *h = s.h[s.now].data(), *init = layer.start();
  T *pre = s.pre.data(), *c = s.c.data();
  Units units;
  if (end - first < layer.pieces()) units = {first * layer.piece(), end * layer.piece()};
  input_sums(layer, 1, &x, &init, &pre, units);
  cell_step(layer, {1, &pre, &h, &c, &out, nullptr, nullptr, nullptr, units});
}

template <class T>
void Stepper<T>::pieces(std::size_t k, const T* x, T* out, ptrdiff_t first, ptrdiff_t end) {
  const Layer<T>& layer = *layers_[k];
  State& s = state_[k];
  const T* h = s.h[s.now].data();
  const T* init = layer.start();
  const bool descending = s.now != 0;
  if (layer.cell.mode == Mode::kLstm) {
    T* c = s.c.data();
    kernel_table<T>().lstm_forward_step({1, layer.H, layer.I, layer.P, &x, &h, layer.w(), layer.r(),
                                         &init, &c, &out, nullptr, nullptr, first, end,
                                         descending});
  } else {
    kernel_table<T>().rnn_forward_step({1, layer.H, layer.I, layer.P, &x, &h, layer.w(), layer.r(),
                                        &init, &out, &out, layer.cell.mode == Mode::kRnnRelu, first,
                                        end, descending});
  }
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace glasscell
