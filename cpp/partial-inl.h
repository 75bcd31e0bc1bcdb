// The vector at the end of a row: as many lanes as there are numbers. Included once per ISA.
#pragma once

namespace glasscell::GC_ISA {

template <class T>
GC_INLINE Vec<T> load_upto(const T* p, ptrdiff_t n) {
  return n >= Vec<T>::kLanes ? Vec<T>::load(p) : Vec<T>::load_n(p, n);
}
template <class T>
GC_INLINE void store_upto(Vec<T> v, T* p, ptrdiff_t n) {
  if (n >= Vec<T>::kLanes) {
    v.store(p);
  } else {
    v.store_n(p, n);
  }
}

}  // namespace glasscell::GC_ISA
