// The interpreter of programs (program.h). Included once per instruction set.
//
// Row by row (short rows with a mean a few at a time), and within a row block by block (the whole
// row where the program has a mean), each operation is one loop over the vectors of the block: the
// choice of the operation costs once a block, and values stay in L1 between operations. Values that
// are the same in every unit (constants, means, and what is computed from them alone) are one
// vector that loops read again and again.
#pragma once
#include "program.h"

namespace glasscell::GC_ISA {

constexpr ptrdiff_t kProgramBlock = 256;  // units

// Where a program has a mean, so many rows, and so many units of them, go through each operation
// together: the chains of one row (a sum over its units, a division of one number) run beside those
// of the next. Other programs gain nothing from it (measured).
constexpr int kRows = 4;
constexpr ptrdiff_t kUnitsOfRows = 256;

// Vectors of one loop in flight together: their loads come before the first store. With one, long
// rows take 5 to 10 % more (measured), with four, rows of 64 units.
constexpr int kTogether = 2;

// Where each value of each row is.
template <class T>
using Values = T* (*)[kRows];

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

template <class T, Vec<T> (*f)(Vec<T>)>
GC_INLINE void each(const Program::Instruction& i, Values<T> value, ptrdiff_t rows, ptrdiff_t n) {
  const ptrdiff_t a_step = i.uniforms & 1 ? 0 : 1;
  for (ptrdiff_t m = 0; m < rows; ++m) {
    each<T, f>(n, value[i.operand[0]][m], a_step, value[i.result][m]);
  }
}

template <class T, Vec<T> (*f)(Vec<T>, Vec<T>)>
GC_INLINE void each(const Program::Instruction& i, Values<T> value, ptrdiff_t rows, ptrdiff_t n) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  const ptrdiff_t a_step = i.uniforms & 1 ? 0 : 1, b_step = i.uniforms & 2 ? 0 : 1;
  for (ptrdiff_t m = 0; m < rows; ++m) {
    const T *a = value[i.operand[0]][m], *b = value[i.operand[1]][m];
    T* y = value[i.result][m];
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
}

// y[u] = g(f(a[u], b[u]), c[u]), both rounded.
template <class T, Vec<T> (*f)(Vec<T>, Vec<T>), Vec<T> (*g)(Vec<T>, Vec<T>)>
GC_INLINE void pair(const Program::Instruction& i, Values<T> value, ptrdiff_t rows, ptrdiff_t n) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  const ptrdiff_t a_step = i.uniforms & 1 ? 0 : 1, b_step = i.uniforms & 2 ? 0 : 1;
  const ptrdiff_t c_step = i.uniforms & 4 ? 0 : 1;
  for (ptrdiff_t m = 0; m < rows; ++m) {
    const T *a = value[i.operand[0]][m], *b = value[i.operand[1]][m], *c = value[i.operand[2]][m];
    T* y = value[i.result][m];
    ptrdiff_t u = 0;
    for (; u + kTogether * VL <= n; u += kTogether * VL) {
      V r[kTogether];
#pragma GCC unroll 4
      for (int j = 0; j < kTogether; ++j) {
        const ptrdiff_t at = u + j * VL;
        r[j] = g(f(V::load(a + at * a_step), V::load(b + at * b_step)), V::load(c + at * c_step));
      }
#pragma GCC unroll 4
      for (int j = 0; j < kTogether; ++j) r[j].store(y + u + j * VL);
    }
    for (; u < n; u += VL) {
      g(f(V::load(a + u * a_step), V::load(b + u * b_step)), V::load(c + u * c_step)).store(y + u);
    }
  }
}

template <class T>
GC_INLINE Vec<T> from(Vec<T> x, Vec<T> y) {
  return sub(y, x);
}

template <class T>
GC_INLINE Vec<T> same(Vec<T> x) {
  return x;
}

