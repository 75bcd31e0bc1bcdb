// Backward through time, in chunks of steps small enough to stay in cache.
//
// Per chunk: (1) each thread walks its own rows from the last step to the first: gate gradients da,
// then dh = da R for the step before, and at the end dx = da W; (2) after a meeting the threads
// divide the tiles of the weight gradients, [dW dR db]^T += [x h_{t-1} 1]^T da. Every element of a
// weight gradient is a sum over chunks of one chain over (step, row), in a fixed order: the same
// for any thread count.
#include "backward.h"

#include <algorithm>
#include <cstring>

#include "arena.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "threads/lockstep.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

// Rows of one chunk: long enough chains to amortise loading an accumulator tile, short enough for
// da, x and h of the chunk to stay in L2.
constexpr ptrdiff_t kChunkRows = 256;

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
  T* da;             // [rows][da_row], columns in torch's order
  ptrdiff_t da_row;  // G rounded up to lanes
  T* inputs;         // [rows][inputs_row]: x_t, h_{t-1}, 1
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
    return round_up(layer.P, kernel_table<T>().lanes) + layer.Hp;
  }
  void begin(T* state) {
    dh_.resize(static_cast<std::size_t>(n_));
    dc_.resize(static_cast<std::size_t>(n_));
    for (ptrdiff_t q = 0; q < n_; ++q) {
      const std::size_t at = static_cast<std::size_t>(q);
      dh_[at] = state + q * (Pp_ + layer_.Hp);
      dc_[at] = dh_[at] + Pp_;
      const ptrdiff_t b = seq_.batch(share_.row(q));
      std::fill(dh_[at], dh_[at] + Pp_ + layer_.Hp, T(0));
      if (args_.dh_n) copy(args_.dh_n + b * layer_.P, layer_.P, dh_[at]);
      if (args_.dc_n) copy(args_.dc_n + b * layer_.H, layer_.H, dc_[at]);
      if (args_.dh0) std::fill(args_.dh0 + b * layer_.P, args_.dh0 + (b + 1) * layer_.P, T(0));
      if (args_.dc0) std::fill(args_.dc0 + b * layer_.H, args_.dc0 + (b + 1) * layer_.H, T(0));
    }
  }

  void run(const Chunk<T>& chunk, const Steps& steps) {
    if (n_ == 0) return;
    const Arena::Scope scope;
    zeros_ = take<T>(std::max(layer_.Hp, Pp_));
    std::fill(zeros_, zeros_ + std::max(layer_.Hp, Pp_), T(0));
    for (auto* rows : {&tape_, &c_prev_, &dy_, &h_}) *rows = take<const T*>(n_);
    for (auto* rows : {&da_, &dh_out_, &dc_out_, &dm_, &dp_}) *rows = take<T*>(n_);
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
    const T* const* dh = layer_.projected ? dm_ : dh_.data();
    const bool flow_h = args_.dh && !layer_.projected;
    const T* const* dy = args_.dy && !layer_.projected ? dy_ : nullptr;
    if (layer_.mode == Mode::kLstm) {
      kernel_table<T>().lstm_backward_pointwise({active, layer_.H, tape_, c_prev_, dy, dh,
                                                 dc_.data(), da_, flow_h ? dh_out_ : nullptr,
                                                 args_.dc ? dc_out_ : nullptr});
    } else {
      kernel_table<T>().rnn_backward_pointwise({active, layer_.H, h_, dy, dh, da_,
                                                flow_h ? dh_out_ : nullptr,
                                                layer_.mode == Mode::kRnnRelu});
    }
    if (layer_.projected && args_.dweight_hr) output_before_projection(active);
    kernel_table<T>().gemm(
        {active, layer_.gate_rows(), layer_.P, da_, 1, {panels_.r.data()}, nullptr, dh_.data()});
    for (ptrdiff_t q = 0; seq_.cut() && q < active; ++q) {
      if (seq_.restarts(t, share_.row(q))) hand_to_initial_state(q);
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
    h_[q] = args_.y.at(t, b);
    if (layer_.mode == Mode::kLstm) {
      tape_[q] = args_.tape.at(t, b);
      c_prev_[q] = starts ? (args_.c0 ? args_.c0 + b * layer_.H : zeros_) : cell(s, before, b);
    }
    if (args_.dweight_ih) {
      T* z = chunk_row(steps, s, q, chunk.inputs, chunk.inputs_row);
      const T* h0 = args_.h0 ? args_.h0 + b * layer_.P : zeros_;
      copy(args_.x.at(t, b), layer_.I, z);
      copy(starts ? h0 : args_.y.at(before, b), layer_.P, z + layer_.I);
      z[layer_.I + layer_.P] = T(1);
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
    return args_.tape.at(before, b) + 4 * layer_.Hp;
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
    for (ptrdiff_t u = 0; args_.dc0 && u < layer_.H; ++u) args_.dc0[b * layer_.H + u] += dc[u];
    std::fill(dh, dh + Pp_ + layer_.Hp, T(0));
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
        {rows, layer_.gate_rows(), layer_.I, da, 1, {panels_.w.data()}, nullptr, dx});
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
  std::vector<T*> dh_, dc_;  // [n] of (Pp), (Hp): the chains
  T* zeros_ = nullptr;
  const T **tape_ = nullptr, **c_prev_ = nullptr, **dy_ = nullptr, **h_ = nullptr;
  T **da_ = nullptr, **dh_out_ = nullptr, **dc_out_ = nullptr, **dm_ = nullptr, **dp_ = nullptr;
};

// sums (M, N) += left^T right over the rows of a chunk, summed for itself first (chunks depend on T
// and B alone, so the bits still do not depend on threads; one chain over all T * B rows had up to
// six times the error of torch's at T = 100, B = 32), left (rows, M), right (rows, N). The tiles
// are divided among threads by panels of N, then by parts of M where panels are few.
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

// From [x h 1]-major sums to torch's matrices: a transposition, in tiles of one vector of columns,
// whose rows in torch's matrix are written 64 bytes at a time.
template <class T>
class Unpack {
 public:
  Unpack(const Layer<T>& layer, const T* sums, const BackwardArgs<T>& args)
      : layer_(layer),
        sums_(sums),
        args_(args),
        lanes_(kernel_table<T>().lanes),
        width_(round_up(layer.gate_rows(), lanes_)) {}

  void share(int k, int threads) const {
    const ptrdiff_t blocks = width_ / lanes_;
    for (ptrdiff_t b = blocks * k / threads; b < blocks * (k + 1) / threads; ++b) {
      block(b * lanes_);
    }
  }

 private:
  void block(ptrdiff_t column) const {
    const ptrdiff_t real = std::min(lanes_, layer_.gate_rows() - column);
    const T* from = sums_ + column;
    from = matrix(from, real, layer_.I, args_.dweight_ih + column * layer_.I);
    from = matrix(from, real, layer_.P, args_.dweight_hh + column * layer_.P);
    if (args_.dbias) std::copy(from, from + real, args_.dbias + column);
  }

  const T* matrix(const T* from, ptrdiff_t real, ptrdiff_t n, T* to) const {
    for (ptrdiff_t k = 0; k < n; ++k, from += width_) {
      for (ptrdiff_t j = 0; j < real; ++j) to[j * n + k] = from[j];
    }
    return from;
  }

  const Layer<T>& layer_;
  const T* sums_;
  const BackwardArgs<T>& args_;
  const ptrdiff_t lanes_, width_;
};

}  // namespace

