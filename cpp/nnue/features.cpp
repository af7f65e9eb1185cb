#include "nnue/features.h"

#include <stdexcept>
#include <string>

#include "games/registry.h"
#include "nnue/feature_sets.h"

namespace zerofleet::nnue {

const FeatureSet& find_feature_set(std::string_view name) {
    static const std::vector<FeatureSet> sets = [] {
        std::vector<FeatureSet> all;
        for_each_game([&all]<class Game>() {
            if constexpr (HasFeatures<Game>) all.push_back(feature_set_of<Game>());
        });
        return all;
    }();
    std::string known;
    for (const FeatureSet& set : sets) {
        if (set.name == name) return set;
        known += (known.empty() ? "" : ", ") + std::string(set.name);
    }
    throw std::invalid_argument("unknown feature set \"" + std::string(name) +
                                "\"; known: " + known);
}

}  // namespace zerofleet::nnue
