#include "layer.h"

#include <algorithm>
#include <cstring>

#include "arena.h"
#include "cpu.h"
#include "kernels.h"
#include "pool.h"

namespace glasscell {
namespace {

ptrdiff_t round_up(ptrdiff_t n, ptrdiff_t to) { return (n + to - 1) / to * to; }

// Panels of B (K x n): at(k, j) gives the element, or 0 where column j is padding.
template <class T, class At>
Buffer<T> pack(ptrdiff_t K, ptrdiff_t columns, const At& at) {
  const KernelTable<T>& table = kernel_table<T>();
  const ptrdiff_t width = round_up(columns, table.lanes);
  Buffer<T> out(static_cast<std::size_t>(std::max<ptrdiff_t>(1, K * width)));
  T* dst = out.data();
  for (ptrdiff_t first = 0; first < width; first += table.panel) {
    const ptrdiff_t panel = std::min<ptrdiff_t>(table.panel, width - first);
    // Columns outside, k inside: the source is read along its rows.
    for (ptrdiff_t j = 0; j < panel; ++j) {
      for (ptrdiff_t k = 0; k < K; ++k) dst[k * panel + j] = at(k, first + j);
    }
    dst += K * panel;
  }
  return out;
}

// Packed column -> gate row, in blocks of `lanes` units: [i f g o][lanes].
template <class T>
std::vector<ptrdiff_t> gate_rows_of(Mode mode, ptrdiff_t H) {
  const ptrdiff_t lanes = kernel_table<T>().lanes;
  const ptrdiff_t gates = mode == Mode::kLstm ? 4 : 1;
  std::vector<ptrdiff_t> rows;
  for (ptrdiff_t unit = 0; unit < H; unit += lanes) {
    for (ptrdiff_t gate = 0; gate < gates; ++gate) {
      for (ptrdiff_t lane = 0; lane < lanes; ++lane) {
        rows.push_back(unit + lane < H ? gate * H + unit + lane : -1);
      }
    }
  }
  return rows;
}

template <class T>
bool same(const std::vector<T>& kept, std::size_t& at, const T* now, ptrdiff_t n) {
  if (!now) return true;
  const bool equal =
      std::memcmp(kept.data() + at, now, static_cast<std::size_t>(n) * sizeof(T)) == 0;
  at += static_cast<std::size_t>(n);
  return equal;
}

template <class T>
void keep(std::vector<T>& kept, const T* now, ptrdiff_t n) {
  if (now) kept.insert(kept.end(), now, now + n);
}

}  // namespace

template <class T>
Layer<T>::Layer(Mode mode_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_, const RawWeights<T>& raw)
    : mode(mode_),
      I(I_),
      H(H_),
      P(P_),
      Hp(round_up(H_, kernel_table<T>().lanes)),
      columns((mode_ == Mode::kLstm ? 4 : 1) * Hp),
      bias(raw.bias_ih != nullptr),
      projected(raw.weight_hr != nullptr),
      rows_(gate_rows_of<T>(mode_, H_)) {
  const ptrdiff_t G = gate_rows();
  keep(raw_, raw.weight_ih, G * I);
  keep(raw_, raw.weight_hh, G * P);
  keep(raw_, raw.bias_ih, G);
  keep(raw_, raw.bias_hh, G);
  keep(raw_, raw.weight_hr, P * H);
  const auto row = [this](ptrdiff_t column) { return rows_[static_cast<std::size_t>(column)]; };
  w_ = pack<T>(I, columns, [&](ptrdiff_t k, ptrdiff_t j) {
    return row(j) < 0 ? T(0) : raw.weight_ih[row(j) * I + k];
  });
  r_ = pack<T>(P, columns, [&](ptrdiff_t k, ptrdiff_t j) {
    return row(j) < 0 ? T(0) : raw.weight_hh[row(j) * P + k];
  });
  bias_ = Buffer<T>(static_cast<std::size_t>(columns));
  for (ptrdiff_t j = 0; bias && j < columns; ++j) {
    if (row(j) >= 0) bias_.data()[j] = raw.bias_ih[row(j)] + raw.bias_hh[row(j)];
  }
  if (projected) {
    hr_ = pack<T>(H, P, [&](ptrdiff_t k, ptrdiff_t j) {
      return j < P ? raw.weight_hr[j * H + k] : T(0);
    });
  }
}

template <class T>
bool Layer<T>::matches(const RawWeights<T>& raw) const {
  if ((raw.bias_ih != nullptr) != bias || (raw.weight_hr != nullptr) != projected) return false;
  const ptrdiff_t G = gate_rows();
  std::size_t at = 0;
  return same(raw_, at, raw.weight_ih, G * I) && same(raw_, at, raw.weight_hh, G * P) &&
         same(raw_, at, raw.bias_ih, G) && same(raw_, at, raw.bias_hh, G) &&
         same(raw_, at, raw.weight_hr, P * H);
}

template <class T>
const BackwardPanels<T>& Layer<T>::backward() const {
  std::call_once(once_, [this] {
    const T* weight_ih = raw_.data();
    const T* weight_hh = weight_ih + gate_rows() * I;
    const T* weight_hr = weight_hh + gate_rows() * (P + (bias ? 2 : 0));
    const auto row = [this](ptrdiff_t column) { return rows_[static_cast<std::size_t>(column)]; };
    backward_.w = pack<T>(columns, I, [&](ptrdiff_t k, ptrdiff_t j) {
      return row(k) < 0 || j >= I ? T(0) : weight_ih[row(k) * I + j];
    });
    backward_.r = pack<T>(columns, P, [&](ptrdiff_t k, ptrdiff_t j) {
      return row(k) < 0 || j >= P ? T(0) : weight_hh[row(k) * P + j];
    });
    if (projected) {
      backward_.hr = pack<T>(P, H, [&](ptrdiff_t k, ptrdiff_t j) {
        return j < H ? weight_hr[k * H + j] : T(0);
      });
    }
  });
  return backward_;
}

template <class T>
Linear<T>::Linear(ptrdiff_t inputs_, ptrdiff_t outputs_, const T* weight, const T* bias_values)
    : inputs(inputs_), outputs(outputs_), bias(bias_values != nullptr) {
  keep(raw_, weight, outputs * inputs);
  keep(raw_, bias_values, outputs);
  panels_ = pack<T>(inputs, outputs, [&](ptrdiff_t k, ptrdiff_t j) {
    return j < outputs ? weight[j * inputs + k] : T(0);
  });
  start_ = Buffer<T>(static_cast<std::size_t>(round_up(outputs, kernel_table<T>().lanes)));
  if (bias) std::copy(bias_values, bias_values + outputs, start_.data());
}

template <class T>
bool Linear<T>::matches(const T* weight, const T* bias_values) const {
  std::size_t at = 0;
  return (bias_values != nullptr) == bias && same(raw_, at, weight, outputs * inputs) &&
         same(raw_, at, bias_values, outputs);
}

template <class T>
void Linear<T>::run(ptrdiff_t rows, const T* x, ptrdiff_t x_row, T* y, ptrdiff_t y_row,
                    int threads) const {
  // Below about 2^18 multiply-adds a second thread costs more than it brings.
  const ptrdiff_t work = rows * inputs * outputs;
  const int n = static_cast<int>(
      std::max<ptrdiff_t>(1, std::min<ptrdiff_t>({threads, rows / 6, work >> 18})));
  parallel_for(n, [&](int k) {
    const FlushDenormals flush;
    const Arena::Scope scope;
    const ptrdiff_t first = rows * k / n, last = rows * (k + 1) / n;
    constexpr ptrdiff_t kBlock = 96;
    const T** a = Arena::mine().take<const T*>(kBlock);
    const T** init = Arena::mine().take<const T*>(kBlock);
    T** c = Arena::mine().take<T*>(kBlock);
    for (ptrdiff_t block = first; block < last; block += kBlock) {
      const ptrdiff_t m = std::min(kBlock, last - block);
      for (ptrdiff_t q = 0; q < m; ++q) {
        a[q] = x + (block + q) * x_row;
        init[q] = start_.data();
        c[q] = y + (block + q) * y_row;
      }
      kernel_table<T>().gemm({m, inputs, outputs, a, 1, panels_.data(), init, c});
    }
  });
}

template class Layer<float>;
template class Layer<double>;
template class Linear<float>;
template class Linear<double>;

}  // namespace glasscell
