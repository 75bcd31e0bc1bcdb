// The kernel table: every loop that touches numbers, as function pointers chosen once per process.
//
// Letters: T time, B batch, I input size, H hidden size, P output size (proj_size or H), G gate
// rows (4H or H). A *panel* is `panel` neighbouring columns of a matrix stored [k][panel]; the last
// panel of a matrix may be narrower, but is always a multiple of `lanes`. A *unit block* is `lanes`
// hidden units; the 4 * lanes columns of a block are [i f g o][lanes] ("packed columns").
//
// Law: each output is ONE chain of fused multiply-adds, k ascending, started from its init value.
// No kernel splits k, so an output has the same bits whatever the number of rows or threads.
//
// Contract of all kernels: sizes >= 1 unless said; row pointers readable for their whole length;
// outputs alias no input unless said; nothing is allocated; nothing throws. Hp is H rounded up to
// lanes.
#pragma once
#include <cstddef>
#include <cstdint>

namespace glasscell {

// static: of a function that they share, the linker could keep the copy made for wider vectors.
static constexpr ptrdiff_t round_up(ptrdiff_t n, ptrdiff_t to) { return (n + to - 1) / to * to; }

// How a layer's matrices are stored. Sums are of type T whatever the storage: a stored number
// becomes a float, exactly, in a register.
enum class Storage { kFull, kBfloat16, kInt8 };
using Bfloat16 = uint16_t;  // the upper half of a float

// The vectors of a panel that lie beside each other, lane by lane, in a panel of S. Two of
// Bfloat16: one load brings both, and either becomes floats with one operation, a shift or a mask.
template <class S>
constexpr int kBeside = sizeof(S) == sizeof(Bfloat16) ? 2 : 1;

// A matrix (K x columns) as products read it, 64-byte aligned: panels [k][panel] of T or int8_t, or
// [k][pair of vectors][lane][2] of Bfloat16, the last panel padded to whole pairs.
template <class T>
struct Panels {
  const void* data;
  Storage storage = Storage::kFull;
  // [columns rounded up to lanes] both; null but in the matrix that ends a sum of kInt8, whose
  // result is bias + scale * sum, rounded once: a scale belongs to a column, so it can wait.
  const T* scale = nullptr;
  const T* bias = nullptr;
};

// C(m, n) = init(m, n) + sum_k A(m, k) B(k, n), A(m, k) = a[m][k * ka].
template <class T>
struct GemmArgs {
  ptrdiff_t rows;     // may be 0
  ptrdiff_t K;        // may be 0: C = init
  ptrdiff_t columns;  // columns stored in C
  const T* const* a;  // [rows]
  ptrdiff_t ka;       // 1, or the row stride of a transposed A
  Panels<T> b;
  const T* const* init;  // [rows], readable to `columns` rounded up to lanes; null: start from 0
  T* const* c;           // [rows]; may equal init
  // Add init after the chain instead of starting from it: a long sum in parts, whose rounding error
  // grows with the part and the number of parts instead of with their product.
  bool init_last = false;
};

// One time step of an LSTM for `rows` sequences.
template <class T>
struct LstmStepArgs {
  ptrdiff_t rows, H;
  ptrdiff_t I, P;             // I = 0: the input's share is already in init
  const T* const* x;          // [rows] of (I)
  const T* const* h;          // [rows] of (P): h_{t-1}
  Panels<T> w;                // K = I, over packed columns
  Panels<T> r;                // K = P, over packed columns; stored as w
  const T* const* init;       // [rows] of packed columns: Layer::start, or that + W x
  T* const* c;                // [rows] of (Hp), in: C_{t-1}, out: C_t
  T* const* h_next;           // [rows] of (Hp): o * tanh(C_t); never aliases h
  T* const* y;                // [rows] of (H), or null
  T* const* tape;             // [rows] of [i f g o c][Hp], or null
  ptrdiff_t first_block = 0;  // only the unit blocks from here
  ptrdiff_t end_block = -1;   // up to here; -1: to the last
  // Visit the blocks from the last to the first. Alternating from step to step meets
  // again what the caches still hold of weights that do not fit them.
  bool descending = false;
};

// One time step of a plain RNN: h = act(init + W x + R h). Columns are units, rounded up to lanes.
template <class T>
struct RnnStepArgs {
  ptrdiff_t rows, H;
  ptrdiff_t I, P;
  const T* const* x;
  const T* const* h;
  Panels<T> w;
  Panels<T> r;
  const T* const* init;
  T* const* h_next;  // [rows] of (Hp)
  T* const* y;       // [rows] of (H)
  bool relu;
  ptrdiff_t first_panel = 0;  // as an LSTM's unit blocks, in panels of units
  ptrdiff_t end_panel = -1;
  bool descending = false;
};

// Gate gradients of one LSTM step, before the product with R^T.
template <class T>
struct LstmBackwardArgs {
  ptrdiff_t rows, H;
  const T* const* tape;    // [rows] of [i f g o c][Hp]
  const T* const* c_prev;  // [rows] of (H): C_{t-1}
  const T* const* dy;      // [rows] of (H) or null pointers where no gradient arrives
  const T* const* dh;      // [rows] of (Hp): gradient from step t+1
  T* const* dc;            // [rows] of (Hp), in: dL/dC_t from step t+1, out: dL/dC_{t-1}
  T* const* da;            // [rows] of [i f g o][H], torch's order: gradient of the pre-activations
  T* const* dh_out;        // [rows] of (H) or null: total dL/dh_t
  T* const* dc_out;        // [rows] of (H) or null: total dL/dC_t
};

template <class T>
struct RnnBackwardArgs {
  ptrdiff_t rows, H;
  const T* const* h;  // [rows] of (H): h_t
  const T* const* dy;
  const T* const* dh;
  T* const* da;      // [rows] of (Hp)
  T* const* dh_out;  // [rows] of (H) or null
  bool relu;
};

// The equations of one GRU step, after its products.
template <class T>
struct GruArgs {
  ptrdiff_t rows, H;
  const T* const* pre;       // [rows] of [n_x r z n_h][Hp]: the sums
  const T* const* h;         // [rows] of (Hp): h_{t-1}
  T* const* h_next;          // [rows] of (Hp); may be h
  T* const* y;               // [rows] of (H), or null
  T* const* tape;            // [rows] of [r z n n_h][Hp], or null
  ptrdiff_t first_unit = 0;  // only the units from here, a multiple of lanes
  ptrdiff_t end_unit = -1;   // up to here; -1: to the last
};

template <class T>
struct GruBackwardArgs {
  ptrdiff_t rows, H;
  const T* const* tape;    // [rows] of [r z n n_h][Hp]
  const T* const* h_prev;  // [rows] of (H): h_{t-1}
  const T* const* dy;      // [rows] of (H) or null
  T* const* dh;      // [rows] of (Hp), in: dL/dh_t from step t+1, out: dL/dh_{t-1} but for the sums
  T* const* da;      // [rows] of [n_x r z n_h][H]
  T* const* dh_out;  // [rows] of (H) or null: total dL/dh_t
};

template <class T>
struct ProgramArgs;  // program.h

template <class T>
struct KernelTable {
  int lanes;
  int panel;  // columns of a full panel, a multiple of lanes
  void (*gemm)(const GemmArgs<T>&);
  void (*lstm_forward_step)(const LstmStepArgs<T>&);
  void (*rnn_forward_step)(const RnnStepArgs<T>&);
  void (*lstm_backward_pointwise)(const LstmBackwardArgs<T>&);
  void (*rnn_backward_pointwise)(const RnnBackwardArgs<T>&);
  void (*gru_forward_pointwise)(const GruArgs<T>&);
  void (*gru_backward_pointwise)(const GruBackwardArgs<T>&);
  void (*run_program)(const ProgramArgs<T>&);
  void (*sigmoid)(ptrdiff_t n, const T* x, T* y);  // element by element, for the ULP tests
  void (*tanh)(ptrdiff_t n, const T* x, T* y);
  void (*exp)(ptrdiff_t n, const T* x, T* y);
  void (*log_sigmoid)(ptrdiff_t n, const T* x, T* y);
  // Register-only multiply-adds, for the measurement of this machine's peak: returns their FLOP.
  ptrdiff_t (*fma_burst)(ptrdiff_t iterations, T* sink);
  // Sum of the first n elements, 64-byte aligned, `passes` times over, in chains that keep two
  // loads a cycle in flight: for the rate at which a cache level is read. Returns the bytes read.
  ptrdiff_t (*read_burst)(ptrdiff_t n, const T* data, ptrdiff_t passes, T* sink);
};

constexpr int kFingerprintWords = 16;

struct Kernels {
  const char* isa;
  KernelTable<float> f32;
  KernelTable<double> f64;
  // sums[kFingerprintWords] of n bytes, n a multiple of 64; see fingerprint-inl.h.
  void (*fingerprint)(const unsigned char* data, ptrdiff_t n, uint64_t* sums);
};

// One per instruction set compiled in; defined in kernels_<isa>.cc.
extern const Kernels kKernelsGeneric;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;
extern const Kernels kKernelsNeon;

// The table that this process uses: the best the CPU has, or GLASSCELL_FORCE_ISA.
// Throws std::runtime_error when the forced name is unknown, not compiled in, or not supported.
const Kernels& kernels();

template <class T>
const KernelTable<T>& kernel_table();
template <>
inline const KernelTable<float>& kernel_table<float>() {
  return kernels().f32;
}
template <>
inline const KernelTable<double>& kernel_table<double>() {
  return kernels().f64;
}

}  // namespace glasscell
