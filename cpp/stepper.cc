#include "stepper.h"

#include <algorithm>
#include <utility>

#include "cpu.h"
#include "kernels.h"

namespace glasscell {

template <class T>
Stepper<T>::Stepper(std::vector<const Layer<T>*> layers) : layers_(std::move(layers)) {
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
    const T* h = s.h[s.now].data();
    T* next = s.h[1 - s.now].data();
    const T* init = layer.bias_sum();
    if (layer.mode == Mode::kLstm) {
      T* c = s.c.data();
      T* out = layer.projected ? s.m.data() : next;
      table.lstm_forward_step({1, layer.H, layer.I, layer.P, &x, &h, layer.w(), layer.r(), &init,
                               &c, &out, nullptr, nullptr, 0, -1, s.now != 0});
      if (layer.projected) {
        const T* m = out;
        table.gemm({1, layer.H, layer.P, &m, 1, layer.hr(), nullptr, &next});
      }
    } else {
      table.rnn_forward_step({1, layer.H, layer.I, layer.P, &x, &h, layer.w(), layer.r(), &init,
                              &next, &next, layer.mode == Mode::kRnnRelu});
    }
    s.now = 1 - s.now;
    x = next;
  }
  std::copy(x, x + outputs(), y);
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace glasscell
