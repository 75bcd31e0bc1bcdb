// Few sequences, several threads: hidden units are divided, and all meet after every time step.
#include <algorithm>

#include "arena.h"
#include "cell_step.h"
#include "forward.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "threads/lockstep.h"
#include "threads/meeting.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

// More threads than this meet more often than they work.
constexpr ptrdiff_t kMost = 8;
constexpr ptrdiff_t kMostRows = 3 * kMost;

// What every share reads; written before the threads start, then only in the units of a share.
template <class T>
class Team {
 public:
  Team(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args, int n)
      : layer_(layer),
        seq_(sequence),
        args_(args),
        n_(n),
        steps_(sequence.steps()),
        block_(std::clamp<ptrdiff_t>(
            kBlockBytes / (sequence.B * layer.columns * static_cast<ptrdiff_t>(sizeof(T))), 4,
            steps_)),
        start_h_(take(layer.Hp)),
        start_c_(take(layer.c_row())),
        h_next_(take(sequence.B * layer.Hp)),
        c_(take(sequence.B * layer.c_row())),
        pre_(take(block_ * sequence.B * layer.columns)) {
    layer.start_h(start_h_);
    layer.start_c(start_c_);
    for (ptrdiff_t j = 0; j < seq_.B; ++j) {
      std::fill(hidden(j), hidden(j) + layer.Hp, T(0));
      layer.start_c(cell(j));
      set_cell(j, 0, layer.H);
    }
  }

  // A block of steps is one phase for W x and one for each step.
  ptrdiff_t phases() const { return steps_ + (steps_ + block_ - 1) / block_; }

  void share(ptrdiff_t phase, int k) const {
    const ptrdiff_t block = phase / (block_ + 1), within = phase % (block_ + 1);
    const ptrdiff_t first = block * block_;
    if (within == 0) {
      input_share(first, std::min(steps_, first + block_), k);
    } else {
      step(first + within - 1, within - 1, k);
    }
  }

  void finish() const {
    for (ptrdiff_t j = 0; j < seq_.B; ++j) {
      const ptrdiff_t b = seq_.batch(j), length = seq_.length(j), P = layer_.P;
      const T* h = length ? args_.y.at(seq_.reverse ? 0 : length - 1, b) : initial_h(j);
      std::copy(h, h + P, args_.h_n + b * P);
      for (ptrdiff_t k = 0; k < layer_.cell.states; ++k) {
        const T* c = cell(j) + k * layer_.Hp;
        std::copy(c, c + layer_.H, args_.c_n + b * layer_.c_size() + k * layer_.H);
      }
      for (ptrdiff_t t = length; !args_.y.packed && t < seq_.T; ++t) {
        std::fill(args_.y.at(t, b), args_.y.at(t, b) + P, T(0));
      }
    }
  }

 private:
  static constexpr ptrdiff_t kBlockBytes = 128 << 10;

  template <class U = T>
  static U* take(ptrdiff_t n) {
    return Arena::mine().take<U>(static_cast<std::size_t>(n));
  }

  bool tiled() const { return layer_.cell.tiled(); }
  ptrdiff_t first_piece(int k) const { return layer_.pieces() * k / n_; }
  // The units of a share.
  Units units(int k) const {
    const ptrdiff_t sums = tiled() ? static_cast<ptrdiff_t>(layer_.cell.sums.size()) : 1;
    const ptrdiff_t piece = layer_.piece() / sums;
    return {first_piece(k) * piece, std::min(layer_.Hp, first_piece(k + 1) * piece)};
  }
  T* hidden(ptrdiff_t j) const { return h_next_ + j * layer_.Hp; }
  T* cell(ptrdiff_t j) const { return c_ + j * layer_.c_row(); }
  const T* initial_h(ptrdiff_t j) const {
    return args_.h0 ? args_.h0 + seq_.batch(j) * layer_.P : start_h_;
  }
  void set_cell(ptrdiff_t j, ptrdiff_t from, ptrdiff_t to) const {
    for (ptrdiff_t k = 0; k < layer_.cell.states; ++k) {
      const T* c = args_.c0 ? args_.c0 + seq_.batch(j) * layer_.c_size() + k * layer_.H
                            : start_c_ + k * layer_.Hp;
      std::copy(c + from, c + to, cell(j) + k * layer_.Hp + from);
    }
  }

  void keep_cell(ptrdiff_t s, ptrdiff_t j, ptrdiff_t from, ptrdiff_t to) const {
    T* kept = args_.segments.cell(s, seq_.batch(j), seq_.B, layer_.c_size());
    for (ptrdiff_t k = 0; k < layer_.cell.states; ++k) {
      const T* c = cell(j) + k * layer_.Hp;
      std::copy(c + from, c + to, kept + k * layer_.H + from);
    }
  }

