// One step of a layer whose sums lie one after the other: two products, then the cell's equations.
#pragma once
#include "layer.h"

namespace glasscell {

// Some of the units of a layer, in pieces of Layer::piece(); all of them by default.
struct Units {
  ptrdiff_t first = 0, end = -1;
  bool all() const { return end < 0; }
};

template <class T>
struct CellRows {
  ptrdiff_t rows;
  T* const* pre;         // [rows] of [sums][Hp], from `input_sums`; overwritten
  const T* const* h;     // [rows] of (Hp): h_{t-1}
  T* const* c;           // [rows] of [states][Hp], in: before the step, out: after it
  T* const* h_next;      // [rows] of (Hp); may be h
  T* const* y;           // [rows] of (H), or null
  T* const* tape;        // [rows] of [kept][Hp], or null
  const T* const* mask;  // [rows] of [masks][Hp], or null: what the cell says
  Units units{};
  // Where h is not in whole vectors, [rows] of (Hp): the h of these units. Null: h.
  const T* const* h_of_units = nullptr;
};

// What the sums are before R h: W x where they read x, else the bias. start: [rows], Layer::start.
template <class T>
void input_sums(const Layer<T>& layer, ptrdiff_t rows, const T* const* x, const T* const* start,
                T* const* pre, Units units = {});

template <class T>
void cell_step(const Layer<T>& layer, const CellRows<T>& s);

}  // namespace glasscell
