#include "memory_blocks.h"

#include <algorithm>
#include <cmath>

#include "kernels.h"

namespace glasscell {

namespace {

std::size_t at(ptrdiff_t n) { return static_cast<std::size_t>(n); }

void sigmoid(const std::vector<double>& x, std::vector<double>& y) {
  kernel_table<double>().sigmoid(static_cast<ptrdiff_t>(x.size()), x.data(), y.data());
}

void drop(std::vector<double>& weights, const std::vector<uint8_t>& mask) {
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (!mask[k]) weights[k] = 0.0;
  }
}

}  // namespace

MemoryBlocks::MemoryBlocks(const Sizes& sizes, const uint8_t* hidden_mask,
                           const uint8_t* output_mask)
    : sizes_(sizes),
      K_(sizes.blocks * sizes.cells_per_block),
      U_(K_ + 3 * sizes.blocks),
      M_(sizes.inputs + U_ + 1),
      W_(at(U_ * M_)),
      V_(at(sizes.outputs * output_sources())),
      dW_(W_.size()),
      dV_(V_.size()),
      hidden_mask_(hidden_mask, hidden_mask + W_.size()),
      output_mask_(output_mask, output_mask + V_.size()),
      z_(at(M_)),
      net_(at(U_)),
      activation_(at(U_)),
      g_(at(K_)),
      h_(at(K_)),
      slope_g_(at(K_)),
      state_(at(K_)),
      before_(at(K_)),
      squashed_(at(K_)),
      by_cell_(at(K_ * M_)),
      by_input_(at(K_ * M_)),
      by_forget_(at(K_ * M_)),
      output_(at(sizes.outputs)),
      heard_(at(output_sources())),
      error_(at(sizes.outputs)) {
  begin();
}

void MemoryBlocks::mask() {
  drop(W_, hidden_mask_);
  drop(V_, output_mask_);
}

void MemoryBlocks::begin() {
  for (auto* of : {&z_, &state_, &by_cell_, &by_input_, &by_forget_}) {
    std::fill(of->begin(), of->end(), 0.0);
  }
}

void MemoryBlocks::step(const double* x, bool learns) {
  const ptrdiff_t I = sizes_.inputs, n = sizes_.blocks, S = sizes_.cells_per_block;
  std::copy(x, x + I, z_.begin());  // behind them still lie the activations of the step before
  z_.back() = 1.0;
  for (ptrdiff_t u = 0; u < U_; ++u) {
    const double* row = W_.data() + u * M_;
    double sum = 0.0;
    for (ptrdiff_t m = 0; m < M_; ++m) sum += row[m] * z_[at(m)];
    net_[at(u)] = sum;
  }
  sigmoid(net_, activation_);
  double* in = activation_.data() + K_;
  double* out = in + n;
  double* forget = out + n;
  if (!sizes_.input_gate) std::fill(in, in + n, 1.0);
  if (!sizes_.output_gate) std::fill(out, out + n, 1.0);
  if (!sizes_.forget_gate) std::fill(forget, forget + n, 1.0);
  for (ptrdiff_t c = 0; c < K_; ++c) {
    const ptrdiff_t j = c / S;
    const double sigma = activation_[at(c)];
    g_[at(c)] = 4.0 * sigma - 2.0;
    slope_g_[at(c)] = 4.0 * sigma * (1.0 - sigma);
    before_[at(c)] = state_[at(c)];
    state_[at(c)] = forget[j] * state_[at(c)] + in[j] * g_[at(c)];
  }
  if (learns) {
    for (ptrdiff_t c = 0; c < K_; ++c) {
      const ptrdiff_t j = c / S;
      const double keep = forget[j];
      const double of_cell = in[j] * slope_g_[at(c)];
      const double of_input = g_[at(c)] * in[j] * (1.0 - in[j]);
      const double of_forget = before_[at(c)] * keep * (1.0 - keep);
      double* cell = by_cell_.data() + c * M_;
      double* input = by_input_.data() + c * M_;
      double* forgotten = by_forget_.data() + c * M_;
      for (ptrdiff_t m = 0; m < M_; ++m) {
        cell[m] = keep * cell[m] + of_cell * z_[at(m)];
        input[m] = keep * input[m] + of_input * z_[at(m)];
      }
      if (sizes_.forget_gate) {
        for (ptrdiff_t m = 0; m < M_; ++m) {
          forgotten[m] = keep * forgotten[m] + of_forget * z_[at(m)];
        }
      }
    }
  }
  sigmoid(state_, squashed_);
  for (ptrdiff_t c = 0; c < K_; ++c) {
    h_[at(c)] = 2.0 * squashed_[at(c)] - 1.0;
    heard_[at(c)] = out[c / S] * h_[at(c)];
  }
  std::copy(x, x + I, heard_.begin() + K_);
  heard_.back() = 1.0;
  const ptrdiff_t width = output_sources();
  for (ptrdiff_t k = 0; k < sizes_.outputs; ++k) {
    const double* row = V_.data() + k * width;
    double sum = 0.0;
    for (ptrdiff_t m = 0; m < width; ++m) sum += row[m] * heard_[at(m)];
    error_[at(k)] = sum;
  }
  sigmoid(error_, output_);
}

