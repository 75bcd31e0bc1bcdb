// NumPy arrays -> pointers and strides, with the checks that keep every access inside its array.
// Names and advice for people are in glasscell.engine; a message from here means that it let
// something through.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "sequence.h"

namespace glasscell {

namespace nb = nanobind;

template <class T>
using Array = nb::ndarray<T, nb::numpy, nb::device::cpu>;
template <class T>
using Maybe = std::optional<Array<T>>;

inline void require(bool ok, const char* what) {
  if (!ok) throw std::invalid_argument(std::string("_core: ") + what);
}

inline std::size_t size_of(ptrdiff_t n) { return static_cast<std::size_t>(n); }

// A contiguous array of exactly these sizes, or null where absent.
template <class T>
T* contiguous(const Maybe<T>& array, std::initializer_list<ptrdiff_t> sizes, const char* what) {
  if (!array) return nullptr;
  require(array->ndim() == sizes.size(), what);
  ptrdiff_t stride = 1;
  auto size = sizes.end();
  for (std::size_t k = array->ndim(); k-- > 0;) {
    require(static_cast<ptrdiff_t>(array->shape(k)) == *--size, what);
    require(*size <= 1 || array->stride(k) == stride, what);
    stride *= *size;
  }
  return array->data();
}

// Steps of a (T, B, n...) array, or of a packed (N, n...) array with the batch size of each step.
// The trailing axes hold `width` contiguous elements.
template <class T>
Rows<T> rows_of(const Maybe<T>& array, const std::vector<ptrdiff_t>* packed, ptrdiff_t steps,
                ptrdiff_t B, ptrdiff_t width, const char* what) {
  Rows<T> rows;
  if (!array) return rows;
  const std::size_t lead = packed ? 1 : 2;
  require(array->ndim() > lead, what);
  ptrdiff_t inner = 1;
  for (std::size_t k = array->ndim(); k-- > lead;) {
    const auto n = static_cast<ptrdiff_t>(array->shape(k));
    require(n <= 1 || array->stride(k) == inner, what);
    inner *= n;
  }
  require(inner == width, what);
  rows.base = array->data();
  rows.step.resize(size_of(steps));
  if (packed) {
    rows.packed = true;
    rows.row = array->stride(0);
    require(static_cast<ptrdiff_t>(array->shape(0)) == packed->back(), what);
    for (ptrdiff_t t = 0; t < steps; ++t) rows.step[size_of(t)] = (*packed)[size_of(t)] * rows.row;
  } else {
    require(static_cast<ptrdiff_t>(array->shape(0)) == steps, what);
    require(static_cast<ptrdiff_t>(array->shape(1)) == B, what);
    rows.row = array->stride(1);
    for (ptrdiff_t t = 0; t < steps; ++t) rows.step[size_of(t)] = t * array->stride(0);
  }
  return rows;
}

// T, B and the ragged structure as Python gives them.
struct Shape {
  ptrdiff_t T, B;
  std::vector<int64_t> lengths;    // empty: all rows run for T steps
  std::vector<ptrdiff_t> offsets;  // packed: first row of each step, and the total; else empty
  const std::vector<ptrdiff_t>* packed() const { return offsets.empty() ? nullptr : &offsets; }
};

// From the rows of each of T steps, `stride` apart, which add up to N.
inline Shape packed_shape(ptrdiff_t T, ptrdiff_t N, const int64_t* sizes, ptrdiff_t stride) {
  Shape shape{T, static_cast<ptrdiff_t>(sizes[0]), {}, {}};
  require(shape.B > 0 && shape.B <= N, "batch_sizes[0] is the batch");
  shape.lengths.assign(size_of(shape.B), 0);
  ptrdiff_t total = 0;
  int64_t before = sizes[0];
  for (ptrdiff_t t = 0; t < T; ++t) {
    const int64_t now = sizes[t * stride];
    require(now > 0 && now <= before, "batch_sizes must be positive and never grow");
    shape.offsets.push_back(total);
    total += static_cast<ptrdiff_t>(now);
    for (int64_t b = now; b < before; ++b) shape.lengths[static_cast<std::size_t>(b)] = t;
    before = now;
  }
  for (int64_t b = 0; b < before; ++b) shape.lengths[static_cast<std::size_t>(b)] = T;
  require(total == N, "batch_sizes must add up to N");
  shape.offsets.push_back(total);
  return shape;
}

// lengths: B of them, `stride` apart, or null.
inline Shape padded_shape(ptrdiff_t T, ptrdiff_t B, const int64_t* lengths, ptrdiff_t stride) {
  Shape shape{T, B, {}, {}};
  require(T > 0 && B > 0, "T and B must be positive");
  for (ptrdiff_t b = 0; lengths && b < B; ++b) {
    const int64_t n = lengths[b * stride];
    require(n >= 0 && n <= T, "lengths must lie in [0, T]");
    shape.lengths.push_back(n);
  }
  return shape;
}

inline Shape shape_of(std::size_t ndim, ptrdiff_t first, ptrdiff_t second,
                      const Maybe<const int64_t>& lengths,
                      const Maybe<const int64_t>& batch_sizes) {
  if (batch_sizes) {
    require(ndim == 2 && batch_sizes->ndim() == 1 && batch_sizes->shape(0) > 0 && !lengths,
            "batch_sizes go with x (N, I) and without lengths");
    return packed_shape(static_cast<ptrdiff_t>(batch_sizes->shape(0)), first, batch_sizes->data(),
                        batch_sizes->stride(0));
  }
  require(ndim == 3, "x must be (T, B, I)");
  require(!lengths || (lengths->ndim() == 1 && static_cast<ptrdiff_t>(lengths->shape(0)) == second),
          "lengths must be (B,)");
  return padded_shape(first, second, lengths ? lengths->data() : nullptr,
                      lengths ? lengths->stride(0) : 0);
}

}  // namespace glasscell
