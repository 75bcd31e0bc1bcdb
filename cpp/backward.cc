// Backward through time, in chunks of steps small enough to stay in cache.
//
// Per chunk: (1) each thread walks its own rows from the last step to the first: gate gradients da,
// then dh = da R for the step before, and at the end dx = da W; (2) after a meeting the threads
// divide the tiles of the weight gradients, [dW dR db]^T += [x h_{t-1} 1]^T da, or, where some sums
// read x or h alone, [dW db_ih]^T += [x 1]^T da and [dR db_hh]^T += [h_{t-1} 1]^T da over the sums
// of each. Every element of a weight gradient is a sum over chunks of one chain over (step, row),
// in a fixed order: the same for any thread count.
#include "backward.h"

#include <algorithm>
#include <optional>

#include "arena.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "program.h"
#include "threads/lockstep.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

// Rows of one chunk: long enough chains to amortise loading an accumulator tile, short enough for
// da, x and h of the chunk to stay in L2.
constexpr ptrdiff_t kChunkRows = 256;
// Rows of da that are wider than this many blocks of H make chunks of fewer rows (measured with
// layer norm, whose row is 22 wide: 5 % of backward).
constexpr ptrdiff_t kWideRow = 6;

template <class T>
T* take(ptrdiff_t n) {
  return Arena::mine().take<T>(static_cast<std::size_t>(std::max<ptrdiff_t>(1, n)));
}

// Steps that are walked together, from end_step - 1 down to first_step.
struct Steps {
  ptrdiff_t first_step, end_step;  // processed positions s
  std::vector<ptrdiff_t> offset;   // first chunk row of step s = first_step + k
  ptrdiff_t rows;
};

// From the last step to the first, `size` steps at a time.
std::vector<Steps> chunks_of(const Sequence& seq, ptrdiff_t size) {
  std::vector<Steps> all;
  for (ptrdiff_t end = seq.steps(); end > 0; end = all.back().first_step) {
    Steps chunk{std::max<ptrdiff_t>(0, end - size), end, {}, 0};
    chunk.offset.assign(static_cast<std::size_t>(end - chunk.first_step), 0);
    for (ptrdiff_t s = end; s-- > chunk.first_step;) {
      chunk.offset[static_cast<std::size_t>(s - chunk.first_step)] = chunk.rows;
      chunk.rows += seq.active(seq.time(s));
    }
    all.push_back(std::move(chunk));
  }
  return all;
}

// What all threads see of the chunk at hand: rows in the order (step processed, sorted row).
template <class T>
struct Chunk {
  T* da;  // [rows][da_row]: [sums][H], and what each row gives to the vectors, [vectors][H]
  ptrdiff_t da_row;  // room for whole vectors from the first column and from the first sum of h
  T* inputs;         // [rows][inputs_row]: x_t, h_{t-1}, 1; with split sums x_t, 1, h_{t-1}, 1
  ptrdiff_t inputs_row;
  T* dp;  // [rows][P] total dL/dh_t, only with projection
  T* m;   // [rows][Hp] o * tanh(C_t), only with projection
};

template <class T>
class BackwardWorker {
 public:
  BackwardWorker(const Layer<T>& layer, const Sequence& sequence, const BackwardArgs<T>& args,
                 const Share& share)
      : layer_(layer),
        panels_(layer.backward()),
        seq_(sequence),
        args_(args),
        share_(share),
        n_(share.count),
        lanes_(kernel_table<T>().lanes),
        Pp_(round_up(layer.P, lanes_)) {}

  // State that lives from chunk to chunk, in memory that the caller took for all workers.
  static ptrdiff_t state_size(const Layer<T>& layer) {
    return round_up(layer.P, kernel_table<T>().lanes) + layer.c_row();
  }
  void begin(T* state) {
    dh_.resize(static_cast<std::size_t>(n_));
    dc_.resize(static_cast<std::size_t>(n_));
    for (ptrdiff_t q = 0; q < n_; ++q) {
      const std::size_t at = static_cast<std::size_t>(q);
      dh_[at] = state + q * (Pp_ + layer_.c_row());
      dc_[at] = dh_[at] + Pp_;
      const ptrdiff_t b = seq_.batch(share_.row(q)), P = layer_.P, c = layer_.c_size();
      std::fill(dh_[at], dh_[at] + Pp_ + layer_.c_row(), T(0));
      if (args_.dh_n) copy(args_.dh_n + b * P, P, dh_[at]);
      for (ptrdiff_t k = 0; args_.dc_n && k < layer_.cell.states; ++k) {
        copy(args_.dc_n + b * c + k * layer_.H, layer_.H, dc_[at] + k * layer_.Hp);
      }
      if (args_.dh0) std::fill(args_.dh0 + b * P, args_.dh0 + (b + 1) * P, T(0));
      if (args_.dc0) std::fill(args_.dc0 + b * c, args_.dc0 + (b + 1) * c, T(0));
    }
  }

