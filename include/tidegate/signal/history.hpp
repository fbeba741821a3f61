#pragma once

#include <cstdint>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"

namespace tidegate {

/// What is known of a backend from before anything was sent: samples that `tidegate observe`, an `Observer` or a `Gate`
/// took while we caused next to nothing of its load.
struct HistorySummary {
    std::uint64_t samples = 0;  ///< kept; 0 = no history
    double watched_s = 0;       ///< time they stand for, gaps left out
    double least_load = 0;      ///< requests/s
    double most_load = 0;       ///< requests/s
    double worst_p99_s = 0;     ///< highest among the samples kept
    WallTime newest{};          ///< when the latest of them was taken
    std::string note{};  ///< what a person should know besides: another signal's history, an unreadable file; or empty

    bool operator==(const HistorySummary&) const = default;
};

/// "23 h, loads 310-1,180 requests/s, highest p99 182 ms", or "none: the first campaign explores carefully".
TIDEGATE_EXPORT std::string to_string(const HistorySummary& history);

}  // namespace tidegate
