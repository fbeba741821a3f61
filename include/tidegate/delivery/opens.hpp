#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"

namespace tidegate {

/// Somebody opened what a campaign sent them.
struct Open {
    std::string key{};  ///< of the recipient, as the audience spells it
    WallTime at{};      ///< when

    bool operator==(const Open&) const = default;
};

/// How a campaign learns how people react; each is better than the next.
enum class OpensKnown : std::uint8_t {
    attributed,  ///< each open with key and time: the whole curve is learnt
    counted,     ///< opens by interval: how many and how fast, by moments at which the possible curves disagree
    none         ///< nobody tells: the belief stands, with more caution
};
/// As status and reports spell it.
TIDEGATE_EXPORT std::string_view to_string(OpensKnown known);

/// What the opens told so far came to.
struct OpensProgress {
    OpensKnown known = OpensKnown::none;  ///< the way in use now
    std::uint64_t seen = 0;               ///< opens that taught the curve
    std::uint64_t repeated = 0;           ///< people who had opened before; each counts once
    std::uint64_t unknown = 0;            ///< keys that are not of this campaign
    std::uint64_t early = 0;              ///< before their message left, or without one
    std::uint64_t late = 0;               ///< so long after it that the curve has ended
    std::uint64_t waiting = 0;            ///< told, not yet looked up
    double open_rate = 0;                 ///< share who open, as believed now
    double median_s = 0;                  ///< lag from send to open, as believed now

    bool operator==(const OpensProgress&) const = default;
};

}  // namespace tidegate
