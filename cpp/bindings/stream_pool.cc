// StreamPoolF32 and StreamPoolF64: many live streams, any subset a call.
#include "stream_pool.h"

#include "arena.h"
#include "bind.h"
#include "py_layer.h"

namespace glasscell {
namespace {

using Ids = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::device::cpu>;

ptrdiff_t count(const Ids& ids) { return static_cast<ptrdiff_t>(ids.shape(0)); }

// Callers hold a lock around every function that touches states (glasscell.pool).
template <class T>
class PyStreamPool {
 public:
  PyStreamPool(const nb::list& stacks, ptrdiff_t capacity)
      : pool_((require(capacity > 0, "capacity"), kept(stacks)), capacity) {}

  void open(const nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& ids) {
    const auto n = static_cast<ptrdiff_t>(ids.shape(0));
    pool_.slots.open(n, ids.data());
    const Call call(*this, n, ids.data());
    pool_.clear(n, call.rows);
  }
  void close(const Ids& ids) {
    check(ids);
    pool_.slots.close(count(ids), ids.data());
  }
  void clear(const Ids& ids) {
    const Call call(*this, ids);
    pool_.clear(call.n, call.rows);
  }
  void check(const Ids& ids) { pool_.slots.require_open(count(ids), ids.data()); }
  void list(const nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& ids) const {
    require(static_cast<ptrdiff_t>(ids.shape(0)) == pool_.slots.size(), "ids must be (len,)");
    pool_.slots.list(ids.data());
  }

  void step(std::size_t s, const Ids& ids, const Matrix<const T>& x, const Matrix<T>& y,
            int threads) {
    require(s < pool_.stacks(), "stack");
    const ptrdiff_t n = count(ids);
    const T* from = rows_of(x, n, pool_.first(s).I, "x must be (n, I), rows contiguous");
    T* to = rows_of(y, n, pool_.last(s).P, "y must be (n, P), rows contiguous");
    const Call call(*this, ids);
    // Letting go of the GIL and taking it back costs as much as some 2^14 multiply-adds.
    std::optional<nb::gil_scoped_release> released;
    if (n * pool_.work(s) >> 17) released.emplace();
    pool_.step(s, n, call.rows, from, x.stride(0), to, y.stride(0), threads);
  }

  void get_state(std::size_t s, const Ids& ids, const Maybe<T>& h, const Maybe<T>& c) {
    const auto [hs, cs] = state<T>(s, count(ids), h, c);
    require(hs, "h must be given");
    const Call call(*this, ids);
    pool_.get_state(s, call.n, call.rows, hs, cs);
  }
  void set_state(std::size_t s, const Ids& ids, const Maybe<const T>& h, const Maybe<const T>& c) {
    const auto [hs, cs] = state<const T>(s, count(ids), h, c);
    const Call call(*this, ids);
    pool_.set_state(s, call.n, call.rows, hs, cs);
  }

  ptrdiff_t size() const { return pool_.slots.size(); }
  ptrdiff_t capacity() const { return pool_.slots.capacity(); }
  std::size_t stream_bytes() const { return pool_.stream_bytes(); }
  std::size_t bytes() const {
    return size_of(pool_.slots.used()) * pool_.stream_bytes() + pool_.slots.bytes();
  }

 private:
  // The rows of a call's streams, all open, in this thread's scratch memory.
  struct Call {
    Call(PyStreamPool& pool, const Ids& ids) : Call(pool, count(ids), ids.data(), true) {}
    Call(PyStreamPool& pool, ptrdiff_t count, const int64_t* ids, bool check = false)
        : n(count),
          rows((check ? pool.pool_.slots.require_open(count, ids) : void(),
                Arena::mine().take<T*>(size_of(count)))) {
      pool.pool_.find(n, ids, rows);
    }
    const Arena::Scope scope;
    const ptrdiff_t n;
    T** const rows;
  };

  template <class U>
  static U* rows_of(const Matrix<U>& array, ptrdiff_t n, ptrdiff_t width, const char* what) {
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
    return {contiguous<U>(h, {L, n, pool_.first(s).P}, "h must be (L, n, P), contiguous"),
            contiguous<U>(c, {L, n, pool_.first(s).H}, "c must be (L, n, H), contiguous")};
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
      .def("check", &Pool::check, "ids"_a.noconvert())
      .def("list", &Pool::list, "ids"_a.noconvert())
      .def("step", &Pool::step, "stack"_a, "ids"_a.noconvert(), "x"_a.noconvert(),
           "y"_a.noconvert(), "threads"_a)
      .def("get_state", &Pool::get_state, "stack"_a, "ids"_a.noconvert(), "h"_a.noconvert(),
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
