// Settings that come from Python as a dict.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace zerofleet::bind {

/// The settings of a section of the configuration.
class Settings {
  public:
    Settings(const char* section, const nanobind::dict& values)
        : section_(section), values_(values) {}

    /// Reads a setting. Throws ValueError if it is missing or no such number or text.
    template <class T>
    void read(const char* name, T& to) const {
        if (!values_.contains(name))
            throw std::invalid_argument(std::string(section_) + " settings: " + name +
                                        " is missing");
        const auto value = nanobind::cast<nanobind::object>(values_[name]);
        if (!nanobind::try_cast(value, to))
            throw std::invalid_argument(std::string(section_) + "." + name + " cannot be " +
                                        nanobind::cast<std::string>(nanobind::repr(value)));
    }

  private:
    const char* section_;
    const nanobind::dict& values_;
};

/// Bytes of an evaluation cache.
inline std::size_t cache_bytes(std::size_t mib) {
    constexpr std::size_t kMost = std::size_t{1} << 24;
    if (mib > kMost)
        throw std::invalid_argument("cache_mib must be in 0.." + std::to_string(kMost) + ", got " +
                                    std::to_string(mib));
    return mib << 20;
}

}  // namespace zerofleet::bind
