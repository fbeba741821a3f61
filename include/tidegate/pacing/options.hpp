#pragma once

#include <optional>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// What a backend can bear, as its engineers state it.
struct BackendOptions {
    std::string name{};                                     ///< unique in the site
    Duration latency_slo = std::chrono::milliseconds(300);  ///< p99
    double error_slo = 0.01;                                ///< share of requests
    /// Share of capacity that may vanish while our messages are in flight without an outage, 0..0.9. Costs speed.
    double reserve = 0.0;
    /// Highest requests/s proven inside the SLO; the predicted total never passes it.
    std::optional<double> capacity_hint = std::nullopt;
    Duration max_age = std::chrono::seconds(15);  ///< telemetry older than this = hold
    /// Decide and record, do not enforce. For rehearsal beside an existing sender, and for showing what a blast does.
    bool shadow = false;

    bool operator==(const BackendOptions&) const = default;
    TIDEGATE_EXPORT Faults validate() const;  ///< all faults at once
};

/// Prior belief about how people react to a message.
struct ResponseOptions {
    double open_rate = 0.08;                     ///< share who open, (0, 1]
    Duration median = std::chrono::seconds(45);  ///< lag from send to open
    double spread = 1.2;                         ///< sigma of the log-normal lag, (0, 4]

    bool operator==(const ResponseOptions&) const = default;
    TIDEGATE_EXPORT Faults validate() const;  ///< all faults at once
};

/// Requests that one recipient causes at one backend.
struct Impact {
    double per_open = 0.0;      ///< by each person who opens
    double per_delivery = 0.0;  ///< at the moment of delivery, opened or not

    bool operator==(const Impact&) const = default;
};

}  // namespace tidegate
