// Cell: what a layer that runs as a program is, made once for a cell and shared by its layers.
#include "cell.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "arrays.h"
#include "bind.h"
#include "program.h"

namespace glasscell {
namespace {

using namespace nb::literals;

Reads reads_of(const std::string& name) {
  if (name == "x") return Reads::kX;
  if (name == "xh") return Reads::kBoth;
  if (name == "h") return Reads::kH;
  throw std::invalid_argument("Cell: a sum reads x, xh or h, got " + name);
}

void require_fit(const Cell& cell, const Program& step, const Program& reverse,
                 const Program& flow) {
  const auto expect = [](ptrdiff_t found, ptrdiff_t expected, const char* what) {
    if (found != expected) {
      throw std::invalid_argument(std::string("Cell: expected ") + std::to_string(expected) + " " +
                                  what + ", got " + std::to_string(found));
    }
  };
  const auto sums = static_cast<ptrdiff_t>(cell.sums.size());
  const ptrdiff_t states = 1 + cell.states, masks = cell.masks();
  expect(static_cast<ptrdiff_t>(cell.initial.size()), states, "initial values, one a state");
  expect(step.inputs(), sums + states + cell.vectors + masks, "inputs of the step");
  expect(step.outputs(), states, "outputs of the step");
  expect(reverse.inputs(), cell.kept + 2 * states + cell.vectors + masks, "inputs of the reverse");
  const ptrdiff_t outputs = sums + states + cell.vectors;
  expect(reverse.outputs(), outputs, "outputs of the reverse");
  expect(reverse.kept(), 0, "kept values of the reverse");
  expect(flow.inputs(), reverse.inputs(), "inputs of the flow");
  expect(flow.outputs(), outputs + states, "outputs of the flow");
  expect(flow.kept(), 0, "kept values of the flow");
  require(cell.x_sums() > 0, "a cell needs a sum that reads x");
  require(cell.hidden_mask >= -1 && cell.hidden_mask < masks, "the mask of h is one of the masks");
  for (std::size_t k = 0; k < cell.sums.size(); ++k) {
    require(cell.sums[k].gate >= 0 && cell.sums[k].gate < cell.gates, "a sum is of a gate");
    require(k == 0 || cell.sums[k - 1].reads <= cell.sums[k].reads, "sums of x, of both, of h");
  }
  for (const ptrdiff_t slot : cell.state_slots) {
    require(slot >= 0 && slot < cell.kept, "a state after h is a kept value");
  }
}

void init(Cell* self, ptrdiff_t gates, const std::vector<std::pair<ptrdiff_t, std::string>>& sums,
          const std::vector<ptrdiff_t>& state_slots, const std::vector<std::string>& vectors,
          const std::vector<double>& masks, const std::vector<double>& initial, const Program& step,
          const Program& reverse, const Program& flow, ptrdiff_t hidden_mask) {
  Cell cell;
  cell.gates = gates;
  for (const auto& [gate, reads] : sums) cell.sums.push_back({gate, reads_of(reads)});
  cell.states = static_cast<ptrdiff_t>(state_slots.size());
  cell.state_slots = state_slots;
  cell.kept = step.kept();
  cell.vectors = static_cast<ptrdiff_t>(vectors.size());
  cell.vector_names = vectors;
  cell.mask_values = masks;
  cell.initial = initial;
  cell.hidden_mask = hidden_mask;
  require_fit(cell, step, reverse, flow);
  cell.step = std::make_shared<const Program>(step);
  cell.reverse = std::make_shared<const Program>(reverse);
  cell.flow = std::make_shared<const Program>(flow);
  new (self) Cell(std::move(cell));
}

}  // namespace

void bind_cell(nb::module_& m) {
  nb::class_<Cell>(m, "Cell").def("__init__", &init, nb::kw_only(), "gates"_a, "sums"_a,
                                  "state_slots"_a, "vectors"_a, "masks"_a, "initial"_a, "step"_a,
                                  "reverse"_a, "flow"_a, "hidden_mask"_a = -1);
}

}  // namespace glasscell
