// Runs every part of the core over a table of layers and prints one hash of bits a line. The lines
// must be the same for every instruction set and processor: scripts/neon.sh compares them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <type_traits>
#include <vector>

#include "backward.h"
#include "isa/cpu.h"
#include "kernels.h"
#include "program.h"
#include "stepper.h"
#include "stream_pool.h"

namespace glasscell {
namespace {

// Numbers in [-1, 1) from a linear congruence: the same on every processor.
class Numbers {
 public:
  template <class T>
  std::vector<T> draw(ptrdiff_t n, double scale) {
    std::vector<T> out(static_cast<std::size_t>(n));
    for (T& x : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      x = static_cast<T>(scale * (static_cast<double>(state_ >> 40) / 8388608.0 - 1.0));
    }
    return out;
  }

 private:
  uint64_t state_ = 1;
};

// FNV-1a over the bytes of everything that it is given.
class Hash {
 public:
  template <class T>
  void add(const T* p, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; ++k) {
      unsigned char bytes[sizeof(T)];
      std::memcpy(bytes, p + k, sizeof(T));
      for (const unsigned char b : bytes) value_ = (value_ ^ b) * 1099511628211u;
    }
  }
  template <class T>
  void add(const std::vector<T>& v) {
    add(v.data(), static_cast<ptrdiff_t>(v.size()));
  }
  unsigned long long value() const { return value_; }

