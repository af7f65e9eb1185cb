// Positions to be evaluated, as the evaluator takes them (LeafBatch of docs/tree_search.md).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "base/cache_line.h"
#include "games/any_game.h"

namespace zerofleet::search {

/// Rows of planes, scalars and legal actions (CSR). Memory grows to the largest batch and stays.
class LeafRows {
  public:
    explicit LeafRows(const GameInfo& info)
        : plane_bytes_(info.plane_bytes()),
          num_scalars_(static_cast<std::size_t>(info.num_scalars)) {
        reserve(16);
    }

    int size() const { return size_; }
    void clear() {
        size_ = 0;
        legal_start_.resize(1);
        legal_action_.clear();
    }

    /// Where the next row's planes and scalars are written; `commit` makes it a row.
    std::uint8_t* next_planes() { return planes_.data() + num_rows() * plane_bytes_; }
    float* next_scalars() { return scalars_.data() + num_rows() * num_scalars_; }
    void commit(std::span<const Action> legal) {
        legal_action_.insert(legal_action_.end(), legal.begin(), legal.end());
        legal_start_.push_back(static_cast<std::int64_t>(legal_action_.size()));
        if (num_rows() + 1 == capacity_) reserve(2 * capacity_);
        ++size_;
    }

    /// Makes room for so many rows with so many legal actions in all, to be filled by `copy_rows`.
    void resize(std::size_t rows, std::size_t num_legal) {
        if (rows >= capacity_) reserve(std::max(rows + 1, 2 * capacity_));
        size_ = static_cast<int>(rows);
        legal_start_.resize(rows + 1);
        legal_action_.resize(num_legal);
    }
    /// Writes all rows of `from` from row `first_row` on, where `first_legal` legal actions
    /// precede. Different rows may be written by different threads.
    void copy_rows(std::size_t first_row, std::size_t first_legal, const LeafRows& from) {
        const std::size_t rows = from.num_rows();
        std::copy_n(from.planes(), rows * plane_bytes_, planes_.data() + first_row * plane_bytes_);
        std::copy_n(from.scalars(), rows * num_scalars_,
                    scalars_.data() + first_row * num_scalars_);
        for (std::size_t i = 0; i < rows; ++i)
            legal_start_[first_row + i + 1] =
                static_cast<std::int64_t>(first_legal) + from.legal_start_[i + 1];
        std::copy(from.legal_action_.begin(), from.legal_action_.end(),
                  legal_action_.begin() + static_cast<std::ptrdiff_t>(first_legal));
    }
    std::size_t bytes() const {
        return planes_.capacity() + 4 * (scalars_.capacity() + legal_action_.capacity()) +
               8 * legal_start_.capacity();
    }

    /// Throws std::invalid_argument unless an evaluation has a prior for each legal action and a
    /// value for each row.
    void check_evaluation(std::size_t num_priors, std::size_t num_values) const {
        if (num_priors == legal_action_.size() && num_values == num_rows()) return;
        throw std::invalid_argument("an evaluation of " + std::to_string(num_values) +
                                    " rows and " + std::to_string(num_priors) +
                                    " priors; expected " + std::to_string(num_rows()) + " and " +
                                    std::to_string(legal_action_.size()));
    }

    std::size_t plane_bytes() const { return plane_bytes_; }  // of a row
    std::size_t num_scalars() const { return num_scalars_; }
    const std::uint8_t* planes() const { return planes_.data(); }  // [size, plane_bytes]
    const float* scalars() const { return scalars_.data(); }       // [size, num_scalars]
    std::span<const std::int64_t> legal_start() const { return legal_start_; }  // [size + 1]
    std::span<const Action> legal_action() const { return legal_action_; }

  private:
    std::size_t num_rows() const { return static_cast<std::size_t>(size_); }
    void reserve(std::size_t rows) {
        capacity_ = rows;
        planes_.resize(rows * plane_bytes_);
        scalars_.resize(rows * num_scalars_ + 1);
    }

    std::size_t plane_bytes_, num_scalars_, capacity_ = 0;
    int size_ = 0;
    LineVector<std::uint8_t> planes_;
    LineVector<float> scalars_;
    LineVector<std::int64_t> legal_start_ = {0};
    LineVector<Action> legal_action_;
};

}  // namespace zerofleet::search
