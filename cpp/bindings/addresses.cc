// LayerF32 and LayerF64 from addresses: forward and backward on memory that the caller has checked.
//
// An array object costs a quarter of a microsecond, an integer a hundredth of that, and a call has
// up to thirty of them. They come in two structs, which Python fills by the names of their fields.
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <iterator>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "backward.h"
#include "bind.h"
#include "py_layer.h"

namespace glasscell {
namespace {

using Address = int64_t;  // of numbers of the layer's own type; 0: absent

// One run of one layer in one direction. Sequences have their strides in elements and a contiguous
// last axis, everything else is contiguous.
struct Addresses {
  Address x;
  int64_t x_step, x_row;
  int64_t steps;        // T
  int64_t batch;        // B; with batch_sizes the rows of all steps together
  Address lengths;      // (B,) int64
  Address reset;        // (T, B) bytes
  Address batch_sizes;  // (T,) int64
  int64_t segment;      // steps that backward runs again at a time; 0: the tape holds all
  int64_t threads;
  int64_t reverse;  // 1 from the last step to the first
  Address h0, c0;   // (B, P) and (B, S, H), of a stack (L, B, ...)
  Address y;
  int64_t y_step, y_row;
  Address tape;        // (T, B, kept, Hp); in backward with segments room for one, and written
  Address cells;       // (K, B, S, H): the states after h between segments
  Address h_n, c_n;    // as h0 and c0
  Address masks;       // (T or 1, B, M, H), B also with batch_sizes the most rows of a step
  int64_t masks_step;  // 0: the same at every step
};

// What backward adds; gradients that are not wanted are absent.
struct GradientAddresses {
  Address dy;
  int64_t dy_step, dy_row;
  Address dh_n, dc_n;
  Address dx;  // contiguous
  Address dh0, dc0;
  Address dweight_ih, dweight_hh, dbias, dweight_hr;
  Address dh, dc;    // of every step, contiguous
  Address dbias_hh;  // (G,) of a layer with split sums, whose dbias is that of bias_ih alone
  Address dvectors;  // (V, H)
};

template <class S>
struct Field {
  const char* name;
  int64_t S::* member;
};

using A = Addresses;
constexpr Field<A> kAddresses[] = {{"x", &A::x},
                                   {"x_step", &A::x_step},
                                   {"x_row", &A::x_row},
                                   {"steps", &A::steps},
                                   {"batch", &A::batch},
                                   {"lengths", &A::lengths},
                                   {"reset", &A::reset},
                                   {"batch_sizes", &A::batch_sizes},
                                   {"segment", &A::segment},
                                   {"threads", &A::threads},
                                   {"reverse", &A::reverse},
                                   {"h0", &A::h0},
                                   {"c0", &A::c0},
                                   {"y", &A::y},
                                   {"y_step", &A::y_step},
                                   {"y_row", &A::y_row},
                                   {"tape", &A::tape},
                                   {"cells", &A::cells},
                                   {"h_n", &A::h_n},
                                   {"c_n", &A::c_n},
                                   {"masks", &A::masks},
                                   {"masks_step", &A::masks_step}};
using G = GradientAddresses;
constexpr Field<G> kGradientAddresses[] = {{"dy", &G::dy},
                                           {"dy_step", &G::dy_step},
                                           {"dy_row", &G::dy_row},
                                           {"dh_n", &G::dh_n},
                                           {"dc_n", &G::dc_n},
                                           {"dx", &G::dx},
                                           {"dh0", &G::dh0},
                                           {"dc0", &G::dc0},
                                           {"dweight_ih", &G::dweight_ih},
                                           {"dweight_hh", &G::dweight_hh},
                                           {"dbias", &G::dbias},
                                           {"dweight_hr", &G::dweight_hr},
                                           {"dh", &G::dh},
                                           {"dc", &G::dc},
                                           {"dbias_hh", &G::dbias_hh},
                                           {"dvectors", &G::dvectors}};
static_assert(sizeof(Addresses) == std::size(kAddresses) * sizeof(int64_t), "a name a field");
static_assert(sizeof(GradientAddresses) == std::size(kGradientAddresses) * sizeof(int64_t),
              "a name a field");

// The struct as a Python class: made from its fields by name, each 0 by default.
template <class S, std::size_t N, std::size_t... k>
void bind_struct(nb::module_& m, const char* name, const Field<S> (&fields)[N],
                 std::index_sequence<k...>) {
  nb::class_<S> bound(m, name);
  const auto make = [&fields](S* self, decltype(k, int64_t{})... values) {
    new (self) S{};
    ((self->*fields[k].member = values), ...);
  };
  bound.def("__init__", make, nb::kw_only(), (nb::arg(fields[k].name) = 0)...);
  (bound.def_ro(fields[k].name, fields[k].member), ...);
}

template <class U>
U* at(Address address) {
  return reinterpret_cast<U*>(address);
}

// Which steps of which rows run, as both directions walk them.
struct Frame {
  explicit Frame(const Addresses& a)
      : shape(a.batch_sizes ? packed_shape(a.steps, a.batch, at<const int64_t>(a.batch_sizes), 1)
                            : padded_shape(a.steps, a.batch, at<const int64_t>(a.lengths), 1)),
        sequence(shape.T, shape.B, shape.lengths.empty() ? nullptr : shape.lengths.data(),
                 at<const uint8_t>(a.reset), shape.B, 1, a.reverse != 0) {}

