// One live sequence through a stack of layers, one step a call: nothing is allocated.
#pragma once
#include <vector>

#include "layer.h"

namespace glasscell {

template <class T>
class Stepper {
 public:
  // Layer k + 1 reads what layer k writes: its I is that P. The layers must outlive the stepper.
  // At most `threads` work on one step, and more than one only on weights beyond one core's L2.
  Stepper(std::vector<const Layer<T>*> layers, int threads);

  // x (I of the first layer), y (P of the last); they may not overlap. Same bits as `forward`.
  void step(const T* x, T* y);

  ptrdiff_t inputs() const { return layers_.front()->I; }
  ptrdiff_t outputs() const { return layers_.back()->P; }
  std::size_t size() const { return layers_.size(); }
  const Layer<T>& layer(std::size_t k) const { return *layers_[k]; }

  T* h(std::size_t k) { return state_[k].h[state_[k].now].data(); }  // (P) of layer k
  T* c(std::size_t k) { return state_[k].c.data(); }                 // [states][Hp]

 private:
  struct State {
    Buffer<T> h[2];  // (P, padded): now and next
    Buffer<T> c;     // [states][Hp]
    Buffer<T> pre;   // [sums][Hp], of a layer that is not tiled
    Buffer<T> m;     // (Hp) o * tanh(C), only with projection
    int now = 0;
  };
  template <class F>
  void on_threads(const Layer<T>& layer, const F& pieces) const;  // pieces(first, end), all once
  void units(std::size_t k, const T* x, T* out, ptrdiff_t first, ptrdiff_t end);
  void pieces(std::size_t k, const T* x, T* out, ptrdiff_t first, ptrdiff_t end);

  std::vector<const Layer<T>*> layers_;
  std::vector<State> state_;
  const int threads_;
};

}  // namespace glasscell