  void run(const Chunk<T>& chunk, const Steps& steps) {
    if (n_ == 0) return;
    const Arena::Scope scope;
    start_h_ = take<T>(layer_.P);
    layer_.start_h(start_h_);
    start_c_ = take<T>(layer_.c_row());
    layer_.start_c(start_c_);
    for (auto* rows : {&tape_, &h_prev_, &c_prev_, &dy_, &h_, &da_h_}) *rows = take<const T*>(n_);
    for (auto* rows : {&da_, &dh_out_, &dc_out_, &dm_, &dp_}) *rows = take<T*>(n_);
    if (layer_.cell.mode == Mode::kProgram) take_program_buffers();
    if (args_.masks && layer_.cell.hidden_mask >= 0) {
      mask_ = take<const T*>(n_);
      through_r_ = take<T*>(n_);
      for (ptrdiff_t q = 0; q < n_; ++q) through_r_[q] = take<T>(Pp_);
    }
    for (ptrdiff_t s = steps.end_step; s-- > steps.first_step;) {
      bring_tape(s);
      step(chunk, steps, s);
    }
    if (args_.dx) input_gradient(chunk, steps);
  }

  // After the last chunk: what is left in the chains belongs to the initial state.
  void end() {
    for (ptrdiff_t q = 0; q < n_; ++q) hand_to_initial_state(q);
    if (args_.dx && seq_.ragged() && !args_.dx.packed) clear_after_end();
  }

 private:
  static void copy(const T* from, ptrdiff_t n, T* to) { std::copy(from, from + n, to); }

  T* chunk_row(const Steps& steps, ptrdiff_t s, ptrdiff_t q, T* base, ptrdiff_t row) const {
    const auto k = static_cast<std::size_t>(s - steps.first_step);
    return base + (steps.offset[k] + share_.row(q)) * row;
  }

  void step(const Chunk<T>& chunk, const Steps& steps, ptrdiff_t s) {
    const ptrdiff_t t = seq_.time(s), active = share_.active(seq_.active(t));
    if (active == 0) return;
    for (ptrdiff_t q = 0; q < active; ++q) point_at_row(chunk, steps, s, t, q);
    if (layer_.projected) through_projection(active);
    equations(active);
    if (layer_.projected && args_.dweight_hr) output_before_projection(active);
    if (layer_.cell.h_sums() > 0) {
      // dh_{t-1}: what passes the sums by, then da R, under a mask direct + mask * (da R).
      const bool alone = layer_.cell.tiled() || mask_;
      kernel_table<T>().gemm({active,
                              layer_.cell.h_sums() * layer_.H,
                              layer_.P,
                              da_h_,
                              1,
                              {panels_.r.data()},
                              alone ? nullptr : dh_.data(),
                              mask_ ? through_r_ : dh_.data()});
      for (ptrdiff_t q = 0; mask_ && q < active; ++q) {
        T* const dh = dh_[static_cast<std::size_t>(q)];
        for (ptrdiff_t u = 0; u < layer_.H; ++u) dh[u] += mask_[q][u] * through_r_[q][u];
      }
    }
    for (ptrdiff_t q = 0; seq_.cut() && q < active; ++q) {
      if (seq_.restarts(t, share_.row(q))) hand_to_initial_state(q);
    }
  }

  void equations(ptrdiff_t active) {
    const KernelTable<T>& table = kernel_table<T>();
    const bool flow_h = args_.dh && !layer_.projected;
    const T* const* dy = args_.dy && !layer_.projected ? dy_ : nullptr;
    T** dh_out = flow_h ? dh_out_ : nullptr;
    if (layer_.cell.mode == Mode::kLstm) {
      const T* const* dh = layer_.projected ? dm_ : dh_.data();
      table.lstm_backward_pointwise({active, layer_.H, tape_, c_prev_, dy, dh, dc_.data(), da_,
                                     dh_out, args_.dc ? dc_out_ : nullptr});
    } else if (layer_.cell.mode == Mode::kProgram) {
      run_reverse(active, dy, dh_out);
    } else if (layer_.cell.mode == Mode::kGru) {
      table.gru_backward_pointwise({active, layer_.H, tape_, h_prev_, dy, dh_.data(), da_, dh_out});
    } else {
      table.rnn_backward_pointwise(
          {active, layer_.H, h_, dy, dh_.data(), da_, dh_out, layer_.cell.mode == Mode::kRnnRelu});
    }
  }

