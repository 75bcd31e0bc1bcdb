// The network of Hochreiter & Schmidhuber (1997), "Long Short-Term Memory": memory blocks whose
// gates hear each other, trained online by the truncated gradient of the paper's appendix A.1, and
// the forget gates of Gers, Schmidhuber & Cummins (2000). In double, scalar but for the
// activations, which are those of the kernels: the same bits on every machine.
// glasscell.reference.memory_blocks has the equations one a line.
//
//   z(t)      = [x(t), y_c(t-1), y_in(t-1), y_out(t-1), y_f(t-1), 1]              M = I + U + 1
//   sources net(t)    = W z(t),  U = K cells + blocks x (in, out, forget) y_gate    =
//   sigmoid(net_gate), or 1 where the network has no such gate s_c       = y_f s_c + y_in g(net_c),
//   g = 4 sigmoid - 2 y_c       = y_out h(s_c),              h = 2 sigmoid - 1 o         =
//   sigmoid(V [y_c, x, 1])
//
// Truncation: an error goes back in time along s_c alone. So dW needs no tape, but for each cell
// the derivatives of s_c by the weights of its own input, its input gate and its forget gate, which
// are carried forward: K x M x 2 (or 3) numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace glasscell {

class MemoryBlocks {
 public:
  struct Sizes {
    ptrdiff_t inputs, blocks, cells_per_block, outputs;
    bool input_gate, output_gate, forget_gate;
  };
  // What a call of `run` reads and writes; arrays are contiguous, rows of all sequences one after
  // another, N of them in all.
  struct Run {
    const double* x;       // (N, I)
    const double* target;  // (N, O), NaN where an output is asked for nothing; or null: none is
    const int64_t* ends;   // (n,) first row after each sequence, rising, the last one N
    ptrdiff_t sequences;   // n
    double rate;           // 0: nothing is learnt
    bool per_step;         // weights change after each step with a target, else after each sequence
    bool fresh;            // whether the first sequence begins from zero; the others always do
    double stop;           // a step whose largest error reaches this is the last one
    double* errors;        // (n, 3) largest, sum of absolute, sum of squared errors; or null
    double* outputs;       // (N, O) or null
    double* states;        // (N, K) or null
  };

  // Masks are 1 where a weight exists: (U, M) and (O, K + I + 1).
  MemoryBlocks(const Sizes& sizes, const uint8_t* hidden_mask, const uint8_t* output_mask);
  ptrdiff_t units() const { return U_; }
  ptrdiff_t sources() const { return M_; }
  ptrdiff_t cells() const { return K_; }
  ptrdiff_t output_sources() const { return K_ + sizes_.inputs + 1; }
  const Sizes& sizes() const { return sizes_; }
  std::vector<double>& hidden() { return W_; }
  std::vector<double>& output() { return V_; }
  // Zeroes the weights that do not exist; to be called after weights are written.
  void mask();
  // Gives the rows that were run: fewer than N where `stop` was reached.
  ptrdiff_t run(const Run& run);

 private:
  void begin();
  void step(const double* x, bool learns);
  void learn(const double* target, double rate);
  void apply();

  Sizes sizes_;
  ptrdiff_t K_, U_, M_;
  std::vector<double> W_, V_, dW_, dV_;
  std::vector<uint8_t> hidden_mask_, output_mask_;
  std::vector<double> z_, net_, activation_, g_, h_, slope_g_, state_, before_, squashed_;
  std::vector<double> by_cell_, by_input_, by_forget_;  // (K, M) derivatives of s_c
  std::vector<double> output_, heard_, error_;          // o, [y_c, x, 1], delta
};

}  // namespace glasscell
