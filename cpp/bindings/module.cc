// The Python module glasscell._core: packed layers, forward, backward, and what the CPU offers.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "cpu.h"
#include "forward.h"
#include "kernels.h"
#include "layer.h"
#include "pool.h"
#include "stepper.h"

namespace glasscell {
namespace {

using namespace nb::literals;

Mode mode_of(const std::string& name) {
  if (name == "LSTM") return Mode::kLstm;
  if (name == "RNN_TANH") return Mode::kRnnTanh;
  if (name == "RNN_RELU") return Mode::kRnnRelu;
  throw std::invalid_argument("_core: mode must be LSTM, RNN_TANH or RNN_RELU, got " + name);
}

struct Reset {
  const uint8_t* data = nullptr;
  ptrdiff_t t = 0, b = 0;
};
Reset reset_of(const Maybe<const uint8_t>& reset, const Shape& shape) {
  if (!reset) return {};
  require(reset->ndim() == 2 && static_cast<ptrdiff_t>(reset->shape(0)) == shape.T &&
              static_cast<ptrdiff_t>(reset->shape(1)) == shape.B,
          "reset must be (T, B)");
  return {reset->data(), reset->stride(0), reset->stride(1)};
}

template <class T>
RawWeights<T> raw_weights(ptrdiff_t G, ptrdiff_t I, ptrdiff_t H, ptrdiff_t P,
                          const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
                          const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
                          const Maybe<const T>& weight_hr) {
  require(bias_ih.has_value() == bias_hh.has_value(), "both biases or none");
  return {contiguous<const T>(weight_ih, {G, I}, "weight_ih must be (G, I), contiguous"),
          contiguous<const T>(weight_hh, {G, P}, "weight_hh must be (G, P), contiguous"),
          contiguous<const T>(bias_ih, {G}, "bias_ih must be (G,)"),
          contiguous<const T>(bias_hh, {G}, "bias_hh must be (G,)"),
          contiguous<const T>(weight_hr, {P, H}, "weight_hr must be (P, H), contiguous")};
}

template <class T>
class PyLayer {
 public:
  PyLayer(const std::string& mode, const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
          const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
          const Maybe<const T>& weight_hr)
      : PyLayer(mode_of(mode), weight_ih, weight_hh, bias_ih, bias_hh, weight_hr) {}

  bool matches(const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
               const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
               const Maybe<const T>& weight_hr) const {
    return layer_.matches(raw_weights<T>(layer_.gate_rows(), layer_.I, layer_.H, layer_.P,
                                         weight_ih, weight_hh, bias_ih, bias_hh, weight_hr));
  }

  // The same, from addresses of contiguous matrices of this layer's own sizes and type (the caller
  // has checked), 0 where absent: a twentieth of the cost of five array objects.
  bool matches_at(std::uintptr_t weight_ih, std::uintptr_t weight_hh, std::uintptr_t bias_ih,
                  std::uintptr_t bias_hh, std::uintptr_t weight_hr) const {
    const auto at = [](std::uintptr_t address) { return reinterpret_cast<const T*>(address); };
    return layer_.matches(
        {at(weight_ih), at(weight_hh), at(bias_ih), at(bias_hh), at(weight_hr)});
  }

  void run_forward(const Maybe<const T>& x, const Maybe<const T>& h0, const Maybe<const T>& c0,
                   const Maybe<T>& y, const Maybe<T>& h_n, const Maybe<T>& c_n,
                   const Maybe<T>& tape, const Maybe<const int64_t>& lengths,
                   const Maybe<const uint8_t>& reset, const Maybe<const int64_t>& batch_sizes,
                   bool reverse, int threads) const {
    require(x && y && h_n && c_n.has_value() == lstm(), "x, y, h_n and c_n");
    const Shape shape = shape_for(*x, lengths, batch_sizes);
    const Reset cut = reset_of(reset, shape);
    const Sequence sequence(shape.T, shape.B,
                            shape.lengths.empty() ? nullptr : shape.lengths.data(), cut.data, cut.t,
                            cut.b, reverse);
    const ptrdiff_t B = shape.B;
    ForwardArgs<T> args{rows<const T>(x, shape, layer_.I, "x"),
                        contiguous<const T>(h0, {B, layer_.P}, "h0 must be (B, P), contiguous"),
                        contiguous<const T>(c0, {B, layer_.H}, "c0 must be (B, H), contiguous"),
                        rows<T>(y, shape, layer_.P, "y"),
                        contiguous<T>(h_n, {B, layer_.P}, "h_n must be (B, P), contiguous"),
                        contiguous<T>(c_n, {B, layer_.H}, "c_n must be (B, H), contiguous"),
                        rows<T>(tape, shape, 5 * layer_.Hp, "tape")};
    nb::gil_scoped_release released;
    forward(layer_, sequence, args, threads);
  }