  template <class U>
  Rows<U> rows(Address base, ptrdiff_t step, ptrdiff_t row) const {
    Rows<U> rows;
    rows.base = at<U>(base);
    if (!base) return rows;
    rows.row = row;
    rows.packed = shape.packed() != nullptr;
    rows.step.resize(size_of(shape.T));
    for (ptrdiff_t t = 0; t < shape.T; ++t) {
      rows.step[size_of(t)] = rows.packed ? shape.offsets[size_of(t)] * row : t * step;
    }
    return rows;
  }
  template <class U>
  Rows<U> contiguous(Address base, ptrdiff_t width) const {
    return rows<U>(base, shape.B * width, width);
  }
  // Room for one segment: the steps of each, in the order of processing, from its beginning.
  template <class U>
  Rows<U> segment(Address base, ptrdiff_t width, ptrdiff_t length) const {
    Rows<U> rows = contiguous<U>(base, width);
    for (ptrdiff_t s = 0; s < sequence.steps(); ++s) {
      rows.step[size_of(sequence.time(s))] = s % length * shape.B * width;
    }
    return rows;
  }

  Shape shape;
  Sequence sequence;
};

// Giving up the GIL and taking it back costs a tenth of a small step.
class Released {
 public:
  explicit Released(ptrdiff_t multiply_adds) {
    if (multiply_adds > 1 << 18) released_.emplace();
  }

