// Scratch memory that a thread keeps between calls: taken in stack order, 64-byte aligned.
//
// Recurrent layers are called in loops with the same sizes; handing megabytes back to the system
// after each call costs a page fault per 4 KB in the next one.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace glasscell {

class Arena {
 public:
  static Arena& mine() {
    static thread_local Arena arena;
    return arena;
  }

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    for (const Block& b : blocks_) std::free(b.data);
  }

  // Uninitialised memory for n values of T, valid until the enclosing Scope ends.
  template <class T>
  T* take(std::size_t n) {
    const std::size_t bytes = (n * sizeof(T) + 63) / 64 * 64 + 64;
    if (blocks_.empty() || used_ + bytes > blocks_.back().size) add_block(bytes);
    T* p = reinterpret_cast<T*>(blocks_.back().data + used_);
    used_ += bytes;
    return p;
  }

  // Gives back, at its end, all that was taken since its beginning.
  class Scope {
   public:
    Scope() : arena_(mine()), blocks_(arena_.blocks_.size()), used_(arena_.used_) {
      ++arena_.depth_;
    }
    ~Scope() {
      // At the outermost end all but one block of the wanted size is dropped: the next call takes
      // one block that holds all that this one needed.
      const bool outermost = --arena_.depth_ == 0;
      const bool one = arena_.blocks_.size() == 1 && arena_.blocks_[0].size >= arena_.wanted_;
      const std::size_t keep = outermost ? (one ? 1 : 0) : blocks_;
      while (arena_.blocks_.size() > keep) {
        std::free(arena_.blocks_.back().data);
        arena_.blocks_.pop_back();
      }
      arena_.used_ = outermost ? 0 : used_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    std::size_t blocks_, used_;
  };

 private:
  struct Block {
    char* data;
    std::size_t size;
  };
  void add_block(std::size_t bytes) {
    std::size_t held = 0;
    for (const Block& b : blocks_) held += b.size;
    const std::size_t size = (std::max(bytes, held == 0 ? wanted_ : held) + 4095) / 4096 * 4096;
    void* data = std::aligned_alloc(4096, size);
    if (!data) throw std::bad_alloc();
    blocks_.push_back({static_cast<char*>(data), size});
    wanted_ = std::max(wanted_, held + size);  // grows to what a whole call takes, then stays
    used_ = 0;
  }

  std::vector<Block> blocks_;
  int depth_ = 0;                              // of open scopes
  std::size_t used_ = 0;                       // of the last block
  std::size_t wanted_ = std::size_t{1} << 18;  // size of the next first block
};

}  // namespace glasscell
