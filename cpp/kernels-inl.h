// The kernels, written once over Vec<T>; kernels_<isa>.cc includes this file after defining
//   GC_ISA      the namespace
//   GC_VECTORS  vectors in a panel: 2 with 16 registers (two passes over the gates), 4 with 32
// No standard library here: an inline std:: function compiled with wider instructions could be the
// copy that the linker keeps for the whole program.
#pragma once
#include <cstddef>
#include <cstdint>

#include "activations-inl.h"
#include "fingerprint-inl.h"
#include "gru-inl.h"
#include "kernels.h"
#include "partial-inl.h"

namespace glasscell::GC_ISA {

constexpr int kVectors = GC_VECTORS;
constexpr int kMaxRows = 6;  // 6 x 2 or 6 x 4 accumulators, the weights and one broadcast fit

// Panels advanced together so that at least 8 accumulators are in flight: two FMA ports with a
// latency of four cycles. More units, never a split of k, so every chain stays whole.
constexpr int panels_together(int rows) {
  return rows * kVectors >= 8 ? (rows == 3 && kVectors == 2 ? 2 : 1) : 8 / (rows * kVectors);
}

// S is the type in which weights are stored: T, Bfloat16 or int8_t.
// w[0 .. kBeside<S>): the vectors that lie beside each other at p.
template <class T>
GC_INLINE void widen(const T* p, Vec<T>* w) {
  w[0] = Vec<T>::load(p);
}
template <class T>
GC_INLINE void widen(const int8_t* p, Vec<T>* w) {
  w[0] = Vec<T>::load(p);
}
template <class T>
GC_INLINE void widen(const Bfloat16* p, Vec<T>* w) {
  w[0] = Vec<T>::template load_half<0>(p);
  w[1] = Vec<T>::template load_half<1>(p);
}

// acc[r][p * NV + v] += sum_k a[r][k * ka] * b[p][k][v], the panels `b_stride` elements apart.
template <class T, class S, int MR, int NV, int NP>
GC_INLINE void accumulate(const T* const* a, ptrdiff_t ka, ptrdiff_t K, const S* b,
                          ptrdiff_t b_stride, Vec<T> (&acc)[MR][NP * NV]) {
  using V = Vec<T>;
  constexpr int VL = V::kLanes, N = kBeside<S>, kWide = round_up(NV, N);
  const T* row[MR];
#pragma GCC unroll 6
  for (int r = 0; r < MR; ++r) row[r] = a[r];
  ptrdiff_t at = 0;
  for (ptrdiff_t k = 0; k < K; ++k) {
    if constexpr (MR > NP * NV) {
      // Tall tile: the weights stay in registers, one broadcast at a time.
      static_assert(NP == 1);
      V w[kWide];
#pragma GCC unroll 4
      for (int v = 0; v < kWide; v += N) widen<T>(b + v * VL, w + v);
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
        const V s = V::set(row[r][at]);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) acc[r][v] = fma(s, w[v], acc[r][v]);
      }
    } else {
      V s[MR];
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) s[r] = V::set(row[r][at]);
#pragma GCC unroll 12
      for (int j = 0; j < NP * kWide; j += N) {
        V w[N];
        widen<T>(b + (j / kWide) * b_stride + (j % kWide) * VL, w);
#pragma GCC unroll 2
        for (int q = 0; q < N; ++q) {
          if (j % kWide + q >= NV) continue;
#pragma GCC unroll 6
          for (int r = 0; r < MR; ++r) {
            V& sum = acc[r][(j / kWide) * NV + j % kWide + q];
            sum = fma(s[r], w[q], sum);
          }
        }
      }
    }
    b += kWide * VL;
    at += ka;
  }
}

// Ends a sum over integers: acc = bias + scale * acc, `column` the first of the tile.
template <class T, class S, int MR, int N>
GC_INLINE void apply_scale(const Panels<T>& b, ptrdiff_t column, Vec<T> (&acc)[MR][N]) {
  if constexpr (sizeof(S) == 1) {
    if (!b.scale) return;
#pragma GCC unroll 12
    for (int j = 0; j < N; ++j) {
      const ptrdiff_t at = column + j * Vec<T>::kLanes;
      const Vec<T> scale = Vec<T>::load(b.scale + at), bias = Vec<T>::load(b.bias + at);
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) acc[r][j] = fma(acc[r][j], scale, bias);
    }
  }
}

