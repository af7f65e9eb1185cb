// A vector whose storage is inline: legal actions of one state live on the stack.
#pragma once

#include <cstddef>

namespace zerofleet {

template <class T, std::size_t Capacity>
class FixedList {
  public:
    void push_back(T value) { items_[size_++] = value; }  // unchecked: Capacity is the game's bound
    void clear() { size_ = 0; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    T& operator[](std::size_t i) { return items_[i]; }
    const T& operator[](std::size_t i) const { return items_[i]; }
    T* begin() { return items_; }
    T* end() { return items_ + size_; }
    const T* begin() const { return items_; }
    const T* end() const { return items_ + size_; }

  private:
    T items_[Capacity];
    std::size_t size_ = 0;
};

}  // namespace zerofleet
