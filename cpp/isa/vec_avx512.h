// AVX-512 (F, DQ, BW, VL): 16 floats or 8 doubles. The interface is described in vec_generic.h.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define GC_INLINE inline __attribute__((always_inline))
#define GC_NOINLINE __attribute__((noinline))

namespace glasscell::GC_ISA {

template <class T>
struct Vec;

template <>
struct Vec<float> {
  static constexpr int kLanes = 16;
  __m512 v;
  static GC_INLINE __mmask16 mask(ptrdiff_t n) { return static_cast<__mmask16>((1u << n) - 1); }
  static GC_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static GC_INLINE Vec load(const int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
  }
  template <int k>
  static GC_INLINE Vec load_half(const uint16_t* p) {
    const __m512i pairs = _mm512_loadu_si512(p);
    return {_mm512_castsi512_ps(k ? _mm512_and_si512(pairs, _mm512_set1_epi32(-0x10000))
                                  : _mm512_slli_epi32(pairs, 16))};
  }
  static GC_INLINE Vec load_n(const float* p, ptrdiff_t n) {
    return {_mm512_maskz_loadu_ps(mask(n), p)};
  }
  static GC_INLINE Vec set(float x) { return {_mm512_set1_ps(x)}; }
  GC_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  GC_INLINE void store_n(float* p, ptrdiff_t n) const { _mm512_mask_storeu_ps(p, mask(n), v); }
};
template <>
struct Vec<double> {
  static constexpr int kLanes = 8;
  __m512d v;
  static GC_INLINE __mmask8 mask(ptrdiff_t n) { return static_cast<__mmask8>((1u << n) - 1); }
  static GC_INLINE Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static GC_INLINE Vec load_n(const double* p, ptrdiff_t n) {
    return {_mm512_maskz_loadu_pd(mask(n), p)};
  }
  static GC_INLINE Vec set(double x) { return {_mm512_set1_pd(x)}; }
  GC_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
  GC_INLINE void store_n(double* p, ptrdiff_t n) const { _mm512_mask_storeu_pd(p, mask(n), v); }
};

using F = Vec<float>;
using D = Vec<double>;
GC_INLINE F add(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
GC_INLINE D add(D a, D b) { return {_mm512_add_pd(a.v, b.v)}; }
GC_INLINE F sub(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
GC_INLINE D sub(D a, D b) { return {_mm512_sub_pd(a.v, b.v)}; }
GC_INLINE F mul(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
GC_INLINE D mul(D a, D b) { return {_mm512_mul_pd(a.v, b.v)}; }
GC_INLINE F div(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
GC_INLINE D div(D a, D b) { return {_mm512_div_pd(a.v, b.v)}; }
GC_INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
GC_INLINE D fma(D a, D b, D c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
GC_INLINE F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
GC_INLINE D min(D a, D b) { return {_mm512_min_pd(a.v, b.v)}; }
GC_INLINE F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
GC_INLINE D max(D a, D b) { return {_mm512_max_pd(a.v, b.v)}; }
GC_INLINE F sqrt(F a) { return {_mm512_sqrt_ps(a.v)}; }
GC_INLINE D sqrt(D a) { return {_mm512_sqrt_pd(a.v)}; }
GC_INLINE F abs(F a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
GC_INLINE D abs(D a) { return {_mm512_andnot_pd(_mm512_set1_pd(-0.0), a.v)}; }
GC_INLINE F copysign(F a, F s) {
  const __m512 bit = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(bit, a.v), _mm512_and_ps(bit, s.v))};
}
GC_INLINE D copysign(D a, D s) {
  const __m512d bit = _mm512_set1_pd(-0.0);
  return {_mm512_or_pd(_mm512_andnot_pd(bit, a.v), _mm512_and_pd(bit, s.v))};
}
GC_INLINE F pow2(F m) {
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(m.v), 23),
                                               _mm512_set1_epi32(0x3f800000)))};
}
GC_INLINE D pow2(D m) {
  return {_mm512_castsi512_pd(_mm512_add_epi64(_mm512_slli_epi64(_mm512_castpd_si512(m.v), 52),
                                               _mm512_set1_epi64(0x3ff0000000000000)))};
}
GC_INLINE F where_positive(F x, F y) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_GT_OQ), y.v)};
}
GC_INLINE D where_positive(D x, D y) {
  return {_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x.v, _mm512_setzero_pd(), _CMP_GT_OQ), y.v)};
}

struct Words {
  static constexpr int kCount = 8;
  __m512i v;
  static GC_INLINE Words load(const void* p) { return {_mm512_loadu_si512(p)}; }
  static GC_INLINE Words set(uint64_t x) { return {_mm512_set1_epi64(static_cast<int64_t>(x))}; }
  GC_INLINE void store(void* p) const { _mm512_storeu_si512(p, v); }
};
GC_INLINE Words add(Words a, Words b) { return {_mm512_add_epi64(a.v, b.v)}; }
GC_INLINE Words fold(Words m) { return {_mm512_xor_si512(m.v, _mm512_srli_epi64(m.v, 29))}; }
GC_INLINE Words halves_product(Words m) {
  return {_mm512_mul_epu32(m.v, _mm512_srli_epi64(m.v, 32))};
}

}  // namespace glasscell::GC_ISA