// Calls f with a value of the type in which the numbers are stored; a double only as itself.
template <class T, class F>
GC_INLINE void with_type_of(Storage storage, const F& f) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (storage == Storage::kBfloat16) return f(Bfloat16{});
    if (storage == Storage::kInt8) return f(int8_t{});
  }
  f(T{});
}

// Calls f.template run<MR>(first row) for tiles of nearly equal height <= kMaxRows.
template <class F>
GC_INLINE void for_row_tiles(ptrdiff_t rows, const F& f) {
  const ptrdiff_t tiles = (rows + kMaxRows - 1) / kMaxRows;
  if (tiles == 0) return;
  const ptrdiff_t height = rows / tiles, taller = rows % tiles;
  ptrdiff_t first = 0;
  for (ptrdiff_t tile = 0; tile < tiles; ++tile) {
    const ptrdiff_t h = height + (tile < taller ? 1 : 0);
    switch (h) {
      case 1:
        f.template run<1>(first);
        break;
      case 2:
        f.template run<2>(first);
        break;
      case 3:
        f.template run<3>(first);
        break;
      case 4:
        f.template run<4>(first);
        break;
      case 5:
        f.template run<5>(first);
        break;
      default:
        f.template run<6>(first);
        break;
    }
    first += h;
  }
}

// ---------------------------------------------------------------------------------- products

template <class T, class S, int NV, int NP>
struct GemmTile {
  const GemmArgs<T>& g;
  ptrdiff_t column;  // first column of the panel
  const S* b;

  template <int MR>
  GC_INLINE void run(ptrdiff_t first) const {
    using V = Vec<T>;
    constexpr int VL = V::kLanes;
    const bool from_init = g.init && !g.init_last;
    V acc[MR][NP * NV];
#pragma GCC unroll 6
    for (int r = 0; r < MR; ++r) {
#pragma GCC unroll 12
      for (int j = 0; j < NP * NV; ++j) {
        acc[r][j] = from_init ? V::load(g.init[first + r] + column + j * VL) : V::set(T(0));
      }
    }
    // Known to be 1 for compressed weights: fewer registers for addresses, more for sums.
    const ptrdiff_t ka = sizeof(S) == sizeof(T) ? g.ka : 1;
    accumulate<T, S, MR, NV, NP>(g.a + first, ka, g.K, b, g.K * NV * VL, acc);
    apply_scale<T, S>(g.b, column, acc);
    if (g.init_last) {
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
#pragma GCC unroll 12
        for (int j = 0; j < NP * NV; ++j) {
          acc[r][j] = add(V::load(g.init[first + r] + column + j * VL), acc[r][j]);
        }
      }
    }
    const ptrdiff_t left = g.columns - column;
#pragma GCC unroll 6
    for (int r = 0; r < MR; ++r) {
      T* c = g.c[first + r] + column;
#pragma GCC unroll 12
      for (int j = 0; j < NP * NV; ++j) {
        const ptrdiff_t n = left - j * VL;
        if (n >= VL) {
          acc[r][j].store(c + j * VL);
        } else if (n > 0) {
          acc[r][j].store_n(c + j * VL, n);
        }
      }
    }
  }
};

template <class T, class S, int NV, int NP>
void gemm_panel(const GemmArgs<T>& g, ptrdiff_t column, const S* b) {
  for_row_tiles(g.rows, GemmTile<T, S, NV, NP>{g, column, b});
}

// With one to three rows several full panels advance together (see panels_together).
template <class T, class S, int MR>
GC_INLINE ptrdiff_t gemm_thin(const GemmArgs<T>& g, ptrdiff_t full, const S*& b) {
  constexpr int NP = panels_together(MR);
  constexpr ptrdiff_t W = kVectors * Vec<T>::kLanes;
  ptrdiff_t p = 0;
  for (; NP > 1 && p + NP <= full; p += NP) {
    GemmTile<T, S, kVectors, NP>{g, p * W, b}.template run<MR>(0);
    b += NP * g.K * W;
  }
  return p;
}

