// LayerF32 and LayerF64: packing, forward, backward.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "backward.h"
#include "bind.h"
#include "py_layer.h"

namespace glasscell {
namespace {

Cell cell_of(const std::string& name, const Cell* cell) {
  require((name == "PROGRAM") == (cell != nullptr), "mode PROGRAM goes with a cell");
  if (cell) return *cell;
  if (name == "LSTM") return Mode::kLstm;
  if (name == "RNN_TANH") return Mode::kRnnTanh;
  if (name == "RNN_RELU") return Mode::kRnnRelu;
  if (name == "GRU") return Mode::kGru;
  throw std::invalid_argument("_core: mode must be LSTM, RNN_TANH, RNN_RELU, GRU or PROGRAM, got " +
                              name);
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

template <class T, class S>
RawWeights<T, S> raw_weights(ptrdiff_t G, ptrdiff_t I, ptrdiff_t H, ptrdiff_t P,
                             const Maybe<const S>& weight_ih, const Maybe<const S>& weight_hh,
                             const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
                             const Maybe<const S>& weight_hr) {
  return {contiguous<const S>(weight_ih, {G, I}, "weight_ih must be (G, I), contiguous"),
          contiguous<const S>(weight_hh, {G, P}, "weight_hh must be (G, P), contiguous"),
          contiguous<const T>(bias_ih, {G}, "bias_ih must be (G,)"),
          contiguous<const T>(bias_hh, {G}, "bias_hh must be (G,)"),
          contiguous<const S>(weight_hr, {P, H}, "weight_hr must be (P, H), contiguous")};
}

// Vectors (V, H), V of them.
template <class T>
std::vector<const T*> vectors_of(const Cell& cell, const Maybe<const T>& vectors, ptrdiff_t H) {
  require(vectors.has_value() == (cell.vectors > 0), "vectors of a cell that has some");
  const T* all = contiguous<const T>(vectors, {cell.vectors, H}, "vectors must be (V, H)");
  std::vector<const T*> out;
  for (ptrdiff_t k = 0; k < cell.vectors; ++k) out.push_back(all + k * H);
  return out;
}

struct Sizes {
  ptrdiff_t G, I, H, P;
};
template <class S>
Sizes sizes(const Cell& cell, const Maybe<const S>& weight_ih, const Maybe<const S>& weight_hh,
            const Maybe<const S>& weight_hr) {
  require(weight_ih && weight_ih->ndim() == 2, "weight_ih must be a matrix");
  require(weight_hh ? weight_hh->ndim() == 2 : cell.h_sums() == 0,
          "weight_hh must be a matrix, absent only from a cell that never reads h");
  require(!weight_hr || (weight_hr->ndim() == 2 && cell.mode == Mode::kLstm),
          "weight_hr must be a matrix, of an LSTM");
  const auto G = static_cast<ptrdiff_t>(weight_ih->shape(0));
  const ptrdiff_t H = G / cell.gates;
  const Sizes s{G, static_cast<ptrdiff_t>(weight_ih->shape(1)), H,
                weight_hh ? static_cast<ptrdiff_t>(weight_hh->shape(1)) : H};
  require(s.G > 0 && s.G % cell.gates == 0 && s.I > 0 && s.P > 0 && (weight_hr || s.P == s.H),
          "sizes of the weights");
  return s;
}

template <class T, class S>
Layer<T> packed_layer(const Cell& cell, const Maybe<const S>& weight_ih,
                      const Maybe<const S>& weight_hh, const Maybe<const T>& bias_ih,
                      const Maybe<const T>& bias_hh, const Maybe<const S>& weight_hr,
                      const Maybe<const T>& scale, const Maybe<const T>& scale_hr,
                      const Maybe<const T>& vectors) {
  const Sizes s = sizes(cell, weight_ih, weight_hh, weight_hr);
  RawWeights<T, S> raw =
      raw_weights<T, S>(s.G, s.I, s.H, s.P, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr);
  require(bias_hh.has_value() == (bias_ih.has_value() && cell.h_sums() > 0) &&
              (weight_hh.has_value() == (cell.h_sums() > 0)),
          "weight_hh and bias_hh of a cell that reads h, both biases or none");
  raw.vectors = vectors_of<T>(cell, vectors, s.H);
  constexpr bool scaled = sizeof(S) == 1;
  require(scale.has_value() == scaled && scale_hr.has_value() == (scaled && weight_hr.has_value()),
          "int8 weights and no others have scales");
  raw.scale = contiguous<const T>(scale, {s.G}, "scale must be (G,)");
  raw.scale_hr = contiguous<const T>(scale_hr, {s.P}, "scale_hr must be (P,)");
  return Layer<T>(cell, s.I, s.H, s.P, raw);
}

template <class T>
Shape shape_for(const Array<const T>& x, const Maybe<const int64_t>& lengths,
                const Maybe<const int64_t>& batch_sizes) {
  require(x.ndim() >= 2, "x must be (T, B, I) or (N, I)");
  return shape_of(x.ndim(), static_cast<ptrdiff_t>(x.shape(0)), static_cast<ptrdiff_t>(x.shape(1)),
                  lengths, batch_sizes);
}
// c (B, S, H), of a single state also (B, H).
template <class U, class T>
U* states(const Maybe<U>& c, ptrdiff_t B, const Layer<T>& layer, const char* what) {
  const ptrdiff_t S = layer.cell.states;
  require(S > 0 || !c, what);
  if (S == 1) return contiguous<U>(c, {B, layer.H}, what);
  return contiguous<U>(c, {B, S, layer.H}, what);
}
// (T or 1, B, M, H), contiguous.
template <class T>
Masks<T> masks_of(const Maybe<const T>& masks, const Shape& shape, const Layer<T>& layer) {
  if (!masks) return {};
  const ptrdiff_t M = layer.cell.masks(), H = layer.H;
  require(M > 0 && masks->ndim() == 4, "masks must be (T or 1, B, M, H), of a cell that has some");
  const bool constant = masks->shape(0) == 1;
  const T* base = contiguous<const T>(masks, {constant ? 1 : shape.T, shape.B, M, H},
                                      "masks must be (T or 1, B, M, H), contiguous");
  return {base, constant ? 0 : shape.B * M * H, M * H};
}
template <class U>
Rows<U> rows(const Maybe<U>& array, const Shape& shape, ptrdiff_t width, const char* what) {
  return rows_of<U>(array, shape.packed(), shape.T, shape.B, width, what);
}

}  // namespace

template <class T>
PyLayer<T>::PyLayer(const std::string& mode, const Maybe<const T>& weight_ih,
                    const Maybe<const T>& weight_hh, const Maybe<const T>& bias_ih,
                    const Maybe<const T>& bias_hh, const Maybe<const T>& weight_hr,
                    const Cell* cell, const Maybe<const T>& vectors)
    : layer_(packed_layer<T, T>(cell_of(mode, cell), weight_ih, weight_hh, bias_ih, bias_hh,
                                weight_hr, std::nullopt, std::nullopt, vectors)) {}

template <class T>
template <class S>
PyLayer<T>::PyLayer(const std::string& mode, const Maybe<const S>& weight_ih,
                    const Maybe<const S>& weight_hh, const Maybe<const T>& bias_ih,
                    const Maybe<const T>& bias_hh, const Maybe<const S>& weight_hr,
                    const Maybe<const T>& scale, const Maybe<const T>& scale_hr, const Cell* cell,
                    const Maybe<const T>& vectors)
    : layer_(packed_layer<T, S>(cell_of(mode, cell), weight_ih, weight_hh, bias_ih, bias_hh,
                                weight_hr, scale, scale_hr, vectors)) {}

template <class T>
bool PyLayer<T>::matches(const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
                         const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
                         const Maybe<const T>& weight_hr, const Maybe<const T>& vectors) const {
  require_full();
  RawWeights<T> raw = raw_weights<T, T>(layer_.gate_rows(), layer_.I, layer_.H, layer_.P, weight_ih,
                                        weight_hh, bias_ih, bias_hh, weight_hr);
  raw.vectors = vectors_of<T>(layer_.cell, vectors, layer_.H);
  return layer_.matches(raw);
}

template <class T>
bool PyLayer<T>::matches_at(std::uintptr_t weight_ih, std::uintptr_t weight_hh,
                            std::uintptr_t bias_ih, std::uintptr_t bias_hh,
                            std::uintptr_t weight_hr, int threads,
                            const std::vector<std::uintptr_t>& vectors) const {
  require_full();
  const auto at = [](std::uintptr_t address) { return reinterpret_cast<const T*>(address); };
  RawWeights<T> raw{at(weight_ih), at(weight_hh), at(bias_ih), at(bias_hh), at(weight_hr)};
  for (const std::uintptr_t vector : vectors) raw.vectors.push_back(at(vector));
  return layer_.matches(raw, threads);
}

template <class T>
void PyLayer<T>::run_forward(const Maybe<const T>& x, const Maybe<const T>& h0,
                             const Maybe<const T>& c0, const Maybe<T>& y, const Maybe<T>& h_n,
                             const Maybe<T>& c_n, const Maybe<T>& tape,
                             const Maybe<const int64_t>& lengths, const Maybe<const uint8_t>& reset,
                             const Maybe<const int64_t>& batch_sizes, bool reverse, int threads,
                             const Maybe<const T>& masks) const {
  require(x && y && h_n && c_n.has_value() == (extra_states() > 0), "x, y, h_n and c_n");
  const Shape shape = shape_for(*x, lengths, batch_sizes);
  const Reset cut = reset_of(reset, shape);
  const Sequence sequence(shape.T, shape.B, shape.lengths.empty() ? nullptr : shape.lengths.data(),
                          cut.data, cut.t, cut.b, reverse);
  const ptrdiff_t B = shape.B;
  ForwardArgs<T> args{rows<const T>(x, shape, layer_.I, "x"),
                      contiguous<const T>(h0, {B, layer_.P}, "h0 must be (B, P), contiguous"),
                      states<const T>(c0, B, layer_, "c0 must be (B, S, H), contiguous"),
                      rows<T>(y, shape, layer_.P, "y"),
                      contiguous<T>(h_n, {B, layer_.P}, "h_n must be (B, P), contiguous"),
                      states<T>(c_n, B, layer_, "c_n must be (B, S, H), contiguous"),
                      rows<T>(tape, shape, kept() * layer_.Hp, "tape"),
                      {},
                      masks_of(masks, shape, layer_)};
  nb::gil_scoped_release released;
  forward(layer_, sequence, args, threads);
}

template <class T>
void PyLayer<T>::run_backward(
    const Maybe<const T>& x, const Maybe<const T>& h0, const Maybe<const T>& c0,
    const Maybe<const T>& y, const Maybe<const T>& tape, const Maybe<const T>& dy,
    const Maybe<const T>& dh_n, const Maybe<const T>& dc_n, const Maybe<T>& dx, const Maybe<T>& dh0,
    const Maybe<T>& dc0, const Maybe<T>& dweight_ih, const Maybe<T>& dweight_hh,
    const Maybe<T>& dbias, const Maybe<T>& dweight_hr, const Maybe<T>& dh, const Maybe<T>& dc,
    const Maybe<const int64_t>& lengths, const Maybe<const uint8_t>& reset,
    const Maybe<const int64_t>& batch_sizes, bool reverse, int threads, const Maybe<T>& dbias_hh,
    const Maybe<T>& dvectors, const Maybe<const T>& masks) const {
  require_full();
  require(
      x && y && dh0 && dc0.has_value() == (extra_states() > 0) && tape.has_value() == (kept() > 0),
      "x, y, tape, dh0 and dc0");
  const bool weights = dweight_ih.has_value();
  require(dbias_hh.has_value() == (weights && layer_.bias && split() && reads_h()) &&
              dvectors.has_value() == (weights && layer_.cell.vectors > 0),
          "dbias_hh and dvectors of a layer that has them");
  require(dweight_hh.has_value() == (weights && layer_.cell.h_sums() > 0) &&
              dbias.has_value() == (weights && layer_.bias) &&
              dweight_hr.has_value() == (weights && layer_.projected),
          "all weight gradients or none");
  const Shape shape = shape_for(*x, lengths, batch_sizes);
  const Reset cut = reset_of(reset, shape);
  const Sequence sequence(shape.T, shape.B, shape.lengths.empty() ? nullptr : shape.lengths.data(),
                          cut.data, cut.t, cut.b, reverse);
  const ptrdiff_t B = shape.B, G = layer_.gate_rows(), I = layer_.I, H = layer_.H, P = layer_.P;
  BackwardArgs<T> args{rows<const T>(x, shape, I, "x"),
                       contiguous<const T>(h0, {B, P}, "h0"),
                       states<const T>(c0, B, layer_, "c0"),
                       rows<const T>(y, shape, P, "y"),
                       rows<const T>(tape, shape, kept() * layer_.Hp, "tape"),
                       rows<const T>(dy, shape, P, "dy"),
                       contiguous<const T>(dh_n, {B, P}, "dh_n"),
                       states<const T>(dc_n, B, layer_, "dc_n"),
                       rows<T>(dx, shape, I, "dx"),
                       contiguous<T>(dh0, {B, P}, "dh0"),
                       states<T>(dc0, B, layer_, "dc0"),
                       contiguous<T>(dweight_ih, {G, I}, "dweight_ih"),
                       contiguous<T>(dweight_hh, {G, P}, "dweight_hh"),
                       contiguous<T>(dbias, {G}, "dbias"),
                       contiguous<T>(dweight_hr, {P, H}, "dweight_hr"),
                       rows<T>(dh, shape, P, "dh"),
                       rows<T>(dc, shape, layer_.c_size(), "dc")};
  args.dbias_hh = contiguous<T>(dbias_hh, {G}, "dbias_hh");
  args.dvectors = contiguous<T>(dvectors, {layer_.cell.vectors, H}, "dvectors");
  args.masks = masks_of(masks, shape, layer_);
  nb::gil_scoped_release released;
  backward(layer_, sequence, args, threads);
}

template <class T>
std::vector<const Layer<T>*> stack_of(const nb::list& layers) {
  std::vector<const Layer<T>*> out;
  for (nb::handle item : layers) {
    const Layer<T>& layer = nb::cast<const PyLayer<T>&>(item).packed();
    require(
        out.empty() || (layer.I == out.back()->P && layer.H == out.back()->H &&
                        layer.P == out.back()->P && layer.cell.states == out.back()->cell.states),
        "layers of a stack must fit together");
    out.push_back(&layer);
  }
  require(!out.empty(), "a stack needs a layer");
  return out;
}

template <class T>
const char* PyLayer<T>::storage() const {
  if (layer_.storage == Storage::kBfloat16) return "bfloat16";
  if (layer_.storage == Storage::kInt8) return "int8";
  return sizeof(T) == sizeof(float) ? "float32" : "float64";
}

// Compressed layers are LayerF32 too: what runs them cannot tell.
template <class T, class S>
void bind_compressed(nb::class_<PyLayer<T>>& layer) {
  using namespace nb::literals;
  layer.def(
      nb::init<const std::string&, const Maybe<const S>&, const Maybe<const S>&,
               const Maybe<const T>&, const Maybe<const T>&, const Maybe<const S>&,
               const Maybe<const T>&, const Maybe<const T>&, const Cell*, const Maybe<const T>&>(),
      "mode"_a, "weight_ih"_a.noconvert(), "weight_hh"_a.noconvert().none(),
      "bias_ih"_a.noconvert().none(), "bias_hh"_a.noconvert().none(),
      "weight_hr"_a.noconvert().none(), "scale"_a.noconvert().none(),
      "scale_hr"_a.noconvert().none(), "cell"_a.none() = nb::none(),
      "vectors"_a.noconvert().none() = nb::none());
}

template <class T>
void bind_layer(nb::module_& m, const char* name) {
  using namespace nb::literals;
  nb::class_<PyLayer<T>> layer(m, name);
  layer
      .def(nb::init<const std::string&, const Maybe<const T>&, const Maybe<const T>&,
                    const Maybe<const T>&, const Maybe<const T>&, const Maybe<const T>&,
                    const Cell*, const Maybe<const T>&>(),
           "mode"_a, "weight_ih"_a.noconvert(), "weight_hh"_a.noconvert().none(),
           "bias_ih"_a.noconvert().none(), "bias_hh"_a.noconvert().none(),
           "weight_hr"_a.noconvert().none(), "cell"_a.none() = nb::none(),
           "vectors"_a.noconvert().none() = nb::none())
      .def("matches", &PyLayer<T>::matches, "weight_ih"_a.noconvert(),
           "weight_hh"_a.noconvert().none(), "bias_ih"_a.noconvert().none(),
           "bias_hh"_a.noconvert().none(), "weight_hr"_a.noconvert().none(),
           "vectors"_a.noconvert().none() = nb::none())
      .def("matches_at", &PyLayer<T>::matches_at, "weight_ih"_a, "weight_hh"_a, "bias_ih"_a,
           "bias_hh"_a, "weight_hr"_a, "threads"_a = 1, "vectors"_a = std::vector<std::uintptr_t>{})
      .def("forward", &PyLayer<T>::run_forward, "x"_a.noconvert(), "h0"_a.noconvert().none(),
           "c0"_a.noconvert().none(), "y"_a.noconvert(), "h_n"_a.noconvert(),
           "c_n"_a.noconvert().none(), "tape"_a.noconvert().none(), "lengths"_a.noconvert().none(),
           "reset"_a.noconvert().none(), "batch_sizes"_a.noconvert().none(), "reverse"_a,
           "threads"_a, "masks"_a.noconvert().none() = nb::none())
      .def("backward", &PyLayer<T>::run_backward, "x"_a.noconvert(), "h0"_a.noconvert().none(),
           "c0"_a.noconvert().none(), "y"_a.noconvert(), "tape"_a.noconvert().none(),
           "dy"_a.noconvert().none(), "dh_n"_a.noconvert().none(), "dc_n"_a.noconvert().none(),
           "dx"_a.noconvert().none(), "dh0"_a.noconvert(), "dc0"_a.noconvert().none(),
           "dweight_ih"_a.noconvert().none(), "dweight_hh"_a.noconvert().none(),
           "dbias"_a.noconvert().none(), "dweight_hr"_a.noconvert().none(),
           "dh"_a.noconvert().none(), "dc"_a.noconvert().none(), "lengths"_a.noconvert().none(),
           "reset"_a.noconvert().none(), "batch_sizes"_a.noconvert().none(), "reverse"_a,
           "threads"_a, "dbias_hh"_a.noconvert().none() = nb::none(),
           "dvectors"_a.noconvert().none() = nb::none(), "masks"_a.noconvert().none() = nb::none())
      .def_prop_ro("input_size", &PyLayer<T>::input_size)
      .def_prop_ro("hidden_size", &PyLayer<T>::hidden_size)
      .def_prop_ro("output_size", &PyLayer<T>::output_size)
      .def_prop_ro("padded_size", &PyLayer<T>::padded_size)
      .def_prop_ro("storage", &PyLayer<T>::storage)
      .def_prop_ro("lstm", &PyLayer<T>::lstm)
      .def_prop_ro("extra_states", &PyLayer<T>::extra_states)
      .def_prop_ro("kept", &PyLayer<T>::kept)
      .def_prop_ro("gate_rows", &PyLayer<T>::gate_rows)
      .def_prop_ro("sums", &PyLayer<T>::sums)
      .def_prop_ro("split", &PyLayer<T>::split)
      .def_prop_ro("reads_h", &PyLayer<T>::reads_h)
      .def_prop_ro("vectors", &PyLayer<T>::vectors)
      .def_prop_ro("masks", &PyLayer<T>::masks)
      .def_prop_ro("bias", &PyLayer<T>::bias)
      .def_prop_ro("projected", &PyLayer<T>::projected);
  if constexpr (sizeof(T) == sizeof(float)) {
    bind_compressed<T, Bfloat16>(layer);
    bind_compressed<T, int8_t>(layer);
  }
}

template class PyLayer<float>;
template class PyLayer<double>;
template std::vector<const Layer<float>*> stack_of<float>(const nb::list&);
template std::vector<const Layer<double>*> stack_of<double>(const nb::list&);
template void bind_layer<float>(nb::module_&, const char*);
template void bind_layer<double>(nb::module_&, const char*);

}  // namespace glasscell