  // What a program works with in whole vectors, of each row: the states before the step and its
  // masks where they lie otherwise, and what it gives. Wanted flows have a program of their own.
  ptrdiff_t program_row() const {
    const Cell& cell = layer_.cell;
    const ptrdiff_t states = 1 + cell.states;
    return (2 * states + cell.masks() + gradients()) * layer_.Hp;
  }
  // Of the sums and vectors: the columns of da.
  ptrdiff_t gradients() const {
    return static_cast<ptrdiff_t>(layer_.cell.sums.size()) + layer_.cell.vectors;
  }
  void take_program_buffers() {
    program_ = args_.dh || args_.dc ? layer_.cell.flow.get() : layer_.cell.reverse.get();
    own_ = take<T>(n_ * program_row());
    std::fill(own_, own_ + n_ * program_row(), T(0));
    in_ = take<const T*>(n_ * program_->inputs());
    out_ = take<T*>(n_ * program_->outputs());
  }

  // H numbers in whole vectors: where they lie, or in `to`.
  const T* padded(const T* from, T*& to) const {
    T* const own = to;
    to += layer_.Hp;
    if (layer_.H == layer_.Hp) return from;
    copy(from, layer_.H, own);
    return own;
  }

  // States before step s and the masks of it, into the places of a program's inputs.
  void inputs_before(ptrdiff_t s, ptrdiff_t t, ptrdiff_t q) const {
    const Cell& cell = layer_.cell;
    const ptrdiff_t j = share_.row(q), b = seq_.batch(j), H = layer_.H, Hp = layer_.Hp;
    T* own = own_ + q * program_row();
    const T** in = in_ + q * program_->inputs() + cell.kept;
    *in++ = padded(h_prev_[q], own);
    const bool kept = args_.replayed && args_.replayed->segments.begin_at(s);
    for (ptrdiff_t k = 0; k < cell.states; ++k) {
      if (seq_.starts(t, j)) {
        *in++ = args_.c0 ? padded(args_.c0 + b * layer_.c_size() + k * H, own) : start_c_ + k * Hp;
      } else if (kept) {
        const T* c = args_.replayed->segments.cell(s, b, seq_.B, layer_.c_size());
        *in++ = padded(c + k * H, own);
      } else {
        const ptrdiff_t slot = cell.state_slots[static_cast<std::size_t>(k)];
        *in++ = args_.tape.at(seq_.previous(t), b) + slot * Hp;
      }
    }
    for (ptrdiff_t k = 0; k < cell.vectors; ++k) *in++ = layer_.vector(k);
    for (ptrdiff_t k = 0; k < cell.masks(); ++k) {
      *in++ = args_.masks ? padded(args_.masks.at(t, b) + k * H, own) : layer_.mask(k);
    }
  }

  void run_reverse(ptrdiff_t active, const T* const* dy, T* const* dh_out) const {
    const Cell& cell = layer_.cell;
    const ptrdiff_t H = layer_.H, Hp = layer_.Hp, before = 1 + cell.states + cell.masks();
    const auto sums = static_cast<ptrdiff_t>(cell.sums.size());
    for (ptrdiff_t q = 0; q < active; ++q) {
      T *dh = dh_[static_cast<std::size_t>(q)], *dc = dc_[static_cast<std::size_t>(q)];
      for (ptrdiff_t u = 0; dy && u < H; ++u) dh[u] = dy[q][u] + dh[u];
      const T** in = in_ + q * program_->inputs();
      for (ptrdiff_t k = 0; k < cell.kept; ++k) *in++ = tape_[q] + k * Hp;
      in += before + cell.vectors;
      *in++ = dh;
      for (ptrdiff_t k = 0; k < cell.states; ++k) *in++ = dc + k * Hp;
      T* row = own_ + q * program_row() + before * Hp;
      // A row of da has no room for whole vectors behind each sum, unless they end with it.
      const auto place = [&](ptrdiff_t k) { return H == Hp ? da_[q] + k * H : row + k * Hp; };
      T** out = out_ + q * program_->outputs();
      for (ptrdiff_t k = 0; k < sums; ++k) *out++ = place(k);
      *out++ = dh;
      for (ptrdiff_t k = 0; k < cell.states; ++k) *out++ = dc + k * Hp;
      for (ptrdiff_t k = sums; k < gradients(); ++k) *out++ = place(k);
      if (program_ == cell.reverse.get()) continue;
      row += gradients() * Hp;
      for (ptrdiff_t k = 0; k <= cell.states; ++k) *out++ = row + k * Hp;
    }
    kernel_table<T>().run_program({active, H, program_, in_, out_, nullptr});
    for (ptrdiff_t q = 0; q < active; ++q) {
      const T* row = own_ + q * program_row() + before * Hp;
      for (ptrdiff_t k = 0; H != Hp && k < gradients(); ++k) copy(row + k * Hp, H, da_[q] + k * H);
      row += gradients() * Hp;
      if (dh_out) copy(row, H, dh_out[q]);
      for (ptrdiff_t k = 0; args_.dc && k < cell.states; ++k) {
        copy(row + (1 + k) * Hp, H, dc_out_[q] + k * H);
      }
    }
  }

