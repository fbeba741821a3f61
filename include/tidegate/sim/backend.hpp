#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/pacing/options.hpp"

namespace tidegate::sim {

/// How latency answers utilisation.
enum class Curve : std::uint8_t {
    smooth,       ///< 1 / (1 - load): warns early
    sharp,        ///< many servers: flat, then a knee
    lock,         ///< a sharp knee past which contention halves the capacity until the backend has been left alone
    kinked,       ///< two straight lines
    step,         ///< jumps without a warning
    exponential,  ///< grows by a factor for each share of capacity
};

/// Capacity that follows the load, with a lag. Factors are multiples of the plant's own capacity.
struct Autoscaler {
    double least = 1.0;        ///< smallest factor
    double most = 2.0;         ///< largest factor
    double target = 0.6;       ///< utilisation it steers for
    double warm_up_s = 90.0;   ///< from the decision to grow until the new servers serve
    double cool_down_s = 300;  ///< how long utilisation must be low before it shrinks

    bool operator==(const Autoscaler&) const = default;
};

/// What a request of this backend asks of another one.
struct Dependency {
    std::string backend = {};  ///< empty: none
    double calls = 1.0;        ///< a request's calls there
    double retries = 1.0;      ///< share of its failed calls that are tried again at once

    bool operator==(const Dependency&) const = default;
};

/// A backend of the rehearsal: a fluid queue in steps of one second.
struct Plant {
    Curve curve = Curve::smooth;             ///< how latency answers load
    double capacity = 1600.0;                ///< requests/s
    double servers = 64.0;                   ///< behind a sharp knee
    double queue_s = 6.0;                    ///< seconds of work that may wait; more is dropped
    double retry_share = 0.45;               ///< of failed requests, tried again 3 to 5 s later
    std::int64_t retry_times = 1;            ///< how often
    double shed_above = 0.0;                 ///< share of capacity beyond which requests are refused at once; 0: never
    double oracle_load = 0.0;                ///< share of capacity the oracle aims at; 0: what suits the curve
    std::optional<Autoscaler> autoscaler{};  ///< absent: capacity is what it is
    Dependency depends{};                    ///< another backend behind this one

    bool operator==(const Plant&) const = default;
};

/// Load that is not ours: a slow wave, slow noise, and chance.
struct Baseline {
    double mean = 480.0;             ///< requests/s
    double swing = 0.12;             ///< height of the wave as a share of the mean
    double swing_period_s = 7200.0;  ///< length of the wave
    double noise = 0.03;             ///< standard deviation of the slow noise as a share of the mean
    double noise_time_s = 20.0;      ///< how long the noise remembers

    bool operator==(const Baseline&) const = default;
};

/// What is seen of a backend.
struct Telemetry {
    double period_s = 5.0;        ///< between two samples
    double delay_s = 5.0;         ///< age of a sample when it arrives
    double noise = 0.08;          ///< relative standard deviation of the p99
    bool load = true;             ///< requests/s are reported
    bool errors = true;           ///< the error share is reported
    bool leading_signal = false;  ///< lock waits are reported, limit 40
    double spike_chance = 0.0;    ///< chance that a sample's p99 carries a collection pause
    double spike_s = 0.4;         ///< its size

    bool operator==(const Telemetry&) const = default;
};

/// One backend: what its engineer states (`limits`), what it is, and what is seen of it.
struct Backend {
    BackendOptions limits{.name = "app-api", .max_age = std::chrono::seconds(25)};  ///< as its engineer states them
    Plant plant{};                                                                  ///< what it is
    Baseline baseline{};                                                            ///< load that is not ours
    Telemetry telemetry{};                                                          ///< what is seen of it

    bool operator==(const Backend&) const = default;
};

}  // namespace tidegate::sim
