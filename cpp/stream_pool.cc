#include "stream_pool.h"

#include <algorithm>

#include "arena.h"
#include "cell_step.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "threads/pool.h"

namespace glasscell {

// One thread's share of a call, a chunk of rows at a time.
template <class T>
class StreamPool<T>::Worker {
 public:
  explicit Worker(const std::vector<Place>& stack) : stack_(stack) {
    ptrdiff_t P = 0, Hp = 0, columns = 0;
    for (const Place& at : stack) {
      P = std::max(P, at.layer->P);
      if (at.layer->projected) Hp = std::max(Hp, at.layer->Hp);
      if (!at.layer->cell.tiled()) columns = std::max(columns, at.layer->columns);
    }
    pre_ = Arena::mine().take<T>(static_cast<std::size_t>(kChunk * columns));
    h_copy_ = Arena::mine().take<T>(static_cast<std::size_t>(kChunk * P));
    m_ = Arena::mine().take<T>(static_cast<std::size_t>(kChunk * Hp));
  }

  void run(ptrdiff_t n, T* const* rows, const T* x, ptrdiff_t x_row, T* y, ptrdiff_t y_row) {
    const ptrdiff_t chunks = (n + kChunk - 1) / kChunk;  // of nearly equal size
    const auto start = [&](ptrdiff_t chunk) { return n * std::min(chunk, chunks) / chunks; };
    fetch(rows, 0, start(1));
    for (ptrdiff_t chunk = 0; chunk < chunks; ++chunk) {
      const ptrdiff_t first = start(chunk), m = start(chunk + 1) - first;
      fetch(rows, start(chunk + 1), start(chunk + 2));
      for (ptrdiff_t q = 0; q < m; ++q) {
        x_[q] = x + (first + q) * x_row;
        y_[q] = y + (first + q) * y_row;
      }
      for (const Place& at : stack_) {
        step(at, m, rows + first, &at == &stack_.back());
        std::copy(h_, h_ + m, x_);
      }
    }
  }

 private:
  // Rows whose states and pointers stay in L1 and L2 beside a panel of weights; from 24 to 384 rows
  // the time is the same within 2 % (H = 32 to 512).
  static constexpr ptrdiff_t kChunk = 48;

  // Asks for the states of scattered streams while the chunk before them computes: 17 % of the time
  // of 10^5 streams at H = 32, 4 % at H = 64. Inlined by force: gcc takes a function that only
  // prefetches for one without effect, and drops the call.
  [[gnu::always_inline]] inline void fetch(T* const* rows, ptrdiff_t first, ptrdiff_t last) const {
    constexpr ptrdiff_t kLine = 64 / static_cast<ptrdiff_t>(sizeof(T));
    const Place& end = stack_.back();
    for (ptrdiff_t q = first; q < last; ++q) {
      const T* state = rows[q] + stack_.front().c;
      for (; state < rows[q] + end.h + end.layer->P; state += kLine) __builtin_prefetch(state);
    }
  }

  void step(const Place& at, ptrdiff_t m, T* const* rows, bool last) {
    const Layer<T>& layer = *at.layer;
    const KernelTable<T>& table = kernel_table<T>();
    if (!layer.cell.tiled()) {
      for (ptrdiff_t q = 0; q < m; ++q) {
        c_[q] = rows[q] + at.c;
        h_[q] = rows[q] + at.h;
        bias_[q] = layer.start();
        pre_rows_[q] = pre_ + q * layer.columns;
      }
      input_sums(layer, m, x_, bias_, pre_rows_);
      cell_step(layer, {m, pre_rows_, h_, c_, h_, last ? y_ : nullptr, nullptr, nullptr});
      return;
    }
    for (ptrdiff_t q = 0; q < m; ++q) {
      c_[q] = rows[q] + at.c;
      h_[q] = rows[q] + at.h;
      // The kernel writes h_t while it still reads h_{t-1}: it reads a copy.
      T* copy = h_copy_ + q * layer.P;
      std::copy(h_[q], h_[q] + layer.P, copy);
      h_before_[q] = copy;
      bias_[q] = layer.start();
      m_rows_[q] = m_ + q * layer.Hp;
    }
    if (layer.cell.mode != Mode::kLstm) {
      table.rnn_forward_step({m, layer.H, layer.I, layer.P, x_, h_before_, layer.w(), layer.r(),
                              bias_, h_, last ? y_ : h_, layer.cell.mode == Mode::kRnnRelu});
    } else if (!layer.projected) {
      table.lstm_forward_step({m, layer.H, layer.I, layer.P, x_, h_before_, layer.w(), layer.r(),
                               bias_, c_, h_, last ? y_ : nullptr, nullptr});
    } else {
      table.lstm_forward_step({m, layer.H, layer.I, layer.P, x_, h_before_, layer.w(), layer.r(),
                               bias_, c_, m_rows_, nullptr, nullptr});
      table.gemm({m, layer.H, layer.P, m_rows_, 1, layer.hr(), nullptr, h_});
      for (ptrdiff_t q = 0; last && q < m; ++q) std::copy(h_[q], h_[q] + layer.P, y_[q]);
    }
  }