  void point_at_row(const Chunk<T>& chunk, const Steps& steps, ptrdiff_t s, ptrdiff_t t,
                    ptrdiff_t q) {
    const ptrdiff_t j = share_.row(q), b = seq_.batch(j), before = seq_.previous(t);
    const bool starts = seq_.starts(t, j);
    da_[q] = chunk_row(steps, s, q, chunk.da, chunk.da_row);
    if (args_.dy) dy_[q] = args_.dy.at(t, b);
    if (args_.dh) dh_out_[q] = args_.dh.at(t, b);
    if (args_.dc) dc_out_[q] = args_.dc.at(t, b);
    da_h_[q] = da_[q] + layer_.cell.first_h_sum() * layer_.H;
    h_[q] = args_.y.at(t, b);
    h_prev_[q] = !starts ? args_.y.at(before, b) : args_.h0 ? args_.h0 + b * layer_.P : start_h_;
    if (layer_.cell.kept) tape_[q] = args_.tape.at(t, b);
    if (layer_.cell.mode == Mode::kProgram) inputs_before(s, t, q);
    if (mask_) mask_[q] = args_.masks.at(t, b) + layer_.cell.hidden_mask * layer_.H;
    if (layer_.cell.mode == Mode::kLstm) {
      c_prev_[q] = !starts ? cell(s, before, b) : args_.c0 ? args_.c0 + b * layer_.H : start_c_;
    }
    if (args_.dweight_ih) {
      T* z = chunk_row(steps, s, q, chunk.inputs, chunk.inputs_row);
      z = std::copy(args_.x.at(t, b), args_.x.at(t, b) + layer_.I, z);
      if (layer_.cell.split()) *z++ = T(1);
      for (ptrdiff_t u = 0; mask_ && u < layer_.H; ++u) z[u] = h_prev_[q][u] * mask_[q][u];
      if (!mask_) copy(h_prev_[q], layer_.P, z);
      z[layer_.P] = T(1);
    }
    if (layer_.projected) {
      dp_[q] = chunk_row(steps, s, q, chunk.dp, Pp_);
      dm_[q] = chunk_row(steps, s, q, chunk.m, layer_.Hp);
    }
  }

  // Without a whole tape: that of the segment of step s.
  void bring_tape(ptrdiff_t s) {
    if (!args_.replayed || s / args_.replayed->segments.length == segment_) return;
    segment_ = s / args_.replayed->segments.length;
    replay(layer_, seq_, *args_.replayed, share_, segment_);
  }

  // C before step s, which is not the first of its piece.
  const T* cell(ptrdiff_t s, ptrdiff_t before, ptrdiff_t b) const {
    if (args_.replayed && args_.replayed->segments.begin_at(s)) {
      return args_.replayed->segments.cell(s, b, seq_.B, layer_.H);
    }
    return args_.tape.at(before, b) + layer_.cell.state_slots[0] * layer_.Hp;
  }

  // dp = dy + dh', d(o tanh C) = dp W_hr. The gradient takes the place of m = o tanh(C) in the
  // chunk until the pointwise kernel has read it; `output_before_projection` writes m itself after.
  void through_projection(ptrdiff_t active) {
    for (ptrdiff_t q = 0; q < active; ++q) {
      for (ptrdiff_t p = 0; p < layer_.P; ++p) {
        dp_[q][p] = dh_[static_cast<std::size_t>(q)][p] + (args_.dy ? dy_[q][p] : T(0));
      }
      if (args_.dh) copy(dp_[q], layer_.P, dh_out_[q]);
      std::fill(dm_[q], dm_[q] + layer_.Hp, T(0));
    }
    kernel_table<T>().gemm({active, layer_.P, layer_.H, dp_, 1, {panels_.hr.data()}, nullptr, dm_});
  }