// The order of the sum belongs to the contract (program.h), whatever the width of a vector.
// R rows from m on together: one chain of additions alone waits for itself.
template <class T, bool products, int R>
GC_NOINLINE void mean_of_rows(const Program::Instruction& i, Values<T> value, ptrdiff_t m,
                              ptrdiff_t H) {
  using V = Vec<T>;
  constexpr ptrdiff_t VL = V::kLanes;
  constexpr int kPartials = 16, N = kPartials / V::kLanes, per = products ? 2 : 1;
  V sum[R][N];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < N; ++v) sum[r][v] = V::set(T(0));
  }
  const ptrdiff_t whole = H / kPartials * kPartials;
  for (int k = 0; k < i.operands; k += per) {
    T* const* x = value[i.operand[k]] + m;
    T* const* z = value[i.operand[k + per - 1]] + m;
    const ptrdiff_t x_step = i.uniforms >> k & 1 ? 0 : 1;
    const ptrdiff_t z_step = i.uniforms >> (k + per - 1) & 1 ? 0 : 1;
    for (ptrdiff_t u = 0; u < whole; u += kPartials) {
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
        for (int v = 0; v < N; ++v) {
          const ptrdiff_t at = u + v * VL;
          V term = V::load(x[r] + at * x_step);
          if (products) term = mul(term, V::load(z[r] + at * z_step));
          sum[r][v] = add(sum[r][v], term);
        }
      }
    }
    // A partial sum that starts from +0 is never -0: the zeros that fill a vector change none.
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < N; ++v) {
        const ptrdiff_t u = whole + v * VL;
        if (u >= H) continue;
        V term = load_upto<T>(x[r] + u * x_step, H - u);
        if (products) term = mul(term, load_upto<T>(z[r] + u * z_step, H - u));
        sum[r][v] = add(sum[r][v], term);
      }
    }
  }
  const T count = static_cast<T>(H * (i.operands / per));
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    T p[kPartials], q[kPartials / 2];
#pragma GCC unroll 16
    for (int v = 0; v < N; ++v) sum[r][v].store(p + v * VL);
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) q[j] = p[j] + p[j + 8];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) p[j] = q[j] + q[j + 4];
    V::set(((p[0] + p[2]) + (p[1] + p[3])) / count).store(value[i.result][m + r]);
  }
}

template <class T, bool products>
GC_INLINE void mean(const Program::Instruction& i, Values<T> value, ptrdiff_t rows, ptrdiff_t H) {
  ptrdiff_t m = 0;
  for (; m + 2 <= rows; m += 2) mean_of_rows<T, products, 2>(i, value, m, H);
  if (m < rows) mean_of_rows<T, products, 1>(i, value, m, H);
}

