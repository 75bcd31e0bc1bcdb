#include "cpu.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace glasscell {

// gcc's and clang's __builtin_cpu_supports read xgetbv too, so a feature that the operating system
// has not enabled counts as absent.
bool cpu_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool cpu_has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

namespace {

int affinity_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

// cgroup v2 "max 100000" or "200000 100000" (microseconds of CPU in a period); v1 in two files.
int quota_cpus(int otherwise) {
  std::string quota;
  double period = 0;
  if (std::ifstream v2{"/sys/fs/cgroup/cpu.max"}; v2 >> quota >> period) {
    if (quota == "max" || period <= 0) return otherwise;
    return static_cast<int>(std::ceil(std::stod(quota) / period));
  }
  double micros = 0;
  std::ifstream v1{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us"};
  std::ifstream v1_period{"/sys/fs/cgroup/cpu/cpu.cfs_period_us"};
  if (v1 >> micros && v1_period >> period && micros > 0 && period > 0) {
    return static_cast<int>(std::ceil(micros / period));
  }
  return otherwise;
}

}  // namespace

int available_cpus() {
  const int cpus = std::max(1, affinity_cpus());
  return std::max(1, std::min(cpus, quota_cpus(cpus)));
}

}  // namespace glasscell