  // m = o * tanh(C_t), for dW_hr = dp^T m.
  void output_before_projection(ptrdiff_t active) const {
    for (ptrdiff_t q = 0; q < active; ++q) {
      kernel_table<T>().tanh(layer_.Hp, tape_[q] + 4 * layer_.Hp, dm_[q]);
      for (ptrdiff_t u = 0; u < layer_.Hp; ++u) dm_[q][u] *= tape_[q][3 * layer_.Hp + u];
    }
  }

  void hand_to_initial_state(ptrdiff_t q) {
    const ptrdiff_t b = seq_.batch(share_.row(q));
    T* dh = dh_[static_cast<std::size_t>(q)];
    T* dc = dc_[static_cast<std::size_t>(q)];
    for (ptrdiff_t p = 0; args_.dh0 && p < layer_.P; ++p) args_.dh0[b * layer_.P + p] += dh[p];
    for (ptrdiff_t k = 0; args_.dc0 && k < layer_.cell.states; ++k) {
      T* to = args_.dc0 + b * layer_.c_size() + k * layer_.H;
      for (ptrdiff_t u = 0; u < layer_.H; ++u) to[u] += dc[k * layer_.Hp + u];
    }
    std::fill(dh, dh + Pp_ + layer_.c_row(), T(0));
  }

  void input_gradient(const Chunk<T>& chunk, const Steps& steps) {
    ptrdiff_t rows = 0;
    for (ptrdiff_t s = steps.first_step; s < steps.end_step; ++s) {
      rows += share_.active(seq_.active(seq_.time(s)));
    }
    const T** da = take<const T*>(rows);
    T** dx = take<T*>(rows);
    rows = 0;
    for (ptrdiff_t s = steps.first_step; s < steps.end_step; ++s) {
      const ptrdiff_t t = seq_.time(s), active = share_.active(seq_.active(t));
      for (ptrdiff_t q = 0; q < active; ++q, ++rows) {
        da[rows] = chunk_row(steps, s, q, chunk.da, chunk.da_row);
        dx[rows] = args_.dx.at(t, seq_.batch(share_.row(q)));
      }
    }
    kernel_table<T>().gemm(
        {rows, layer_.cell.x_sums() * layer_.H, layer_.I, da, 1, {panels_.w.data()}, nullptr, dx});
  }

  void clear_after_end() const {
    for (ptrdiff_t q = 0; q < n_; ++q) {
      const ptrdiff_t j = share_.row(q);
      for (ptrdiff_t t = seq_.length(j); t < seq_.T; ++t) {
        T* dx = args_.dx.at(t, seq_.batch(j));
        std::fill(dx, dx + layer_.I, T(0));
      }
    }
  }

  const Layer<T>& layer_;
  const BackwardPanels<T>& panels_;
  const Sequence& seq_;
  const BackwardArgs<T>& args_;
  const Share share_;
  const ptrdiff_t n_, lanes_, Pp_;
  ptrdiff_t segment_ = -1;   // the one whose tape is at hand
  std::vector<T*> dh_, dc_;  // [n] of (Pp), [states][Hp]: the chains
  T *start_h_ = nullptr, *start_c_ = nullptr;
  const T **tape_ = nullptr, **h_prev_ = nullptr, **c_prev_ = nullptr, **dy_ = nullptr;
  const T **h_ = nullptr, **da_h_ = nullptr;  // da_h_: the gradients of the sums of h
  const T** mask_ = nullptr;                  // [n] of (H), where one multiplies h_{t-1} before R h
  T** through_r_ = nullptr;                   // [n] of (Pp): da R under a mask
  const Program* program_ = nullptr;
  T* own_ = nullptr;  // [n][program_row()]
  const T** in_ = nullptr;
  T** out_ = nullptr;
  T **da_ = nullptr, **dh_out_ = nullptr, **dc_out_ = nullptr, **dm_ = nullptr, **dp_ = nullptr;
};

// sums (M, N) += left^T right over the rows of a chunk, summed for itself first (chunks depend on
// the cell, T and B alone, so the bits still do not depend on threads; one chain over all T * B
// rows had up to six times the error of torch's at T = 100, B = 32), left (rows, M), right (rows,
// N). The tiles are divided among threads by panels of N, then by parts of M where panels are few.
template <class T>
struct OuterProduct {
  ptrdiff_t rows, M, N;  // N is a multiple of lanes
  const T* left;
  ptrdiff_t left_row;
  const T* right;
  ptrdiff_t right_row;
  T* sums;  // [M][N]