void MemoryBlocks::learn(const double* target, double rate) {
  const ptrdiff_t n = sizes_.blocks, S = sizes_.cells_per_block, width = output_sources();
  for (ptrdiff_t k = 0; k < sizes_.outputs; ++k) {
    const double o = output_[at(k)];
    error_[at(k)] = std::isnan(target[k]) ? 0.0 : rate * (target[k] - o) * o * (1.0 - o);
  }
  const double* in = activation_.data() + K_;
  const double* out = in + n;
  for (ptrdiff_t j = 0; j < n; ++j) {
    double of_gate = 0.0;
    double* gate_in = dW_.data() + (K_ + j) * M_;
    double* gate_out = dW_.data() + (K_ + n + j) * M_;
    double* gate_forget = dW_.data() + (K_ + 2 * n + j) * M_;
    for (ptrdiff_t c = j * S; c < (j + 1) * S; ++c) {
      double arriving = 0.0;
      for (ptrdiff_t k = 0; k < sizes_.outputs; ++k) {
        arriving += V_[at(k * width + c)] * error_[at(k)];
      }
      of_gate += h_[at(c)] * arriving;
      const double slope_h = 2.0 * squashed_[at(c)] * (1.0 - squashed_[at(c)]);
      const double of_state = out[j] * slope_h * arriving;
      double* own = dW_.data() + c * M_;
      const double* cell = by_cell_.data() + c * M_;
      const double* input = by_input_.data() + c * M_;
      const double* forgotten = by_forget_.data() + c * M_;
      for (ptrdiff_t m = 0; m < M_; ++m) {
        own[m] += of_state * cell[m];
        gate_in[m] += of_state * input[m];
      }
      if (sizes_.forget_gate) {
        for (ptrdiff_t m = 0; m < M_; ++m) gate_forget[m] += of_state * forgotten[m];
      }
    }
    of_gate *= out[j] * (1.0 - out[j]);
    for (ptrdiff_t m = 0; m < M_; ++m) gate_out[m] += of_gate * z_[at(m)];
  }
  // After the blocks, which an error reaches by the weights that made it.
  for (ptrdiff_t k = 0; k < sizes_.outputs; ++k) {
    double* row = dV_.data() + k * width;
    for (ptrdiff_t m = 0; m < width; ++m) row[m] += error_[at(k)] * heard_[at(m)];
  }
}

void MemoryBlocks::apply() {
  for (std::size_t k = 0; k < W_.size(); ++k) {
    if (hidden_mask_[k]) W_[k] += dW_[k];
    dW_[k] = 0.0;
  }
  for (std::size_t k = 0; k < V_.size(); ++k) {
    if (output_mask_[k]) V_[k] += dV_[k];
    dV_[k] = 0.0;
  }
}

ptrdiff_t MemoryBlocks::run(const Run& run) {
  const ptrdiff_t I = sizes_.inputs, O = sizes_.outputs;
  const bool learns = run.rate != 0.0 && run.target != nullptr;
  ptrdiff_t row = 0;
  for (ptrdiff_t s = 0; s < run.sequences; ++s) {
    if (s > 0 || run.fresh) begin();
    double largest = 0.0, absolute = 0.0, squared = 0.0;
    bool stopped = false;
    for (; row < run.ends[s] && !stopped; ++row) {
      const double* x = run.x + row * I;
      step(x, learns);
      if (run.outputs) std::copy(output_.begin(), output_.end(), run.outputs + row * O);
      if (run.states) std::copy(state_.begin(), state_.end(), run.states + row * K_);
      if (run.target) {
        const double* target = run.target + row * O;
        bool asked = false;
        for (ptrdiff_t k = 0; k < O; ++k) {
          if (std::isnan(target[k])) continue;
          asked = true;
          const double error = std::fabs(target[k] - output_[at(k)]);
          largest = std::max(largest, error);
          absolute += error;
          squared += error * error;
        }
        if (asked && learns) {
          learn(target, run.rate);
          if (run.per_step) apply();
        }
        stopped = largest >= run.stop;
      }
      std::copy(heard_.begin(), heard_.begin() + K_, z_.begin() + I);
      std::copy(activation_.begin() + K_, activation_.end(), z_.begin() + I + K_);
    }
    if (run.errors) {
      run.errors[3 * s] = largest;
      run.errors[3 * s + 1] = absolute;
      run.errors[3 * s + 2] = squared;
    }
    if (learns && !run.per_step) apply();
    if (stopped) break;
  }
  return row;
}

}  // namespace glasscell
