#include "cell_step.h"

#include <algorithm>

#include "arena.h"
#include "kernels.h"

namespace glasscell {

template <class T>
void input_sums(const Layer<T>& layer, ptrdiff_t rows, const T* const* x, const T* const* start,
                T* const* pre) {
  kernel_table<T>().gemm({rows, layer.I, layer.w_columns(), x, 1, layer.w(), start, pre});
  for (ptrdiff_t m = 0; m < rows; ++m) {
    std::copy(start[m] + layer.w_columns(), start[m] + layer.columns, pre[m] + layer.w_columns());
  }
}

template <class T>
void cell_step(const Layer<T>& layer, const CellRows<T>& s) {
  if (layer.r_columns() > 0) {
    const Arena::Scope scope;
    T** sums = Arena::mine().take<T*>(static_cast<std::size_t>(s.rows));
    for (ptrdiff_t m = 0; m < s.rows; ++m) sums[m] = s.pre[m] + layer.r_first();
    kernel_table<T>().gemm({s.rows, layer.P, layer.r_columns(), s.h, 1, layer.r(), sums, sums});
  }
  kernel_table<T>().gru_forward_pointwise({s.rows, layer.H, s.pre, s.h, s.h_next, s.y, s.tape});
}

template void input_sums<float>(const Layer<float>&, ptrdiff_t, const float* const*,
                                const float* const*, float* const*);
template void input_sums<double>(const Layer<double>&, ptrdiff_t, const double* const*,
                                 const double* const*, double* const*);
template void cell_step<float>(const Layer<float>&, const CellRows<float>&);
template void cell_step<double>(const Layer<double>&, const CellRows<double>&);

}  // namespace glasscell