  void share(int k, int threads) const {
    const ptrdiff_t W = kernel_table<T>().panel;
    const ptrdiff_t panels = (N + W - 1) / W;
    const ptrdiff_t parts = std::clamp<ptrdiff_t>((threads + panels - 1) / panels, 1, (M + 5) / 6);
    const ptrdiff_t tasks = panels * parts;
    for (ptrdiff_t task = tasks * k / threads; task < tasks * (k + 1) / threads; ++task) {
      const ptrdiff_t part = task % parts, column = task / parts * W;
      tile(M * part / parts, M * (part + 1) / parts, column, std::min(W, N - column));
    }
  }

 private:
  void tile(ptrdiff_t first, ptrdiff_t last, ptrdiff_t column, ptrdiff_t width) const {
    const Arena::Scope scope;
    T* panel = take<T>(rows * width);
    for (ptrdiff_t k = 0; k < rows; ++k) {
      std::copy(right + k * right_row + column, right + k * right_row + column + width,
                panel + k * width);
    }
    const ptrdiff_t m = last - first;
    const T** a = take<const T*>(m);
    T** c = take<T*>(m);
    for (ptrdiff_t q = 0; q < m; ++q) {
      a[q] = left + first + q;
      c[q] = sums + (first + q) * N + column;
    }
    kernel_table<T>().gemm({m, rows, width, a, left_row, {panel}, c, c, true});
  }
};

// One of torch's matrices and its bias, out of sums of outer products.
template <class T>
struct Part {
  const T* sums;       // [n][width] and more rows: columns [sums][H] from sum `first` on
  ptrdiff_t width, n;  // n = I or P
  ptrdiff_t first, end;
  const T* bias_sums;  // [width], or null
  T* matrix;           // (G, n), or null
  T* bias;             // (G)
};

// From sums to torch's matrices: a transposition, in tiles of one vector of columns, whose rows in
// torch's matrix are written 64 bytes at a time. A gate's row is the sum of its parts: usually one.
template <class T>
class Unpack {
 public:
  Unpack(const Cell& cell, ptrdiff_t H, const Part<T>& part)
      : cell_(cell), H_(H), lanes_(kernel_table<T>().lanes), part_(part) {}

  void share(int k, int threads) const {
    if (!part_.matrix) return;
    const ptrdiff_t blocks = (H_ + lanes_ - 1) / lanes_, all = cell_.gates * blocks;
    for (ptrdiff_t at = all * k / threads; at < all * (k + 1) / threads; ++at) {
      block(at / blocks, at % blocks * lanes_);
    }
  }

 private:
  void block(ptrdiff_t gate, ptrdiff_t unit) const {
    const ptrdiff_t real = std::min(lanes_, H_ - unit), row = gate * H_ + unit;
    T* matrix = part_.matrix + row * part_.n;
    T* bias = part_.bias_sums && part_.bias ? part_.bias + row : nullptr;
    bool begun = false;
    for (ptrdiff_t sum = part_.first; sum < part_.end; ++sum) {
      if (cell_.sums[static_cast<std::size_t>(sum)].gate != gate) continue;
      const ptrdiff_t column = (sum - part_.first) * H_ + unit;
      if (begun) {
        add(column, real, matrix, bias);
      } else {
        write(column, real, matrix, bias);
      }
      begun = true;
    }
    if (begun) return;
    std::fill(matrix, matrix + real * part_.n, T(0));
    if (bias) std::fill(bias, bias + real, T(0));
  }

  void write(ptrdiff_t column, ptrdiff_t real, T* matrix, T* bias) const {
    const T* from = part_.sums + column;
    for (ptrdiff_t k = 0; k < part_.n; ++k, from += part_.width) {
      for (ptrdiff_t j = 0; j < real; ++j) matrix[j * part_.n + k] = from[j];
    }
    if (bias) std::copy(part_.bias_sums + column, part_.bias_sums + column + real, bias);
  }
  void add(ptrdiff_t column, ptrdiff_t real, T* matrix, T* bias) const {
    const T* from = part_.sums + column;
    for (ptrdiff_t k = 0; k < part_.n; ++k, from += part_.width) {
      for (ptrdiff_t j = 0; j < real; ++j) matrix[j * part_.n + k] += from[j];
    }
    for (ptrdiff_t j = 0; bias && j < real; ++j) bias[j] += part_.bias_sums[column + j];
  }

  const Cell& cell_;
  const ptrdiff_t H_, lanes_;
  const Part<T> part_;
};

