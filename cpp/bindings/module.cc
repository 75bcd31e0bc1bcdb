// The Python module glasscell._core: what the CPU offers, and the classes of the files beside this.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bind.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "threads/meeting.h"
#include "threads/pool.h"

namespace glasscell {
namespace {

using namespace nb::literals;

// by element, for the tables of errors in tests and docs
template <class T>
void apply(void (*function)(ptrdiff_t, const T*, T*), const Array<const T>& x, const Array<T>& y) {
  require(x.ndim() == 1 && y.ndim() == 1 && x.shape(0) == y.shape(0) &&
              (x.shape(0) <= 1 || (x.stride(0) == 1 && y.stride(0) == 1)),
          "x and y must be contiguous (n,)");
  nb::gil_scoped_release released;
  const FlushDenormals flush;
  function(static_cast<ptrdiff_t>(x.shape(0)), x.data(), y.data());
}

template <class T>
void bind_activations(nb::module_& m) {
  m.def(
      "sigmoid",
      [](const Array<const T>& x, const Array<T>& y) { apply<T>(kernel_table<T>().sigmoid, x, y); },
      "x"_a.noconvert(), "y"_a.noconvert());
  m.def(
      "tanh",
      [](const Array<const T>& x, const Array<T>& y) { apply<T>(kernel_table<T>().tanh, x, y); },
      "x"_a.noconvert(), "y"_a.noconvert());
  m.def(
      "exp",
      [](const Array<const T>& x, const Array<T>& y) { apply<T>(kernel_table<T>().exp, x, y); },
      "x"_a.noconvert(), "y"_a.noconvert());
  m.def(
      "log_sigmoid",
      [](const Array<const T>& x, const Array<T>& y) {
        apply<T>(kernel_table<T>().log_sigmoid, x, y);
      },
      "x"_a.noconvert(), "y"_a.noconvert());
}

std::vector<std::string> compiled_isas() {
  std::vector<std::string> names{"generic"};
#if GLASSCELL_HAVE_AVX2
  if (cpu_has_avx2()) names.emplace_back("avx2");
#endif
#if GLASSCELL_HAVE_AVX512
  if (cpu_has_avx512()) names.emplace_back("avx512");
#endif
#if GLASSCELL_HAVE_NEON
  names.emplace_back("neon");
#endif
  return names;
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "Compiled kernels of glasscell; use glasscell.engine.";
  // A script's globals may outlive the interpreter's shutdown; that is no leak worth a warning.
  nb::set_leak_warnings(false);
  // A bad GLASSCELL_FORCE_ISA is reported at import, not at the first layer.
  m.attr("isa") = kernels().isa;
  m.attr("isas") = compiled_isas();
  m.def("available_cpus", &available_cpus);
  m.def("meeting_ns", &meeting_ns, "threads"_a);
  m.def("cpu_quota", &cpu_quota, "root"_a = "/sys/fs/cgroup", "groups"_a = "/proc/self/cgroup");
  m.def(
      "use_parallel_for",
      [](std::uintptr_t address) { use_parallel_for(reinterpret_cast<ParallelFor>(address)); },
      "address"_a);
  m.def(
      "fma_burst",
      [](ptrdiff_t iterations) {
        const nb::gil_scoped_release released;
        float sink = 0;
        return kernel_table<float>().fma_burst(iterations, &sink);
      },
      "iterations"_a);
  m.def(
      "read_burst",
      [](const Array<const float>& data, ptrdiff_t passes) {
        require(data.ndim() == 1 && (data.shape(0) <= 1 || data.stride(0) == 1),
                "data must be contiguous (n,)");
        const nb::gil_scoped_release released;
        float sink = 0;
        return kernel_table<float>().read_burst(static_cast<ptrdiff_t>(data.shape(0)), data.data(),
                                                passes, &sink);
      },
      "data"_a.noconvert(), "passes"_a);
  bind_activations<float>(m);
  bind_activations<double>(m);
  bind_program(m);
  bind_cell(m);
  bind_memory_blocks(m);
  bind_layer<float>(m, "LayerF32");
  bind_layer<double>(m, "LayerF64");
  bind_address_structs(m);
  bind_addresses<float>(m, "LayerF32");
  bind_addresses<double>(m, "LayerF64");
  bind_linear<float>(m, "LinearF32");
  bind_linear<double>(m, "LinearF64");
  bind_stepper<float>(m, "StepperF32");
  bind_stepper<double>(m, "StepperF64");
  bind_stream_pool<float>(m, "StreamPoolF32");
  bind_stream_pool<double>(m, "StreamPoolF64");
}

}  // namespace glasscell
