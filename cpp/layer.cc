#include "layer.h"

#include <algorithm>
#include <cstring>

#include "arena.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "program.h"
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

// Packed column -> gate row, -1 for padding: of a tiled cell in blocks of `lanes` units, all gates
// of a block side by side; else sum by sum.
template <class T>
std::vector<ptrdiff_t> gate_rows_of(const Cell& cell, ptrdiff_t H) {
  const ptrdiff_t lanes = kernel_table<T>().lanes, Hp = round_up(H, lanes);
  const auto sums = static_cast<ptrdiff_t>(cell.sums.size());
  const ptrdiff_t block = cell.tiled() ? lanes : Hp;
  std::vector<ptrdiff_t> rows;
  for (ptrdiff_t first = 0; first < Hp; first += block) {
    for (ptrdiff_t sum = 0; sum < sums; ++sum) {
      const ptrdiff_t gate = cell.sums[static_cast<std::size_t>(sum)].gate;
      for (ptrdiff_t u = first; u < first + block; ++u) rows.push_back(u < H ? gate * H + u : -1);
    }
  }
  return rows;
}

// Rows of a (G, n) matrix, H for each of `count` sums.
template <class T>
std::vector<const T*> sum_rows(const Cell& cell, ptrdiff_t first, ptrdiff_t count, const T* matrix,
                               ptrdiff_t H, ptrdiff_t n) {
  std::vector<const T*> out;
  for (ptrdiff_t k = first; k < first + count; ++k) {
    const T* gate = matrix + cell.sums[static_cast<std::size_t>(k)].gate * H * n;
    for (ptrdiff_t u = 0; u < H; ++u) out.push_back(gate + u * n);
  }
  return out;
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
Layer<T>::Layer(const Cell& cell_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_, Storage storage_,
                bool bias_, bool projected_)
    : cell(cell_),
      storage(storage_),
      I(I_),
      H(H_),
      P(P_),
      Hp(round_up(H_, kernel_table<T>().lanes)),
      columns(static_cast<ptrdiff_t>(cell.sums.size()) * Hp),
      bias(bias_),
      projected(projected_) {}

template <class T>
Layer<T>::Layer(const Cell& cell_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_,
                const RawWeights<T>& raw)
    : Layer(cell_, I_, H_, P_, Storage::kFull, raw.bias_ih != nullptr, raw.weight_hr != nullptr) {
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
Layer<T>::Layer(const Cell& cell_, ptrdiff_t I_, ptrdiff_t H_, ptrdiff_t P_,
                const RawWeights<T, S>& raw)
    : Layer(cell_, I_, H_, P_, sizeof(S) == 1 ? Storage::kInt8 : Storage::kBfloat16,
            raw.bias_ih != nullptr, raw.weight_hr != nullptr) {
  pack(raw);
}

template <class T>
template <class S>
void Layer<T>::pack(const RawWeights<T, S>& raw) {
  const std::vector<ptrdiff_t> rows = gate_rows_of<T>(cell, H);
  const std::vector<ptrdiff_t> of_w(rows.begin(), rows.begin() + w_columns());
  const std::vector<ptrdiff_t> of_r(rows.begin() + r_first(), rows.end());
  w_ = pack_columns<T>(I, gate_order(of_w, raw.weight_ih, I));
  r_ = pack_columns<T>(P, gate_order(of_r, raw.weight_hh, P));
  if (projected) hr_ = pack_columns<T>(H, all_rows(raw.weight_hr, P, H));
  const auto wide = static_cast<std::size_t>(columns);
  bias_ = Buffer<T>(wide);
  if (raw.scale) scale_ = Buffer<T>(wide);
  for (ptrdiff_t j = 0; j < columns; ++j) {
    const ptrdiff_t row = rows[static_cast<std::size_t>(j)];
    if (row < 0) continue;
    const bool of_x = j < w_columns(), of_h = j >= r_first();
    if (bias && of_x) bias_.data()[j] = raw.bias_ih[row];
    if (bias && of_h) bias_.data()[j] += raw.bias_hh[row];
    if (raw.scale) scale_.data()[j] = raw.scale[row];
  }
  vectors_ = Buffer<T>(raw.vectors.size() * static_cast<std::size_t>(Hp));
  for (std::size_t k = 0; k < raw.vectors.size(); ++k) {
    std::copy(raw.vectors[k], raw.vectors[k] + H, vectors_.data() + static_cast<ptrdiff_t>(k) * Hp);
  }
  masks_ = Buffer<T>(cell.mask_values.size() * static_cast<std::size_t>(Hp));
  for (ptrdiff_t k = 0; k < cell.masks(); ++k) {
    const auto value = static_cast<T>(cell.mask_values[static_cast<std::size_t>(k)]);
    std::fill(masks_.data() + k * Hp, masks_.data() + (k + 1) * Hp, value);
  }
  if (!raw.scale) return;
  const auto outputs = static_cast<std::size_t>(round_up(P, kernel_table<T>().lanes));
  zeros_ = Buffer<T>(std::max(wide, outputs));
  scale_hr_ = Buffer<T>(outputs);
  if (projected) std::copy(raw.scale_hr, raw.scale_hr + P, scale_hr_.data());
  if (r_first() == 0) return;
  // W x of what reads both goes on with R h: its scale waits, 0 + 1 * sum is the sum.
  w_scale_ = Buffer<T>(static_cast<std::size_t>(w_columns()));
  w_bias_ = Buffer<T>(static_cast<std::size_t>(w_columns()));
  std::fill(w_scale_.data(), w_scale_.data() + w_columns(), T(1));
  std::copy(scale_.data(), scale_.data() + r_first(), w_scale_.data());
  std::copy(bias_.data(), bias_.data() + r_first(), w_bias_.data());
}

template <class T>
ptrdiff_t Layer<T>::bytes_per_weight() const {
  if (storage == Storage::kBfloat16) return sizeof(Bfloat16);
  return storage == Storage::kInt8 ? 1 : sizeof(T);
}

template <class T>
Panels<T> Layer<T>::w(ptrdiff_t column) const {
  const bool ends = w_scale_.data() != nullptr;
  return {w_.data() + column * I * bytes_per_weight(), storage,
          ends ? w_scale_.data() + column : nullptr, ends ? w_bias_.data() + column : nullptr};
}

template <class T>
Panels<T> Layer<T>::r(ptrdiff_t column) const {
  const bool scaled = storage == Storage::kInt8;
  const ptrdiff_t first = r_first() + column;
  return {r_.data() + column * P * bytes_per_weight(), storage,
          scaled ? scale_.data() + first : nullptr, scaled ? bias_.data() + first : nullptr};
}

template <class T>
ptrdiff_t Layer<T>::piece() const {
  const KernelTable<T>& table = kernel_table<T>();
  return cell.mode == Mode::kLstm ? 4 * table.lanes : table.panel;
}

template <class T>
ptrdiff_t Layer<T>::pieces() const {
  if (cell.tiled()) return (columns + piece() - 1) / piece();
  // Panels go on from sum to sum: units divide as they do where a sum ends with one.
  const bool divides = Hp % piece() == 0 && !(cell.step && cell.step->mean());
  return divides ? Hp / piece() : 1;
}

template <class T>
void Layer<T>::start_h(T* h) const {
  std::fill(h, h + P, static_cast<T>(cell.initial[0]));
}

template <class T>
void Layer<T>::start_c(T* c) const {
  for (ptrdiff_t k = 0; k < cell.states; ++k) {
    const auto value = static_cast<T>(cell.initial[static_cast<std::size_t>(1 + k)]);
    std::fill(c + k * Hp, c + k * Hp + H, value);
    std::fill(c + k * Hp + H, c + (k + 1) * Hp, T(0));
  }
}

template <class T>
bool Layer<T>::matches(const RawWeights<T>& raw, int threads) const {
  if ((raw.bias_ih != nullptr) != bias || (raw.weight_hr != nullptr) != projected ||
      static_cast<ptrdiff_t>(raw.vectors.size()) != cell.vectors) {
    return false;
  }
  return fingerprint_.matches(all_bytes(raw), threads);
}

template <class T>
std::vector<Fingerprint::Array> Layer<T>::all_bytes(const RawWeights<T>& raw) const {
  const ptrdiff_t G = gate_rows();
  std::vector<Fingerprint::Array> all{bytes(raw.weight_ih, G * I), bytes(raw.weight_hh, G * P),
                                      bytes(raw.bias_ih, G), bytes(raw.bias_hh, G),
                                      bytes(raw.weight_hr, P * H)};
  for (const T* vector : raw.vectors) all.push_back(bytes(vector, H));
  return all;
}

template <class T>
const BackwardPanels<T>& Layer<T>::backward() const {
  std::call_once(once_, [this] {
    const T* weight_ih = raw_.data();
    const T* weight_hh = weight_ih + gate_rows() * I;
    const T* weight_hr = weight_hh + gate_rows() * (P + (bias ? 2 : 0));
    backward_.w = pack_rows<T>(sum_rows(cell, 0, cell.x_sums(), weight_ih, H, I), I);
    backward_.r =
        pack_rows<T>(sum_rows(cell, cell.first_h_sum(), cell.h_sums(), weight_hh, H, P), P);
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
template Layer<float>::Layer(const Cell&, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                             const RawWeights<float, Bfloat16>&);
template Layer<float>::Layer(const Cell&, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                             const RawWeights<float, int8_t>&);
template class Linear<float>;
template class Linear<double>;

}  // namespace glasscell