// The gradients of the weights that multiply x and h, and of the biases: sums over all chunks.
template <class T>
class WeightGradients {
 public:
  WeightGradients(const Layer<T>& layer, const BackwardArgs<T>& args) : layer_(layer), args_(args) {
    const ptrdiff_t lanes = kernel_table<T>().lanes, I = layer.I, P = layer.P;
    wide_x_ = round_up(layer.cell.x_sums() * layer.H, lanes);
    wide_h_ = round_up(layer.cell.h_sums() * layer.H, lanes);
    split_ = layer.cell.split();
    sums_ = zeros(split_ ? (I + 1) * wide_x_ : (I + P + 1) * wide_x_);
    h_sums_ = split_ ? zeros((P + 1) * wide_h_) : nullptr;
    wide_v_ = round_up(layer.cell.vectors * layer.H, lanes);
    v_sums_ = zeros(wide_v_);
  }

  void add(const Chunk<T>& chunk, ptrdiff_t rows, int k, int n) const {
    const ptrdiff_t I = layer_.I, P = layer_.P;
    product(chunk, rows, split_ ? I + 1 : I + P + 1, wide_x_, 0, 0, sums_, k, n);
    if (split_ && layer_.cell.h_sums() > 0) {
      product(chunk, rows, P + 1, wide_h_, I + 1, layer_.cell.first_h_sum() * layer_.H, h_sums_, k,
              n);
    }
    add_vectors(chunk, rows, k, n);
  }

  void finish(int k, int n) const {
    const ptrdiff_t I = layer_.I, P = layer_.P;
    const Cell& cell = layer_.cell;
    const auto all = static_cast<ptrdiff_t>(cell.sums.size());
    const T* bias = sums_ + (split_ ? I : I + P) * wide_x_;
    const T* h_sums = split_ ? h_sums_ : sums_ + I * wide_x_;
    unpack({sums_, wide_x_, I, 0, cell.x_sums(), bias, args_.dweight_ih, args_.dbias}, k, n);
    unpack({h_sums, wide_h_, P, cell.first_h_sum(), all, split_ ? h_sums + P * wide_h_ : nullptr,
            args_.dweight_hh, args_.dbias_hh},
           k, n);
    if (k == 0) std::copy(v_sums_, v_sums_ + cell.vectors * layer_.H, args_.dvectors);
  }

 private:
  static T* zeros(ptrdiff_t n) {
    T* made = take<T>(n);
    std::fill(made, made + n, T(0));
    return made;
  }
  // Sums over rows alone. A row is the panels of a matrix with K = 1: it is added where it lies.
  void add_vectors(const Chunk<T>& chunk, ptrdiff_t rows, int k, int n) const {
    const ptrdiff_t lanes = kernel_table<T>().lanes, vectors = wide_v_ / lanes;
    const ptrdiff_t from = vectors * k / n * lanes, wide = vectors * (k + 1) / n * lanes - from;
    if (wide == 0) return;
    const Arena::Scope scope;
    T* const sum = zeros(wide);
    const T one = T(1);
    const auto add = [&](const T* row, T* to) {
      const T* const a = &one;
      kernel_table<T>().gemm({1, 1, wide, &a, 1, {row}, &to, &to});
    };
    const auto sums = static_cast<ptrdiff_t>(layer_.cell.sums.size());
    const T* row = chunk.da + sums * layer_.H + from;
    for (ptrdiff_t m = 0; m < rows; ++m, row += chunk.da_row) add(row, sum);
    add(sum, v_sums_ + from);
  }
  void product(const Chunk<T>& chunk, ptrdiff_t rows, ptrdiff_t M, ptrdiff_t N, ptrdiff_t left,
               ptrdiff_t right, T* sums, int k, int n) const {
    OuterProduct<T>{rows,         M,   N, chunk.inputs + left, chunk.inputs_row, chunk.da + right,
                    chunk.da_row, sums}
        .share(k, n);
  }
  void unpack(const Part<T>& part, int k, int n) const {
    Unpack<T>(layer_.cell, layer_.H, part).share(k, n);
  }

  const Layer<T>& layer_;
  const BackwardArgs<T>& args_;
  bool split_;
  ptrdiff_t wide_x_, wide_h_, wide_v_;
  T *sums_, *h_sums_, *v_sums_;
};

}  // namespace