template <class T, class S>
void gemm_stored(const GemmArgs<T>& g) {
  constexpr ptrdiff_t VL = Vec<T>::kLanes, W = kVectors * VL;
  const ptrdiff_t width = round_up(g.columns, VL);
  const ptrdiff_t full = width / W;
  const S* b = static_cast<const S*>(g.b.data);
  ptrdiff_t p = 0;
  if (g.rows == 1) p = gemm_thin<T, S, 1>(g, full, b);
  if (g.rows == 2) p = gemm_thin<T, S, 2>(g, full, b);
  if (g.rows == 3) p = gemm_thin<T, S, 3>(g, full, b);
  for (; p < full; ++p) {
    gemm_panel<T, S, kVectors, 1>(g, p * W, b);
    b += g.K * W;
  }
  switch ((width - full * W) / VL) {
    case 1:
      gemm_panel<T, S, 1, 1>(g, full * W, b);
      break;
    case 2:
      if constexpr (kVectors > 2) gemm_panel<T, S, 2, 1>(g, full * W, b);
      break;
    case 3:
      if constexpr (kVectors > 3) gemm_panel<T, S, 3, 1>(g, full * W, b);
      break;
    default:
      break;
  }
}

template <class T>
void gemm(const GemmArgs<T>& g) {
  with_type_of<T>(g.b.storage, [&](auto stored) { gemm_stored<T, decltype(stored)>(g); });
}

// ------------------------------------------------------------------------------ LSTM forward

// Equations of the cell for `lanes` units of one row, from the pre-activations a_i a_f a_g a_o.
// C_t = f C_{t-1} + i g is rounded operation by operation, so that NumPy can repeat it exactly.
template <class T, bool kTape>
GC_INLINE void lstm_cell(const T* pre, T* c_state, T* h_next, T* y, ptrdiff_t n, T* tape,
                         ptrdiff_t Hp) {
  using V = Vec<T>;
  constexpr int VL = V::kLanes;
  const V i = sigmoid<T>(V::load(pre));
  const V f = sigmoid<T>(V::load(pre + VL));
  const V g = tanh<T>(V::load(pre + 2 * VL));
  const V o = sigmoid<T>(V::load(pre + 3 * VL));
  const V c = add(mul(f, V::load(c_state)), mul(i, g));
  const V h = mul(o, tanh<T>(c));
  c.store(c_state);
  h.store(h_next);
  if (y) {
    if (n >= VL) {
      h.store(y);
    } else {
      h.store_n(y, n);
    }
  }
  if constexpr (kTape) {
    i.store(tape);
    f.store(tape + Hp);
    g.store(tape + 2 * Hp);
    o.store(tape + 3 * Hp);
    c.store(tape + 4 * Hp);
  }
}

// The cells of neighbouring rows and unit blocks; pre is [rows][blocks][i f g o][lanes]. A function
// of its own: within a tile its constants would take the registers of the sums, where there are 16.
template <class T, bool kTape>
GC_NOINLINE void lstm_cells(const LstmStepArgs<T>& s, ptrdiff_t first, int rows, ptrdiff_t block,
                            int blocks, const T* pre) {
  constexpr int VL = Vec<T>::kLanes;
  const ptrdiff_t Hp = round_up(s.H, VL);
  for (int b = 0; b < blocks; ++b) {
    const ptrdiff_t u = (block + b) * VL;
    for (int r = 0; r < rows; ++r) {
      const ptrdiff_t m = first + r;
      lstm_cell<T, kTape>(pre + (r * blocks + b) * 4 * VL, s.c[m] + u, s.h_next[m] + u,
                          s.y ? s.y[m] + u : nullptr, s.H - u, kTape ? s.tape[m] + u : nullptr, Hp);
    }
  }
}

// `NB` unit blocks for all rows of one tile. Pre-activations pass through an L1 scratch, so one
// epilogue serves both register files; measured cost of that detour: see docs/performance.md.
template <class T, class S, bool kTape, int NB>
struct LstmTile {
  const LstmStepArgs<T>& s;
  ptrdiff_t block;

  template <int MR>
  GC_INLINE void run(ptrdiff_t first) const {
    using V = Vec<T>;
    constexpr int VL = V::kLanes;
    constexpr int kPanels = NB * 4 / kVectors;
    constexpr int NP = NB == 3 || panels_together(MR) > kPanels ? kPanels : panels_together(MR);
    constexpr ptrdiff_t W = kVectors * VL;
    alignas(64) T pre[MR][NB * 4 * VL];
    const ptrdiff_t base = block * 4 * VL;
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; p += NP) {
      const ptrdiff_t panel = block * (4 / kVectors) + p;
      V acc[MR][NP * kVectors];
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
#pragma GCC unroll 12
        for (int j = 0; j < NP * kVectors; ++j) {
          acc[r][j] = V::load(s.init[first + r] + base + p * W + j * VL);
        }
      }
      if (s.I) {
        const ptrdiff_t stride = s.I * W;
        const S* w = static_cast<const S*>(s.w.data) + panel * stride;
        accumulate<T, S, MR, kVectors, NP>(s.x + first, 1, s.I, w, stride, acc);
      }
      const ptrdiff_t stride = s.P * W;
      const S* r = static_cast<const S*>(s.r.data) + panel * stride;
      accumulate<T, S, MR, kVectors, NP>(s.h + first, 1, s.P, r, stride, acc);
      apply_scale<T, S>(s.r, base + p * W, acc);
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
#pragma GCC unroll 12
        for (int j = 0; j < NP * kVectors; ++j) acc[r][j].store(pre[r] + p * W + j * VL);
      }
    }
    lstm_cells<T, kTape>(s, first, MR, block, NB, pre[0]);
  }
};

