// What a cell is to the code that runs it: numbers of sums, states and kept values, never a name.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace glasscell {

class Program;

// The cells with kernels of their own, and those that run as programs.
enum class Mode { kLstm, kRnnTanh, kRnnRelu, kGru, kProgram };

// What a sum before an activation adds up, in the order in which sums lie side by side.
enum class Reads { kX, kBoth, kH };

struct Sum {
  ptrdiff_t gate;  // block of H rows in torch's matrices
  Reads reads;
};

struct Cell {
  // Of a cell with kernels of its own. Not explicit: a mode is such a cell.
  Cell(Mode mode);
  // Of one that runs as a program.
  Cell() = default;

  Mode mode = Mode::kProgram;
  ptrdiff_t gates = 0;                    // blocks of H rows in torch's matrices
  std::vector<Sum> sums;                  // those of x, then of both, then of h
  ptrdiff_t states = 0;                   // states after h: (states, H) numbers a row, called c
  ptrdiff_t kept = 0;                     // slots of the tape, 0: none is needed
  ptrdiff_t vectors = 0;                  // parameters with one number a unit
  std::vector<std::string> vector_names;  // V of them
  std::vector<ptrdiff_t> state_slots;     // slot of the tape that holds each state after h
  std::vector<double> initial;            // what h and the states start from where nothing is given
  std::vector<double> mask_values;        // what each random mask of training is without one
  // Of the masks the one that multiplies h_{t-1} before R h, and no step reads; -1: none.
  ptrdiff_t hidden_mask = -1;
  // Programs alone. The step: sums, states, vectors, masks to states. Its derivative: kept values,
  // states before, vectors, masks, d(state after) to d(sum), d(state before) but for the way
  // through the sums, d(vector). The flow: the same, then the total d(state after).
  std::shared_ptr<const Program> step, reverse, flow;

  ptrdiff_t masks() const { return static_cast<ptrdiff_t>(mask_values.size()); }

  // Products and equations in one kernel, with the gates of a unit side by side; the other cells
  // have their sums one after the other and the equations in a kernel of their own.
  bool tiled() const { return mode != Mode::kGru && mode != Mode::kProgram; }
  ptrdiff_t count(Reads reads) const;
  ptrdiff_t x_sums() const { return count(Reads::kX) + count(Reads::kBoth); }  // of W x
  ptrdiff_t h_sums() const { return count(Reads::kH) + count(Reads::kBoth); }  // of R h
  ptrdiff_t first_h_sum() const { return count(Reads::kX); }
  // Sums of x alone or h alone: then b_ih and b_hh are not one bias.
  bool split() const { return count(Reads::kBoth) != static_cast<ptrdiff_t>(sums.size()); }
};

}  // namespace glasscell
