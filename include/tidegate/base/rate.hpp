#pragma once

#include <compare>
#include <limits>

namespace tidegate {

/// Messages (or requests) per second. Negative values are a programmer's mistake.
struct Rate {
    double per_second = 0.0;  ///< 0 = nothing; infinity = unlimited

    auto operator<=>(const Rate&) const = default;

    /// No limit at all.
    static constexpr Rate unlimited() { return {std::numeric_limits<double>::infinity()}; }
};

}  // namespace tidegate
