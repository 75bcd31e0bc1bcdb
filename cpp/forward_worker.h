// The rows of one thread through one layer: a block of W x at once, then step by step.
#pragma once
#include <algorithm>
#include <cstddef>

#include "arena.h"
#include "cell_step.h"
#include "forward.h"
#include "kernels.h"

namespace glasscell {

// W x for this many bytes of pre-activations at a time: they stay in L2 beside the weights' panels.
inline constexpr ptrdiff_t kBlockBytes = 128 << 10;

// Row pointers into a thread's own buffer.
template <class T>
T** rows_of(T* base, ptrdiff_t stride, ptrdiff_t n) {
  T** rows = Arena::mine().take<T*>(static_cast<std::size_t>(n));
  for (ptrdiff_t q = 0; q < n; ++q) rows[q] = base + q * stride;
  return rows;
}

template <class T>
class ForwardWorker {
 public:
  ForwardWorker(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
                const Share& share)
      : layer_(layer),
        seq_(sequence),
        args_(args),
        share_(share),
        n_(share.count),
        Pp_(layer.projected ? round_up(layer.P, kernel_table<T>().lanes) : layer.Hp) {}

  void run() {
    begin();
    advance(seq_.steps());
    finish();
  }

  // In parts: begin, advance to the end of the sequence, finish. The buffers are the arena's of the
  // thread that begins; any thread may advance.
  void begin() {
    if (n_ == 0) return;
    take_buffers(seq_.steps());
    for (ptrdiff_t q = 0; q < n_; ++q) begin_anew(q);
  }
  void advance(ptrdiff_t end) {
    if (n_ == 0) return;
    const ptrdiff_t first = end_;
    end_ = end;
    walk(first);
  }
  void finish() const {
    if (n_ == 0) return;
    clear_after_end();
    write_final_state();
  }

  void replay(ptrdiff_t segment) {
    const ptrdiff_t first = segment * args_.segments.length;
    replays_ = true;
    end_ = std::min(seq_.steps(), first + args_.segments.length);
    take_buffers(end_ - first);
    const ptrdiff_t t = seq_.time(first), active = share_.active(seq_.active(t));
    for (ptrdiff_t q = 0; q < n_; ++q) {
      begin_anew(q);
      if (q < active && !seq_.starts(t, share_.row(q))) resume(q, first);
    }
    walk(first);
  }

 private:
  void walk(ptrdiff_t s) {
    while (s < end_ && share_.active(seq_.active(seq_.time(s))) == 0) ++s;
    while (s < end_) {
      const ptrdiff_t end = input_share(s);
      for (ptrdiff_t done = 0; s < end; ++s) done += step(s, done);
    }
  }

  void take_buffers(ptrdiff_t steps) {
    Arena& arena = Arena::mine();
    const auto take = [&](ptrdiff_t n) { return arena.take<T>(static_cast<std::size_t>(n)); };
    const auto pointers = [&](ptrdiff_t n) {
      return arena.take<const T*>(static_cast<std::size_t>(n));
    };
    h_ = rows_of(take(n_ * Pp_), Pp_, n_);
    h_next_ = rows_of(take(n_ * Pp_), Pp_, n_);
    c_ = rows_of(take(n_ * layer_.c_row()), layer_.c_row(), n_);
    m_ = layer_.projected ? rows_of(take(n_ * layer_.Hp), layer_.Hp, n_) : nullptr;
    block_ = std::clamp<ptrdiff_t>(
        kBlockBytes / (n_ * layer_.columns * static_cast<ptrdiff_t>(sizeof(T))), 1,
        std::max<ptrdiff_t>(1, steps));
    pre_ = take(block_ * n_ * layer_.columns);
    x_ = pointers(block_ * n_);
    pre_rows_ = arena.take<T*>(static_cast<std::size_t>(block_ * n_));
    bias_rows_ = pointers(block_ * n_);
    std::fill(bias_rows_, bias_rows_ + block_ * n_, layer_.start());
    y_ = arena.take<T*>(static_cast<std::size_t>(n_));
    tape_ = arena.take<T*>(static_cast<std::size_t>(n_));
    const ptrdiff_t masks = args_.masks ? layer_.cell.masks() * layer_.Hp : 0;
    mask_ = masks ? rows_of(take(n_ * masks), masks, n_) : nullptr;
  }

