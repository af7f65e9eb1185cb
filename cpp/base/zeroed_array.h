// Large arrays of zeros that cost nothing until they are used.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace zerofleet {

/// How the system maps the memory of an array.
enum class Pages {
    kSmall,
    /// Of 2 MiB where the system gives them, for what is read in no order: most reads would miss in
    /// the table of small pages, too. Once a byte of a page is used, all of it is.
    kLarge,
};
inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

/// An array of zeros in pages of its own, which the system hands out when they are first written
/// and takes back at once. `calloc` does the same only for memory the process has never used
/// before: it clears what it finds in its own stock.
template <class T>
class ZeroedArray {
    static_assert(std::is_trivially_copyable_v<T>, "all bits zero is a value");

  public:
    ZeroedArray() = default;
    /// `size` > 0. Throws std::bad_alloc.
    explicit ZeroedArray(std::size_t size, Pages pages = Pages::kSmall) : size_(size) {
        const std::size_t bytes = size * sizeof(T);
        const std::size_t large = (bytes + kLargePage - 1) / kLargePage * kLargePage;
        mapped_bytes_ = pages == Pages::kLarge ? large + kLargePage : bytes;
        mapped_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped_ == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<T*>(mapped_);
#ifdef MADV_HUGEPAGE
        if (pages == Pages::kLarge) {
            // From the first whole large page on; the rest of what is mapped is never touched.
            const std::size_t over = reinterpret_cast<std::uintptr_t>(mapped_) % kLargePage;
            void* const first = static_cast<std::byte*>(mapped_) + (kLargePage - over) % kLargePage;
            ::madvise(first, large, MADV_HUGEPAGE);  // a wish, which may be refused
            data_ = static_cast<T*>(first);
        }
#endif
    }
    ZeroedArray(ZeroedArray&& other) noexcept { *this = std::move(other); }
    ZeroedArray& operator=(ZeroedArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(mapped_, other.mapped_);
        std::swap(mapped_bytes_, other.mapped_bytes_);
        return *this;
    }
    ~ZeroedArray() {
        if (mapped_bytes_ > 0) ::munmap(mapped_, mapped_bytes_);
    }

    std::size_t size() const { return size_; }
    T* data() { return data_; }
    T& operator[](std::size_t i) { return data_[i]; }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
    void* mapped_ = nullptr;
    std::size_t mapped_bytes_ = 0;
};

}  // namespace zerofleet
