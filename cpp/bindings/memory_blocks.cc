// MemoryBlocks: the network of 1997, trained online.
#include "memory_blocks.h"

#include <algorithm>

#include "arrays.h"
#include "bind.h"

namespace glasscell {
namespace {

class PyMemoryBlocks {
 public:
  PyMemoryBlocks(ptrdiff_t inputs, ptrdiff_t blocks, ptrdiff_t cells_per_block, ptrdiff_t outputs,
                 bool input_gate, bool output_gate, bool forget_gate,
                 const Maybe<const uint8_t>& hidden_mask, const Maybe<const uint8_t>& output_mask)
      : net_({inputs, blocks, cells_per_block, outputs, input_gate, output_gate, forget_gate},
             checked(hidden_mask, blocks * cells_per_block + 3 * blocks,
                     inputs + blocks * cells_per_block + 3 * blocks + 1),
             checked(output_mask, outputs, blocks * cells_per_block + inputs + 1)) {}

  void set_weights(const Maybe<const double>& hidden, const Maybe<const double>& output) {
    const double* W = contiguous<const double>(hidden, {net_.units(), net_.sources()}, "hidden");
    const double* V =
        contiguous<const double>(output, {net_.sizes().outputs, net_.output_sources()}, "output");
    require(W && V, "both weights");
    std::copy(W, W + net_.hidden().size(), net_.hidden().begin());
    std::copy(V, V + net_.output().size(), net_.output().begin());
    net_.mask();
  }
  void get_weights(const Maybe<double>& hidden, const Maybe<double>& output) {
    double* W = contiguous<double>(hidden, {net_.units(), net_.sources()}, "hidden");
    double* V = contiguous<double>(output, {net_.sizes().outputs, net_.output_sources()}, "output");
    require(W && V, "both weights");
    std::copy(net_.hidden().begin(), net_.hidden().end(), W);
    std::copy(net_.output().begin(), net_.output().end(), V);
  }
  ptrdiff_t run(const Maybe<const double>& x, const Maybe<const double>& target,
                const Maybe<const int64_t>& ends, double rate, bool per_step, bool fresh,
                double stop, const Maybe<double>& errors, const Maybe<double>& outputs,
                const Maybe<double>& states) {
    require(x && ends && x->ndim() == 2 && ends->ndim() == 1, "x (N, I) and ends (n,)");
    const auto N = static_cast<ptrdiff_t>(x->shape(0));
    const auto n = static_cast<ptrdiff_t>(ends->shape(0));
    MemoryBlocks::Run run{};
    run.x = contiguous<const double>(x, {N, net_.sizes().inputs}, "x");
    run.target = contiguous<const double>(target, {N, net_.sizes().outputs}, "target");
    run.ends = contiguous<const int64_t>(ends, {n}, "ends");
    ptrdiff_t before = 0;
    for (ptrdiff_t s = 0; s < n; ++s) {
      require(run.ends[s] >= before, "ends must not fall");
      before = static_cast<ptrdiff_t>(run.ends[s]);
    }
    require(before == N, "the last end must be N");
    run.sequences = n;
    run.rate = rate;
    run.per_step = per_step;
    run.fresh = fresh;
    run.stop = stop;
    run.errors = contiguous<double>(errors, {n, 3}, "errors");
    run.outputs = contiguous<double>(outputs, {N, net_.sizes().outputs}, "outputs");
    run.states = contiguous<double>(states, {N, net_.cells()}, "states");
    nb::gil_scoped_release released;
    return net_.run(run);
  }

 private:
  static const uint8_t* checked(const Maybe<const uint8_t>& mask, ptrdiff_t rows,
                                ptrdiff_t columns) {
    const uint8_t* data = contiguous<const uint8_t>(mask, {rows, columns}, "mask");
    require(data && rows > 0 && columns > 0, "mask");
    return data;
  }
  MemoryBlocks net_;
};

}  // namespace

void bind_memory_blocks(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyMemoryBlocks>(m, "MemoryBlocks")
      .def(nb::init<ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, bool, bool, bool,
                    const Maybe<const uint8_t>&, const Maybe<const uint8_t>&>(),
           "inputs"_a, "blocks"_a, "cells_per_block"_a, "outputs"_a, "input_gate"_a,
           "output_gate"_a, "forget_gate"_a, "hidden_mask"_a.noconvert(),
           "output_mask"_a.noconvert())
      .def("set_weights", &PyMemoryBlocks::set_weights, "hidden"_a.noconvert(),
           "output"_a.noconvert())
      .def("get_weights", &PyMemoryBlocks::get_weights, "hidden"_a.noconvert(),
           "output"_a.noconvert())
      .def("run", &PyMemoryBlocks::run, "x"_a.noconvert(), "target"_a.noconvert().none(),
           "ends"_a.noconvert(), "rate"_a, "per_step"_a, "fresh"_a, "stop"_a,
           "errors"_a.noconvert().none(), "outputs"_a.noconvert().none(),
           "states"_a.noconvert().none());
}

}  // namespace glasscell
