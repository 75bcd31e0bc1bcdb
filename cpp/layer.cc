#include "layer.h"

#include <algorithm>
#include <cstring>

#include "arena.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

template <class T>
Buffer<T> panels_for(ptrdiff_t K, ptrdiff_t width) {
  return Buffer<T>(static_cast<std::size_t>(std::max<ptrdiff_t>(1, K * width)));
}

// Panels of B (K x columns) from its columns: B(k, j) = column[j][k], or 0 where column[j] is null.
template <class T, class S>
Buffer<unsigned char> pack_columns(ptrdiff_t K, const std::vector<const S*>& column) {
  const KernelTable<T>& table = kernel_table<T>();
  const ptrdiff_t lanes = table.lanes, beside = kBeside<S>, group = lanes * beside;
  const auto columns = static_cast<ptrdiff_t>(column.size());
  const ptrdiff_t width = round_up(columns, group);
  Buffer<unsigned char> out(static_cast<std::size_t>(K * width) * sizeof(S));
  S* dst = reinterpret_cast<S*>(out.data());
  // 16 steps of k at a time: 16 lines of the panel stay in L1 while all of its columns are written.
  constexpr ptrdiff_t kBlock = 16;
  for (ptrdiff_t first = 0; first < width; first += table.panel) {
    const ptrdiff_t panel = std::min<ptrdiff_t>(table.panel, width - first);
    const ptrdiff_t real = std::min(panel, columns - first);
    for (ptrdiff_t k0 = 0; k0 < K; k0 += kBlock) {
      const ptrdiff_t k1 = std::min(K, k0 + kBlock);
      for (ptrdiff_t j = 0; j < real; ++j) {
        const S* from = column[static_cast<std::size_t>(first + j)];
        const ptrdiff_t at = j / group * group + j % lanes * beside + j / lanes % beside;
        for (ptrdiff_t k = k0; from && k < k1; ++k) dst[k * panel + at] = from[k];
      }
    }
    dst += K * panel;
  }
  return out;
}

// Panels of B (K x columns) from its rows: B(k, j) = row[k][j], or 0 where row[k] is null.
template <class T>
Buffer<T> pack_rows(const std::vector<const T*>& row, ptrdiff_t columns) {
  const KernelTable<T>& table = kernel_table<T>();
  const ptrdiff_t width = round_up(columns, table.lanes);
  Buffer<T> out = panels_for<T>(static_cast<ptrdiff_t>(row.size()), width);
  T* dst = out.data();
  for (ptrdiff_t first = 0; first < width; first += table.panel) {
    const ptrdiff_t panel = std::min<ptrdiff_t>(table.panel, width - first);
    const ptrdiff_t real = std::min<ptrdiff_t>(panel, columns - first);
    for (const T* from : row) {
      if (from) std::copy(from + first, from + first + real, dst);
      dst += panel;
    }
  }
  return out;
}

// Rows of a (G, n) matrix in the order of the packed columns, null for padding.
template <class T>
std::vector<const T*> gate_order(const std::vector<ptrdiff_t>& rows, const T* matrix, ptrdiff_t n) {
  std::vector<const T*> out;
  out.reserve(rows.size());
  for (const ptrdiff_t row : rows) out.push_back(row < 0 ? nullptr : matrix + row * n);
  return out;
}

template <class T>
std::vector<const T*> all_rows(const T* matrix, ptrdiff_t rows, ptrdiff_t n) {
  std::vector<const T*> out;
  for (ptrdiff_t k = 0; k < rows; ++k) out.push_back(matrix + k * n);
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
void keep(std::vector<T>& kept, const T* now, ptrdiff_t n) {
  if (now) kept.insert(kept.end(), now, now + n);
}

template <class T>
Fingerprint::Array bytes(const T* array, ptrdiff_t n) {
  return {array, array ? static_cast<std::size_t>(n) * sizeof(T) : 0};
}

}  // namespace

template <class T>
Layer<T>::Layer(Mode mode_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_, Storage storage_, bool bias_,
                bool projected_)
    : mode(mode_),
      storage(storage_),
      I(I_),
      H(H_),
      P(P_),
      Hp(round_up(H_, kernel_table<T>().lanes)),
      columns((mode_ == Mode::kLstm ? 4 : 1) * Hp),
      bias(bias_),
      projected(projected_) {}

template <class T>
Layer<T>::Layer(Mode mode_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_, const RawWeights<T>& raw)
    : Layer(mode_, I_, H_, P_, Storage::kFull, raw.bias_ih != nullptr, raw.weight_hr != nullptr) {
  const ptrdiff_t G = gate_rows();
  keep(raw_, raw.weight_ih, G * I);
  keep(raw_, raw.weight_hh, G * P);
  keep(raw_, raw.bias_ih, G);
  keep(raw_, raw.bias_hh, G);
  keep(raw_, raw.weight_hr, P * H);
  fingerprint_ = Fingerprint(all_bytes(raw));
  pack(raw);
}

