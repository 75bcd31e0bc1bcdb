// One large array of zeros that costs nothing until it is touched, page by page.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <limits>
#include <new>

namespace glasscell {

template <class T>
class Slab {
 public:
  // rows * row elements, each >= 1, page-aligned. Throws std::bad_alloc if there is no address
  // space.
  Slab(ptrdiff_t rows, ptrdiff_t row) : bytes_(size(rows, row)) {
    // NORESERVE: the system should not refuse a slab larger than memory, of which little is used.
    void* data = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(data);
  }
  ~Slab() { munmap(data_, bytes_); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  T* data() const { return data_; }

 private:
  static std::size_t size(ptrdiff_t rows, ptrdiff_t row) {
    const ptrdiff_t bytes = row * static_cast<ptrdiff_t>(sizeof(T));
    if (rows > std::numeric_limits<ptrdiff_t>::max() / bytes) throw std::bad_alloc();
    return static_cast<std::size_t>(rows * bytes);
  }
  const std::size_t bytes_;
  T* data_;
};

}  // namespace glasscell