  // Pre-activations b + W x of the share's columns; row j of step s at ((s - first) B + j).
  void input_share(ptrdiff_t first, ptrdiff_t end, int k) const {
    const Arena::Scope scope;
    const ptrdiff_t column = tiled() ? first_piece(k) * layer_.piece() : 0;
    const ptrdiff_t columns =
        std::min(layer_.columns, first_piece(k + 1) * layer_.piece()) - column;
    const ptrdiff_t most = (end - first) * seq_.B;
    const T** x = take<const T*>(most);
    const T** init = take<const T*>(most);
    T** pre = take<T*>(most);
    ptrdiff_t rows = 0;
    for (ptrdiff_t s = first; s < end; ++s) {
      const ptrdiff_t t = seq_.time(s), active = seq_.active(t);
      for (ptrdiff_t j = 0; j < active; ++j, ++rows) {
        x[rows] = args_.x.at(t, seq_.batch(j));
        init[rows] = layer_.start() + column;
        pre[rows] = pre_ + ((s - first) * seq_.B + j) * layer_.columns + column;
      }
    }
    if (tiled()) {
      kernel_table<T>().gemm({rows, layer_.I, columns, x, 1, layer_.w(column), init, pre});
    } else {
      input_sums(layer_, rows, x, init, pre, units(k));
    }
  }

  void step(ptrdiff_t s, ptrdiff_t row, int k) const {
    const ptrdiff_t t = seq_.time(s), active = seq_.active(t);
    const ptrdiff_t from = first_piece(k), to = first_piece(k + 1);
    const Units own = units(k);
    const ptrdiff_t last = std::min(layer_.H, own.end);
    const bool descending = s % 2 != 0;
    const T *h[kMostRows], *init[kMostRows];
    T *c[kMostRows], *next[kMostRows], *y[kMostRows], *tape[kMostRows], *pre[kMostRows];
    for (ptrdiff_t j = 0; j < active; ++j) {
      const ptrdiff_t b = seq_.batch(j);
      h[j] = seq_.starts(t, j) ? initial_h(j) : args_.y.at(seq_.previous(t), b);
      init[j] = pre[j] = pre_ + (row * seq_.B + j) * layer_.columns;
      c[j] = cell(j);
      next[j] = hidden(j);
      if (seq_.starts(t, j)) std::copy(h[j] + own.first, h[j] + last, next[j] + own.first);
      y[j] = args_.y.at(t, b);
      if (args_.tape) tape[j] = args_.tape.at(t, b);
      if (seq_.restarts(t, j)) set_cell(j, own.first, last);
      if (args_.segments.begin_at(s)) keep_cell(s, j, own.first, last);
    }
    if (!tiled()) {
      // In h_next_ each thread has the h of its units in whole vectors.
      cell_step(layer_,
                {active, pre, h, c, next, y, args_.tape ? tape : nullptr, nullptr, own, next});
    } else if (layer_.cell.mode == Mode::kLstm) {
      kernel_table<T>().lstm_forward_step({active, layer_.H, 0, layer_.P, nullptr, h, layer_.w(),
                                           layer_.r(), init, c, next, y,
                                           args_.tape ? tape : nullptr, from, to, descending});
    } else {
      kernel_table<T>().rnn_forward_step(
          {active, layer_.H, 0, layer_.P, nullptr, h, layer_.w(), layer_.r(), init, next, y,
           layer_.cell.mode == Mode::kRnnRelu, from, to, descending});
    }
  }

  const Layer<T>& layer_;
  const Sequence& seq_;
  const ForwardArgs<T>& args_;
  const int n_;
  const ptrdiff_t steps_, block_;
  T* const start_h_;  // (Hp)
  T* const start_c_;  // [states][Hp]
  T* const h_next_;   // [B][Hp]: what the kernel writes in whole vectors; h_{t-1} is read from y
  T* const c_;        // [B][states][Hp]
  T* const pre_;      // [block][B][columns]: b + W x
};

// Whether n threads save more than their meetings cost. One sequence cannot be divided otherwise;
// its weights pass at about 40 multiply-adds a nanosecond. A batch could be divided by rows: below
// three rows a thread that wastes a tenth to a third, more than any meeting from 2^18 multiply-adds
// on.
bool worth_meeting(const Sequence& sequence, ptrdiff_t work, ptrdiff_t n) {
  constexpr double kPerNanosecond = 40, kStart = 8000;
  const auto steps = static_cast<double>(sequence.steps()), threads = static_cast<double>(n);
  const double saved = static_cast<double>(work) / kPerNanosecond * (1 - 1 / threads);
  if (sequence.B > 1) return steps >= 4;
  return steps * saved > kStart && steps * (saved - 1.3 * meeting_ns(static_cast<int>(n))) > kStart;
}

}  // namespace

template <class T>
bool forward_team(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
                  int threads) {
  const ptrdiff_t B = sequence.B, work = B * layer.columns * layer.P, least = B == 1 ? 13 : 18;
  // A tile of a tiled cell needs two pieces to be busy.
  const ptrdiff_t pieces = layer.pieces() / (layer.cell.tiled() ? 2 : 1);
  const ptrdiff_t n = std::min<ptrdiff_t>({threads, kMost, work >> least, pieces});
  if (B >= 3 * n || n < 2 || layer.projected || args.masks || !worth_meeting(sequence, work, n))
    return false;
  const Arena::Scope scope;
  Team<T> team(layer, sequence, args, static_cast<int>(n));
  Lockstep lockstep(static_cast<int>(n));
  parallel_for(static_cast<int>(n), [&](int k) {
    const FlushDenormals flush;
    lockstep.run(k, team.phases(), [&](ptrdiff_t phase, int j) { team.share(phase, j); });
  });
  team.finish();
  return true;
}

template bool forward_team<float>(const Layer<float>&, const Sequence&, const ForwardArgs<float>&,
                                  int);
template bool forward_team<double>(const Layer<double>&, const Sequence&,
                                   const ForwardArgs<double>&, int);

}  // namespace glasscell
