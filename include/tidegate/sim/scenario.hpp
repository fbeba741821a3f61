#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tidegate/base/result.hpp"
#include "tidegate/sim/backend.hpp"
#include "tidegate/sim/crowd.hpp"

namespace tidegate::sim {

/// What may go wrong while a campaign runs.
enum class EventKind : std::uint8_t {
    capacity,           ///< capacity times `value`
    leak,               ///< capacity falls by `value` (a share of the original) a minute
    latency,            ///< the curve's latencies times `value`; waiting is not touched
    surge,              ///< the load that is not ours times `value`
    stall,              ///< the provider accepts and holds; at the end it delivers all of it
    throttle,           ///< the provider takes `value` messages/s and refuses the rest
    telemetry_gap,      ///< no samples
    telemetry_frozen,   ///< the last values with fresh times
    telemetry_nan,      ///< not a number
    telemetry_reset,    ///< counters start again: one negative load, then zeros
    telemetry_late,     ///< samples come `value` seconds later than usual
    opens_lost,         ///< opens happen and nobody tells
    opens_doubled,      ///< each open is told twice
    opens_late,         ///< opens are told `value` seconds later
    requests_per_open,  ///< an open causes `value` times as many requests
    other_sender,       ///< `value` messages leave at once by a sender that does not ask us; the crowd is ours
    pause,              ///< the operator pauses every campaign
    takeover,           ///< another node leads from now on: what was learnt live is gone, what was sent is known
};

/// One event. It strikes when `at_sent` of all messages are sent, or at `at_s`.
struct Event {
    EventKind kind = EventKind::surge;                         ///< what happens
    double value = 1.0;                                        ///< what the kind says
    double at_sent = 0.4;                                      ///< share of all recipients; ignored when `at_s` >= 0
    double at_s = -1.0;                                        ///< seconds after the start
    double after_s = 0.0;                                      ///< how much later it begins
    double lasts_s = std::numeric_limits<double>::infinity();  ///< infinity: to the end
    double every_s = 0.0;                                      ///< repeats with this period; 0: once
    std::int64_t times = 1;                                    ///< how often, when it repeats
    std::string backend = {};                                  ///< empty: every backend

    bool operator==(const Event&) const = default;
};

/// A rehearsal: a site, campaigns, and what happens. Everything but chance is in here.
struct Scenario {
    std::string name = "nominal";                    ///< for people
    std::string about{};                             ///< one line for people
    std::vector<Backend> backends = {Backend{}};     ///< at least one
    std::vector<Campaign> campaigns = {Campaign{}};  ///< at least one
    std::vector<Event> events{};                     ///< in any order
    double history_s = 86400.0;                      ///< passive observation before the start; 0: none
    double provider_ceiling = 5e4;                   ///< messages/s a provider takes
    std::vector<Provider> providers = {Provider{}};  ///< exact grain: the route, in the order of fail-over
    double give_up_s = 6.0 * 3600.0;                 ///< a campaign not sent by then did not finish

    bool operator==(const Scenario&) const = default;
    /// All faults at once.
    TIDEGATE_EXPORT Faults validate() const;
};

/// Reads a scenario file. Faults carry file:line; unknown keys are faults.
TIDEGATE_EXPORT Result<Scenario, Faults> read_scenario(const std::string& path);

}  // namespace tidegate::sim