  const std::vector<Place>& stack_;
  T* h_copy_;                  // [chunk][P]: h_{t-1} of one layer
  T* m_;                       // [chunk][Hp]: o * tanh(C), only with projection
  T* pre_;                     // [chunk][columns]: sums of a layer that is not tiled
  const T* x_[kChunk];         // (I)
  const T* h_before_[kChunk];  // (P)
  const T* bias_[kChunk];      // packed columns
  T *c_[kChunk], *h_[kChunk];  // in the slab
  T *m_rows_[kChunk], *y_[kChunk], *pre_rows_[kChunk];
};

template <class T>
StreamPool<T>::StreamPool(const std::vector<Stack>& stacks, ptrdiff_t capacity)
    : slots(capacity), stride_(place(stacks)), slab_(capacity, stride_) {}

template <class T>
ptrdiff_t StreamPool<T>::place(const std::vector<Stack>& stacks) {
  ptrdiff_t end = 0;
  for (const Stack& stack : stacks) {
    stacks_.emplace_back();
    for (const Layer<T>* layer : stack) {
      const ptrdiff_t c = layer->c_row();
      const ptrdiff_t h =
          layer->projected ? round_up(layer->P, kernel_table<T>().lanes) : layer->Hp;
      stacks_.back().push_back({layer, end, end + c});
      end += c + h;
    }
  }
  return round_up(std::max<ptrdiff_t>(end, 1), 64 / static_cast<ptrdiff_t>(sizeof(T)));
}

template <class T>
ptrdiff_t StreamPool<T>::work(std::size_t s) const {
  ptrdiff_t macs = 0;
  for (const Place& at : stacks_[s]) macs += at.layer->macs();
  return macs;
}

template <class T>
void StreamPool<T>::clear(ptrdiff_t n, const int64_t* ids) const {
  for (ptrdiff_t q = 0; q < n; ++q) {
    T* to = row(ids[q]);
    std::fill(to, to + stride_, T(0));
    for (const std::vector<Place>& stack : stacks_) {
      for (const Place& at : stack) {
        at.layer->start_h(to + at.h);
        at.layer->start_c(to + at.c);
      }
    }
  }
}

template <class T>
void StreamPool<T>::get_state(std::size_t s, ptrdiff_t n, const int64_t* ids, T* h, T* c) const {
  for (const Place& at : stacks_[s]) {
    for (ptrdiff_t q = 0; q < n; ++q) {
      const T* from = row(ids[q]);
      if (h) h = std::copy(from + at.h, from + at.h + at.layer->P, h);
      for (ptrdiff_t k = 0; c && k < at.layer->cell.states; ++k) {
        const T* state = from + at.c + k * at.layer->Hp;
        c = std::copy(state, state + at.layer->H, c);
      }
    }
  }
}

template <class T>
void StreamPool<T>::set_state(std::size_t s, ptrdiff_t n, const int64_t* ids, const T* h,
                              const T* c) const {
  for (const Place& at : stacks_[s]) {
    const Layer<T>& layer = *at.layer;
    for (ptrdiff_t q = 0; q < n; ++q) {
      T* to = row(ids[q]);
      layer.start_h(to + at.h);
      layer.start_c(to + at.c);
      if (h) {
        std::copy(h, h + layer.P, to + at.h);
        h += layer.P;
      }
      for (ptrdiff_t k = 0; c && k < layer.cell.states; ++k, c += layer.H) {
        std::copy(c, c + layer.H, to + at.c + k * layer.Hp);
      }
    }
  }
}

template <class T>
void StreamPool<T>::find(ptrdiff_t n, const int64_t* ids, T** rows) const {
  for (ptrdiff_t q = 0; q < n; ++q) rows[q] = row(ids[q]);
}

template <class T>
void StreamPool<T>::step(std::size_t s, ptrdiff_t n, T* const* rows, const T* x, ptrdiff_t x_row,
                         T* y, ptrdiff_t y_row, int threads) const {
  if (n == 0) return;
  // As in forward: a thread is worth waking from about 2^19 multiply-adds.
  const int team = static_cast<int>(
      std::max<ptrdiff_t>(1, std::min<ptrdiff_t>({threads, n, ((n * work(s)) >> 19) + 1})));
  parallel_for(team, [&](int k) {
    const FlushDenormals flush;
    const Arena::Scope scope;
    const ptrdiff_t first = n * k / team, last = n * (k + 1) / team;
    Worker(stacks_[s])
        .run(last - first, rows + first, x + first * x_row, x_row, y + first * y_row, y_row);
  });
}

template class StreamPool<float>;
template class StreamPool<double>;

}  // namespace glasscell
