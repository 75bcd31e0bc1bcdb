#include "isa/cpu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
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

// "max 100000" or "200000 100000": microseconds of CPU in a period; 0 for no limit or no file.
double limit_v2(const std::string& folder) {
  std::ifstream file{folder + "/cpu.max"};
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || period <= 0) return 0;
  return std::strtod(quota.c_str(), nullptr) / period;  // 0 for "max"
}

double limit_v1(const std::string& folder) {
  std::ifstream quota_file{folder + "/cpu.cfs_quota_us"},
      period_file{folder + "/cpu.cfs_period_us"};
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return 0;
  return quota / period;
}

// The least limit of a group and of those around it: of /a/b, /a and the root, which inside a
// container is often the one group that can be seen.
template <class Limit>
double least(const std::string& root, std::string group, const Limit& limit) {
  double found = 0;
  while (true) {
    const double here = limit(root + group);
    if (here > 0 && (found == 0 || here < found)) found = here;
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return found;
    group.resize(slash);
  }
}

}  // namespace

int cpu_quota(const std::string& root, const std::string& groups) {
  double found = 0;
  std::ifstream file{groups};
  for (std::string line; std::getline(file, line);) {  // number:controllers:/path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    double here = 0;
    if (controllers == ",,") here = least(root, group, limit_v2);
    if (controllers.find(",cpu,") != std::string::npos)
      here = least(root + "/cpu", group, limit_v1);
    if (here > 0 && (found == 0 || here < found)) found = here;
  }
  return static_cast<int>(std::ceil(found));
}

int available_cpus() {
  static const int quota = cpu_quota("/sys/fs/cgroup", "/proc/self/cgroup");
  const int cpus = std::max(1, affinity_cpus());
  return quota ? std::min(cpus, quota) : cpus;
}

}  // namespace glasscell
