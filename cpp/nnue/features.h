// What a network sees of a game: sparse binary features, one set for each of the two views, and how
// a move changes them. `Features<Game>` is the whole interface; every game has a file beside this
// one. docs/nnue.md lists the features in order.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "games/game.h"

namespace zerofleet::nnue {

/// One term of a row: `sign` times the weights of `feature`.
struct RowTerm {
    int feature;
    int sign;  // +1 or -1
};

/// The rows that a move adds to each accumulator. A row is a fixed sum of feature weights, computed
/// once when a network is loaded, so that a move with several changes costs one addition. Row f is
/// feature f alone for f < kCount; later rows are the game's own combinations.
struct MoveRows {
    static constexpr int kMax = 2;
    int count = 0;
    std::array<std::array<std::uint16_t, kMax>, 2> row{};  // [view][i]

    void add(int view0, int view1) {
        row[0][static_cast<std::size_t>(count)] = static_cast<std::uint16_t>(view0);
        row[1][static_cast<std::size_t>(count)] = static_cast<std::uint16_t>(view1);
        ++count;
    }
};

/// Specialised for each game that has a network. Views are players: view v sees the pieces of
/// player v as "mine". Members of a specialisation:
///
///   kName          name of the set in .nnue files, "<game>/<version>"
///   kCount         number of features
///   kMaxActive     no state has more active features in a view
///   kBucketSpan    bucket = min(B - 1, num_pieces * B / kBucketSpan)
///   kMaxPieces     no state has more pieces
///   kNumRows       kCount + the game's combinations
///   row_terms(row)                      -> what a combined row is the sum of (row >= kCount)
///   for_each_active(state, view, f)     calls f(feature), each active feature once
///   move_rows(before, action, after)    -> rows to add, both views
///   num_pieces(state)
///   encode(state, symmetry, stm, opp)   writes the features of the transformed state as bits, the
///                                       mover's view and the other: feature f at bit f % 8 of byte
///                                       f / 8, unused bits 0; feature_bytes<Game> bytes each
template <class Game>
struct Features;

template <class Game>
inline constexpr int feature_bytes = (Features<Game>::kCount + 7) / 8;

/// A game with a feature set.
template <class Game>
concept HasFeatures = requires(const typename Game::State s, Action a, std::uint8_t* bits) {
    { Features<Game>::kName } -> std::convertible_to<std::string_view>;
    { Features<Game>::kCount } -> std::convertible_to<int>;
    { Features<Game>::kMaxActive } -> std::convertible_to<int>;
    { Features<Game>::kBucketSpan } -> std::convertible_to<int>;
    { Features<Game>::kMaxPieces } -> std::convertible_to<int>;
    { Features<Game>::kNumRows } -> std::convertible_to<int>;
    { Features<Game>::row_terms(0) } -> std::same_as<std::vector<RowTerm>>;
    { Features<Game>::move_rows(s, a, s) } -> std::same_as<MoveRows>;
    { Features<Game>::num_pieces(s) } -> std::same_as<int>;
    Features<Game>::for_each_active(s, 0, [](int) {});
    Features<Game>::encode(s, 0, bits, bits);
};

/// A feature set at run time: what a file is checked against when it is loaded.
struct FeatureSet {
    std::string_view name;
    int count;
    int max_active;
    int bucket_span;
    int max_pieces;
    std::vector<std::vector<RowTerm>> rows;  // [row]; row f < count is feature f alone
};

template <class Game>
FeatureSet feature_set_of() {
    using F = Features<Game>;
    FeatureSet set{F::kName, F::kCount, F::kMaxActive, F::kBucketSpan, F::kMaxPieces, {}};
    set.rows.reserve(F::kNumRows);
    for (int f = 0; f < F::kCount; ++f) set.rows.push_back({RowTerm{f, 1}});
    for (int row = F::kCount; row < F::kNumRows; ++row) set.rows.push_back(F::row_terms(row));
    return set;
}

/// The feature set with this name. Throws std::invalid_argument listing the known ones.
const FeatureSet& find_feature_set(std::string_view name);

}  // namespace zerofleet::nnue