template <class T>
void backward(const Layer<T>& layer, const Sequence& seq, const BackwardArgs<T>& args,
              int threads) {
  const Arena::Scope scope;
  const FlushDenormals flush;
  const int n = std::min(Lockstep::kMost,
                         useful_threads(seq, 3 * layer.columns * (layer.I + layer.P), threads));
  const ptrdiff_t Pp = round_up(layer.P, kernel_table<T>().lanes);
  const bool weights = args.dweight_ih != nullptr;
  const ptrdiff_t chunk_steps = std::max<ptrdiff_t>(1, kChunkRows / std::max<ptrdiff_t>(1, seq.B));
  const ptrdiff_t most = std::min(chunk_steps, std::max<ptrdiff_t>(1, seq.steps())) * seq.B;

  Chunk<T> chunk{};
  chunk.da_row = round_up(layer.gate_rows(), kernel_table<T>().lanes);
  // One line beyond a multiple of the lanes: rows 4 KB apart would share the same L1 sets.
  chunk.inputs_row = round_up(layer.I + layer.P + 1, 64 / static_cast<ptrdiff_t>(sizeof(T))) +
                     64 / static_cast<ptrdiff_t>(sizeof(T));
  chunk.da = take<T>(most * chunk.da_row);
  // The columns beyond G are never written again, and their sums never read.
  for (ptrdiff_t k = 0; k < most; ++k) {
    std::fill(chunk.da + k * chunk.da_row + layer.gate_rows(), chunk.da + (k + 1) * chunk.da_row,
              T(0));
  }
  chunk.inputs = weights ? take<T>(most * chunk.inputs_row) : nullptr;
  chunk.dp = layer.projected ? take<T>(most * Pp) : nullptr;
  chunk.m = layer.projected ? take<T>(most * layer.Hp) : nullptr;
  const ptrdiff_t M = layer.I + layer.P + 1;
  T* sums = weights ? take<T>(M * chunk.da_row) : nullptr;
  if (weights) std::fill(sums, sums + M * chunk.da_row, T(0));
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
      if (weights) Unpack<T>(layer, sums, args).share(k, n);
      return;
    }
    const Steps& steps = chunks[index];
    if (phase % 2 == 0) {
      worker.run(chunk, steps);
    } else if (weights) {
      OuterProduct<T>{steps.rows,       M,        chunk.da_row, chunk.inputs,
                      chunk.inputs_row, chunk.da, chunk.da_row, sums}
          .share(k, n);
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