template <class T>
GC_INLINE void execute(const Program::Instruction& i, Values<T> value, ptrdiff_t rows,
                       ptrdiff_t units, ptrdiff_t H) {
  const ptrdiff_t n = i.uniform ? Vec<T>::kLanes : units;
  switch (i.op) {
    case Op::kAdd:
      return each<T, add>(i, value, rows, n);
    case Op::kSub:
      return each<T, sub>(i, value, rows, n);
    case Op::kMul:
      return each<T, mul>(i, value, rows, n);
    case Op::kDiv:
      return each<T, div>(i, value, rows, n);
    case Op::kMax:
      return each<T, max>(i, value, rows, n);
    case Op::kMin:
      return each<T, min>(i, value, rows, n);
    case Op::kWherePositive:
      return each<T, where_positive>(i, value, rows, n);
    case Op::kSigmoid:
      return each<T, sigmoid<T>>(i, value, rows, n);
    case Op::kTanh:
      return each<T, tanh<T>>(i, value, rows, n);
    case Op::kExp:
      return each<T, exp<T>>(i, value, rows, n);
    case Op::kLogSigmoid:
      return each<T, log_sigmoid<T>>(i, value, rows, n);
    case Op::kSqrt:
      return each<T, sqrt>(i, value, rows, n);
    case Op::kAbs:
      return each<T, abs>(i, value, rows, n);
    case Op::kMean:
      return mean<T, false>(i, value, rows, H);
    case Op::kMeanOfProducts:
      return mean<T, true>(i, value, rows, H);
    case Op::kCopy:
      return each<T, same<T>>(i, value, rows, n);
    case Op::kAddAdd:
      return pair<T, add, add>(i, value, rows, n);
    case Op::kAddSub:
      return pair<T, add, sub>(i, value, rows, n);
    case Op::kAddMul:
      return pair<T, add, mul>(i, value, rows, n);
    case Op::kAddFrom:
      return pair<T, add, from<T>>(i, value, rows, n);
    case Op::kSubAdd:
      return pair<T, sub, add>(i, value, rows, n);
    case Op::kSubSub:
      return pair<T, sub, sub>(i, value, rows, n);
    case Op::kSubMul:
      return pair<T, sub, mul>(i, value, rows, n);
    case Op::kSubFrom:
      return pair<T, sub, from<T>>(i, value, rows, n);
    case Op::kMulAdd:
      return pair<T, mul, add>(i, value, rows, n);
    case Op::kMulSub:
      return pair<T, mul, sub>(i, value, rows, n);
    case Op::kMulMul:
      return pair<T, mul, mul>(i, value, rows, n);
    case Op::kMulFrom:
      return pair<T, mul, from<T>>(i, value, rows, n);
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

// To write: a line of memory that is only written would have to come first all the same.
template <class T>
GC_INLINE void prefetch_tape(T* row, ptrdiff_t kept, ptrdiff_t stride, ptrdiff_t block) {
  constexpr ptrdiff_t kLine = 64 / static_cast<ptrdiff_t>(sizeof(T));
  for (ptrdiff_t k = 0; k < kept; ++k) {
    for (ptrdiff_t u = 0; u < block; u += kLine) __builtin_prefetch(row + k * stride + u, 1, 2);
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
  ptrdiff_t most = program.mean() ? kUnitsOfRows / block : 1;
  most = most < 1 ? 1 : most < kRows ? most : kRows;
  const ptrdiff_t bytes = most * size * static_cast<ptrdiff_t>(sizeof(T));
  T* const scratch = static_cast<T*>(program_scratch(bytes));

  T* value[kMaxValues][kRows];
  for (ptrdiff_t r = 0; r < most; ++r) {
    T* const slots = scratch + r * size;
    for (const Program::Place& p : code.slot) value[p.value][r] = slots + p.index * block;
    for (const Program::Place& p : code.uniform) {
      value[p.value][r] = slots + code.slots * block + p.index * VL;
    }
    for (const Program::Constant& c : code.constants) {
      Vec<T>::set(static_cast<T>(c.number)).store(value[c.value][r]);
    }
  }
  const auto copy = [&value](const Program::Place& p, ptrdiff_t r, ptrdiff_t n, T* to) {
    each<T, same<T>>(n, value[p.value][r], p.uniform ? 0 : 1, to);
  };
  for (ptrdiff_t m = 0; m < s.rows; m += most) {
    const ptrdiff_t rows = m + most < s.rows ? most : s.rows - m;
    for (ptrdiff_t r = m + rows; r < s.rows && r < m + 2 * rows; ++r) {
      prefetch_row(s.in + r * inputs, inputs, block);
      if (s.kept) prefetch_tape(s.kept[r], program.kept(), stride, block);
    }
    for (ptrdiff_t u = 0; u < Hp; u += block) {
      const ptrdiff_t n = u + block < Hp ? block : Hp - u;
      for (ptrdiff_t r = 0; r < rows; ++r) {
        // No operation writes to an input: results have homes of their own.
        const T* const* in = s.in + (m + r) * inputs;
        for (ptrdiff_t k = 0; k < inputs; ++k) value[k][r] = const_cast<T*>(in[k]) + u;
        T* const* out = s.out + (m + r) * outputs;
        for (const Program::Place& p : code.output_direct) {
          T* const unwanted = scratch + r * size + p.slot * block;
          value[p.value][r] = out[p.index] ? out[p.index] + u : unwanted;
        }
        if (!s.kept) continue;
        T* const kept = s.kept[m + r] + u;
        for (const Program::Place& p : code.tape_direct)
          value[p.value][r] = kept + p.index * stride;
        for (const Program::Place& p : code.tape_first) copy(p, r, n, kept + p.index * stride);
      }
      for (const Program::Instruction& i : code.instructions) {
        execute<T>(i, value, rows, n, s.H);
      }
      for (ptrdiff_t r = 0; r < rows; ++r) {
        for (const Program::Place& p : code.output_last) {
          T* const out = s.out[(m + r) * outputs + p.index];
          if (!out) continue;
          T* const to = out + u;
          if (p.value >= 0) {
            copy(p, r, n, to);
          } else {
            for (ptrdiff_t k = 0; k < n; k += VL) Vec<T>::set(T(0)).store(to + k);
          }
        }
        if (!s.kept) continue;
        for (const Program::Place& p : code.tape_last) {
          copy(p, r, n, s.kept[m + r] + p.index * stride + u);
        }
      }
    }
  }
}

}  // namespace glasscell::GC_ISA
