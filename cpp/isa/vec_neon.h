// NEON (AArch64): 4 floats or 2 doubles. The interface is described in vec_generic.h.
#pragma once
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#define GC_INLINE inline __attribute__((always_inline))
#define GC_NOINLINE __attribute__((noinline))

namespace glasscell::GC_ISA {

template <class T>
struct Vec;

template <>
struct Vec<float> {
  static constexpr int kLanes = 4;
  float32x4_t v;
  static GC_INLINE Vec load(const float* p) { return {vld1q_f32(p)}; }
  static GC_INLINE Vec load(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    const int8x8_t bytes = vreinterpret_s8_s32(vdup_n_s32(four));
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))))};
  }
  template <int k>
  static GC_INLINE Vec load_half(const uint16_t* p) {
    const uint32x4_t pairs = vreinterpretq_u32_u16(vld1q_u16(p));
    return {vreinterpretq_f32_u32(k ? vandq_u32(pairs, vdupq_n_u32(0xffff0000u))
                                    : vshlq_n_u32(pairs, 16))};
  }
  static GC_INLINE Vec load_n(const float* p, ptrdiff_t n) {
    float lanes[4] = {0, 0, 0, 0};
    for (ptrdiff_t k = 0; k < n; ++k) lanes[k] = p[k];
    return {vld1q_f32(lanes)};
  }
  static GC_INLINE Vec set(float x) { return {vdupq_n_f32(x)}; }
  GC_INLINE void store(float* p) const { vst1q_f32(p, v); }
  GC_INLINE void store_n(float* p, ptrdiff_t n) const {
    float lanes[4];
    vst1q_f32(lanes, v);
    for (ptrdiff_t k = 0; k < n; ++k) p[k] = lanes[k];
  }
};
template <>
struct Vec<double> {
  static constexpr int kLanes = 2;
  float64x2_t v;
  static GC_INLINE Vec load(const double* p) { return {vld1q_f64(p)}; }
  static GC_INLINE Vec load_n(const double* p, ptrdiff_t) {
    return {vsetq_lane_f64(*p, vdupq_n_f64(0), 0)};
  }
  static GC_INLINE Vec set(double x) { return {vdupq_n_f64(x)}; }
  GC_INLINE void store(double* p) const { vst1q_f64(p, v); }
  GC_INLINE void store_n(double* p, ptrdiff_t) const { *p = vgetq_lane_f64(v, 0); }
};

using F = Vec<float>;
using D = Vec<double>;
GC_INLINE F add(F a, F b) { return {vaddq_f32(a.v, b.v)}; }
GC_INLINE D add(D a, D b) { return {vaddq_f64(a.v, b.v)}; }
GC_INLINE F sub(F a, F b) { return {vsubq_f32(a.v, b.v)}; }
GC_INLINE D sub(D a, D b) { return {vsubq_f64(a.v, b.v)}; }
GC_INLINE F mul(F a, F b) { return {vmulq_f32(a.v, b.v)}; }
GC_INLINE D mul(D a, D b) { return {vmulq_f64(a.v, b.v)}; }
GC_INLINE F div(F a, F b) { return {vdivq_f32(a.v, b.v)}; }
GC_INLINE D div(D a, D b) { return {vdivq_f64(a.v, b.v)}; }
GC_INLINE F fma(F a, F b, F c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
GC_INLINE D fma(D a, D b, D c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
GC_INLINE F min(F a, F b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
GC_INLINE D min(D a, D b) { return {vbslq_f64(vcltq_f64(a.v, b.v), a.v, b.v)}; }
GC_INLINE F max(F a, F b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
GC_INLINE D max(D a, D b) { return {vbslq_f64(vcgtq_f64(a.v, b.v), a.v, b.v)}; }
GC_INLINE F sqrt(F a) { return {vsqrtq_f32(a.v)}; }
GC_INLINE D sqrt(D a) { return {vsqrtq_f64(a.v)}; }
GC_INLINE F abs(F a) { return {vabsq_f32(a.v)}; }
GC_INLINE D abs(D a) { return {vabsq_f64(a.v)}; }
GC_INLINE F copysign(F a, F s) { return {vbslq_f32(vdupq_n_u32(0x80000000u), s.v, a.v)}; }
GC_INLINE D copysign(D a, D s) { return {vbslq_f64(vdupq_n_u64(0x8000000000000000u), s.v, a.v)}; }
GC_INLINE F pow2(F m) {
  return {vreinterpretq_f32_s32(
      vaddq_s32(vshlq_n_s32(vreinterpretq_s32_f32(m.v), 23), vdupq_n_s32(0x3f800000)))};
}
GC_INLINE D pow2(D m) {
  return {vreinterpretq_f64_s64(
      vaddq_s64(vshlq_n_s64(vreinterpretq_s64_f64(m.v), 52), vdupq_n_s64(0x3ff0000000000000)))};
}
GC_INLINE F where_positive(F x, F y) {
  return {
      vreinterpretq_f32_u32(vandq_u32(vcgtq_f32(x.v, vdupq_n_f32(0)), vreinterpretq_u32_f32(y.v)))};
}
GC_INLINE D where_positive(D x, D y) {
  return {
      vreinterpretq_f64_u64(vandq_u64(vcgtq_f64(x.v, vdupq_n_f64(0)), vreinterpretq_u64_f64(y.v)))};
}

struct Words {
  static constexpr int kCount = 2;
  uint64x2_t v;
  static GC_INLINE Words load(const void* p) {
    return {vreinterpretq_u64_u8(vld1q_u8(static_cast<const uint8_t*>(p)))};
  }
  static GC_INLINE Words set(uint64_t x) { return {vdupq_n_u64(x)}; }
  GC_INLINE void store(void* p) const {
    vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_u64(v));
  }
};
GC_INLINE Words add(Words a, Words b) { return {vaddq_u64(a.v, b.v)}; }
GC_INLINE Words fold(Words m) { return {veorq_u64(m.v, vshrq_n_u64(m.v, 29))}; }
GC_INLINE Words halves_product(Words m) {
  return {vmull_u32(vmovn_u64(m.v), vshrn_n_u64(m.v, 32))};
}

}  // namespace glasscell::GC_ISA
