// One lane at a time: the portable build, and the documentation of the Vec interface.
//
// Every vec_*.h gives Vec<float> and Vec<double> with these operations, each rounding once as IEEE
// 754 says, so that one lane of any instruction set computes the same bits as this file:
//
//   load, store          whole vectors, any alignment
//   load_n, store_n      the first n lanes (0 < n < kLanes); load_n fills the rest with zeros
//   load(int8_t*)        float only: kLanes small integers, exactly
//   load_half<k>         float only: of kLanes pairs of bfloat16 the first (k = 0) or the second
//   set                  one value in all lanes
//   add sub mul div      as written
//   fma(a, b, c)         a*b + c with one rounding
//   min(a, b), max(a, b) b if either is NaN: min(limit, x) keeps a NaN in x
//   sqrt                 as written
//   abs, copysign        sign bit only
//   pow2(m)              2^n from m = n + 1.5 * 2^(mantissa bits): n sits in m's low bits
//   where_positive(x, y) y where x > 0, else 0
//
// and Words, kCount (1 to 8) 64-bit integers: load, store (any alignment), set, add, and
//
//   fold(m)              m ^ (m >> 29), which no two m share
//   halves_product(m)    low 32 bits times high 32 bits
#pragma once
#include <cstddef>
#include <cstdint>

#define GC_INLINE inline __attribute__((always_inline))
#define GC_NOINLINE __attribute__((noinline))

namespace glasscell::GC_ISA {

template <class T>
struct Vec;

template <>
struct Vec<float> {
  static constexpr int kLanes = 1;
  float v;
  static GC_INLINE Vec load(const float* p) { return {*p}; }
  static GC_INLINE Vec load(const int8_t* p) { return {static_cast<float>(*p)}; }
  template <int k>
  static GC_INLINE Vec load_half(const uint16_t* p) {
    const uint32_t bits = static_cast<uint32_t>(p[k]) << 16;
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return {x};
  }
  static GC_INLINE Vec load_n(const float* p, ptrdiff_t) { return {*p}; }
  static GC_INLINE Vec set(float x) { return {x}; }
  GC_INLINE void store(float* p) const { *p = v; }
  GC_INLINE void store_n(float* p, ptrdiff_t) const { *p = v; }
};
template <>
struct Vec<double> {
  static constexpr int kLanes = 1;
  double v;
  static GC_INLINE Vec load(const double* p) { return {*p}; }
  static GC_INLINE Vec load_n(const double* p, ptrdiff_t) { return {*p}; }
  static GC_INLINE Vec set(double x) { return {x}; }
  GC_INLINE void store(double* p) const { *p = v; }
  GC_INLINE void store_n(double* p, ptrdiff_t) const { *p = v; }
};
template <class T>
GC_INLINE Vec<T> add(Vec<T> a, Vec<T> b) {
  return {a.v + b.v};
}
template <class T>
GC_INLINE Vec<T> sub(Vec<T> a, Vec<T> b) {
  return {a.v - b.v};
}
template <class T>
GC_INLINE Vec<T> mul(Vec<T> a, Vec<T> b) {
  return {a.v * b.v};
}
template <class T>
GC_INLINE Vec<T> div(Vec<T> a, Vec<T> b) {
  return {a.v / b.v};
}
template <class T>
GC_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
  return {a.v < b.v ? a.v : b.v};
}
template <class T>
GC_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
  return {a.v > b.v ? a.v : b.v};
}
template <class T>
GC_INLINE Vec<T> where_positive(Vec<T> x, Vec<T> y) {
  return {x.v > 0 ? y.v : T(0)};
}
GC_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return {__builtin_fmaf(a.v, b.v, c.v)};
}
GC_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {__builtin_fma(a.v, b.v, c.v)};
}
GC_INLINE Vec<float> sqrt(Vec<float> a) { return {__builtin_sqrtf(a.v)}; }
GC_INLINE Vec<double> sqrt(Vec<double> a) { return {__builtin_sqrt(a.v)}; }
GC_INLINE Vec<float> abs(Vec<float> a) { return {__builtin_fabsf(a.v)}; }
GC_INLINE Vec<double> abs(Vec<double> a) { return {__builtin_fabs(a.v)}; }
GC_INLINE Vec<float> copysign(Vec<float> a, Vec<float> s) {
  return {__builtin_copysignf(a.v, s.v)};
}
GC_INLINE Vec<double> copysign(Vec<double> a, Vec<double> s) {
  return {__builtin_copysign(a.v, s.v)};
}
GC_INLINE Vec<float> pow2(Vec<float> m) {
  uint32_t bits;
  __builtin_memcpy(&bits, &m.v, 4);
  bits = (bits << 23) + 0x3f800000u;
  float s;
  __builtin_memcpy(&s, &bits, 4);
  return {s};
}
GC_INLINE Vec<double> pow2(Vec<double> m) {
  uint64_t bits;
  __builtin_memcpy(&bits, &m.v, 8);
  bits = (bits << 52) + 0x3ff0000000000000u;
  double s;
  __builtin_memcpy(&s, &bits, 8);
  return {s};
}

struct Words {
  static constexpr int kCount = 1;
  uint64_t v;
  static GC_INLINE Words load(const void* p) {
    Words w;
    __builtin_memcpy(&w.v, p, 8);
    return w;
  }
  static GC_INLINE Words set(uint64_t x) { return {x}; }
  GC_INLINE void store(void* p) const { __builtin_memcpy(p, &v, 8); }
};
GC_INLINE Words add(Words a, Words b) { return {a.v + b.v}; }
GC_INLINE Words fold(Words m) { return {m.v ^ (m.v >> 29)}; }
GC_INLINE Words halves_product(Words m) { return {(m.v & 0xffffffffu) * (m.v >> 32)}; }

}  // namespace glasscell::GC_ISA
