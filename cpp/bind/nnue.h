// The Python object around a network, for the bindings that take one.
#pragma once

#include <memory>

#include "nnue/network.h"

namespace zerofleet::bind {

/// `_core.NnueNetwork`. Copies share the network, so a search may outlive the Python object.
struct NnueNetwork {
    std::shared_ptr<const nnue::Network> network;
};

}  // namespace zerofleet::bind
