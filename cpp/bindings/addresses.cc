// LayerF32 and LayerF64 from addresses: forward and backward on memory that the caller has checked.
//
// An array object costs a quarter of a microsecond, an integer a hundredth of that, and a call has
// up to twenty of them. Addresses are of the layer's own type, 0 where absent; sequences have their
// strides in elements and a contiguous last axis, everything else is contiguous.
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>
#include <vector>

#include "backward.h"
#include "bind.h"
#include "py_layer.h"

namespace glasscell {
namespace {

using Address = std::uintptr_t;

template <class U>
U* at(Address address) {
  return reinterpret_cast<U*>(address);
}

// What both directions share. batch: rows of a step, or of all steps together where batch_sizes
// says how they divide; lengths (B,) and batch_sizes (T,) int64, reset (T, B) bytes.
struct Frame {
  Frame(ptrdiff_t steps, ptrdiff_t batch, Address lengths, Address reset, Address batch_sizes,
        bool reverse)
      : shape(batch_sizes ? packed_shape(steps, batch, at<const int64_t>(batch_sizes), 1)
                          : padded_shape(steps, batch, at<const int64_t>(lengths), 1)),
        sequence(shape.T, shape.B, shape.lengths.empty() ? nullptr : shape.lengths.data(),
                 at<const uint8_t>(reset), shape.B, 1, reverse) {}

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
ptrdiff_t work(const Layer<T>& layer, ptrdiff_t steps, ptrdiff_t batch) {
  return steps * batch * layer.columns * (layer.I + layer.P);
}

template <class T>
void forward_at(const PyLayer<T>& self, Address x, ptrdiff_t x_step, ptrdiff_t x_row,
                ptrdiff_t steps, ptrdiff_t batch, Address lengths, Address reset,
                Address batch_sizes, ptrdiff_t segment, int threads, bool reverse, Address h0,
                Address c0, Address y, ptrdiff_t y_step, ptrdiff_t y_row, Address tape,
                Address cells, Address h_n, Address c_n) {
  const Layer<T>& layer = self.packed();
  const Frame frame(steps, batch, lengths, reset, batch_sizes, reverse);
  const ForwardArgs<T> args{frame.rows<const T>(x, x_step, x_row),
                            at<const T>(h0),
                            at<const T>(c0),
                            frame.rows<T>(y, y_step, y_row),
                            at<T>(h_n),
                            at<T>(c_n),
                            frame.contiguous<T>(tape, 5 * layer.Hp),
                            {segment, at<T>(cells)}};
  const Released released(work(layer, steps, batch));
  forward(layer, frame.sequence, args, threads);
}

// The layers of a stack, none reversed. Per layer: address and strides of its output; states are
// (L, B, P) and (L, B, H), of layers that are all alike in P and H.
template <class T>
void stack_at(const std::vector<const PyLayer<T>*>& layers, Address x, ptrdiff_t x_step,
              ptrdiff_t x_row, ptrdiff_t steps, ptrdiff_t batch, Address lengths, Address reset,
              int threads, Address h0, Address c0,
              const std::vector<std::tuple<Address, ptrdiff_t, ptrdiff_t>>& outputs, Address h_n,
              Address c_n) {
  require(!layers.empty() && layers.size() == outputs.size(), "one output for each layer");
  const Frame frame(steps, batch, lengths, reset, 0, false);
  const ptrdiff_t item = sizeof(T);
  std::vector<const Layer<T>*> packed;
  std::vector<ForwardArgs<T>> args;
  ptrdiff_t multiply_adds = 0;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const Layer<T>& layer = layers[k]->packed();
    const auto at_place = [&, k](Address base, ptrdiff_t width) {
      return base ? base + k * size_of(batch * width * item) : 0;
    };
    const auto [y, y_step, y_row] = outputs[k];
    packed.push_back(&layer);
    args.push_back({frame.rows<const T>(x, x_step, x_row), at<const T>(at_place(h0, layer.P)),
                    at<const T>(at_place(c0, layer.H)), frame.rows<T>(y, y_step, y_row),
                    at<T>(at_place(h_n, layer.P)), at<T>(at_place(c_n, layer.H)), Rows<T>{}});
    multiply_adds += work(layer, steps, batch);
    x = y;
    x_step = y_step;
    x_row = y_row;
  }
  const Released released(multiply_adds);
  forward_stack(packed, frame.sequence, args, threads);
}

// With a segment length the tape is room for so many steps of the whole batch, and is written.
template <class T>
void backward_at(const PyLayer<T>& self, Address x, ptrdiff_t x_step, ptrdiff_t x_row,
                 ptrdiff_t steps, ptrdiff_t batch, Address lengths, Address reset,
                 Address batch_sizes, ptrdiff_t segment, int threads, bool reverse, Address h0,
                 Address c0, Address y, ptrdiff_t y_step, ptrdiff_t y_row, Address tape,
                 Address cells, Address dy, ptrdiff_t dy_step, ptrdiff_t dy_row, Address dh_n,
                 Address dc_n, Address dx, Address dh0, Address dc0, Address dweight_ih,
                 Address dweight_hh, Address dbias, Address dweight_hr, Address dh, Address dc) {
  const Layer<T>& layer = self.packed();
  const Frame frame(steps, batch, lengths, reset, batch_sizes, reverse);
  const ptrdiff_t width = 5 * layer.Hp;
  BackwardArgs<T> args{frame.rows<const T>(x, x_step, x_row),
                       at<const T>(h0),
                       at<const T>(c0),
                       frame.rows<const T>(y, y_step, y_row),
                       segment ? frame.segment<const T>(tape, width, segment)
                               : frame.contiguous<const T>(tape, width),
                       frame.rows<const T>(dy, dy_step, dy_row),
                       at<const T>(dh_n),
                       at<const T>(dc_n),
                       frame.contiguous<T>(dx, layer.I),
                       at<T>(dh0),
                       at<T>(dc0),
                       at<T>(dweight_ih),
                       at<T>(dweight_hh),
                       at<T>(dbias),
                       at<T>(dweight_hr),
                       frame.contiguous<T>(dh, layer.P),
                       frame.contiguous<T>(dc, layer.H)};
  std::optional<ForwardArgs<T>> replayed;
  if (segment) {
    replayed.emplace(ForwardArgs<T>{args.x, args.h0, args.c0, frame.rows<T>(y, y_step, y_row),
                                    nullptr, nullptr, frame.segment<T>(tape, width, segment),
                                    Segments<T>{segment, at<T>(cells)}});
    args.replayed = &*replayed;
  }
  const Released released(work(layer, steps, batch));
  backward(layer, frame.sequence, args, threads);
}

}  // namespace

template <class T>
void bind_addresses(nb::module_& m, const char* name) {
  using namespace nb::literals;
  auto layer = nb::borrow<nb::class_<PyLayer<T>>>(m.attr(name));
  layer
      .def("forward_at", &forward_at<T>, "x"_a, "x_step"_a, "x_row"_a, "steps"_a, "batch"_a,
           "lengths"_a, "reset"_a, "batch_sizes"_a, "segment"_a, "threads"_a, "reverse"_a, "h0"_a,
           "c0"_a, "y"_a, "y_step"_a, "y_row"_a, "tape"_a, "cells"_a, "h_n"_a, "c_n"_a)
      .def("backward_at", &backward_at<T>, "x"_a, "x_step"_a, "x_row"_a, "steps"_a, "batch"_a,
           "lengths"_a, "reset"_a, "batch_sizes"_a, "segment"_a, "threads"_a, "reverse"_a, "h0"_a,
           "c0"_a, "y"_a, "y_step"_a, "y_row"_a, "tape"_a, "cells"_a, "dy"_a, "dy_step"_a,
           "dy_row"_a, "dh_n"_a, "dc_n"_a, "dx"_a, "dh0"_a, "dc0"_a, "dweight_ih"_a, "dweight_hh"_a,
           "dbias"_a, "dweight_hr"_a, "dh"_a, "dc"_a)
      .def_static("stack_at", &stack_at<T>, "layers"_a, "x"_a, "x_step"_a, "x_row"_a, "steps"_a,
                  "batch"_a, "lengths"_a, "reset"_a, "threads"_a, "h0"_a, "c0"_a, "outputs"_a,
                  "h_n"_a, "c_n"_a);
}

template void bind_addresses<float>(nb::module_&, const char*);
template void bind_addresses<double>(nb::module_&, const char*);

}  // namespace glasscell
