// The interpreter of programs (program.h). Included once per instruction set.
//
// Row by row, and within a row block by block (the whole row where the program has a mean), each
// operation is one loop over the vectors of the block: the choice of the operation costs once a
// block, and values stay in L1 between operations. Values that are the same in every unit
// (constants, means, and what is computed from them alone) are one vector that loops read again and
// again.
#pragma once
#include "program.h"

namespace glasscell::GC_ISA {

constexpr ptrdiff_t kProgramBlock = 256;  // units

// Vectors of one loop in flight together: their loads come before the first store. With one, long
// rows take 5 to 10 % more (measured), with four, rows of 64 units.
constexpr int kTogether = 2;

// y[u] = f(a[u]); an operand that is uniform is not walked. Inline: as calls, the operations of a
// row of 64 units take 8 % more (measured).
template <class T, Vec<T> (*f)(Vec<T>)>
GC_INLINE void each(ptrdiff_t n, const T* a, ptrdiff_t a_step, T* y) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  ptrdiff_t u = 0;
  for (; u + kTogether * VL <= n; u += kTogether * VL) {
    V r[kTogether];
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) r[j] = f(V::load(a + (u + j * VL) * a_step));
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) r[j].store(y + u + j * VL);
  }
  for (; u < n; u += VL) f(V::load(a + u * a_step)).store(y + u);
}

template <class T, Vec<T> (*f)(Vec<T>, Vec<T>)>
GC_INLINE void each(ptrdiff_t n, const T* a, ptrdiff_t a_step, const T* b, ptrdiff_t b_step, T* y) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  ptrdiff_t u = 0;
  for (; u + kTogether * VL <= n; u += kTogether * VL) {
    V r[kTogether];
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) {
      const ptrdiff_t at = u + j * VL;
      r[j] = f(V::load(a + at * a_step), V::load(b + at * b_step));
    }
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) r[j].store(y + u + j * VL);
  }
  for (; u < n; u += VL) f(V::load(a + u * a_step), V::load(b + u * b_step)).store(y + u);
}

template <class T>
GC_INLINE Vec<T> same(Vec<T> x) {
  return x;
}

// The order of the sum belongs to the contract (program.h), whatever the width of a vector.
template <class T>
GC_NOINLINE void mean_of_units(const Program::Instruction& i, T* const* value, ptrdiff_t H) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  constexpr int kPartials = 16, N = kPartials / V::kLanes;
  V sum[N];
#pragma GCC unroll 16
  for (int v = 0; v < N; ++v) sum[v] = V::set(T(0));
  for (int k = 0; k < i.operands; ++k) {
    const T* x = value[i.operand[k]];
    const ptrdiff_t step = i.uniforms >> k & 1 ? 0 : 1, whole = H / kPartials * kPartials;
    for (ptrdiff_t u = 0; u < whole; u += kPartials) {
#pragma GCC unroll 16
      for (int v = 0; v < N; ++v) sum[v] = add(sum[v], V::load(x + (u + v * VL) * step));
    }
    // A partial sum that starts from +0 is never -0: the zeros that fill a vector change none.
#pragma GCC unroll 16
    for (int v = 0; v < N; ++v) {
      const ptrdiff_t u = whole + v * VL;
      if (u < H) sum[v] = add(sum[v], load_upto<T>(x + u * step, H - u));
    }
  }
  T partial[kPartials];
#pragma GCC unroll 16
  for (int v = 0; v < N; ++v) sum[v].store(partial + v * VL);
  for (int w = kPartials / 2; w > 0; w /= 2) {
    for (int j = 0; j < w; ++j) partial[j] += partial[j + w];
  }
  V::set(partial[0] / static_cast<T>(H * i.operands)).store(value[i.result]);
}