  void run_backward(const Maybe<const T>& x, const Maybe<const T>& h0, const Maybe<const T>& c0,
                    const Maybe<const T>& y, const Maybe<const T>& tape, const Maybe<const T>& dy,
                    const Maybe<const T>& dh_n, const Maybe<const T>& dc_n, const Maybe<T>& dx,
                    const Maybe<T>& dh0, const Maybe<T>& dc0, const Maybe<T>& dweight_ih,
                    const Maybe<T>& dweight_hh, const Maybe<T>& dbias, const Maybe<T>& dweight_hr,
                    const Maybe<T>& dh, const Maybe<T>& dc, const Maybe<const int64_t>& lengths,
                    const Maybe<const uint8_t>& reset, const Maybe<const int64_t>& batch_sizes,
                    bool reverse, int threads) const {
    require(x && y && dh0 && dc0.has_value() == lstm() && tape.has_value() == lstm(),
            "x, y, tape, dh0 and dc0");
    const bool weights = dweight_ih.has_value();
    require(dweight_hh.has_value() == weights && dbias.has_value() == (weights && layer_.bias) &&
                dweight_hr.has_value() == (weights && layer_.projected),
            "all weight gradients or none");
    const Shape shape = shape_for(*x, lengths, batch_sizes);
    const Reset cut = reset_of(reset, shape);
    const Sequence sequence(shape.T, shape.B,
                            shape.lengths.empty() ? nullptr : shape.lengths.data(), cut.data, cut.t,
                            cut.b, reverse);
    const ptrdiff_t B = shape.B, G = layer_.gate_rows(), I = layer_.I, H = layer_.H, P = layer_.P;
    BackwardArgs<T> args{rows<const T>(x, shape, I, "x"),
                         contiguous<const T>(h0, {B, P}, "h0"),
                         contiguous<const T>(c0, {B, H}, "c0"),
                         rows<const T>(y, shape, P, "y"),
                         rows<const T>(tape, shape, 5 * layer_.Hp, "tape"),
                         rows<const T>(dy, shape, P, "dy"),
                         contiguous<const T>(dh_n, {B, P}, "dh_n"),
                         contiguous<const T>(dc_n, {B, H}, "dc_n"),
                         rows<T>(dx, shape, I, "dx"),
                         contiguous<T>(dh0, {B, P}, "dh0"),
                         contiguous<T>(dc0, {B, H}, "dc0"),
                         contiguous<T>(dweight_ih, {G, I}, "dweight_ih"),
                         contiguous<T>(dweight_hh, {G, P}, "dweight_hh"),
                         contiguous<T>(dbias, {G}, "dbias"),
                         contiguous<T>(dweight_hr, {P, H}, "dweight_hr"),
                         rows<T>(dh, shape, P, "dh"),
                         rows<T>(dc, shape, H, "dc")};
    nb::gil_scoped_release released;
    backward(layer_, sequence, args, threads);
  }

  const Layer<T>& packed() const { return layer_; }
  ptrdiff_t input_size() const { return layer_.I; }
  ptrdiff_t hidden_size() const { return layer_.H; }
  ptrdiff_t output_size() const { return layer_.P; }
  ptrdiff_t padded_size() const { return layer_.Hp; }
  bool lstm() const { return layer_.mode == Mode::kLstm; }
  bool bias() const { return layer_.bias; }
  bool projected() const { return layer_.projected; }

 private:
  PyLayer(Mode mode, const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
          const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
          const Maybe<const T>& weight_hr)
      : PyLayer(mode, sizes(mode, weight_ih, weight_hh, weight_hr), weight_ih, weight_hh, bias_ih,
                bias_hh, weight_hr) {}

  struct Sizes {
    ptrdiff_t G, I, H, P;
  };
  static Sizes sizes(Mode mode, const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
                     const Maybe<const T>& weight_hr) {
    require(weight_ih && weight_ih->ndim() == 2 && weight_hh && weight_hh->ndim() == 2,
            "weight_ih and weight_hh must be matrices");
    require(!weight_hr || (weight_hr->ndim() == 2 && mode == Mode::kLstm),
            "weight_hr must be a matrix, of an LSTM");
    const auto G = static_cast<ptrdiff_t>(weight_ih->shape(0));
    const ptrdiff_t gates = mode == Mode::kLstm ? 4 : 1;
    const Sizes s{G, static_cast<ptrdiff_t>(weight_ih->shape(1)), G / gates,
                  static_cast<ptrdiff_t>(weight_hh->shape(1))};
    require(s.G > 0 && s.G % gates == 0 && s.I > 0 && s.P > 0 && (weight_hr || s.P == s.H),
            "sizes of the weights");
    return s;
  }
  PyLayer(Mode mode, const Sizes& s, const Maybe<const T>& weight_ih,
          const Maybe<const T>& weight_hh, const Maybe<const T>& bias_ih,
          const Maybe<const T>& bias_hh, const Maybe<const T>& weight_hr)
      : layer_(
            mode, s.I, s.H, s.P,
            raw_weights<T>(s.G, s.I, s.H, s.P, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)) {
  }

