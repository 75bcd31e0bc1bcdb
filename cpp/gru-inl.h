// The GRU (Cho 2014, in cuDNN's form) after its products: a claim about the bits of its program.
//
//   r = sigmoid(a_r)   z = sigmoid(a_z)   n = tanh(n_x + r * n_h)   h_t = (1 - z) * n + z * h_{t-1}
//
// with n_x = W_n x + b_in and n_h = R_n h + b_hn. Every operation rounds once, in the order
// written.
#pragma once
#include "activations-inl.h"
#include "kernels.h"
#include "partial-inl.h"

namespace glasscell::GC_ISA {

template <class T, bool kTape>
void gru_cells(const GruArgs<T>& s) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  const ptrdiff_t Hp = round_up(s.H, VL), end = s.end_unit < 0 ? Hp : s.end_unit;
  const V one = V::set(T(1));
  for (ptrdiff_t m = 0; m < s.rows; ++m) {
    for (ptrdiff_t u = s.first_unit; u < end; u += VL) {
      const T* pre = s.pre[m] + u;
      const V r = sigmoid<T>(V::load(pre + Hp));
      const V z = sigmoid<T>(V::load(pre + 2 * Hp));
      const V n_h = V::load(pre + 3 * Hp);
      const V n = tanh<T>(add(V::load(pre), mul(r, n_h)));
      const V h = add(mul(sub(one, z), n), mul(z, V::load(s.h[m] + u)));
      h.store(s.h_next[m] + u);
      if (s.y) store_upto<T>(h, s.y[m] + u, s.H - u);
      if constexpr (kTape) {
        T* tape = s.tape[m] + u;
        r.store(tape);
        z.store(tape + Hp);
        n.store(tape + 2 * Hp);
        n_h.store(tape + 3 * Hp);
      }
    }
  }
}

template <class T>
void gru_forward_pointwise(const GruArgs<T>& s) {
  if (s.tape) {
    gru_cells<T, true>(s);
  } else {
    gru_cells<T, false>(s);
  }
}

// dh = dy + dh'
// dn = dh (1 - z)      dz = dh h_{t-1} - dh n     dh_{t-1} = dh z, and what comes through the sums
// da_n = dn (1 - n^2)  da_z = dz (z (1 - z))      da_nh = da_n r      da_r = da_n n_h (r (1 - r))
template <class T>
void gru_backward_pointwise(const GruBackwardArgs<T>& s) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  const ptrdiff_t Hp = round_up(s.H, VL);
  const V one = V::set(T(1));
  for (ptrdiff_t m = 0; m < s.rows; ++m) {
    const T* dy = s.dy ? s.dy[m] : nullptr;
    for (ptrdiff_t u = 0; u < Hp; u += VL) {
      const ptrdiff_t left = s.H - u;
      const T* tape = s.tape[m] + u;
      const V r = load_upto<T>(tape, left), z = load_upto<T>(tape + Hp, left);
      const V n = load_upto<T>(tape + 2 * Hp, left), n_h = load_upto<T>(tape + 3 * Hp, left);
      const V h = load_upto<T>(s.h_prev[m] + u, left);
      V dh = V::load(s.dh[m] + u);
      if (dy) dh = add(load_upto<T>(dy + u, left), dh);
      const V dz = sub(mul(dh, h), mul(dh, n));
      const V da_n = mul(mul(dh, sub(one, z)), sub(one, mul(n, n)));
      T* da = s.da[m] + u;
      store_upto<T>(da_n, da, left);
      store_upto<T>(mul(mul(da_n, n_h), mul(r, sub(one, r))), da + s.H, left);
      store_upto<T>(mul(dz, mul(z, sub(one, z))), da + 2 * s.H, left);
      store_upto<T>(mul(da_n, r), da + 3 * s.H, left);
      mul(dh, z).store(s.dh[m] + u);
      if (s.dh_out) store_upto<T>(dh, s.dh_out[m] + u, left);
    }
  }
}

}  // namespace glasscell::GC_ISA
