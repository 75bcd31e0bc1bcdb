// AVX2 + FMA: 8 floats or 4 doubles. The interface is described in vec_generic.h.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define GC_INLINE inline __attribute__((always_inline))
#define GC_NOINLINE __attribute__((noinline))

namespace glasscell::GC_ISA {

template <class T>
struct Vec;

// maskload/maskstore read the sign bit of each lane: a window into -1 ... -1 0 ... 0.
alignas(32) static const int32_t kMask32[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                0,  0,  0,  0,  0,  0,  0,  0};
alignas(32) static const int64_t kMask64[8] = {-1, -1, -1, -1, 0, 0, 0, 0};

template <>
struct Vec<float> {
  static constexpr int kLanes = 8;
  __m256 v;
  static GC_INLINE __m256i mask(ptrdiff_t n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask32 + 8 - n));
  }
  static GC_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static GC_INLINE Vec load(const int8_t* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))};
  }
  template <int k>
  static GC_INLINE Vec load_half(const uint16_t* p) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm256_castsi256_ps(k ? _mm256_and_si256(pairs, _mm256_set1_epi32(-0x10000))
                                  : _mm256_slli_epi32(pairs, 16))};
  }
  static GC_INLINE Vec load_n(const float* p, ptrdiff_t n) {
    return {_mm256_maskload_ps(p, mask(n))};
  }
  static GC_INLINE Vec set(float x) { return {_mm256_set1_ps(x)}; }
  GC_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  GC_INLINE void store_n(float* p, ptrdiff_t n) const { _mm256_maskstore_ps(p, mask(n), v); }
};
template <>
struct Vec<double> {
  static constexpr int kLanes = 4;
  __m256d v;
  static GC_INLINE __m256i mask(ptrdiff_t n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask64 + 4 - n));
  }
  static GC_INLINE Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static GC_INLINE Vec load_n(const double* p, ptrdiff_t n) {
    return {_mm256_maskload_pd(p, mask(n))};
  }
  static GC_INLINE Vec set(double x) { return {_mm256_set1_pd(x)}; }
  GC_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
  GC_INLINE void store_n(double* p, ptrdiff_t n) const { _mm256_maskstore_pd(p, mask(n), v); }
};

using F = Vec<float>;
using D = Vec<double>;
GC_INLINE F add(F a, F b) { return {_mm256_add_ps(a.v, b.v)}; }
GC_INLINE D add(D a, D b) { return {_mm256_add_pd(a.v, b.v)}; }
GC_INLINE F sub(F a, F b) { return {_mm256_sub_ps(a.v, b.v)}; }
GC_INLINE D sub(D a, D b) { return {_mm256_sub_pd(a.v, b.v)}; }
GC_INLINE F mul(F a, F b) { return {_mm256_mul_ps(a.v, b.v)}; }
GC_INLINE D mul(D a, D b) { return {_mm256_mul_pd(a.v, b.v)}; }
GC_INLINE F div(F a, F b) { return {_mm256_div_ps(a.v, b.v)}; }
GC_INLINE D div(D a, D b) { return {_mm256_div_pd(a.v, b.v)}; }
GC_INLINE F fma(F a, F b, F c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
GC_INLINE D fma(D a, D b, D c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
GC_INLINE F min(F a, F b) { return {_mm256_min_ps(a.v, b.v)}; }
GC_INLINE D min(D a, D b) { return {_mm256_min_pd(a.v, b.v)}; }
GC_INLINE F max(F a, F b) { return {_mm256_max_ps(a.v, b.v)}; }
GC_INLINE D max(D a, D b) { return {_mm256_max_pd(a.v, b.v)}; }
GC_INLINE F sqrt(F a) { return {_mm256_sqrt_ps(a.v)}; }
GC_INLINE D sqrt(D a) { return {_mm256_sqrt_pd(a.v)}; }
GC_INLINE F abs(F a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
GC_INLINE D abs(D a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
GC_INLINE F copysign(F a, F s) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(bit, a.v), _mm256_and_ps(bit, s.v))};
}
GC_INLINE D copysign(D a, D s) {
  const __m256d bit = _mm256_set1_pd(-0.0);
  return {_mm256_or_pd(_mm256_andnot_pd(bit, a.v), _mm256_and_pd(bit, s.v))};
}
GC_INLINE F pow2(F m) {
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(m.v), 23),
                                               _mm256_set1_epi32(0x3f800000)))};
}
GC_INLINE D pow2(D m) {
  return {_mm256_castsi256_pd(_mm256_add_epi64(_mm256_slli_epi64(_mm256_castpd_si256(m.v), 52),
                                               _mm256_set1_epi64x(0x3ff0000000000000)))};
}
GC_INLINE F where_positive(F x, F y) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_GT_OQ), y.v)};
}
GC_INLINE D where_positive(D x, D y) {
  return {_mm256_and_pd(_mm256_cmp_pd(x.v, _mm256_setzero_pd(), _CMP_GT_OQ), y.v)};
}

struct Words {
  static constexpr int kCount = 4;
  __m256i v;
  static GC_INLINE Words load(const void* p) {
    return {_mm256_loadu_si256(static_cast<const __m256i*>(p))};
  }
  static GC_INLINE Words set(uint64_t x) { return {_mm256_set1_epi64x(static_cast<int64_t>(x))}; }
  GC_INLINE void store(void* p) const { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
};
GC_INLINE Words add(Words a, Words b) { return {_mm256_add_epi64(a.v, b.v)}; }
GC_INLINE Words fold(Words m) { return {_mm256_xor_si256(m.v, _mm256_srli_epi64(m.v, 29))}; }
GC_INLINE Words halves_product(Words m) {
  return {_mm256_mul_epu32(m.v, _mm256_srli_epi64(m.v, 32))};
}

}  // namespace glasscell::GC_ISA
