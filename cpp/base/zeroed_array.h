// Large arrays of zeros that cost nothing until they are used.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace zerofleet {

/// An array of zeros in pages of its own, which the system hands out when they are first written
/// and takes back at once. `calloc` does the same only for memory the process has never used
/// before: it clears what it finds in its own stock.
template <class T>
class ZeroedArray {
    static_assert(std::is_trivially_copyable_v<T>, "all bits zero is a value");

  public:
    ZeroedArray() = default;
    /// `size` > 0. Throws std::bad_alloc.
    explicit ZeroedArray(std::size_t size) : size_(size) {
        void* pages = ::mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<T*>(pages);
    }
    ZeroedArray(ZeroedArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    ZeroedArray& operator=(ZeroedArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~ZeroedArray() {
        if (data_ != nullptr) ::munmap(data_, size_ * sizeof(T));
    }

    std::size_t size() const { return size_; }
    T* data() { return data_; }
    T& operator[](std::size_t i) { return data_[i]; }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace zerofleet