template <class T>
template <class S>
Layer<T>::Layer(Mode mode_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_, const RawWeights<T, S>& raw)
    : Layer(mode_, I_, H_, P_, sizeof(S) == 1 ? Storage::kInt8 : Storage::kBfloat16,
            raw.bias_ih != nullptr, raw.weight_hr != nullptr) {
  pack(raw);
}

template <class T>
template <class S>
void Layer<T>::pack(const RawWeights<T, S>& raw) {
  const std::vector<ptrdiff_t> rows = gate_rows_of<T>(mode, H);
  w_ = pack_columns<T>(I, gate_order(rows, raw.weight_ih, I));
  r_ = pack_columns<T>(P, gate_order(rows, raw.weight_hh, P));
  if (projected) hr_ = pack_columns<T>(H, all_rows(raw.weight_hr, P, H));
  const auto wide = static_cast<std::size_t>(columns);
  bias_ = Buffer<T>(wide);
  if (raw.scale) scale_ = Buffer<T>(wide);
  for (ptrdiff_t j = 0; j < columns; ++j) {
    const ptrdiff_t row = rows[static_cast<std::size_t>(j)];
    if (row < 0) continue;
    if (bias) bias_.data()[j] = raw.bias_ih[row] + raw.bias_hh[row];
    if (raw.scale) scale_.data()[j] = raw.scale[row];
  }
  if (!raw.scale) return;
  const auto outputs = static_cast<std::size_t>(round_up(P, kernel_table<T>().lanes));
  zeros_ = Buffer<T>(std::max(wide, outputs));
  scale_hr_ = Buffer<T>(outputs);
  if (projected) std::copy(raw.scale_hr, raw.scale_hr + P, scale_hr_.data());
}

template <class T>
ptrdiff_t Layer<T>::bytes_per_weight() const {
  if (storage == Storage::kBfloat16) return sizeof(Bfloat16);
  return storage == Storage::kInt8 ? 1 : sizeof(T);
}

template <class T>
Panels<T> Layer<T>::w(ptrdiff_t column) const {
  return {w_.data() + column * I * bytes_per_weight(), storage};
}

template <class T>
ptrdiff_t Layer<T>::piece() const {
  const KernelTable<T>& table = kernel_table<T>();
  return mode == Mode::kLstm ? 4 * table.lanes : table.panel;
}

template <class T>
bool Layer<T>::matches(const RawWeights<T>& raw, int threads) const {
  if ((raw.bias_ih != nullptr) != bias || (raw.weight_hr != nullptr) != projected) return false;
  return fingerprint_.matches(all_bytes(raw), threads);
}

template <class T>
std::vector<Fingerprint::Array> Layer<T>::all_bytes(const RawWeights<T>& raw) const {
  const ptrdiff_t G = gate_rows();
  return {bytes(raw.weight_ih, G * I), bytes(raw.weight_hh, G * P), bytes(raw.bias_ih, G),
          bytes(raw.bias_hh, G), bytes(raw.weight_hr, P * H)};
}

template <class T>
const BackwardPanels<T>& Layer<T>::backward() const {
  std::call_once(once_, [this] {
    const T* weight_ih = raw_.data();
    const T* weight_hh = weight_ih + gate_rows() * I;
    const T* weight_hr = weight_hh + gate_rows() * (P + (bias ? 2 : 0));
    backward_.w = pack_rows<T>(all_rows(weight_ih, gate_rows(), I), I);
    backward_.r = pack_rows<T>(all_rows(weight_hh, gate_rows(), P), P);
    if (projected) backward_.hr = pack_rows<T>(all_rows(weight_hr, P, H), H);
  });
  return backward_;
}

template <class T>
Linear<T>::Linear(ptrdiff_t inputs_, ptrdiff_t outputs_, const T* weight, const T* bias_values)
    : inputs(inputs_),
      outputs(outputs_),
      bias(bias_values != nullptr),
      fingerprint_({bytes(weight, outputs_ * inputs_), bytes(bias_values, outputs_)}) {
  panels_ = pack_columns<T>(inputs, all_rows(weight, outputs, inputs));
  start_ = Buffer<T>(static_cast<std::size_t>(round_up(outputs, kernel_table<T>().lanes)));
  if (bias) std::copy(bias_values, bias_values + outputs, start_.data());
}

template <class T>
bool Linear<T>::matches(const T* weight, const T* bias_values) const {
  return (bias_values != nullptr) == bias &&
         fingerprint_.matches({bytes(weight, outputs * inputs), bytes(bias_values, outputs)});
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
      kernel_table<T>().gemm({m, inputs, outputs, a, 1, {panels_.data()}, init, c});
    }
  });
}

template class Layer<float>;
template class Layer<double>;
template Layer<float>::Layer(Mode, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                             const RawWeights<float, Bfloat16>&);
template Layer<float>::Layer(Mode, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                             const RawWeights<float, int8_t>&);
template class Linear<float>;
template class Linear<double>;

}  // namespace glasscell
