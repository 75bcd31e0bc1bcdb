// A packed layer as Python sees it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "arrays.h"
#include "layer.h"

namespace glasscell {

template <class T>
class PyLayer {
 public:
  PyLayer(const std::string& mode, const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
          const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
          const Maybe<const T>& weight_hr, const Cell* cell, const Maybe<const T>& vectors);

  // Compressed, S = Bfloat16 or int8_t: see RawWeights.
  template <class S>
  PyLayer(const std::string& mode, const Maybe<const S>& weight_ih, const Maybe<const S>& weight_hh,
          const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
          const Maybe<const S>& weight_hr, const Maybe<const T>& scale,
          const Maybe<const T>& scale_hr, const Cell* cell, const Maybe<const T>& vectors);

  bool matches(const Maybe<const T>& weight_ih, const Maybe<const T>& weight_hh,
               const Maybe<const T>& bias_ih, const Maybe<const T>& bias_hh,
               const Maybe<const T>& weight_hr, const Maybe<const T>& vectors) const;

  // The same, from addresses of contiguous matrices of this layer's own sizes and type (the caller
  // has checked), 0 where absent, and of each vector (H): a twentieth of the cost of five array
  // objects.
  bool matches_at(std::uintptr_t weight_ih, std::uintptr_t weight_hh, std::uintptr_t bias_ih,
                  std::uintptr_t bias_hh, std::uintptr_t weight_hr, int threads,
                  const std::vector<std::uintptr_t>& vectors) const;

  void run_forward(const Maybe<const T>& x, const Maybe<const T>& h0, const Maybe<const T>& c0,
                   const Maybe<T>& y, const Maybe<T>& h_n, const Maybe<T>& c_n,
                   const Maybe<T>& tape, const Maybe<const int64_t>& lengths,
                   const Maybe<const uint8_t>& reset, const Maybe<const int64_t>& batch_sizes,
                   bool reverse, int threads, const Maybe<const T>& masks) const;

  void run_backward(const Maybe<const T>& x, const Maybe<const T>& h0, const Maybe<const T>& c0,
                    const Maybe<const T>& y, const Maybe<const T>& tape, const Maybe<const T>& dy,
                    const Maybe<const T>& dh_n, const Maybe<const T>& dc_n, const Maybe<T>& dx,
                    const Maybe<T>& dh0, const Maybe<T>& dc0, const Maybe<T>& dweight_ih,
                    const Maybe<T>& dweight_hh, const Maybe<T>& dbias, const Maybe<T>& dweight_hr,
                    const Maybe<T>& dh, const Maybe<T>& dc, const Maybe<const int64_t>& lengths,
                    const Maybe<const uint8_t>& reset, const Maybe<const int64_t>& batch_sizes,
                    bool reverse, int threads, const Maybe<T>& dbias_hh, const Maybe<T>& dvectors,
                    const Maybe<const T>& masks) const;

  const Layer<T>& packed() const { return layer_; }
  ptrdiff_t input_size() const { return layer_.I; }
  ptrdiff_t hidden_size() const { return layer_.H; }
  ptrdiff_t output_size() const { return layer_.P; }
  ptrdiff_t padded_size() const { return layer_.Hp; }
  const char* storage() const;
  bool lstm() const { return layer_.cell.mode == Mode::kLstm; }
  ptrdiff_t extra_states() const { return layer_.cell.states; }
  ptrdiff_t kept() const { return layer_.cell.kept; }
  ptrdiff_t gate_rows() const { return layer_.gate_rows(); }
  std::size_t sums() const { return layer_.cell.sums.size(); }
  bool reads_h() const { return layer_.cell.h_sums() > 0; }
  const std::vector<std::string>& vectors() const { return layer_.cell.vector_names; }
  ptrdiff_t masks() const { return layer_.cell.masks(); }
  bool split() const { return layer_.cell.split(); }
  bool bias() const { return layer_.bias; }
  bool projected() const { return layer_.projected; }

 private:
  void require_full() const {
    require(layer_.storage == Storage::kFull, "a compressed layer only runs forward");
  }

  Layer<T> layer_;
};

// The layers of a Python list: a stack, in which each reads what the one before it writes and all
// have states of the same sizes. The list keeps them alive.
template <class T>
std::vector<const Layer<T>*> stack_of(const nb::list& layers);

}  // namespace glasscell