  static Shape shape_for(const Array<const T>& x, const Maybe<const int64_t>& lengths,
                         const Maybe<const int64_t>& batch_sizes) {
    require(x.ndim() >= 2, "x must be (T, B, I) or (N, I)");
    return shape_of(x.ndim(), static_cast<ptrdiff_t>(x.shape(0)),
                    static_cast<ptrdiff_t>(x.shape(1)), lengths, batch_sizes);
  }
  template <class U>
  static Rows<U> rows(const Maybe<U>& array, const Shape& shape, ptrdiff_t width,
                      const char* what) {
    return rows_of<U>(array, shape.packed(), shape.T, shape.B, width, what);
  }

  Layer<T> layer_;
};

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

// A stack of layers with its state, and the array that every step writes.
template <class T>
class PyStepper {
 public:
  // kept_ is a list of its own: what the caller does to his leaves the layers alive.
  explicit PyStepper(const nb::list& layers)
      : kept_(nb::handle(layers)), stepper_(pointers(kept_)) {
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
  static std::vector<const Layer<T>*> pointers(const nb::list& layers) {
    std::vector<const Layer<T>*> out;
    for (nb::handle item : layers) {
      const Layer<T>& layer = nb::cast<const PyLayer<T>&>(item).packed();
      require(out.empty() || (layer.I == out.back()->P && layer.H == out.back()->H &&
                              layer.P == out.back()->P),
              "layers of a stack must fit together");
      out.push_back(&layer);
    }
    require(!out.empty(), "a stack needs a layer");
    return out;
  }

  nb::list kept_;
  Stepper<T> stepper_;
  nb::object y_;
  T* y_data_;
};

// by element, for the tables of errors in tests and docs
template <class T>
void apply(void (*function)(ptrdiff_t, const T*, T*), const Array<const T>& x, const Array<T>& y) {
  require(x.ndim() == 1 && y.ndim() == 1 && x.shape(0) == y.shape(0) &&
              (x.shape(0) <= 1 || (x.stride(0) == 1 && y.stride(0) == 1)),
          "x and y must be contiguous (n,)");
  nb::gil_scoped_release released;
  const FlushDenormals flush;
  function(static_cast<ptrdiff_t>(x.shape(0)), x.data(), y.data());
}

template <class T>
void register_precision(nb::module_& m, const char* layer, const char* linear,
                        const char* stepper) {
  nb::class_<PyLayer<T>>(m, layer)
      .def(nb::init<const std::string&, const Maybe<const T>&, const Maybe<const T>&,
                    const Maybe<const T>&, const Maybe<const T>&, const Maybe<const T>&>(),
           "mode"_a, "weight_ih"_a.noconvert(), "weight_hh"_a.noconvert(),
           "bias_ih"_a.noconvert().none(), "bias_hh"_a.noconvert().none(),
           "weight_hr"_a.noconvert().none())
      .def("matches", &PyLayer<T>::matches, "weight_ih"_a.noconvert(), "weight_hh"_a.noconvert(),
           "bias_ih"_a.noconvert().none(), "bias_hh"_a.noconvert().none(),
           "weight_hr"_a.noconvert().none())
      .def("matches_at", &PyLayer<T>::matches_at, "weight_ih"_a, "weight_hh"_a, "bias_ih"_a,
           "bias_hh"_a, "weight_hr"_a)
      .def("forward", &PyLayer<T>::run_forward, "x"_a.noconvert(), "h0"_a.noconvert().none(),
           "c0"_a.noconvert().none(), "y"_a.noconvert(), "h_n"_a.noconvert(),
           "c_n"_a.noconvert().none(), "tape"_a.noconvert().none(), "lengths"_a.noconvert().none(),
           "reset"_a.noconvert().none(), "batch_sizes"_a.noconvert().none(), "reverse"_a,
           "threads"_a)
      .def("backward", &PyLayer<T>::run_backward, "x"_a.noconvert(), "h0"_a.noconvert().none(),
           "c0"_a.noconvert().none(), "y"_a.noconvert(), "tape"_a.noconvert().none(),
           "dy"_a.noconvert().none(), "dh_n"_a.noconvert().none(), "dc_n"_a.noconvert().none(),
           "dx"_a.noconvert().none(), "dh0"_a.noconvert(), "dc0"_a.noconvert().none(),
           "dweight_ih"_a.noconvert().none(), "dweight_hh"_a.noconvert().none(),
           "dbias"_a.noconvert().none(), "dweight_hr"_a.noconvert().none(),
           "dh"_a.noconvert().none(), "dc"_a.noconvert().none(), "lengths"_a.noconvert().none(),
           "reset"_a.noconvert().none(), "batch_sizes"_a.noconvert().none(), "reverse"_a,
           "threads"_a)
      .def_prop_ro("input_size", &PyLayer<T>::input_size)
      .def_prop_ro("hidden_size", &PyLayer<T>::hidden_size)
      .def_prop_ro("output_size", &PyLayer<T>::output_size)
      .def_prop_ro("padded_size", &PyLayer<T>::padded_size)
      .def_prop_ro("lstm", &PyLayer<T>::lstm)
      .def_prop_ro("bias", &PyLayer<T>::bias)
      .def_prop_ro("projected", &PyLayer<T>::projected);
  nb::class_<PyLinear<T>>(m, linear)
      .def(nb::init<const Maybe<const T>&, const Maybe<const T>&>(), "weight"_a.noconvert(),
           "bias"_a.noconvert().none())
      .def("matches", &PyLinear<T>::matches, "weight"_a.noconvert(), "bias"_a.noconvert().none())
      .def("run", &PyLinear<T>::run, "x"_a.noconvert(), "y"_a.noconvert(), "threads"_a)
      .def_prop_ro("inputs", &PyLinear<T>::inputs)
      .def_prop_ro("outputs", &PyLinear<T>::outputs);
  // No GIL release in step: giving it up and taking it back costs a tenth of a small step.
  nb::class_<PyStepper<T>>(m, stepper)
      .def(nb::init<nb::list>(), "layers"_a)
      .def("step", &PyStepper<T>::step, "x"_a.noconvert())
      .def_prop_ro("output", &PyStepper<T>::output)
      .def("set_state", &PyStepper<T>::set_state, "h"_a.noconvert().none(),
           "c"_a.noconvert().none())
      .def("get_state", &PyStepper<T>::get_state, "h"_a.noconvert().none(),
           "c"_a.noconvert().none());
  m.def(
      "sigmoid",
      [](const Array<const T>& x, const Array<T>& y) { apply<T>(kernel_table<T>().sigmoid, x, y); },
      "x"_a.noconvert(), "y"_a.noconvert());
  m.def(
      "tanh",
      [](const Array<const T>& x, const Array<T>& y) { apply<T>(kernel_table<T>().tanh, x, y); },
      "x"_a.noconvert(), "y"_a.noconvert());
}

std::vector<std::string> compiled_isas() {
  std::vector<std::string> names{"generic"};
#if GLASSCELL_HAVE_AVX2
  if (cpu_has_avx2()) names.emplace_back("avx2");
#endif
#if GLASSCELL_HAVE_AVX512
  if (cpu_has_avx512()) names.emplace_back("avx512");
#endif
#if GLASSCELL_HAVE_NEON
  names.emplace_back("neon");
#endif
  return names;
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "Compiled kernels of glasscell; use glasscell.engine.";
  // A script's globals may outlive the interpreter's shutdown; that is no leak worth a warning.
  nb::set_leak_warnings(false);
  // A bad GLASSCELL_FORCE_ISA is reported at import, not at the first layer.
  m.attr("isa") = kernels().isa;
  m.attr("isas") = compiled_isas();
  m.def("available_cpus", &available_cpus);
  m.def(
      "use_parallel_for",
      [](std::uintptr_t address) { use_parallel_for(reinterpret_cast<ParallelFor>(address)); },
      "address"_a);
  m.def(
      "fma_burst",
      [](ptrdiff_t iterations) {
        const nb::gil_scoped_release released;
        float sink = 0;
        return kernel_table<float>().fma_burst(iterations, &sink);
      },
      "iterations"_a);
  m.def(
      "read_burst",
      [](const Array<const float>& data, ptrdiff_t passes) {
        require(data.ndim() == 1 && (data.shape(0) <= 1 || data.stride(0) == 1),
                "data must be contiguous (n,)");
        const nb::gil_scoped_release released;
        float sink = 0;
        return kernel_table<float>().read_burst(static_cast<ptrdiff_t>(data.shape(0)), data.data(),
                                                passes, &sink);
      },
      "data"_a.noconvert(), "passes"_a);
  register_precision<float>(m, "LayerF32", "LinearF32", "StepperF32");
  register_precision<double>(m, "LayerF64", "LinearF64", "StepperF64");
}

}  // namespace glasscell
