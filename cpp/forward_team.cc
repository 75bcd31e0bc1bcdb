// One sequence, several threads: hidden units are divided, and all meet after every time step.
#include <algorithm>

#include "arena.h"
#include "cpu.h"
#include "forward.h"
#include "kernels.h"
#include "lockstep.h"
#include "pool.h"

namespace glasscell {
namespace {

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
            kBlockBytes / (layer.columns * static_cast<ptrdiff_t>(sizeof(T))), 1, steps_)) {
    const auto take = [](ptrdiff_t n) {
      return Arena::mine().take<T>(static_cast<std::size_t>(n));
    };
    for (T*& h : h_) h = take(layer.Hp);
    initial_h_ = take(layer.Hp);
    c_ = take(layer.Hp);
    pre_ = take(block_ * layer.columns);
    const ptrdiff_t P = layer.P, H = layer.H;
    std::fill(initial_h_, initial_h_ + layer.Hp, T(0));
    std::fill(c_, c_ + layer.Hp, T(0));
    if (args.h0) std::copy(args.h0, args.h0 + P, initial_h_);
    if (args.c0) std::copy(args.c0, args.c0 + H, c_);
  }

  // A block of steps is one phase for W x and one for each step.
  ptrdiff_t phases() const { return steps_ + (steps_ + block_ - 1) / block_; }

  void share(ptrdiff_t phase, int j) {
    const ptrdiff_t block = phase / (block_ + 1), within = phase % (block_ + 1);
    const ptrdiff_t first = block * block_;
    if (within == 0) {
      input_share(first, std::min(steps_, first + block_), j);
    } else {
      step(first + within - 1, within - 1, j);
    }
  }

  void finish() {
    const T* h = steps_ ? h_[(steps_ - 1) % 2] : initial_h_;
    std::copy(h, h + layer_.P, args_.h_n);
    if (args_.c_n) std::copy(c_, c_ + layer_.H, args_.c_n);
    for (ptrdiff_t t = steps_; !args_.y.packed && t < seq_.T; ++t) {
      std::fill(args_.y.at(t, 0), args_.y.at(t, 0) + layer_.P, T(0));
    }
  }

 private:
  static constexpr ptrdiff_t kBlockBytes = 128 << 10;

  ptrdiff_t first_piece(int j) const { return layer_.pieces() * j / n_; }

  void input_share(ptrdiff_t s, ptrdiff_t end, int j) const {
    const Arena::Scope scope;
    const ptrdiff_t column = first_piece(j) * layer_.piece();
    const ptrdiff_t columns =
        std::min(layer_.columns, first_piece(j + 1) * layer_.piece()) - column;
    const auto rows = static_cast<std::size_t>(end - s);
    const T** x = Arena::mine().take<const T*>(rows);
    const T** init = Arena::mine().take<const T*>(rows);
    T** pre = Arena::mine().take<T*>(rows);
    for (ptrdiff_t r = 0; r < end - s; ++r) {
      x[r] = args_.x.at(seq_.time(s + r), 0);
      init[r] = layer_.bias_sum() + column;
      pre[r] = pre_ + r * layer_.columns + column;
    }
    kernel_table<T>().gemm(
        {end - s, layer_.I, columns, x, 1, layer_.w() + column * layer_.I, init, pre});
  }

  void step(ptrdiff_t s, ptrdiff_t row, int j) const {
    const ptrdiff_t t = seq_.time(s), from = first_piece(j), to = first_piece(j + 1);
    const bool anew = seq_.restarts(t, 0), descending = s % 2 != 0;
    const T* h = s == 0 || anew ? initial_h_ : h_[(s - 1) % 2];
    const T* init = pre_ + row * layer_.columns;
    T* next = h_[s % 2];
    T* y = args_.y.at(t, 0);
    if (layer_.mode != Mode::kLstm) {
      kernel_table<T>().rnn_forward_step({1, layer_.H, 0, layer_.P, nullptr, &h, layer_.w(),
                                          layer_.r(), &init, &next, &y,
                                          layer_.mode == Mode::kRnnRelu, from, to, descending});
      return;
    }
    if (anew) {
      const ptrdiff_t lanes = layer_.piece() / 4, end = std::min(layer_.H, to * lanes);
      for (ptrdiff_t u = from * lanes; u < end; ++u) c_[u] = args_.c0 ? args_.c0[u] : T(0);
    }
    T* c = c_;
    T* tape = args_.tape ? args_.tape.at(t, 0) : nullptr;
    kernel_table<T>().lstm_forward_step({1, layer_.H, 0, layer_.P, nullptr, &h, layer_.w(),
                                         layer_.r(), &init, &c, &next, &y, tape ? &tape : nullptr,
                                         from, to, descending});
  }

  const Layer<T>& layer_;
  const Sequence& seq_;
  const ForwardArgs<T>& args_;
  const int n_;
  const ptrdiff_t steps_, block_;
  T* h_[2];       // (Hp): h of even and of odd steps
  T* initial_h_;  // (Hp)
  T* c_;          // (Hp), unused by an RNN
  T* pre_;        // [block][columns]: b + W x
};

}  // namespace

// More threads than this meet more often than they work.
constexpr ptrdiff_t kMost = 8;

template <class T>
bool forward_team(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
                  int threads) {
  // A meeting costs about 0.2 us: worth it from 2^13 multiply-adds a thread and step, and from two
  // pieces, which the kernel takes together.
  const ptrdiff_t n =
      std::min<ptrdiff_t>({threads, kMost, layer.columns * layer.P >> 13, layer.pieces() / 2});
  if (sequence.B != 1 || n < 2 || layer.projected || sequence.steps() < 4) {
    return false;
  }
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
