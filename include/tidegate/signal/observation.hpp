#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"

namespace tidegate {

/// A leading signal, such as database lock waits, and the value it must stay under.
struct ExtraReading {
    std::string name{};  ///< as the site names it
    double value = 0.0;  ///< in the signal's own unit
    double limit = 0.0;  ///< same unit; pressure is 0.8 of it

    bool operator==(const ExtraReading&) const = default;
};

/// One look at a backend. NaN, infinities and negative values are allowed here: judging evidence is the controller's
/// business, a sensor reports what it saw.
struct Observation {
    TimePoint at{};                          ///< the moment the values describe, not when they arrived
    Seconds p99{0};                          ///< latency
    std::optional<double> load{};            ///< requests/s, everyone's
    std::optional<double> errors{};          ///< share of requests that failed, 0..1
    std::optional<std::uint64_t> samples{};  ///< requests the p99 rests on, when known
    std::optional<double> opens{};           ///< observed opens/s, when the signal has them
    std::vector<ExtraReading> extra{};       ///< leading signals

    bool operator==(const Observation&) const = default;
};

}  // namespace tidegate
