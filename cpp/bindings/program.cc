// Program: a cell's element-wise part, and its run by itself, for tests.
#include "program.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <limits>

#include "arrays.h"
#include "bind.h"
#include "isa/cpu.h"
#include "kernels.h"

namespace glasscell {
namespace {

using namespace nb::literals;

// In the order of Op.
constexpr std::array<const char*, static_cast<std::size_t>(Op::kCopy)> kNames{
    "constant", "add",  "sub", "mul",         "div",  "max", "min", "where_positive",
    "sigmoid",  "tanh", "exp", "log_sigmoid", "sqrt", "abs", "mean"};

[[noreturn]] void refuse(std::size_t k, const std::string& what) {
  throw std::invalid_argument("Program: operation " + std::to_string(k) + ": " + what);
}

Op op_of(std::size_t k, const nb::handle& name) {
  std::string given, known;
  if (!nb::try_cast<std::string>(name, given)) refuse(k, "the first entry is its name, a string.");
  for (std::size_t op = 0; op < kNames.size(); ++op) {
    if (given == kNames[op]) return static_cast<Op>(op);
    known += (op ? ", " : "") + std::string(kNames[op]);
  }
  refuse(k, "unknown name '" + given + "', expected one of " + known + ".");
}

Operation operation_of(std::size_t k, const nb::handle& item, const Array<const double>& numbers) {
  nb::tuple entries;
  if (!nb::try_cast<nb::tuple>(item, entries) || entries.size() == 0) {
    refuse(k, "expected a tuple (name, values...).");
  }
  Operation o{op_of(k, entries[0]), static_cast<int>(entries.size()) - 1, {}, 0.0};
  const int most = o.op == Op::kConstant ? 1 : kMaxOperands;
  if (o.operands > most) {
    refuse(k, "expected at most " + std::to_string(most) + " operands, got " +
                  std::to_string(o.operands) + ".");
  }
  for (int j = 0; j < o.operands; ++j) {
    if (!nb::try_cast<int32_t>(entries[static_cast<std::size_t>(j) + 1], o.operand[j])) {
      refuse(k, "operands are numbers of values, got something else.");
    }
  }
  if (o.op != Op::kConstant) return o;
  const auto count = static_cast<int32_t>(numbers.shape(0));
  if (o.operands != 1 || o.operand[0] < 0 || o.operand[0] >= count) {
    refuse(k, "a constant takes the index of its number in constants, 0 to " +
                  std::to_string(count - 1) + ".");
  }
  o.operands = 0;
  o.value = numbers.data()[o.operand[0] * numbers.stride(0)];
  return o;
}

void init(Program* self, ptrdiff_t inputs, const nb::list& operations,
          const Array<const double>& constants, const std::vector<int32_t>& outputs,
          const std::vector<int32_t>& kept) {
  if (constants.ndim() != 1 || operations.size() > kMaxValues) {
    throw std::invalid_argument("Program: constants must be (n,) and operations at most " +
                                std::to_string(kMaxValues) + ", got " +
                                std::to_string(operations.size()) + ".");
  }
  std::vector<Operation> list;
  for (nb::handle item : operations) list.push_back(operation_of(list.size(), item, constants));
  const auto size = [](const auto& v) { return static_cast<ptrdiff_t>(v.size()); };
  new (self) Program(inputs, list.data(), size(list), outputs.data(), size(outputs), kept.data(),
                     size(kept));
}

// An array that owns its memory, 64-byte aligned, for `rows` rows of H in whole vectors.
template <class T>
struct Rows2d {
  Rows2d(ptrdiff_t count, ptrdiff_t width)
      : Hp(width), storage(size_of(count * width) + 64 / sizeof(T)) {
    const auto at = reinterpret_cast<std::uintptr_t>(storage.data());
    data = storage.data() + ((at + 63) / 64 * 64 - at) / sizeof(T);
  }
  T* row(ptrdiff_t k) { return data + k * Hp; }
  ptrdiff_t Hp;
  std::vector<T> storage;
  T* data;
};

// (count, rows, H) of the `count` rows that each of `rows` lines of `from` holds.
template <class T>
nb::object gathered(Rows2d<T>& from, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t H) {
  auto* out = new std::vector<T>(size_of(count * rows * H));
  nb::capsule owner(out, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  for (ptrdiff_t k = 0; k < count; ++k) {
    for (ptrdiff_t m = 0; m < rows; ++m) {
      std::copy_n(from.row(m * count + k), H, out->data() + (k * rows + m) * H);
    }
  }
  return nb::cast(
      nb::ndarray<nb::numpy, T>(out->data(), {size_of(count), size_of(rows), size_of(H)}, owner));
}

// inputs: (inputs, rows, H) -> outputs (outputs, rows, H), kept (kept, rows, H) or None. Padding is
// NaN on the way in. alias: output k is written over input k where there is one.
template <class T>
nb::tuple run(const Program& program, const Array<const T>& inputs, bool keep, bool alias) {
  const ptrdiff_t n = program.inputs(), outputs = program.outputs(), kept = program.kept();
  require(inputs.ndim() == 3 && static_cast<ptrdiff_t>(inputs.shape(0)) == n &&
              inputs.shape(1) > 0 && inputs.shape(2) > 0,
          "inputs must be (inputs of the program, rows, H)");
  const auto rows = static_cast<ptrdiff_t>(inputs.shape(1));
  const auto H = static_cast<ptrdiff_t>(inputs.shape(2));
  const ptrdiff_t Hp = round_up(H, kernel_table<T>().lanes);
  Rows2d<T> in(rows * n, Hp), out(rows * outputs, Hp), tape(rows * kept, Hp);
  std::vector<const T*> in_rows;
  std::vector<T*> out_rows, tape_rows;
  for (ptrdiff_t m = 0; m < rows; ++m) {
    for (ptrdiff_t k = 0; k < n; ++k) {
      T* row = in.row(m * n + k);
      std::fill_n(row, Hp, std::numeric_limits<T>::quiet_NaN());
      const T* from = inputs.data() + k * inputs.stride(0) + m * inputs.stride(1);
      for (ptrdiff_t u = 0; u < H; ++u) row[u] = from[u * inputs.stride(2)];
      in_rows.push_back(row);
    }
    for (ptrdiff_t k = 0; k < outputs; ++k) {
      out_rows.push_back(alias && k < n ? in.row(m * n + k) : out.row(m * outputs + k));
    }
    tape_rows.push_back(tape.row(m * kept));
  }
  {
    nb::gil_scoped_release released;
    const FlushDenormals flush;
    kernel_table<T>().run_program(
        {rows, H, &program, in_rows.data(), out_rows.data(), keep ? tape_rows.data() : nullptr});
  }
  for (ptrdiff_t k = 0; k < rows * outputs; ++k) {
    if (out_rows[size_of(k)] != out.row(k)) std::copy_n(out_rows[size_of(k)], Hp, out.row(k));
  }
  return nb::make_tuple(gathered(out, outputs, rows, H),
                        keep ? gathered(tape, kept, rows, H) : nb::none());
}

}  // namespace

void bind_program(nb::module_& m) {
  nb::class_<Program> program(m, "Program");
  program
      .def("__init__", &init, "inputs"_a, "operations"_a, "constants"_a.noconvert(), "outputs"_a,
           "kept"_a)
      .def_prop_ro("inputs", &Program::inputs)
      .def_prop_ro("outputs", &Program::outputs)
      .def_prop_ro("kept", &Program::kept)
      .def_prop_ro("mean", &Program::mean);
  nb::list names;
  for (const char* name : kNames) names.append(name);
  program.attr("names") = names;
  m.def("run_program_f32", &run<float>, "program"_a, "inputs"_a.noconvert(), "keep"_a = true,
        "alias"_a = false);
  m.def("run_program_f64", &run<double>, "program"_a, "inputs"_a.noconvert(), "keep"_a = true,
        "alias"_a = false);
}

}  // namespace glasscell
