#pragma once

#include <cstdint>
#include <string>

#include "tidegate/base/export.hpp"

namespace tidegate::sim {

/// A provider account, as the exact grain sees it. The flow grain knows only `Scenario::provider_ceiling`.
struct Provider {
    std::string name = "push";     ///< for the report
    bool also = false;             ///< sent to besides the others, not when they failed
    double reach = 1.0;            ///< share of the people who have an address here
    double dead = 0.0;             ///< share of these addresses that are gone
    double latency_s = 0.08;       ///< until it answers, median
    double latency_spread = 0.5;   ///< sigma of the logarithm
    double transient = 0.0;        ///< share of the requests it fails by a fault of its own
    double unanswered = 0.0;       ///< share of the requests it takes and never answers
    double timeout_s = 15.0;       ///< after which such a request is in doubt
    std::int64_t in_flight = 500;  ///< requests under way at once
    double per_second = 0.0;       ///< the account's own cap, messages/s; 0: none

    bool operator==(const Provider&) const = default;
};

/// The rows of an audience that do not become messages, as the exact grain reads them.
struct Rows {
    double malformed = 0.0;   ///< rows that cannot be read, as a share of the people
    double repeated = 0.0;    ///< rows that repeat somebody, as a share of the people
    double suppressed = 0.0;  ///< share of the people on the opt-out list

    bool operator==(const Rows&) const = default;
};

}  // namespace tidegate::sim