 private:
  uint64_t value_ = 14695981039346656037u;
};

template <class T>
Rows<T> rows(std::vector<typename std::remove_const<T>::type>& v, ptrdiff_t steps, ptrdiff_t B,
             ptrdiff_t width) {
  Rows<T> out;
  out.base = v.data();
  out.row = width;
  for (ptrdiff_t t = 0; t < steps; ++t) out.step.push_back(t * B * width);
  return out;
}

struct Case {
  Mode mode;
  ptrdiff_t T, B, I, H, P;
  bool ragged, cut, reverse;
};

// The bits of integers as weights: any uint16_t that is a small bfloat16, any int8_t.
template <class S>
std::vector<S> stored(Numbers& numbers, ptrdiff_t n) {
  std::vector<S> out;
  for (const double x : numbers.draw<double>(n, 1)) {
    if (sizeof(S) == 1) {
      out.push_back(static_cast<S>(static_cast<int>(x * 127)));
    } else {
      const auto f = static_cast<float>(x / 4);
      uint32_t bits;
      std::memcpy(&bits, &f, 4);
      out.push_back(static_cast<S>(bits >> 16));
    }
  }
  return out;
}

// What a compressed layer adds: forward and step by step.
template <class S>
void run_compressed(const Case& k) {
  const bool projected = k.P != k.H, lstm = k.mode == Mode::kLstm, scaled = sizeof(S) == 1;
  const ptrdiff_t G = Cell(k.mode).gates * k.H, B = k.B;
  Numbers numbers;
  const auto w = stored<S>(numbers, G * k.I), r = stored<S>(numbers, G * k.P);
  const auto hr = stored<S>(numbers, k.P * k.H);
  const auto b = numbers.draw<float>(G, 1), scale = numbers.draw<float>(G, 0.004);
  RawWeights<float, S> raw{w.data(), r.data(), b.data(), b.data(), projected ? hr.data() : nullptr};
  if (scaled) raw.scale = raw.scale_hr = scale.data();
  const Layer<float> layer(k.mode, k.I, k.H, k.P, raw);
  const Sequence seq(k.T, B, nullptr, nullptr, B, 1, k.reverse);
  auto x = numbers.draw<float>(k.T * B * k.I, 2);
  std::vector<float> y(static_cast<std::size_t>(k.T * B * k.P)), h_n(y), c_n(y);
  h_n.resize(static_cast<std::size_t>(B * k.P));
  c_n.resize(static_cast<std::size_t>(B * k.H));
  ForwardArgs<float> ahead{};
  ahead.x = rows<const float>(x, k.T, B, k.I);
  ahead.y = rows<float>(y, k.T, B, k.P);
  ahead.h_n = h_n.data();
  if (lstm) ahead.c_n = c_n.data();
  forward(layer, seq, ahead, 2);
  Hash hash;
  for (const auto* v : {&y, &h_n, &c_n}) hash.add(*v);
  Stepper<float> live({&layer}, 2);
  std::vector<float> stepped(static_cast<std::size_t>(k.P));
  for (ptrdiff_t t = 0; t < k.T; ++t) {
    live.step(x.data() + t * B * k.I, stepped.data());
    hash.add(stepped);
  }
  std::printf("%d T%td B%td I%td H%td P%td %d stored in %zu: %016llx\n", static_cast<int>(k.mode),
              k.T, k.B, k.I, k.H, k.P, k.reverse, sizeof(S), hash.value());
}

template <class T>
void run(const Case& k) {
  const bool projected = k.P != k.H, lstm = k.mode == Mode::kLstm;
  const Cell cell(k.mode);
  const ptrdiff_t G = cell.gates * k.H, B = k.B;
  Numbers numbers;
  const auto draw = [&](ptrdiff_t n, double scale) { return numbers.draw<T>(n, scale); };
  auto zeros = [](ptrdiff_t n) { return std::vector<T>(static_cast<std::size_t>(n)); };
  const double bound = 4.0 / static_cast<double>(k.H + k.I);
  const auto w = draw(G * k.I, bound), r = draw(G * k.P, bound), b = draw(G, bound);
  const auto hr = draw(k.P * k.H, bound);
  const Layer<T> layer(k.mode, k.I, k.H, k.P,
                       {w.data(), r.data(), b.data(), b.data(), projected ? hr.data() : nullptr});

  std::vector<int64_t> lengths;
  for (ptrdiff_t j = 0; k.ragged && j < B; ++j) lengths.push_back((j * 5 + 3) % (k.T + 1));
  std::vector<uint8_t> reset(static_cast<std::size_t>(k.T * B));
  for (std::size_t j = 0; j < reset.size(); ++j) reset[j] = j % 4 == 1;
  const Sequence seq(k.T, B, k.ragged ? lengths.data() : nullptr, k.cut ? reset.data() : nullptr, B,
                     1, k.reverse);

  auto x = draw(k.T * B * k.I, 2), h0 = draw(B * k.P, 1), c0 = draw(B * k.H, 2);
  auto y = zeros(k.T * B * k.P), h_n = zeros(B * k.P), c_n = zeros(B * k.H);
  auto tape = zeros(k.T * B * cell.kept * layer.Hp);
  ForwardArgs<T> ahead{};
  ahead.x = rows<const T>(x, k.T, B, k.I);
  ahead.h0 = h0.data();
  ahead.y = rows<T>(y, k.T, B, k.P);
  ahead.h_n = h_n.data();
  if (lstm) {
    ahead.c0 = c0.data();
    ahead.c_n = c_n.data();
  }
  if (cell.kept) ahead.tape = rows<T>(tape, k.T, B, cell.kept * layer.Hp);
  forward(layer, seq, ahead, 2);

  auto dy = draw(k.T * B * k.P, 1), dh_n = draw(B * k.P, 1), dc_n = draw(B * k.H, 1);
  auto dx = zeros(k.T * B * k.I), dh0 = zeros(B * k.P), dc0 = zeros(B * k.H);
  auto dw = zeros(G * k.I), dr = zeros(G * k.P), db = zeros(G), dhr = zeros(k.P * k.H);
  auto dh = zeros(k.T * B * k.P), dc = zeros(k.T * B * k.H);
  BackwardArgs<T> back{};
  back.x = ahead.x;
  back.h0 = h0.data();
  back.y = rows<const T>(y, k.T, B, k.P);
  back.dy = rows<const T>(dy, k.T, B, k.P);
  back.dh_n = dh_n.data();
  back.dx = rows<T>(dx, k.T, B, k.I);
  back.dh0 = dh0.data();
  back.dweight_ih = dw.data();
  back.dweight_hh = dr.data();
  back.dbias = db.data();
  back.dh = rows<T>(dh, k.T, B, k.P);
  if (projected) back.dweight_hr = dhr.data();
  if (lstm) {
    back.c0 = c0.data();
    back.dc_n = dc_n.data();
    back.dc0 = dc0.data();
    back.dc = rows<T>(dc, k.T, B, k.H);
  }
  if (cell.kept) back.tape = rows<const T>(tape, k.T, B, cell.kept * layer.Hp);
  auto db_hh = zeros(cell.split() ? G : 0);
  if (cell.split()) back.dbias_hh = db_hh.data();
  backward(layer, seq, back, 2);

  Stepper<T> live({&layer}, 2);
  auto stepped = zeros(k.P);
  Hash hash;
  for (ptrdiff_t t = 0; t < k.T; ++t) {
    live.step(x.data() + t * B * k.I, stepped.data());
    hash.add(stepped);
  }
  StreamPool<T> pool({{&layer}}, B);
  std::vector<int64_t> ids(static_cast<std::size_t>(B));
  std::vector<T*> streams(ids.size());
  auto all = zeros(B * k.P);
  pool.slots.open(B, ids.data());
  pool.find(B, ids.data(), streams.data());
  for (ptrdiff_t t = 0; t < k.T; ++t) {
    pool.step(0, B, streams.data(), x.data() + t * B * k.I, k.I, all.data(), k.P, 2);
    hash.add(all);
  }
  for (const auto* v : {&y, &h_n, &c_n, &dx, &dh0, &dc0, &dw, &dr, &db, &dhr, &dh, &dc}) {
    hash.add(*v);
  }
  for (ptrdiff_t row = 0; row < k.T * B; ++row) {  // the tape without its padding
    for (ptrdiff_t part = 0; part < cell.kept; ++part) {
      hash.add(tape.data() + (row * cell.kept + part) * layer.Hp, k.H);
    }
  }
  hash.add(db_hh);
  std::printf("%d T%td B%td I%td H%td P%td %d%d%d %zu: %016llx\n", static_cast<int>(k.mode), k.T,
              k.B, k.I, k.H, k.P, k.ragged, k.cut, k.reverse, sizeof(T), hash.value());
}

// The functions by element; the products of a matrix through Linear.
template <class T>
void run_functions() {
  const ptrdiff_t n = 4099;
  for (const double scale : {1e-30, 1e-3, 1.0, 12.0, 100.0, 900.0}) {
    Numbers numbers;
    const auto x = numbers.draw<T>(n, scale);
    std::vector<T> y(x.size());
    Hash hash;
    kernel_table<T>().sigmoid(n, x.data(), y.data());
    hash.add(y);
    kernel_table<T>().tanh(n, x.data(), y.data());
    hash.add(y);
    kernel_table<T>().exp(n, x.data(), y.data());
    hash.add(y);
    kernel_table<T>().log_sigmoid(n, x.data(), y.data());
    hash.add(y);
    const Linear<T> linear(17, 37, x.data(), x.data() + 629);
    for (const ptrdiff_t rows : {1, 2, 3, 5, 6, 7, 40}) {
      linear.run(rows, x.data() + 700, 17, y.data(), 37, 2);
      hash.add(y.data(), rows * 37);
    }
    std::printf("functions %g %zu: %016llx\n", scale, sizeof(T), hash.value());
  }
}

// Every operation of programs, on two inputs and then on what the operation before it gave.
template <class T>
void run_programs() {
  std::vector<Operation> operations{{Op::kConstant, 0, {}, 0.75}};
  std::vector<int32_t> kept{0, 1, 2};
  for (int op = static_cast<int>(Op::kAdd); op < static_cast<int>(Op::kCopy); ++op) {
    const bool pair = op <= static_cast<int>(Op::kWherePositive);
    const int last = 1 + static_cast<int>(operations.size());
    operations.push_back({static_cast<Op>(op), pair ? 2 : 1, {0, 1}, 0});
    operations.push_back({static_cast<Op>(op), pair ? 2 : 1, {last, 0}, 0});
    kept.push_back(last + 1);
    kept.push_back(last + 2);
  }
  const int32_t outputs[] = {kept.back(), 1, -1};
  const auto count = static_cast<ptrdiff_t>(kept.size());
  const Program program(2, operations.data(), static_cast<ptrdiff_t>(operations.size()), outputs, 3,
                        kept.data(), count);
  const FlushDenormals flush;
  for (const ptrdiff_t H : {1, 3, 8, 17, 33, 260}) {
    const ptrdiff_t Hp = round_up(H, kernel_table<T>().lanes);
    Numbers numbers;
    auto x = numbers.draw<T>(2 * H, 3.0);
    std::vector<T> rows(static_cast<std::size_t>((5 + count) * Hp), T(0));
    const T* in[] = {rows.data(), rows.data() + Hp};
    T* out[] = {rows.data(), rows.data() + 3 * Hp, rows.data() + 4 * Hp};
    T* tape[] = {rows.data() + 5 * Hp};
    std::memcpy(rows.data(), x.data(), static_cast<std::size_t>(H) * sizeof(T));
    std::memcpy(rows.data() + Hp, x.data() + H, static_cast<std::size_t>(H) * sizeof(T));
    kernel_table<T>().run_program({1, H, &program, in, out, tape});
    Hash hash;
    for (const T* row : {out[0], out[1], out[2]}) hash.add(row, H);
    for (ptrdiff_t k = 0; k < count; ++k) {
      for (ptrdiff_t u = 0; u < H; ++u) {
        T& value = tape[0][k * Hp + u];
        if (value != value) value = T(-9);  // a NaN is a NaN, whatever its bits
      }
      hash.add(tape[0] + k * Hp, H);
    }
    std::printf("program %td %zu: %016llx\n", H, sizeof(T), hash.value());
  }
}

// What is not a number, not finite, or too small: NaN counts as one value, whatever its bits.
template <class T>
void run_edges() {
  const T inf = std::numeric_limits<T>::infinity(), tiny = std::numeric_limits<T>::denorm_min();
  const T edges[] = {
      std::numeric_limits<T>::quiet_NaN(), inf, T(0), tiny, T(1e4), T(88.5), T(709.5)};
  std::vector<T> x;
  for (const T edge : edges) {
    for (const T sign : {T(1), T(-1)}) x.push_back(sign * edge);
  }
  std::vector<T> y(x.size());
  const FlushDenormals flush;
  const KernelTable<T>& table = kernel_table<T>();
  for (const auto function : {table.sigmoid, table.tanh, table.exp, table.log_sigmoid}) {
    function(static_cast<ptrdiff_t>(x.size()), x.data(), y.data());
    std::printf("edges %zu:", sizeof(T));
    for (const T value : y) {
      if (value != value) {
        std::printf(" nan");
      } else {
        std::printf(" %a", static_cast<double>(value));
      }
    }
    std::printf("\n");
  }
}

void run_all() {
  for (const Mode mode : {Mode::kLstm, Mode::kRnnTanh, Mode::kRnnRelu, Mode::kGru}) {
    for (const ptrdiff_t H : {1, 3, 4, 5, 8, 17, 33}) {
      for (const ptrdiff_t B : {1, 2, 3, 5, 7, 13}) {
        for (int order = 0; order < 4; ++order) {
          const ptrdiff_t P = mode == Mode::kLstm && order % 2 && H > 2 ? H - 2 : H;
          const Case k{mode, 1 + (H * B) % 9, B,          1 + (H + B) % 7, H,
                       P,    order > 1,       order == 2, order % 2 == 0};
          run<float>(k);
          run<double>(k);
          if (order > 1) {
            run_compressed<Bfloat16>(k);
            run_compressed<int8_t>(k);
          }
        }
      }
    }
  }
  // Wide enough for threads to share units of few sequences, and helpers to join a live step.
  for (const Mode mode : {Mode::kLstm, Mode::kRnnTanh, Mode::kGru}) {
    for (const ptrdiff_t B : {1, 3}) {
      const Case k{mode, 7, B, 280, 520, 520, B > 1, B > 1, B > 1};
      run<float>(k);
      run<double>(k);
    }
  }
  run_functions<float>();
  run_functions<double>();
  run_programs<float>();
  run_programs<double>();
  run_edges<float>();
  run_edges<double>();
}

}  // namespace
}  // namespace glasscell

// digest [N]: N times at once, on threads of their own, for scripts/tsan.sh; default once.
int main(int count, char** arguments) {
  std::fprintf(stderr, "instruction set: %s\n", glasscell::kernels().isa);
  std::vector<std::thread> others;
  for (int k = count > 1 ? std::atoi(arguments[1]) : 1; k > 1; --k) {
    others.emplace_back(glasscell::run_all);
  }
  glasscell::run_all();
  for (std::thread& other : others) other.join();
  return 0;
}
