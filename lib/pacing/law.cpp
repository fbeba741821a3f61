#include "tidegate/pacing/law.hpp"

#include <cmath>

namespace tidegate {
namespace {

/// A constant and the values it can mean.
struct Bound {
    const char* name;
    double value, low, high;
};

constexpr double kMany = 1e6;

}  // namespace

Faults Law::validate() const {
    const Bound bounds[] = {
        {"accepted", accepted, 1e-6, 0.5},
        {"target", target, 0.01, 1.0},
        {"planned_signal", planned_signal, 0.01, 1.0},
        {"most_utilisation", most_utilisation, 0.01, 0.985},
        {"pseudo_opens", pseudo_opens, 0.1, kMany},
        {"curve_doubt", curve_doubt, 0.0, 10.0},
        {"unseen_doubt", unseen_doubt, 1.0, 10.0},
        {"memory_medians", memory_medians, 0.1, kMany},
        {"memory_intervals", memory_intervals, 1.0, kMany},
        {"fresh_medians", fresh_medians, 0.01, 10.0},
        {"drift_medians", drift_medians, 0.01, 10.0},
        {"drift_prior", drift_prior, 1.0, kMany},
        {"drift_doubt", drift_doubt, 0.0, 10.0},
        {"stall_medians", stall_medians, 0.01, 10.0},
        {"blind_share", blind_share, 0.0, 0.9},
        {"stall_share", stall_share, 0.0, 0.9},
        {"stall_expected", stall_expected, 1.0, kMany},
        {"stall_evidence", stall_evidence, 0.0, kMany},
        {"release_error", release_error, 0.0, 1.0},
        {"trial_medians", trial_medians, 0.5, kMany},
        {"promise_periods", promise_periods, 0.1, 100.0},
        {"promise_medians", promise_medians, 0.01, 10.0},
        {"baseline_gain", baseline_gain, 0.01, 1.0},
        {"jump", jump, 1.0, 100.0},
        {"jump_down_gain", jump_down_gain, 0.01, 1.0},
        {"margin_misses", margin_misses, 1e-4, 0.5},
        {"first_margin", first_margin, least_margin, most_margin},
        {"least_margin", least_margin, 0.0, 100.0},
        {"most_margin", most_margin, least_margin, 100.0},
        {"at_ease", at_ease, 0.0, 1.0},
        {"harmless", harmless, 0.0, 1.0},
        {"per_missed", per_missed, 1.0, 100.0},
        {"wall_per_doubling", wall_per_doubling, 0.01, 0.99},
        {"memory_samples", memory_samples, 10.0, kMany},
        {"change_per_sample", change_per_sample, 0.0, 0.5},
        {"changed", changed, accepted, 1.0},
        {"glitch_share", glitch_share, 1e-6, 0.5},
        {"broke_again", broke_again, 1e-6, 1.0},
        {"broke_samples", broke_samples, 10.0, kMany},
        {"vouched_wrongly", vouched_wrongly, 1e-6, 1.0},
        {"bias_ahead", bias_ahead, 0.0, 10.0},
        {"noise_alone", noise_alone, 0.0, 10.0},
        {"queueing", queueing, 0.01, 1.0},
        {"signal_samples", signal_samples, 10.0, kMany},
        {"blind_target", blind_target, 0.01, 1.0},
        {"lead", lead, 0.0, 100.0},
        {"cut", cut, 0.0, 1.0},
        {"cut_when_lost", cut_when_lost, 0.0, 1.0},
        {"creep", creep, 0.0, 10.0},
        {"creep_when_lost", creep_when_lost, 0.0, 10.0},
        {"start_requests", start_requests, 1.0, kMany},
        {"several", several, 1.0, 100.0},
        {"bad_errors", bad_errors, 0.0, 1.0},
        {"stale_periods", stale_periods, 1.0, 100.0},
        {"fewest_requests", fewest_requests, 0.0, kMany},
        {"frozen_samples", frozen_samples, 2.0, kMany},
        {"backlog", backlog, 0.0, kMany},
        {"others_fit", others_fit, 0.0, 10.0},
        {"surge", surge, 0.0, 100.0},
        {"old_medians", old_medians, 0.0, kMany},
        {"surge_costs", surge_costs, 0.0, 1.0},
        {"fading_spread", fading_spread, 0.01, 4.0},
    };
    Faults faults;
    for (const Bound& b : bounds)
        if (!std::isfinite(b.value) || b.value < b.low || b.value > b.high)
            faults.push_back({Errc::invalid, "the law's constant is outside of what it can mean", b.name,
                              "leave it at its default, or see its line in tidegate/pacing/law.hpp"});
    return faults;
}

}  // namespace tidegate