 private:
  std::optional<nb::gil_scoped_release> released_;
};

template <class T>
ptrdiff_t work(const Layer<T>& layer, const Addresses& a) {
  return a.steps * a.batch * layer.macs();
}

template <class T>
Masks<T> masks_of(const Layer<T>& layer, const Addresses& a) {
  return {at<const T>(a.masks), a.masks_step, layer.cell.masks() * layer.H};
}

template <class T>
void forward_at(const PyLayer<T>& self, const Addresses& a) {
  const Layer<T>& layer = self.packed();
  const Frame frame(a);
  const ForwardArgs<T> args{frame.rows<const T>(a.x, a.x_step, a.x_row),
                            at<const T>(a.h0),
                            at<const T>(a.c0),
                            frame.rows<T>(a.y, a.y_step, a.y_row),
                            at<T>(a.h_n),
                            at<T>(a.c_n),
                            frame.contiguous<T>(a.tape, layer.cell.kept * layer.Hp),
                            {a.segment, at<T>(a.cells)},
                            masks_of(layer, a)};
  const int threads = static_cast<int>(a.threads);
  const Released released(work(layer, a));
  forward(layer, frame.sequence, args, threads);
}

// The layers of a stack, none reversed, from one that says x of the first and the states of all,
// (L, B, P) and (L, B, S, H) of layers that are alike in P and H. outputs: address and strides of
// each.
template <class T>
void stack_at(const std::vector<const PyLayer<T>*>& layers, const Addresses& a,
              const std::vector<std::tuple<Address, ptrdiff_t, ptrdiff_t>>& outputs) {
  require(!layers.empty() && layers.size() == outputs.size(), "one output for each layer");
  require(!a.batch_sizes && !a.reverse && !a.segment, "a stack runs padded, forward and whole");
  const Frame frame(a);
  std::vector<const Layer<T>*> packed;
  std::vector<ForwardArgs<T>> args;
  ptrdiff_t multiply_adds = 0;
  Rows<const T> x = frame.rows<const T>(a.x, a.x_step, a.x_row);
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const Layer<T>& layer = layers[k]->packed();
    const auto state = [&, k](Address base, ptrdiff_t width) {
      return base ? at<T>(base) + static_cast<ptrdiff_t>(k) * a.batch * width : nullptr;
    };
    const auto [y, y_step, y_row] = outputs[k];
    packed.push_back(&layer);
    args.push_back({x, state(a.h0, layer.P), state(a.c0, layer.c_size()),
                    frame.rows<T>(y, y_step, y_row), state(a.h_n, layer.P),
                    state(a.c_n, layer.c_size()), Rows<T>{}});
    multiply_adds += work(layer, a);
    x = frame.rows<const T>(y, y_step, y_row);
  }
  const int threads = static_cast<int>(a.threads);
  const Released released(multiply_adds);
  forward_stack(packed, frame.sequence, args, threads);
}

template <class T>
void backward_at(const PyLayer<T>& self, const Addresses& a, const GradientAddresses& g) {
  const Layer<T>& layer = self.packed();
  require(!layer.cell.kept || a.tape, "backward reads a tape");
  require(!a.segment || !layer.cell.states || a.cells, "segments keep the states between them");
  const Frame frame(a);
  const ptrdiff_t width = layer.cell.kept * layer.Hp;
  BackwardArgs<T> args{frame.rows<const T>(a.x, a.x_step, a.x_row),
                       at<const T>(a.h0),
                       at<const T>(a.c0),
                       frame.rows<const T>(a.y, a.y_step, a.y_row),
                       a.segment ? frame.segment<const T>(a.tape, width, a.segment)
                                 : frame.contiguous<const T>(a.tape, width),
                       frame.rows<const T>(g.dy, g.dy_step, g.dy_row),
                       at<const T>(g.dh_n),
                       at<const T>(g.dc_n),
                       frame.contiguous<T>(g.dx, layer.I),
                       at<T>(g.dh0),
                       at<T>(g.dc0),
                       at<T>(g.dweight_ih),
                       at<T>(g.dweight_hh),
                       at<T>(g.dbias),
                       at<T>(g.dweight_hr),
                       frame.contiguous<T>(g.dh, layer.P),
                       frame.contiguous<T>(g.dc, layer.c_size())};
  args.dbias_hh = at<T>(g.dbias_hh);
  args.dvectors = at<T>(g.dvectors);
  args.masks = masks_of(layer, a);
  std::optional<ForwardArgs<T>> replayed;
  if (a.segment) {
    replayed.emplace(ForwardArgs<T>{args.x, args.h0, args.c0, frame.rows<T>(a.y, a.y_step, a.y_row),
                                    nullptr, nullptr, frame.segment<T>(a.tape, width, a.segment),
                                    Segments<T>{a.segment, at<T>(a.cells)}, args.masks});
    args.replayed = &*replayed;
  }
  const int threads = static_cast<int>(a.threads);
  const Released released(work(layer, a));
  backward(layer, frame.sequence, args, threads);
}

}  // namespace

void bind_address_structs(nb::module_& m) {
  bind_struct(m, "Addresses", kAddresses, std::make_index_sequence<std::size(kAddresses)>());
  bind_struct(m, "GradientAddresses", kGradientAddresses,
              std::make_index_sequence<std::size(kGradientAddresses)>());
}

template <class T>
void bind_addresses(nb::module_& m, const char* name) {
  using namespace nb::literals;
  auto layer = nb::borrow<nb::class_<PyLayer<T>>>(m.attr(name));
  layer.def("forward_at", &forward_at<T>, "run"_a)
      .def("backward_at", &backward_at<T>, "run"_a, "gradients"_a)
      .def_static("stack_at", &stack_at<T>, "layers"_a, "run"_a, "outputs"_a);
}

template void bind_addresses<float>(nb::module_&, const char*);
template void bind_addresses<double>(nb::module_&, const char*);

}  // namespace glasscell
