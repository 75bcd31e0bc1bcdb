// A cell's element-wise part as a program: a list of operations over values, each a vector of H
// units. The inputs are the first values, then every operation makes one (static single
// assignment); see program-inl.h for how it runs.
//
//   operation            value, each rounded once
//   constant             the number in every unit
//   add sub mul div      as IEEE 754 says
//   max(x, y)            x > y ? x : y, so y where either is NaN
//   min(x, y)            x < y ? x : y, so y where either is NaN
//   where_positive(x, y) y where x > 0, else +0, also where x is NaN
//   sigmoid tanh exp log_sigmoid   activations-inl.h
//   sqrt abs             as IEEE 754 says
//   mean(x, ...)         over all H units of 1 to 8 values, in every unit: sixteen partial sums
//   from
//                        +0, partial[j] += x[16 k + j], k ascending, one operand after the other;
//                        then partial[j] += partial[j + w] for w = 8, 4, 2, 1; then partial[0]
//                        divided by the count. NumPy can repeat it, every instruction set does.
//
// No standard library here: kernels include this file, and what they call is forced inline, so that
// no copy of it is compiled for wide vectors under a name that others could call.
#pragma once
#include <cstddef>
#include <cstdint>

#define GC_FORCED __attribute__((always_inline))

namespace glasscell {

enum class Op : uint8_t {
  kConstant,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMax,
  kMin,
  kWherePositive,
  kSigmoid,
  kTanh,
  kExp,
  kLogSigmoid,
  kSqrt,
  kAbs,
  kMean,
  kCopy,  // of an input that is also an output: made by Program, as all that follow, not for
          // callers
  // mean(x * y, ...) without memory of the products, each rounded.
  kMeanOfProducts,
  // (a first b) second c, both rounded; From: c - (a first b).
  kAddAdd,
  kAddSub,
  kAddMul,
  kAddFrom,
  kSubAdd,
  kSubSub,
  kSubMul,
  kSubFrom,
  kMulAdd,
  kMulSub,
  kMulMul,
  kMulFrom,
};

constexpr int kMaxOperands = 8;
constexpr int kMaxValues = 2048;  // inputs, operations and copies together

struct Operation {
  Op op;
  int operands;
  int32_t operand[kMaxOperands];
  double value;  // of a constant
};

// Validated, immutable, and compiled for the kernel: any number of threads may run it.
class Program {
 public:
  // outputs: a value each, or -1 for zeros. kept: values to write to the tape, in this order.
  // Throws std::invalid_argument, which names the operation at fault and what is allowed.
  Program(ptrdiff_t inputs, const Operation* operations, ptrdiff_t count, const int32_t* outputs,
          ptrdiff_t output_count, const int32_t* kept, ptrdiff_t kept_count);

  GC_FORCED ptrdiff_t inputs() const { return inputs_; }
  GC_FORCED ptrdiff_t outputs() const { return outputs_; }
  GC_FORCED ptrdiff_t kept() const { return kept_; }
  GC_FORCED bool mean() const { return mean_; }  // whether a unit's result depends on other units

  struct Instruction {
    Op op;
    uint8_t operands;
    bool uniform;      // the same in every unit, so computed for one vector only
    uint8_t uniforms;  // bit k: operand k is such a value
    int16_t result;
    int16_t operand[kMaxOperands];
  };
  struct Constant {
    int16_t value;
    double number;
  };
  // Where a value is, or goes.
  struct Place {
    int16_t value, index;
    int16_t slot;  // of an output computed in place: its scratch where the output is not wanted
    bool uniform;
  };
  template <class Item>
  struct List {
    Item item[kMaxValues];
    ptrdiff_t size = 0;
    GC_FORCED const Item* begin() const { return item; }
    GC_FORCED const Item* end() const { return item + size; }
  };
  // What the kernel reads; values that no output and no kept value needs are gone.
  struct Code {
    ptrdiff_t slots = 0;     // blocks of scratch that values share
    ptrdiff_t uniforms = 0;  // vectors of scratch for uniform values
    List<Instruction> instructions;
    List<Constant> constants;
    List<Place> slot;         // of a value that lives in scratch
    List<Place> uniform;      // of a uniform value, constants among them
    List<Place> tape_direct;  // values computed where the tape wants them
    List<Place> tape_first;   // inputs, copied to the tape before an output may overwrite them
    List<Place> tape_last;    // copied after the last operation
    // Outputs computed where they are wanted: no input, which an output may overwrite, is read
    // after them.
    List<Place> output_direct;
    List<Place> output_last;  // copied after the last operation; value -1: zeros
  };
  GC_FORCED const Code& code() const { return code_; }

 private:
  const ptrdiff_t inputs_, outputs_, kept_;
  bool mean_ = false;
  Code code_;
};

template <class T>
struct ProgramArgs {
  ptrdiff_t rows, H;
  const Program* program;
  // [rows * inputs]: input k of row m at in[m * inputs + k], readable to H rounded up to lanes
  // (Hp); what lies beyond H reaches no mean and no unit below H.
  const T* const* in;
  // [rows * outputs] of (Hp), null: not wanted. Outputs may be inputs of the same row, never of
  // another, and never each other.
  T* const* out;
  T* const* kept;  // [rows] of [kept][Hp], or null; alias nothing
  // From one kept value to the next, where H are some of a row's units; 0: Hp.
  ptrdiff_t kept_stride = 0;
};

// Memory of this thread, 64-byte aligned, valid until its next call here; throws std::bad_alloc.
// Where run_program, alone among kernels, keeps values between operations: how much that takes is
// the program's affair, and a thread asks the system for it once.
void* program_scratch(ptrdiff_t bytes);

#undef GC_FORCED

}  // namespace glasscell
