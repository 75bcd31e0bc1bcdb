// StepperF32 and StepperF64: one live sequence through a stack of layers.
#include "stepper.h"

#include "bind.h"
#include "py_layer.h"

namespace glasscell {
namespace {

// A stack of layers with its state, and the array that every step writes.
template <class T>
class PyStepper {
 public:
  // kept_ is a list of its own: what the caller does to his leaves the layers alive.
  PyStepper(const nb::list& layers, int threads)
      : kept_(nb::handle(layers)), stepper_(stack_of<T>(kept_), threads) {
    std::size_t shape[1] = {size_of(stepper_.outputs())};
    T* data = new T[shape[0]]();
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    y_ = nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(data, 1, shape, owner));
    y_data_ = data;
  }

  nb::object step(const nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>& x) {
    require(static_cast<ptrdiff_t>(x.shape(0)) == stepper_.inputs(), "x must be (I,)");
    stepper_.step(x.data(), y_data_);
    return y_;
  }
  nb::object output() const { return y_; }

  void set_state(const Maybe<const T>& h, const Maybe<const T>& c) {
    const T *hs = hidden(h), *cs = states(c);
    for (std::size_t k = 0; k < stepper_.size(); ++k) {
      const Layer<T>& layer = stepper_.layer(k);
      layer.start_h(stepper_.h(k));
      layer.start_c(stepper_.c(k));
      if (hs) {
        std::copy(hs, hs + layer.P, stepper_.h(k));
        hs += layer.P;
      }
      for (ptrdiff_t j = 0; cs && j < layer.cell.states; ++j, cs += layer.H) {
        std::copy(cs, cs + layer.H, stepper_.c(k) + j * layer.Hp);
      }
    }
  }
  void get_state(const Maybe<T>& h, const Maybe<T>& c) {
    T *hs = hidden(h), *cs = states(c);
    for (std::size_t k = 0; k < stepper_.size(); ++k) {
      const Layer<T>& layer = stepper_.layer(k);
      if (hs) hs = std::copy(stepper_.h(k), stepper_.h(k) + layer.P, hs);
      for (ptrdiff_t j = 0; cs && j < layer.cell.states; ++j) {
        const T* from = stepper_.c(k) + j * layer.Hp;
        cs = std::copy(from, from + layer.H, cs);
      }
    }
  }

 private:
  // All layers have the same P, H and S states after h.
  template <class U>
  U* hidden(const Maybe<U>& h) const {
    const auto L = static_cast<ptrdiff_t>(stepper_.size());
    return contiguous<U>(h, {L, stepper_.layer(0).P}, "h must be (L, P), contiguous");
  }
  template <class U>
  U* states(const Maybe<U>& c) const {
    const auto L = static_cast<ptrdiff_t>(stepper_.size());
    const Layer<T>& first = stepper_.layer(0);
    const ptrdiff_t S = first.cell.states;
    const char* what = "c must be (L, S, H), contiguous";
    if (S == 1) return contiguous<U>(c, {L, first.H}, what);
    return S ? contiguous<U>(c, {L, S, first.H}, what) : nullptr;
  }

  nb::list kept_;
  Stepper<T> stepper_;
  nb::object y_;
  T* y_data_;
};

}  // namespace

template <class T>
void bind_stepper(nb::module_& m, const char* name) {
  using namespace nb::literals;
  // No GIL release in step: giving it up and taking it back costs a tenth of a small step.
  nb::class_<PyStepper<T>>(m, name)
      .def(nb::init<nb::list, int>(), "layers"_a, "threads"_a)
      .def("step", &PyStepper<T>::step, "x"_a.noconvert())
      .def_prop_ro("output", &PyStepper<T>::output)
      .def("set_state", &PyStepper<T>::set_state, "h"_a.noconvert().none(),
           "c"_a.noconvert().none())
      .def("get_state", &PyStepper<T>::get_state, "h"_a.noconvert().none(),
           "c"_a.noconvert().none());
}

template void bind_stepper<float>(nb::module_&, const char*);
template void bind_stepper<double>(nb::module_&, const char*);

}  // namespace glasscell
