// SHA-256 (FIPS 180-4), for the trailer and the architecture hash of .nnue files.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace zerofleet::nnue {

std::array<std::byte, 32> sha256(std::span<const std::byte> data);

}  // namespace zerofleet::nnue
