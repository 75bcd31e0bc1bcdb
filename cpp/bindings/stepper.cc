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
    const auto L = static_cast<ptrdiff_t>(stepper_.size());
    const Layer<T>& first = stepper_.layer(0);
    const T* hs = contiguous<const T>(h, {L, first.P}, "h must be (L, P), contiguous");
    const T* cs = contiguous<const T>(c, {L, first.H}, "c must be (L, H), contiguous");
    for (ptrdiff_t k = 0; k < L; ++k) {
      const Layer<T>& layer = stepper_.layer(size_of(k));
      T* to_h = stepper_.h(size_of(k));
      T* to_c = stepper_.c(size_of(k));
      for (ptrdiff_t p = 0; p < layer.P; ++p) to_h[p] = hs ? hs[k * layer.P + p] : T(0);
      for (ptrdiff_t u = 0; u < layer.H; ++u) to_c[u] = cs ? cs[k * layer.H + u] : T(0);
    }
  }
  void get_state(const Maybe<T>& h, const Maybe<T>& c) {
    const auto L = static_cast<ptrdiff_t>(stepper_.size());
    const Layer<T>& first = stepper_.layer(0);
    T* hs = contiguous<T>(h, {L, first.P}, "h must be (L, P), contiguous");
    T* cs = contiguous<T>(c, {L, first.H}, "c must be (L, H), contiguous");
    for (ptrdiff_t k = 0; k < L; ++k) {
      const T* from_h = stepper_.h(size_of(k));
      const T* from_c = stepper_.c(size_of(k));
      if (hs) std::copy(from_h, from_h + first.P, hs + k * first.P);
      if (cs) std::copy(from_c, from_c + first.H, cs + k * first.H);
    }
  }

 private:
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
