// StreamPoolF32 and StreamPoolF64: many live streams, any subset a call.
#include "stream_pool.h"

#include "arena.h"
#include "bind.h"
#include "py_layer.h"

namespace glasscell {
namespace {

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::device::cpu>;
using Ids = Vector<const int64_t>;

// Of two calls that touch states, the caller starts the second when the first has ended
// (glasscell.model.pool has a lock).
template <class T>
class PyStreamPool {
 public:
  PyStreamPool(const nb::list& stacks, ptrdiff_t capacity) : pool_(kept(stacks), capacity) {}

  void open(const Vector<int64_t>& ids) {
    const auto n = static_cast<ptrdiff_t>(ids.shape(0));
    pool_.slots.open(n, ids.data());
    pool_.clear(n, ids.data());
  }
  void close(const Ids& ids) { pool_.slots.close(require_open(ids), ids.data()); }
  void clear(const Ids& ids) { pool_.clear(require_open(ids), ids.data()); }
  ptrdiff_t require_open(const Ids& ids) {
    const auto n = static_cast<ptrdiff_t>(ids.shape(0));
    pool_.slots.require_open(n, ids.data());
    return n;
  }
  void list(const Vector<int64_t>& ids) const {
    require(static_cast<ptrdiff_t>(ids.shape(0)) == size(), "ids must be (len,)");
    pool_.slots.list(ids.data());
  }

  void step(std::size_t s, const Ids& ids, const Matrix<const T>& x, const Matrix<T>& y,
            int threads) {
    require(s < pool_.stacks(), "stack");
    const ptrdiff_t n = require_open(ids);
    const T* from = first_row(x, n, pool_.first(s).I, "x must be (n, I), rows contiguous");
    T* to = first_row(y, n, pool_.last(s).P, "y must be (n, P), rows contiguous");
    const Arena::Scope scope;
    T** rows = Arena::mine().take<T*>(size_of(n));
    pool_.find(n, ids.data(), rows);
    // About a microsecond of work: for less it is not worth while to hand the GIL over and wait for
    // it again.
    std::optional<nb::gil_scoped_release> released;
    if (n * pool_.work(s) > 1 << 17) released.emplace();
    pool_.step(s, n, rows, from, x.stride(0), to, y.stride(0), threads);
  }

  void get_state(std::size_t s, const Ids& ids, const Maybe<T>& h, const Maybe<T>& c) {
    const ptrdiff_t n = require_open(ids);
    const auto [to_h, to_c] = state(s, n, h, c);
    pool_.get_state(s, n, ids.data(), to_h, to_c);
  }
  void set_state(std::size_t s, const Ids& ids, const Maybe<const T>& h, const Maybe<const T>& c) {
    const ptrdiff_t n = require_open(ids);
    const auto [from_h, from_c] = state(s, n, h, c);
    pool_.set_state(s, n, ids.data(), from_h, from_c);
  }

  ptrdiff_t size() const { return pool_.slots.size(); }
  ptrdiff_t capacity() const { return pool_.slots.capacity(); }
  std::size_t stream_bytes() const { return pool_.stream_bytes(); }
  std::size_t bytes() const {
    return size_of(pool_.slots.used()) * pool_.stream_bytes() + pool_.slots.bytes();
  }

 private:
  template <class U>
  static U* first_row(const Matrix<U>& array, ptrdiff_t n, ptrdiff_t width, const char* what) {
    require(static_cast<ptrdiff_t>(array.shape(0)) == n &&
                static_cast<ptrdiff_t>(array.shape(1)) == width &&
                (n == 0 || width == 1 || array.stride(1) == 1) &&
                reinterpret_cast<std::uintptr_t>(array.data()) % sizeof(T) == 0,
            what);
    return array.data();
  }
  template <class U>
  std::pair<U*, U*> state(std::size_t s, ptrdiff_t n, const Maybe<U>& h, const Maybe<U>& c) const {
    require(s < pool_.stacks(), "stack");
    const ptrdiff_t L = pool_.depth(s);
    const Layer<T>& first = pool_.first(s);
    const ptrdiff_t S = first.cell.states;
    const char* what = "c must be (L, n, S, H), contiguous";
    U* to_h = contiguous<U>(h, {L, n, first.P}, "h must be (L, n, P), contiguous");
    if (S == 1) return {to_h, contiguous<U>(c, {L, n, first.H}, what)};
    return {to_h, S ? contiguous<U>(c, {L, n, S, first.H}, what) : nullptr};
  }

  // Keeps copies of the lists: what the caller does to his leaves the layers alive.
  std::vector<typename StreamPool<T>::Stack> kept(const nb::list& stacks) {
    std::vector<typename StreamPool<T>::Stack> out;
    for (nb::handle item : stacks) {
      kept_.push_back(nb::list(item));
      out.push_back(stack_of<T>(kept_.back()));
    }
    return out;
  }

  std::vector<nb::list> kept_;
  StreamPool<T> pool_;
};

}  // namespace

template <class T>
void bind_stream_pool(nb::module_& m, const char* name) {
  using namespace nb::literals;
  using Pool = PyStreamPool<T>;
  nb::class_<Pool>(m, name)
      .def(nb::init<const nb::list&, ptrdiff_t>(), "stacks"_a, "capacity"_a)
      .def("open", &Pool::open, "ids"_a.noconvert())
      .def("close", &Pool::close, "ids"_a.noconvert())
      .def("clear", &Pool::clear, "ids"_a.noconvert())
      .def("require_open", &Pool::require_open, "ids"_a.noconvert())
      .def("list", &Pool::list, "ids"_a.noconvert())
      .def("step", &Pool::step, "stack"_a, "ids"_a.noconvert(), "x"_a.noconvert(),
           "y"_a.noconvert(), "threads"_a)
      .def("get_state", &Pool::get_state, "stack"_a, "ids"_a.noconvert(), "h"_a.noconvert().none(),
           "c"_a.noconvert().none())
      .def("set_state", &Pool::set_state, "stack"_a, "ids"_a.noconvert(), "h"_a.noconvert().none(),
           "c"_a.noconvert().none())
      .def_prop_ro("size", &Pool::size)
      .def_prop_ro("capacity", &Pool::capacity)
      .def_prop_ro("stream_bytes", &Pool::stream_bytes)
      .def_prop_ro("bytes", &Pool::bytes);
}

template void bind_stream_pool<float>(nb::module_&, const char*);
template void bind_stream_pool<double>(nb::module_&, const char*);

}  // namespace glasscell