  void load_initial(ptrdiff_t q, T* h, T* c) const {
    const ptrdiff_t b = seq_.batch(share_.row(q));
    std::fill(h, h + Pp_, T(0));
    layer_.start_h(h);
    if (args_.h0) std::copy(args_.h0 + b * layer_.P, args_.h0 + (b + 1) * layer_.P, h);
    layer_.start_c(c);
    if (args_.c0) load_c(args_.c0 + b * layer_.c_size(), c);
  }

  // States after h, [states][H] outside and [states][Hp] inside.
  void load_c(const T* from, T* c) const {
    for (ptrdiff_t k = 0; k < layer_.cell.states; ++k, from += layer_.H) {
      std::copy(from, from + layer_.H, c + k * layer_.Hp);
    }
  }
  void store_c(const T* c, T* to) const {
    for (ptrdiff_t k = 0; k < layer_.cell.states; ++k, c += layer_.Hp) {
      to = std::copy(c, c + layer_.H, to);
    }
  }

  // Both buffers of h: in the reverse direction short rows join late, at whichever is current.
  void begin_anew(ptrdiff_t q) const {
    load_initial(q, h_[q], c_[q]);
    load_initial(q, h_next_[q], c_[q]);
    for (ptrdiff_t k = 0; m_ && k < layer_.Hp; ++k) m_[q][k] = T(0);
  }

  // The state before step s, the first of a segment.
  void resume(ptrdiff_t q, ptrdiff_t s) const {
    const ptrdiff_t b = seq_.batch(share_.row(q));
    const T* h = args_.y.at(seq_.previous(seq_.time(s)), b);
    std::copy(h, h + layer_.P, h_[q]);
    load_c(args_.segments.cell(s, b, seq_.B, layer_.c_size()), c_[q]);
  }

  // Pre-activations bias + W x of the steps s ... return value - 1. A lone step is fused instead.
  ptrdiff_t input_share(ptrdiff_t s) {
    const ptrdiff_t end = std::min(end_, s + block_);
    fused_ = end - s == 1 && layer_.cell.tiled();
    if (fused_) return end;
    ptrdiff_t rows = 0;
    for (ptrdiff_t u = s; u < end; ++u) {
      const ptrdiff_t t = seq_.time(u), active = share_.active(seq_.active(t));
      for (ptrdiff_t q = 0; q < active; ++q, ++rows) {
        x_[rows] = args_.x.at(t, seq_.batch(share_.row(q)));
        pre_rows_[rows] = pre_ + rows * layer_.columns;
      }
    }
    input_sums(layer_, rows, x_, bias_rows_, pre_rows_);
    return end;
  }

  // One step of all active rows; `done` rows of the block lie before it. Returns the active rows.
  ptrdiff_t step(ptrdiff_t s, ptrdiff_t done) {
    const ptrdiff_t t = seq_.time(s), active = share_.active(seq_.active(t));
    for (ptrdiff_t q = 0; q < active; ++q) {
      const ptrdiff_t j = share_.row(q), b = seq_.batch(j);
      if (fused_) x_[q] = args_.x.at(t, b);
      y_[q] = args_.y.at(t, b);
      if (args_.tape) tape_[q] = args_.tape.at(t, b);
      if (mask_) load_masks(args_.masks.at(t, b), mask_[q]);
      if (seq_.restarts(t, j)) load_initial(q, h_[q], c_[q]);
    }
    if (!replays_ && args_.segments.begin_at(s)) keep_cells(s, active);
    equations(s, active, done);
    if (layer_.projected) project(active);
    std::swap(h_, h_next_);
    keep_idle_rows(t, active);
    return active;
  }

