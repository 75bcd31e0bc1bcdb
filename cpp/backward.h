// One layer, one direction, backward through a whole sequence.
#pragma once
#include "forward.h"

namespace glasscell {

// Gradients of a loss, from what `forward` was given and the tape that it kept.
template <class T>
struct BackwardArgs {
  Rows<const T> x;
  const T* h0;
  const T* c0;
  Rows<const T> y;     // forward's output
  Rows<const T> tape;  // forward's tape, of a cell that keeps one
  Rows<const T> dy;    // (P), or no base: no gradient arrives at the outputs
  const T* dh_n;       // (B, P), or null: zeros
  const T* dc_n;       // (B, S, H), or null
  Rows<T> dx;          // (I), or no base: not wanted; rows after the end are set to zero
  T* dh0;              // (B, P), or null: not wanted
  T* dc0;              // (B, S, H), null without such states or if not wanted
  T* dweight_ih;       // (G, I), or null: no weight gradients wanted
  T* dweight_hh;       // (G, P); null for a cell that never reads h
  T* dbias;            // (G): gradient of bias_ih, of bias_hh too without split sums; or null
  T* dweight_hr;       // (P, H); null without projection
  Rows<T> dh;          // (P): total dL/dh_t, or no base
  Rows<T> dc;          // [states][H]: total dL/dc_t, or no base
  // With segments: what `replay` takes. Its tape is the one above, with room for one segment: steps
  // that are a segment apart share their rows.
  const ForwardArgs<T>* replayed = nullptr;
  T* dbias_hh = nullptr;  // (G), with split sums
  T* dvectors = nullptr;  // (V, H), with vectors
  Masks<T> masks{};       // forward's
};

template <class T>
void backward(const Layer<T>& layer, const Sequence& sequence, const BackwardArgs<T>& args,
              int threads);

}  // namespace glasscell
