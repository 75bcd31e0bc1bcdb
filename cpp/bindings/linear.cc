// LinearF32 and LinearF64: y = x W^T + b.
#include "arrays.h"
#include "bind.h"
#include "layer.h"

namespace glasscell {
namespace {

template <class T>
class PyLinear {
 public:
  PyLinear(const Maybe<const T>& weight, const Maybe<const T>& bias) : PyLinear(weight, bias, 0) {}
  bool matches(const Maybe<const T>& weight, const Maybe<const T>& bias) const {
    return linear_.matches(contiguous<const T>(weight, {linear_.outputs, linear_.inputs}, "weight"),
                           contiguous<const T>(bias, {linear_.outputs}, "bias"));
  }
  void run(const Maybe<const T>& x, const Maybe<T>& y, int threads) const {
    require(x && y && x->ndim() == 2 && y->ndim() == 2 && x->shape(0) == y->shape(0), "x and y");
    require(static_cast<ptrdiff_t>(x->shape(1)) == linear_.inputs &&
                static_cast<ptrdiff_t>(y->shape(1)) == linear_.outputs &&
                (x->shape(1) <= 1 || x->stride(1) == 1) && (y->shape(1) <= 1 || y->stride(1) == 1),
            "x must be (rows, inputs) and y (rows, outputs), last axes contiguous");
    nb::gil_scoped_release released;
    linear_.run(static_cast<ptrdiff_t>(x->shape(0)), x->data(), x->stride(0), y->data(),
                y->stride(0), threads);
  }
  ptrdiff_t inputs() const { return linear_.inputs; }
  ptrdiff_t outputs() const { return linear_.outputs; }

 private:
  PyLinear(const Maybe<const T>& weight, const Maybe<const T>& bias, int)
      : linear_(checked(weight, 1), checked(weight, 0),
                contiguous<const T>(weight, {checked(weight, 0), checked(weight, 1)}, "weight"),
                contiguous<const T>(bias, {checked(weight, 0)}, "bias")) {}
  static ptrdiff_t checked(const Maybe<const T>& weight, std::size_t axis) {
    require(weight && weight->ndim() == 2 && weight->shape(0) > 0 && weight->shape(1) > 0,
            "weight must be (outputs, inputs)");
    return static_cast<ptrdiff_t>(weight->shape(axis));
  }
  Linear<T> linear_;
};

}  // namespace

template <class T>
void bind_linear(nb::module_& m, const char* name) {
  using namespace nb::literals;
  nb::class_<PyLinear<T>>(m, name)
      .def(nb::init<const Maybe<const T>&, const Maybe<const T>&>(), "weight"_a.noconvert(),
           "bias"_a.noconvert().none())
      .def("matches", &PyLinear<T>::matches, "weight"_a.noconvert(), "bias"_a.noconvert().none())
      .def("run", &PyLinear<T>::run, "x"_a.noconvert(), "y"_a.noconvert(), "threads"_a)
      .def_prop_ro("inputs", &PyLinear<T>::inputs)
      .def_prop_ro("outputs", &PyLinear<T>::outputs);
}

template void bind_linear<float>(nb::module_&, const char*);
template void bind_linear<double>(nb::module_&, const char*);

}  // namespace glasscell
