#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate {

/// What is known of the audience and the backends before sending.
struct ForecastInput {
    std::vector<std::uint64_t> cohort_sizes;  ///< canaries first, as `CohortPlan` numbers them
    std::vector<std::string> cohort_labels;
    std::map<std::string, double> baseline;  ///< requests/s by backend; absent = 0
    WallTime now{};
};

struct ForecastCohort {
    std::string label;
    bool canary = false;
    std::uint64_t recipients = 0;
    WallTime starts{}, ends{};
    bool operator==(const ForecastCohort&) const = default;
};

/// Predicted load of one backend: one value for each step of `step`.
struct ForecastLoad {
    std::string backend;
    std::optional<double> bound;  ///< requests/s that must not be passed; absent = not known before sending
    double peak = 0;
    std::vector<double> load;  ///< baseline plus ours, requests/s
    bool operator==(const ForecastLoad&) const = default;
};

/// How a campaign would go if the belief about response and capacity were right.
struct Forecast {
    WallTime starts{}, last_release{}, load_over{};
    Duration step{};
    std::vector<ForecastCohort> cohorts;
    std::vector<ForecastLoad> backends;
    std::vector<double> released;  ///< messages in each step
    std::uint64_t recipients = 0;
    std::uint64_t left_at_deadline = 0;  ///< 0 = the deadline holds, or there is none
    bool endless = false;                ///< the room is nothing: it would never finish
    std::vector<std::string> warnings;   ///< starts on the hour or quarter-hour, no hint, deadline missed, ...
    bool operator==(const Forecast&) const = default;
};

/// Runs the campaign in thought: the pacing code over virtual time. Pure.
TIDEGATE_EXPORT Forecast forecast(const Site& site, const Campaign& campaign, const ForecastInput& input);

}  // namespace tidegate
