// sigmoid, tanh, exp and log_sigmoid for one vector, from one exponential. Included once per
// instruction set.
//
//   function     type    max error  range
//   sigmoid      float   2.5 ULP    -inf <= x <= -1     0 below -87.3 (subnormals are flushed)
//   sigmoid      float   2.0 ULP    -1 <= x <= 1
//   sigmoid      float   1.5 ULP    1 <= x <= inf       1 from 17.4
//   sigmoid      double  2.5 ULP    -inf <= x <= -1     0 below -708.4
//   sigmoid      double  2.0 ULP    -1 <= x <= 1
//   sigmoid      double  1.5 ULP    1 <= x <= inf
//   tanh         float   2.5 ULP    0 <= |x| <= 0.25    odd to the bit
//   tanh         float   2.2 ULP    0.25 <= |x| <= 1
//   tanh         float   1.5 ULP    1 <= |x| <= inf     +-1 from 9.02
//   tanh         double  2.6 ULP    0 <= |x| <= 0.25
//   tanh         double  2.2 ULP    0.25 <= |x| <= 1
//   tanh         double  1.5 ULP    1 <= |x| <= inf
//   exp          float   1.1 ULP    -inf <= x <= -1     0 below -87.34
//   exp          float   1.0 ULP    -1 <= x <= 1        1 at 0
//   exp          float   1.1 ULP    1 <= x <= inf       inf from 88.73
//   exp          double  1.1 ULP    -inf <= x <= -1     0 below -708.4
//   exp          double  1.1 ULP    -1 <= x <= 1
//   exp          double  1.1 ULP    1 <= x <= inf       inf from 709.8
//   log_sigmoid  float   0.9 ULP    -inf <= x <= -1     x itself below -17.4
//   log_sigmoid  float   1.9 ULP    -1 <= x <= 1
//   log_sigmoid  float   1.7 ULP    1 <= x <= inf       in the end -exp(-x), 0 from 87.34
//   log_sigmoid  double  0.9 ULP    -inf <= x <= -1
//   log_sigmoid  double  1.9 ULP    -1 <= x <= 1
//   log_sigmoid  double  1.7 ULP    1 <= x <= inf       0 from 708.4
//
// NaN stays NaN. The bounds for float are measured over every float (benchmarks/ulp.py), those for
// double over 2^24 of them; tests/test_activations.py reads this table and walks a part of both.
// A rational tanh (odd 11 over even 8) would save four operations of seventeen, but its best fit
// rounds to 5 ULP near |x| = 6 (measured).
#pragma once