  void equations(ptrdiff_t s, ptrdiff_t active, ptrdiff_t done) {
    const KernelTable<T>& table = kernel_table<T>();
    const T* const* init = fused_ ? bias_rows_ : pre_rows_ + done;
    const ptrdiff_t I = fused_ ? layer_.I : 0;
    T** y = layer_.projected || replays_ ? nullptr : y_;
    T** tape = args_.tape ? tape_ : nullptr;
    if (!layer_.cell.tiled()) {
      cell_step(layer_, {active, pre_rows_ + done, h_, c_, h_next_, y, tape, mask_});
    } else if (layer_.cell.mode == Mode::kLstm) {
      table.lstm_forward_step({active, layer_.H, I, layer_.P, x_, h_, layer_.w(), layer_.r(), init,
                               c_, layer_.projected ? m_ : h_next_, y, tape, 0, -1, s % 2 != 0});
    } else {
      table.rnn_forward_step({active, layer_.H, I, layer_.P, x_, h_, layer_.w(), layer_.r(), init,
                              h_next_, y_, layer_.cell.mode == Mode::kRnnRelu, 0, -1, s % 2 != 0});
    }
  }

  void load_masks(const T* from, T* to) const {
    for (ptrdiff_t k = 0; k < layer_.cell.masks(); ++k, from += layer_.H) {
      std::copy(from, from + layer_.H, to + k * layer_.Hp);
    }
  }

  void keep_cells(ptrdiff_t s, ptrdiff_t active) const {
    for (ptrdiff_t q = 0; q < active; ++q) {
      store_c(c_[q], args_.segments.cell(s, seq_.batch(share_.row(q)), seq_.B, layer_.c_size()));
    }
  }

  // h_t = W_hr (o * tanh C_t)
  void project(ptrdiff_t active) {
    kernel_table<T>().gemm({active, layer_.H, layer_.P, m_, 1, layer_.hr(), nullptr, h_next_});
    for (ptrdiff_t q = 0; q < active && !replays_; ++q) {
      std::copy(h_next_[q], h_next_[q] + layer_.P, y_[q]);
    }
  }

  // Rows that end here leave h_ with their last state: both buffers get it.
  void keep_idle_rows(ptrdiff_t t, ptrdiff_t active) {
    if (seq_.reverse || !seq_.ragged()) return;
    const ptrdiff_t next = t + 1 < seq_.steps() ? share_.active(seq_.active(t + 1)) : active;
    for (ptrdiff_t q = next; q < active; ++q) std::copy(h_[q], h_[q] + Pp_, h_next_[q]);
  }

  void clear_after_end() const {
    if (!seq_.ragged() || args_.y.packed) return;
    for (ptrdiff_t q = 0; q < n_; ++q) {
      const ptrdiff_t j = share_.row(q);
      for (ptrdiff_t t = seq_.length(j); t < seq_.T; ++t) {
        T* y = args_.y.at(t, seq_.batch(j));
        std::fill(y, y + layer_.P, T(0));
      }
    }
  }

  void write_final_state() const {
    for (ptrdiff_t q = 0; q < n_; ++q) {
      const ptrdiff_t b = seq_.batch(share_.row(q));
      std::copy(h_[q], h_[q] + layer_.P, args_.h_n + b * layer_.P);
      store_c(c_[q], args_.c_n + b * layer_.c_size());
    }
  }

  const Layer<T>& layer_;
  const Sequence& seq_;
  const ForwardArgs<T>& args_;
  const Share share_;
  const ptrdiff_t n_, Pp_;
  ptrdiff_t block_ = 1, end_ = 0;
  bool fused_ = false, replays_ = false;
  T** h_ = nullptr;       // [n] of (Pp): h_{t-1}
  T** h_next_ = nullptr;  // [n] of (Pp): h_t
  T** c_ = nullptr;       // [n] of [states][Hp]
  T** m_ = nullptr;       // [n] of (Hp): o * tanh(C), only with projection
  T* pre_ = nullptr;      // [block * n][columns]
  T** pre_rows_ = nullptr;
  const T** x_ = nullptr;
  const T** bias_rows_ = nullptr;
  T** y_ = nullptr;
  T** tape_ = nullptr;
  T** mask_ = nullptr;  // [n] of [masks][Hp]
};

}  // namespace glasscell
