#include "cell_step.h"

#include <algorithm>

#include "arena.h"
#include "kernels.h"
#include "program.h"

namespace glasscell {
namespace {

template <class T>
void run_step(const Layer<T>& layer, const CellRows<T>& s) {
  const Arena::Scope scope;
  const Cell& cell = layer.cell;
  const Program& step = *cell.step;
  const ptrdiff_t from = s.units.first;
  const ptrdiff_t end = s.units.all() ? layer.H : std::min(layer.H, s.units.end);
  const T* const* const h = s.h_of_units ? s.h_of_units : s.h;
  const auto pointers = static_cast<std::size_t>(s.rows * (step.inputs() + step.outputs()));
  const T** const in = Arena::mine().take<const T*>(pointers);
  T** const out = Arena::mine().take<T*>(pointers);
  const T** to_in = in;
  T** to_out = out;
  for (ptrdiff_t m = 0; m < s.rows; ++m) {
    for (ptrdiff_t j = from; j < layer.columns; j += layer.Hp) *to_in++ = s.pre[m] + j;
    *to_in++ = h[m] + from;
    *to_out++ = s.h_next[m] + from;
    for (ptrdiff_t k = 0; k < cell.states; ++k) {
      *to_in++ = *to_out++ = s.c[m] + k * layer.Hp + from;
    }
    for (ptrdiff_t k = 0; k < cell.vectors; ++k) *to_in++ = layer.vector(k) + from;
    for (ptrdiff_t k = 0; k < cell.masks(); ++k) {
      *to_in++ = (s.mask ? s.mask[m] + k * layer.Hp : layer.mask(k)) + from;
    }
  }
  T** tape = nullptr;
  if (s.tape) {
    tape = Arena::mine().take<T*>(static_cast<std::size_t>(s.rows));
    for (ptrdiff_t m = 0; m < s.rows; ++m) tape[m] = s.tape[m] + from;
  }
  kernel_table<T>().run_program({s.rows, end - from, &step, in, out, tape, layer.Hp});
  for (ptrdiff_t m = 0; s.y && m < s.rows; ++m) {
    std::copy(s.h_next[m] + from, s.h_next[m] + end, s.y[m] + from);
  }
}

// h_{t-1} times its mask, in the arena.
template <class T>
const T* const* masked(const Layer<T>& layer, const CellRows<T>& s) {
  const T** const rows = Arena::mine().take<const T*>(static_cast<std::size_t>(s.rows));
  T* to = Arena::mine().take<T>(static_cast<std::size_t>(s.rows * layer.Hp));
  for (ptrdiff_t m = 0; m < s.rows; ++m, to += layer.Hp) {
    const T* const mask = s.mask[m] + layer.cell.hidden_mask * layer.Hp;
    for (ptrdiff_t u = 0; u < layer.H; ++u) to[u] = s.h[m][u] * mask[u];
    rows[m] = to;
  }
  return rows;
}

}  // namespace

template <class T>
void input_sums(const Layer<T>& layer, ptrdiff_t rows, const T* const* x, const T* const* start,
                T* const* pre, Units units) {
  const ptrdiff_t Hp = layer.Hp, wide = layer.w_columns();
  if (units.all()) {
    kernel_table<T>().gemm({rows, layer.I, wide, x, 1, layer.w(), start, pre});
    for (ptrdiff_t m = 0; m < rows; ++m) {
      std::copy(start[m] + wide, start[m] + layer.columns, pre[m] + wide);
    }
    return;
  }
  const Arena::Scope scope;
  const T** from = Arena::mine().take<const T*>(static_cast<std::size_t>(rows));
  T** to = Arena::mine().take<T*>(static_cast<std::size_t>(rows));
  const ptrdiff_t n = units.end - units.first;
  for (ptrdiff_t sum = units.first; sum < layer.columns; sum += Hp) {
    for (ptrdiff_t m = 0; m < rows; ++m) {
      from[m] = start[m] + sum;
      to[m] = pre[m] + sum;
      if (sum >= wide) std::copy(from[m], from[m] + n, to[m]);
    }
    if (sum < wide) kernel_table<T>().gemm({rows, layer.I, n, x, 1, layer.w(sum), from, to});
  }
}

template <class T>
void cell_step(const Layer<T>& layer, const CellRows<T>& s) {
  if (layer.r_columns() > 0) {
    const Arena::Scope scope;
    const T* const* h = s.mask && layer.cell.hidden_mask >= 0 ? masked(layer, s) : s.h;
    T** sums = Arena::mine().take<T*>(static_cast<std::size_t>(s.rows));
    const bool all = s.units.all();
    const ptrdiff_t n = all ? layer.r_columns() : s.units.end - s.units.first;
    for (ptrdiff_t k = s.units.first; k < layer.r_columns(); k += all ? n : layer.Hp) {
      for (ptrdiff_t m = 0; m < s.rows; ++m) sums[m] = s.pre[m] + layer.r_first() + k;
      kernel_table<T>().gemm({s.rows, layer.P, n, h, 1, layer.r(k), sums, sums});
    }
  }
  if (layer.cell.mode == Mode::kGru) {
    kernel_table<T>().gru_forward_pointwise({s.rows, layer.H, s.pre,
                                             s.h_of_units ? s.h_of_units : s.h, s.h_next, s.y,
                                             s.tape, s.units.first, s.units.end});
  } else {
    run_step(layer, s);
  }
}

template void input_sums<float>(const Layer<float>&, ptrdiff_t, const float* const*,
                                const float* const*, float* const*, Units);
template void input_sums<double>(const Layer<double>&, ptrdiff_t, const double* const*,
                                 const double* const*, double* const*, Units);
template void cell_step<float>(const Layer<float>&, const CellRows<float>&);
template void cell_step<double>(const Layer<double>&, const CellRows<double>&);

}  // namespace glasscell