template <class T>
GC_INLINE void execute(const Program::Instruction& i, T* const* value, ptrdiff_t units,
                       ptrdiff_t H) {
  const ptrdiff_t n = i.uniform ? Vec<T>::kLanes : units;
  const T *a = value[i.operand[0]], *b = value[i.operand[1]];
  const ptrdiff_t a_step = i.uniforms & 1 ? 0 : 1, b_step = i.uniforms & 2 ? 0 : 1;
  T* y = value[i.result];
  switch (i.op) {
    case Op::kAdd:
      return each<T, add>(n, a, a_step, b, b_step, y);
    case Op::kSub:
      return each<T, sub>(n, a, a_step, b, b_step, y);
    case Op::kMul:
      return each<T, mul>(n, a, a_step, b, b_step, y);
    case Op::kDiv:
      return each<T, div>(n, a, a_step, b, b_step, y);
    case Op::kMax:
      return each<T, max>(n, a, a_step, b, b_step, y);
    case Op::kMin:
      return each<T, min>(n, a, a_step, b, b_step, y);
    case Op::kWherePositive:
      return each<T, where_positive>(n, a, a_step, b, b_step, y);
    case Op::kSigmoid:
      return each<T, sigmoid<T>>(n, a, a_step, y);
    case Op::kTanh:
      return each<T, tanh<T>>(n, a, a_step, y);
    case Op::kExp:
      return each<T, exp<T>>(n, a, a_step, y);
    case Op::kLogSigmoid:
      return each<T, log_sigmoid<T>>(n, a, a_step, y);
    case Op::kSqrt:
      return each<T, sqrt>(n, a, a_step, y);
    case Op::kAbs:
      return each<T, abs>(n, a, a_step, y);
    case Op::kMean:
      return mean_of_units<T>(i, value, H);
    case Op::kCopy:
      return each<T, same<T>>(n, a, a_step, y);
    case Op::kConstant:
      return;  // in the table before the first row
  }
}

// What the next row reads comes while this one is computed: a tape does not fit the caches.
template <class T>
GC_INLINE void prefetch_row(const T* const* in, ptrdiff_t inputs, ptrdiff_t block) {
  constexpr ptrdiff_t kLine = 64 / static_cast<ptrdiff_t>(sizeof(T));
  for (ptrdiff_t k = 0; k < inputs; ++k) {
    for (ptrdiff_t u = 0; u < block; u += kLine) __builtin_prefetch(in[k] + u, 0, 2);
  }
}

template <class T>
void run_program(const ProgramArgs<T>& s) {
  constexpr ptrdiff_t VL = Vec<T>::kLanes;
  const Program& program = *s.program;
  const Program::Code& code = program.code();
  const ptrdiff_t Hp = round_up(s.H, VL), inputs = program.inputs(), outputs = program.outputs();
  const ptrdiff_t blocks = program.mean() ? 1 : (Hp + kProgramBlock - 1) / kProgramBlock;
  const ptrdiff_t block = round_up((Hp + blocks - 1) / blocks, VL);
  const ptrdiff_t stride = s.kept_stride ? s.kept_stride : Hp;
  const ptrdiff_t size = code.slots * block + code.uniforms * VL;
  T* const scratch = static_cast<T*>(program_scratch(size * static_cast<ptrdiff_t>(sizeof(T))));

  T* value[kMaxValues];
  for (const Program::Place& p : code.slot) value[p.value] = scratch + p.index * block;
  for (const Program::Place& p : code.uniform) {
    value[p.value] = scratch + code.slots * block + p.index * VL;
  }
  for (const Program::Constant& c : code.constants) {
    Vec<T>::set(static_cast<T>(c.number)).store(value[c.value]);
  }
  const auto copy = [&value](const Program::Place& p, ptrdiff_t n, T* to) {
    each<T, same<T>>(n, value[p.value], p.uniform ? 0 : 1, to);
  };
  for (ptrdiff_t m = 0; m < s.rows; ++m) {
    const T* const* in = s.in + m * inputs;
    if (m + 1 < s.rows) prefetch_row(in + inputs, inputs, block);
    T* const* out = s.out + m * outputs;
    T* const kept = s.kept ? s.kept[m] : nullptr;
    for (ptrdiff_t u = 0; u < Hp; u += block) {
      const ptrdiff_t n = u + block < Hp ? block : Hp - u;
      // No operation writes to an input: results have homes of their own.
      for (ptrdiff_t k = 0; k < inputs; ++k) value[k] = const_cast<T*>(in[k]) + u;
      for (const Program::Place& p : code.output_direct) {
        value[p.value] = out[p.index] ? out[p.index] + u : scratch + p.slot * block;
      }
      if (kept) {
        for (const Program::Place& p : code.tape_direct)
          value[p.value] = kept + p.index * stride + u;
        for (const Program::Place& p : code.tape_first) copy(p, n, kept + p.index * stride + u);
      }
      for (const Program::Instruction& i : code.instructions) execute<T>(i, value, n, s.H);
      for (const Program::Place& p : code.output_last) {
        if (!out[p.index]) continue;
        T* const to = out[p.index] + u;
        if (p.value >= 0) {
          copy(p, n, to);
        } else {
          for (ptrdiff_t k = 0; k < n; k += VL) Vec<T>::set(T(0)).store(to + k);
        }
      }
      if (kept) {
        for (const Program::Place& p : code.tape_last) copy(p, n, kept + p.index * stride + u);
      }
    }
  }
}

}  // namespace glasscell::GC_ISA
