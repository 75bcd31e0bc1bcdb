// The packed weights of one layer in one direction: made once, never changed, shared by threads.
#pragma once
#include <cstddef>
#include <mutex>
#include <vector>

#include "cell.h"
#include "fingerprint.h"
#include "kernels.h"

namespace glasscell {

// 64-byte aligned array; the kernels' panels start on a cache line.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t n) : storage_(n + 64 / sizeof(T), T(0)) {}
  T* data() {
    const auto at = reinterpret_cast<std::size_t>(storage_.data());
    return storage_.data() + ((at + 63) / 64 * 64 - at) / sizeof(T);
  }
  const T* data() const { return const_cast<Buffer*>(this)->data(); }

 private:
  std::vector<T> storage_;
};

// Weights as torch lays them out, row-major and contiguous; null where absent. S is T, or Bfloat16
// or int8_t, whose numbers times the scale of their row are the weights.
template <class T, class S = T>
struct RawWeights {
  const S* weight_ih;               // (G, I)
  const S* weight_hh;               // (G, P); null too for a cell that never reads h
  const T* bias_ih;                 // (G)
  const T* bias_hh;                 // (G); null too for a cell that never reads h
  const S* weight_hr;               // (P, H), only with projection
  const T* scale = nullptr;         // (G), of weight_ih and weight_hh; int8_t only
  const T* scale_hr = nullptr;      // (P), of weight_hr
  std::vector<const T*> vectors{};  // (H) each
};

// Panels of the matrices that backward multiplies by, K rows each.
template <class T>
struct BackwardPanels {
  Buffer<T> w;   // columns I, K = H for each sum of x: dx = da W
  Buffer<T> r;   // columns P, K = H for each sum of h: dh = da R
  Buffer<T> hr;  // columns H, K = P: d(o tanh C) = dh W_hr
};

template <class T>
class Layer {
 public:
  // P = proj_size, or H. Copies what it needs; sizes >= 1 and all arrays complete.
  Layer(const Cell& cell, ptrdiff_t I, ptrdiff_t H, ptrdiff_t P, const RawWeights<T>& raw);
  // Compressed, float only: for `forward` and `Stepper`, without `matches` and `backward`.
  template <class S>
  Layer(const Cell& cell, ptrdiff_t I, ptrdiff_t H, ptrdiff_t P, const RawWeights<T, S>& raw);

  bool matches(const RawWeights<T>& raw, int threads = 1) const;  // the same bits: a fingerprint

  const Cell cell;
  const Storage storage;
  const ptrdiff_t I, H, P;
  const ptrdiff_t Hp;       // H rounded up to lanes
  const ptrdiff_t columns;  // packed columns: Hp for each sum
  const bool bias, projected;
  // Of the packed columns, W makes the first w_columns() and R the last r_columns().
  ptrdiff_t w_columns() const { return cell.x_sums() * Hp; }
  ptrdiff_t r_columns() const { return cell.h_sums() * Hp; }
  ptrdiff_t r_first() const { return cell.first_h_sum() * Hp; }
  ptrdiff_t macs() const { return w_columns() * I + r_columns() * P; }  // of a row's step
  ptrdiff_t c_size() const { return cell.states * H; }  // of a row's states after h, outside
  ptrdiff_t c_row() const { return cell.states * Hp; }  // and inside
  // What several threads may divide between them: unit blocks of an LSTM, panels of units of an
  // RNN, and of other cells as many units in each of their sums; 1 where a unit needs the others.
  ptrdiff_t pieces() const;
  ptrdiff_t piece() const;  // packed columns of one, within one sum of a cell that is not tiled
  ptrdiff_t gate_rows() const { return cell.gates * H; }

  // Columns = packed from `column` on, a whole number of panels; K = I.
  Panels<T> w(ptrdiff_t column = 0) const;
  Panels<T> r(ptrdiff_t column = 0) const;  // the same, of R's columns; K = P
  // What each sum starts from, packed columns: the biases of what it reads, zeros without; zeros
  // too where the bias waits for the scale.
  const T* start() const { return storage == Storage::kInt8 ? zeros_.data() : bias_.data(); }
  // Columns = P, K = H.
  Panels<T> hr() const { return {hr_.data(), storage, scale_hr_.data(), zeros_.data()}; }
  ptrdiff_t bytes_per_weight() const;
  const T* vector(ptrdiff_t k) const { return vectors_.data() + k * Hp; }  // (Hp)
  const T* mask(ptrdiff_t k) const { return masks_.data() + k * Hp; }  // (Hp), where none is given

  // The states of a row where nothing is given, h (P) and c [states][Hp].
  void start_h(T* h) const;
  void start_c(T* c) const;

  const BackwardPanels<T>& backward() const;  // packed at the first call

 private:
  Layer(const Cell& cell, ptrdiff_t I, ptrdiff_t H, ptrdiff_t P, Storage storage, bool bias,
        bool projected);
  template <class S>
  void pack(const RawWeights<T, S>& raw);

  std::vector<Fingerprint::Array> all_bytes(const RawWeights<T>& raw) const;

  std::vector<T> raw_;  // weight_ih, weight_hh, bias_ih, bias_hh, weight_hr; empty if compressed
  Fingerprint fingerprint_;
  Buffer<unsigned char> w_, r_, hr_;
  Buffer<T> bias_, scale_, scale_hr_, zeros_;
  Buffer<T> w_scale_, w_bias_;  // of int8, where sums of x end without R h
  Buffer<T> vectors_, masks_;
  mutable std::once_flag once_;
  mutable BackwardPanels<T> backward_;
};

// y = x W^T + b, one chain of FMAs an output: the same bits for any number of rows.
template <class T>
class Linear {
 public:
  Linear(ptrdiff_t inputs, ptrdiff_t outputs, const T* weight, const T* bias);
  bool matches(const T* weight, const T* bias) const;
  void run(ptrdiff_t rows, const T* x, ptrdiff_t x_row, T* y, ptrdiff_t y_row, int threads) const;

  const ptrdiff_t inputs, outputs;
  const bool bias;

 private:
  Fingerprint fingerprint_;
  Buffer<unsigned char> panels_;
  Buffer<T> start_;
};

}  // namespace glasscell
