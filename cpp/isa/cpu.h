// What this processor can do, and the floating-point mode that kernels run in.
#pragma once
#include <cstdint>
#include <string>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace glasscell {

bool cpu_has_avx2();    // AVX2 and FMA, enabled by the operating system
bool cpu_has_avx512();  // AVX-512 F, DQ, BW, VL, enabled by the operating system

// CPUs that this process may use: the affinity mask as it is now, cut by the cgroup's quota.
int available_cpus();

// CPUs' worth of time that this process's cgroup and those around it allow, rounded up; 0: no
// limit. root is where the groups are mounted, groups the file that lists this process's own.
int cpu_quota(const std::string& root, const std::string& groups);

// What a thread does between two looks at memory that another will write.
inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Flushes denormals to zero (inputs and results) while in scope. Decaying gates make denormals, and
// one denormal operand costs over a hundred cycles; without this, speed would depend on the data.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  uint64_t saved_;
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace glasscell