namespace glasscell::GC_ISA {

template <class T>
struct ExpConstants;

// exp(r) - 1 = r + r^2 q(r) on |r| <= ln(2)/2; q interpolates at Chebyshev nodes, relative error
// 2.4e-8 (float) and 4e-17 (double) before rounding; one degree more changes no bound above. ln2_hi
// has trailing zeros: n * ln2_hi is exact.
template <>
struct ExpConstants<float> {
  static constexpr float kLog2e = 0x1.715476p+0f;
  static constexpr float kMagic = 0x1.8p+23f;
  static constexpr float kMagicLast = 0x1.8p+23f + 127.0f;  // of the largest 2^n
  static constexpr float kLn2Hi = 0x1.62e4p-1f;
  static constexpr float kLn2Lo = 0x1.7f7d1cp-20f;
  static constexpr float kLowest = -87.3f;   // n >= -126: 2^n is a normal number
  static constexpr float kHighest = 88.3f;   // n <= 127
  static constexpr float kZero = -88.0f;     // n = -127, for which pow2 gives 0
  static constexpr float kInfinite = 89.0f;  // n = 128, and exp(89) > 2^128
  static constexpr float kTanhOne = 10.0f;   // 1 - tanh(10) = 4e-9: rounds to 1
  static constexpr int kDegree = 4;
  static constexpr float kQ[kDegree + 1] = {0x1p-1f, 0x1.5554dep-3f, 0x1.55551ap-5f, 0x1.120b62p-7f,
                                            0x1.6d10fcp-10f};
};
template <>
struct ExpConstants<double> {
  static constexpr double kLog2e = 0x1.71547652b82fep+0;
  static constexpr double kMagic = 0x1.8p+52;
  static constexpr double kMagicLast = 0x1.8p+52 + 1023.0;
  static constexpr double kLn2Hi = 0x1.62e42feep-1;
  static constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;
  static constexpr double kLowest = -708.0;
  static constexpr double kHighest = 709.0;
  static constexpr double kZero = -709.0;
  static constexpr double kInfinite = 710.0;
  static constexpr double kTanhOne = 20.0;  // 1 - tanh(20) = 8e-18: rounds to 1
  static constexpr int kDegree = 9;
  static constexpr double kQ[kDegree + 1] = {
      0x1.0000000000001p-1,  0x1.5555555555556p-3,  0x1.5555555553d5ep-5,  0x1.11111111109b2p-7,
      0x1.6c16c1788dc33p-10, 0x1.a01a01a7c54aep-13, 0x1.a019b905bafb1p-16, 0x1.71de0da9d06acp-19,
      0x1.28918e390a71ep-22, 0x1.af38b4925be09p-26};
};

// exp(y) = scale + scale * rest, with scale = 2^n and rest = exp(r) - 1, y = n ln2 + r.
// magic holds n as pow2 reads it.
template <class T>
struct ExpParts {
  Vec<T> scale, rest, magic;
};

template <class T>
GC_INLINE ExpParts<T> exp_parts(Vec<T> y) {
  using V = Vec<T>;
  using C = ExpConstants<T>;
  const V magic = fma(y, V::set(C::kLog2e), V::set(C::kMagic));
  const V n = sub(magic, V::set(C::kMagic));
  V r = fma(n, V::set(-C::kLn2Hi), y);
  r = fma(n, V::set(-C::kLn2Lo), r);
  V q = V::set(C::kQ[C::kDegree]);
#pragma GCC unroll 16
  for (int k = C::kDegree - 1; k >= 0; --k) q = fma(q, r, V::set(C::kQ[k]));
  return {pow2(magic), fma(mul(r, r), q, r), magic};
}

// sigmoid(x) = 1 / (1 + exp(-x))
template <class T>
GC_INLINE Vec<T> sigmoid(Vec<T> x) {
  using V = Vec<T>;
  using C = ExpConstants<T>;
  const V y = max(V::set(C::kLowest), min(V::set(C::kHighest), sub(V::set(T(0)), x)));
  const ExpParts<T> e = exp_parts<T>(y);
  return div(V::set(T(1)), add(V::set(T(1)), fma(e.scale, e.rest, e.scale)));
}

// tanh(x) = sign(x) m / (m + 2), m = exp(2|x|) - 1: no cancellation, so the error stays relative.
template <class T>
GC_INLINE Vec<T> tanh(Vec<T> x) {
  using V = Vec<T>;
  using C = ExpConstants<T>;
  const V a = min(V::set(C::kTanhOne), abs(x));
  const ExpParts<T> e = exp_parts<T>(add(a, a));
  const V m = fma(e.scale, e.rest, sub(e.scale, V::set(T(1))));
  return copysign(div(m, add(m, V::set(T(2)))), x);
}

// exp(x). The largest power of two that a number can hold ends half a binade below the largest
// result: there the sum is made with it and doubled, which is exact, or the infinity that is due.
template <class T>
GC_INLINE Vec<T> exp(Vec<T> x) {
  using V = Vec<T>;
  using C = ExpConstants<T>;
  const ExpParts<T> e = exp_parts<T>(max(V::set(C::kZero), min(V::set(C::kInfinite), x)));
  const V last = min(V::set(C::kMagicLast), e.magic), scale = pow2(last);
  const V y = fma(scale, e.rest, scale);
  return fma(sub(e.magic, last), y, y);
}

template <class T>
struct Log1pConstants;

// 2 atanh(s) = 2 s + s z q(z), z = s^2 <= 1/9; q interpolates at Chebyshev nodes, relative error of
// the whole 4e-10 (float) and 5e-18 (double) before rounding; one degree less, 1.6e-8 and 1.8e-16,
// would be seen.
template <>
struct Log1pConstants<float> {
  static constexpr int kDegree = 4;
  static constexpr float kQ[kDegree + 1] = {0x1.555556p-1f, 0x1.9998d4p-2f, 0x1.24c92cp-2f,
                                            0x1.bc8c5ep-3f, 0x1.dba57ap-3f};
};
template <>
struct Log1pConstants<double> {
  static constexpr int kDegree = 9;
  static constexpr double kQ[kDegree + 1] = {
      0x1.5555555555555p-1, 0x1.999999999a3dfp-2, 0x1.24924923d422cp-2, 0x1.c71c727164156p-3,
      0x1.745cf0aa6a011p-3, 0x1.3b18b34a260a3p-3, 0x1.10ac6a3d3e5f6p-3, 0x1.eb913ba3ef69ep-4,
      0x1.687604d0c86a1p-4, 0x1.4b0ed4be611b2p-3};
};

// log(1 + e) for 0 <= e <= 1: 2 atanh(s) with s = e / (2 + e). As 2 s = e - e s, the sum starts
// from e itself, and the rounding of s counts by a third at most.
template <class T>
GC_INLINE Vec<T> log1p_upto_one(Vec<T> e) {
  using V = Vec<T>;
  using C = Log1pConstants<T>;
  const V s = div(e, add(V::set(T(2)), e)), z = mul(s, s);
  V q = V::set(C::kQ[C::kDegree]);
#pragma GCC unroll 16
  for (int k = C::kDegree - 1; k >= 0; --k) q = fma(q, z, V::set(C::kQ[k]));
  return fma(s, fma(z, q, sub(V::set(T(0)), e)), e);
}

// log_sigmoid(x) = log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|)): both terms have one sign.
template <class T>
GC_INLINE Vec<T> log_sigmoid(Vec<T> x) {
  using V = Vec<T>;
  const V zero = V::set(T(0));
  const ExpParts<T> e = exp_parts<T>(max(V::set(ExpConstants<T>::kZero), sub(zero, abs(x))));
  return sub(min(zero, x), log1p_upto_one<T>(fma(e.scale, e.rest, e.scale)));
}

}  // namespace glasscell::GC_ISA