template <class T, class S, bool kTape>
void lstm_step(const LstmStepArgs<T>& s) {
  const ptrdiff_t all = round_up(s.H, Vec<T>::kLanes) / Vec<T>::kLanes;
  const ptrdiff_t blocks = s.end_block < 0 ? all : s.end_block;
  ptrdiff_t block = s.first_block;
  if (s.rows == 1) {
    // Two blocks: 8 accumulators for the one row. A last odd block alone would have 4 and take as
    // long as two: it joins the pair before it.
    const ptrdiff_t count = blocks - block, pairs = count == 1 ? 0 : (count - count % 2 * 3) / 2;
    const auto rest = [&] {
      if (count == 1) LstmTile<T, S, kTape, 1>{s, block}.template run<1>(0);
      if (count > 1 && count % 2) LstmTile<T, S, kTape, 3>{s, blocks - 3}.template run<1>(0);
    };
    if (s.descending) rest();
    for (ptrdiff_t p = 0; p < pairs; ++p) {
      const ptrdiff_t pair = s.descending ? pairs - 1 - p : p;
      LstmTile<T, S, kTape, 2>{s, block + 2 * pair}.template run<1>(0);
    }
    if (!s.descending) rest();
    return;
  }
  for (ptrdiff_t b = block; b < blocks; ++b) {
    const ptrdiff_t at = s.descending ? blocks - 1 - (b - block) : b;
    for_row_tiles(s.rows, LstmTile<T, S, kTape, 1>{s, at});
  }
}

template <class T>
void lstm_forward_step(const LstmStepArgs<T>& s) {
  with_type_of<T>(s.r.storage, [&](auto stored) {
    if (s.tape) {
      lstm_step<T, decltype(stored), true>(s);
    } else {
      lstm_step<T, decltype(stored), false>(s);
    }
  });
}

// ------------------------------------------------------------------------------- RNN forward

template <class T, class S, bool kRelu, int NV, int NP>
struct RnnTile {
  const RnnStepArgs<T>& s;
  ptrdiff_t column;

  template <int MR>
  GC_INLINE void run(ptrdiff_t first) const {
    using V = Vec<T>;
    constexpr int VL = V::kLanes;
    V acc[MR][NP * NV];
#pragma GCC unroll 6
    for (int m = 0; m < MR; ++m) {
#pragma GCC unroll 12
      for (int j = 0; j < NP * NV; ++j) acc[m][j] = V::load(s.init[first + m] + column + j * VL);
    }
    if (s.I) {
      const S* w = static_cast<const S*>(s.w.data) + column * s.I;
      accumulate<T, S, MR, NV, NP>(s.x + first, 1, s.I, w, s.I * NV * VL, acc);
    }
    const S* r = static_cast<const S*>(s.r.data) + column * s.P;
    accumulate<T, S, MR, NV, NP>(s.h + first, 1, s.P, r, s.P * NV * VL, acc);
    apply_scale<T, S>(s.r, column, acc);
#pragma GCC unroll 6
    for (int m = 0; m < MR; ++m) {
#pragma GCC unroll 12
      for (int j = 0; j < NP * NV; ++j) {
        const V h = kRelu ? max(V::set(T(0)), acc[m][j]) : tanh<T>(acc[m][j]);
        const ptrdiff_t u = column + j * VL;
        h.store(s.h_next[first + m] + u);
        if (s.H - u >= VL) {
          h.store(s.y[first + m] + u);
        } else {
          h.store_n(s.y[first + m] + u, s.H - u);
        }
      }
    }
  }
};

