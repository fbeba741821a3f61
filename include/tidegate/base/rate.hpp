#pragma once

#include <compare>
#include <limits>

namespace tidegate {

/// Messages (or requests) per second. Negative values are a programmer's mistake.
struct Rate {
    double per_second = 0.0;

    auto operator<=>(const Rate&) const = default;

    static constexpr Rate unlimited() { return {std::numeric_limits<double>::infinity()}; }
};

}  // namespace tidegate