template <class T>
void backward(const Layer<T>& layer, const Sequence& seq, const BackwardArgs<T>& args,
              int threads) {
  const Arena::Scope scope;
  const FlushDenormals flush;
  const int n = std::min(Lockstep::kMost, useful_threads(seq, 3 * layer.macs(), threads));
  const ptrdiff_t Pp = round_up(layer.P, kernel_table<T>().lanes);
  const bool weights = args.dweight_ih != nullptr;
  const ptrdiff_t blocks = static_cast<ptrdiff_t>(layer.cell.sums.size()) + layer.cell.vectors;
  const ptrdiff_t chunk_rows = kChunkRows * kWideRow / std::max(kWideRow, blocks);
  const ptrdiff_t chunk_steps = std::max<ptrdiff_t>(1, chunk_rows / std::max<ptrdiff_t>(1, seq.B));
  const ptrdiff_t most = std::min(chunk_steps, std::max<ptrdiff_t>(1, seq.steps())) * seq.B;

  Chunk<T> chunk{};
  const ptrdiff_t lanes = kernel_table<T>().lanes, H = layer.H;
  const Cell& cell = layer.cell;
  const ptrdiff_t of_sums = static_cast<ptrdiff_t>(cell.sums.size()) * H;
  const ptrdiff_t columns = of_sums + cell.vectors * H;
  chunk.da_row = std::max({round_up(cell.x_sums() * H, lanes),
                           cell.first_h_sum() * H + round_up(cell.h_sums() * H, lanes),
                           of_sums + round_up(cell.vectors * H, lanes)});
  // One line beyond a multiple of the lanes: rows 4 KB apart would share the same L1 sets.
  chunk.inputs_row = round_up(layer.I + layer.P + (layer.cell.split() ? 2 : 1),
                              64 / static_cast<ptrdiff_t>(sizeof(T))) +
                     64 / static_cast<ptrdiff_t>(sizeof(T));
  chunk.da = take<T>(most * chunk.da_row);
  // The columns beyond the sums are never written again, and what they add up to is never read.
  for (ptrdiff_t k = 0; k < most; ++k) {
    std::fill(chunk.da + k * chunk.da_row + columns, chunk.da + (k + 1) * chunk.da_row, T(0));
  }
  chunk.inputs = weights ? take<T>(most * chunk.inputs_row) : nullptr;
  chunk.dp = layer.projected ? take<T>(most * Pp) : nullptr;
  chunk.m = layer.projected ? take<T>(most * layer.Hp) : nullptr;
  std::optional<WeightGradients<T>> gradients;
  if (weights) gradients.emplace(layer, args);
  T* hr_sums = weights && layer.projected ? take<T>(layer.P * layer.Hp) : nullptr;
  if (hr_sums) std::fill(hr_sums, hr_sums + layer.P * layer.Hp, T(0));

  T* state = take<T>(seq.B * BackwardWorker<T>::state_size(layer));
  std::vector<BackwardWorker<T>> workers;
  workers.reserve(static_cast<std::size_t>(n));
  for (int k = 0; k < n; ++k) {
    const Share share = share_of(seq, k, n);
    workers.emplace_back(layer, seq, args, share);
    workers.back().begin(state);
    state += share.count * BackwardWorker<T>::state_size(layer);
  }

  const std::vector<Steps> chunks = chunks_of(seq, chunk_steps);
  const auto share = [&](ptrdiff_t phase, int k) {
    const auto index = static_cast<std::size_t>(phase / 2);
    BackwardWorker<T>& worker = workers[static_cast<std::size_t>(k)];
    if (index == chunks.size()) {
      worker.end();
      if (weights) gradients->finish(k, n);
      return;
    }
    const Steps& steps = chunks[index];
    if (phase % 2 == 0) {
      worker.run(chunk, steps);
    } else if (weights) {
      gradients->add(chunk, steps.rows, k, n);
      if (hr_sums) {
        OuterProduct<T>{steps.rows, layer.P, layer.Hp, chunk.dp, Pp, chunk.m, layer.Hp, hr_sums}
            .share(k, n);
      }
    }
  };
  Lockstep lockstep(n);
  parallel_for(n, [&](int k) {
    const FlushDenormals flush_worker;
    lockstep.run(k, 2 * static_cast<ptrdiff_t>(chunks.size()) + 1, share);
  });
  for (ptrdiff_t p = 0; hr_sums && p < layer.P; ++p) {
    std::copy(hr_sums + p * layer.Hp, hr_sums + p * layer.Hp + layer.H,
              args.dweight_hr + p * layer.H);
  }
}

template void backward<float>(const Layer<float>&, const Sequence&, const BackwardArgs<float>&,
                              int);
template void backward<double>(const Layer<double>&, const Sequence&, const BackwardArgs<double>&,
                               int);

}  // namespace glasscell