template <class T, class S, bool kRelu, int NV>
void rnn_tiles(const RnnStepArgs<T>& s, ptrdiff_t column) {
  for_row_tiles(s.rows, RnnTile<T, S, kRelu, NV, 1>{s, column});
}

template <class T, class S, bool kRelu>
void rnn_panel(const RnnStepArgs<T>& s, ptrdiff_t panel) {
  constexpr ptrdiff_t VL = Vec<T>::kLanes;
  const ptrdiff_t column = panel * kVectors * VL;
  switch ((round_up(s.H, VL) - column) / VL) {
    case 1:
      rnn_tiles<T, S, kRelu, 1>(s, column);
      break;
    case 2:
      rnn_tiles<T, S, kRelu, 2>(s, column);
      break;
    case 3:
      rnn_tiles<T, S, kRelu, (kVectors < 3 ? kVectors : 3)>(s, column);
      break;
    default:
      rnn_tiles<T, S, kRelu, kVectors>(s, column);
      break;
  }
}

template <class T, class S, bool kRelu>
void rnn_step(const RnnStepArgs<T>& s) {
  constexpr ptrdiff_t W = kVectors * Vec<T>::kLanes;
  constexpr int NP = panels_together(1);
  const ptrdiff_t width = round_up(s.H, Vec<T>::kLanes), first = s.first_panel;
  const ptrdiff_t end = s.end_panel < 0 ? (width + W - 1) / W : s.end_panel;
  const ptrdiff_t full = width / W < end ? width / W : end;
  // One row: full panels advance together, for 8 accumulators.
  const ptrdiff_t groups = s.rows == 1 && full > first ? (full - first) / NP : 0;
  const ptrdiff_t rest = first + groups * NP;
  for (ptrdiff_t p = end; s.descending && p-- > rest;) rnn_panel<T, S, kRelu>(s, p);
  for (ptrdiff_t g = 0; g < groups; ++g) {
    const ptrdiff_t column = (first + (s.descending ? groups - 1 - g : g) * NP) * W;
    RnnTile<T, S, kRelu, kVectors, NP>{s, column}.template run<1>(0);
  }
  for (ptrdiff_t p = rest; !s.descending && p < end; ++p) rnn_panel<T, S, kRelu>(s, p);
}

template <class T>
void rnn_forward_step(const RnnStepArgs<T>& s) {
  with_type_of<T>(s.r.storage, [&](auto stored) {
    if (s.relu) {
      rnn_step<T, decltype(stored), true>(s);
    } else {
      rnn_step<T, decltype(stored), false>(s);
    }
  });
}

// ---------------------------------------------------------------------------------- backward

// dh = dy + dh';  dC += dh o (1 - tanh(C)^2)
// da_o = dh tanh(C) o (1-o);  da_i = dC g i (1-i);  da_f = dC C_{t-1} f (1-f);  da_g = dC i (1-g^2)
// dC_{t-1} = dC f
template <class T>
void lstm_backward_pointwise(const LstmBackwardArgs<T>& s) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  const ptrdiff_t Hp = round_up(s.H, VL);
  const V one = V::set(T(1));
  for (ptrdiff_t m = 0; m < s.rows; ++m) {
    const T* tape = s.tape[m];
    const T* dy = s.dy ? s.dy[m] : nullptr;
    for (ptrdiff_t u = 0; u < Hp; u += VL) {
      const ptrdiff_t n = s.H - u;
      const V i = load_upto<T>(tape + u, n), f = load_upto<T>(tape + Hp + u, n);
      const V g = load_upto<T>(tape + 2 * Hp + u, n), o = load_upto<T>(tape + 3 * Hp + u, n);
      const V c = load_upto<T>(tape + 4 * Hp + u, n);
      const V c_prev = load_upto<T>(s.c_prev[m] + u, n);
      V dh = V::load(s.dh[m] + u);
      if (dy) dh = add(load_upto<T>(dy + u, n), dh);
      const V tc = tanh<T>(c);
      const V dc = add(V::load(s.dc[m] + u), mul(mul(dh, o), sub(one, mul(tc, tc))));
      const V da_i = mul(mul(dc, g), mul(i, sub(one, i)));
      const V da_f = mul(mul(dc, c_prev), mul(f, sub(one, f)));
      const V da_g = mul(mul(dc, i), sub(one, mul(g, g)));
      const V da_o = mul(mul(dh, tc), mul(o, sub(one, o)));
      T* da = s.da[m] + u;
      store_upto<T>(da_i, da, n);
      store_upto<T>(da_f, da + s.H, n);
      store_upto<T>(da_g, da + 2 * s.H, n);
      store_upto<T>(da_o, da + 3 * s.H, n);
      mul(dc, f).store(s.dc[m] + u);
      if (s.dh_out) store_upto<T>(dh, s.dh_out[m] + u, n);
      if (s.dc_out) store_upto<T>(dc, s.dc_out[m] + u, n);
    }
  }
}

