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
    std::vector<std::uint64_t> cohort_sizes{};  ///< canaries first, as `CohortPlan` numbers them
    std::vector<std::string> cohort_labels{};   ///< in the same order
    std::map<std::string, double> baseline{};   ///< requests/s by backend; absent = 0
    WallTime now{};                             ///< when the run would begin
};

/// One cohort of a forecast.
struct ForecastCohort {
    std::string label{};           ///< as `CohortPlan::label` names it
    bool canary = false;           ///< whether the next one waits for its response
    std::uint64_t recipients = 0;  ///< an empty cohort takes no time
    WallTime starts{};             ///< first message
    WallTime ends{};               ///< last message
    bool operator==(const ForecastCohort&) const = default;
};

/// Predicted load of one backend: one value for each step of `step`.
struct ForecastLoad {
    std::string backend{};          ///< its name
    std::optional<double> bound{};  ///< requests/s that must not be passed; absent = not known before sending
    double peak = 0;                ///< highest of `load`
    std::vector<double> load{};     ///< baseline plus ours, requests/s
    bool operator==(const ForecastLoad&) const = default;
};

/// How a campaign would go if the belief about response and capacity were right.
struct Forecast {
    WallTime starts{};                      ///< first message
    WallTime last_release{};                ///< last message
    WallTime load_over{};                   ///< when the last opens have come
    Duration step{};                        ///< width of one value of the curves
    std::vector<ForecastCohort> cohorts{};  ///< in order of sending
    std::vector<ForecastLoad> backends{};   ///< those the campaign has an impact on
    std::vector<double> released{};         ///< messages in each step
    std::uint64_t recipients = 0;           ///< sum over the cohorts
    std::uint64_t left_at_deadline = 0;     ///< 0 = the deadline holds, or there is none
    bool endless = false;                   ///< the room is nothing: it would never finish
    std::vector<std::string> warnings{};    ///< starts on the hour or quarter-hour, no hint, deadline missed, ...
    bool operator==(const Forecast&) const = default;
};

/// Runs the campaign in thought: the pacing code over virtual time. Pure.
TIDEGATE_EXPORT Forecast forecast(const Site& site, const Campaign& campaign, const ForecastInput& input);

}  // namespace tidegate
