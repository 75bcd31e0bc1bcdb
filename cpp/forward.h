// One layer, one direction, over a whole sequence.
#pragma once
#include "layer.h"
#include "sequence.h"

namespace glasscell {

// Training without a tape: of every `length` steps, in the order of processing, forward keeps the
// states after h (c) before them, and backward runs them again when it comes to them.
template <class T>
struct Segments {
  ptrdiff_t length = 0;  // 0: none, the tape holds all steps
  T* cells = nullptr;    // (steps / length, B, S, H): c before steps length, 2 * length, ...

  bool begin_at(ptrdiff_t s) const { return length > 0 && s > 0 && s % length == 0; }
  // c before step s > 0, the first of its segment, of row b of B; size = S * H.
  T* cell(ptrdiff_t s, ptrdiff_t b, ptrdiff_t B, ptrdiff_t size) const {
    return cells + ((s / length - 1) * B + b) * size;
  }
};

// Random masks of training, one number a unit: (T or 1, B, M, H), rows contiguous.
template <class T>
struct Masks {
  const T* base = nullptr;  // null: what the cell says
  ptrdiff_t step = 0;       // 0: the same at every step
  ptrdiff_t row = 0;        // M * H

  explicit operator bool() const { return base != nullptr; }
  const T* at(ptrdiff_t t, ptrdiff_t b) const { return base + t * step + b * row; }
};

// H hidden units, P outputs (proj_size or H), Hp = H rounded up to lanes, S states after h. Outputs
// alias no input.
template <class T>
struct ForwardArgs {
  Rows<const T> x;  // (I)
  const T* h0;      // (B, P) contiguous, or null: what the cell starts from
  const T* c0;      // (B, S, H), or null
  Rows<T> y;        // (P); rows after the end of their sequence are set to zero
  T* h_n;           // (B, P)
  T* c_n;           // (B, S, H), null without such states
  Rows<T> tape;     // [kept][Hp], or no base: nothing is kept; rows after the end untouched
  Segments<T> segments{};
  Masks<T> masks{};
};

template <class T>
void forward(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
             int threads);

// Runs the steps of one segment again for the rows of a share, on this thread, and writes the tape
// alone. args.y is read (the hidden state before the segment); h_n and c_n are not touched.
template <class T>
void replay(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
            const Share& share, ptrdiff_t segment);

// Few sequences on several threads, each of which owns some of the hidden units and so keeps its
// share of R in its own L2 over all steps. Same bits as one thread: a unit's chain is not divided.
// Returns false, having done nothing, where one thread is as fast.
template <class T>
bool forward_team(const Layer<T>& layer, const Sequence& sequence, const ForwardArgs<T>& args,
                  int threads);

// Layer upon layer, none of them reversed: args[k].x are the outputs args[k - 1].y. Few sequences
// go through as a wave: each thread has layers of its own and runs them on the steps that the
// layers below have done, a block of steps behind. Same bits as one layer after the other.
template <class T>
void forward_stack(const std::vector<const Layer<T>*>& layers, const Sequence& sequence,
                   const std::vector<ForwardArgs<T>>& args, int threads);

// Threads worth using for this much work, at most `threads`.
int useful_threads(const Sequence& sequence, ptrdiff_t macs_per_row, int threads);

}  // namespace glasscell