// dh = dy + dh';  da = dh (1 - h^2), or dh where h > 0 for relu
template <class T>
void rnn_backward_pointwise(const RnnBackwardArgs<T>& s) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  const V one = V::set(T(1));
  for (ptrdiff_t m = 0; m < s.rows; ++m) {
    const T* dy = s.dy ? s.dy[m] : nullptr;
    for (ptrdiff_t u = 0; u < s.H; u += VL) {
      const ptrdiff_t n = s.H - u;
      const V h = load_upto<T>(s.h[m] + u, n);
      V dh = V::load(s.dh[m] + u);
      if (dy) dh = add(load_upto<T>(dy + u, n), dh);
      const V da = s.relu ? where_positive(h, dh) : mul(dh, sub(one, mul(h, h)));
      da.store(s.da[m] + u);
      if (s.dh_out) store_upto<T>(dh, s.dh_out[m] + u, n);
    }
  }
}

}  // namespace glasscell::GC_ISA

// Written over load_upto.
#include "program-inl.h"

namespace glasscell::GC_ISA {

// ------------------------------------------------------------------------- functions by element

template <class T, Vec<T> (*kFunction)(Vec<T>)>
void map(ptrdiff_t n, const T* x, T* y) {
  constexpr ptrdiff_t VL = Vec<T>::kLanes;
  for (ptrdiff_t k = 0; k < n; k += VL) {
    store_upto<T>(kFunction(load_upto<T>(x + k, n - k)), y + k, n - k);
  }
}

template <class T>
ptrdiff_t fma_burst(ptrdiff_t iterations, T* sink) {
  using V = Vec<T>;
  constexpr int kChains = 12;  // enough for any latency here, and they fit 16 registers
  V acc[kChains];
#pragma GCC unroll 12
  for (int j = 0; j < kChains; ++j) acc[j] = V::set(T(j));
  const V a = V::set(T(0.999)), b = V::set(T(0.001));
  for (ptrdiff_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) acc[j] = fma(acc[j], a, b);
  }
  V sum = acc[0];
#pragma GCC unroll 12
  for (int j = 1; j < kChains; ++j) sum = add(sum, acc[j]);
  sum.store_n(sink, 1);
  return 2 * kChains * V::kLanes * iterations;
}

template <class T>
ptrdiff_t read_burst(ptrdiff_t n, const T* data, ptrdiff_t passes, T* sink) {
  using V = Vec<T>;
  constexpr int kChains = 8;  // two loads a cycle, an addition of up to four cycles after each
  constexpr ptrdiff_t kStride = kChains * V::kLanes;
  V acc[kChains];
#pragma GCC unroll 8
  for (int j = 0; j < kChains; ++j) acc[j] = V::set(T(0));
  const ptrdiff_t end = n / kStride * kStride;
  for (ptrdiff_t pass = 0; pass < passes; ++pass) {
    for (ptrdiff_t k = 0; k < end; k += kStride) {
#pragma GCC unroll 8
      for (int j = 0; j < kChains; ++j) acc[j] = add(acc[j], V::load(data + k + j * V::kLanes));
    }
  }
#pragma GCC unroll 8
  for (int j = 1; j < kChains; ++j) acc[0] = add(acc[0], acc[j]);
  acc[0].store_n(sink, 1);
  return static_cast<ptrdiff_t>(sizeof(T)) * end * passes;
}

template <class T>
constexpr KernelTable<T> table() {
  return {Vec<T>::kLanes,
          kVectors * Vec<T>::kLanes,
          gemm<T>,
          lstm_forward_step<T>,
          rnn_forward_step<T>,
          lstm_backward_pointwise<T>,
          rnn_backward_pointwise<T>,
          gru_forward_pointwise<T>,
          gru_backward_pointwise<T>,
          run_program<T>,
          map<T, sigmoid<T>>,
          map<T, tanh<T>>,
          map<T, exp<T>>,
          map<T, log_sigmoid<T>>,
          fma_burst<T>,
          read_burst<T>};
}

}  // namespace glasscell::GC_ISA
