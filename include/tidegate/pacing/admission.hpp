#pragma once

#include <vector>

#include "tidegate/pacing/controller.hpp"
#include "tidegate/pacing/law.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/pacing/reaction.hpp"

namespace tidegate {

/// One campaign's commitment at one backend.
struct Commitment {
    const Reaction* reaction = nullptr;  ///< of the campaign; must outlive this
    Impact impact{};                     ///< on this backend
};

/// Requests/s of ours expected at `at`, over all commitments.
TIDEGATE_EXPORT double predicted_load(const std::vector<Commitment>& commitments, TimePoint at);

/// Ours for the `window_s` seconds before `at`: predicted, and by opens counted where every campaign counted them.
TIDEGATE_EXPORT OwnLoad own_load(const std::vector<Commitment>& commitments, TimePoint at, double window_s);

/// What may be sent.
struct Admission {
    double rate = 0.0;            ///< messages/s, >= 0, finite unless nothing binds
    double horizon_s = 0.0;       ///< the horizon that binds
    double committed_peak = 0.0;  ///< highest predicted load of ours over the horizons, with its doubt, requests/s
    bool stalled = false;         ///< the provider holds messages back, so nothing may be added

    bool operator==(const Admission&) const = default;
};

/// The largest rate for one campaign such that at every horizon at which its messages will be felt, everything already
/// committed plus this stays within `room` requests/s, improbable curves (under 5 % together) aside. The rate is taken
/// to be kept until the next evidence can correct it: two periods of the telemetry, or 0.15 median lags.
/// `mine` is the campaign's own entry among `all`; `period_s` is how often the backend's telemetry brings a sample.
/// Source: reference law "posterior", part D.
TIDEGATE_EXPORT Admission admissible_rate(double room, const Commitment& mine, const std::vector<Commitment>& all,
                                          double period_s, TimePoint now, const Law& law = {});

}  // namespace tidegate
