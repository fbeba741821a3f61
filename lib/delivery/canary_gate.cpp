#include "delivery/canary_gate.hpp"

#include <algorithm>
#include <cmath>

#include "pacing/words.hpp"

namespace tidegate::delivery {
namespace {

/// Share of the response curve that must have been seen. Source: design, "each waits until 80 % of its response curve
/// has been seen".
constexpr double kShareSeen = 0.8;
/// Samples in a row over an objective. Source: reference law, "two samples in a row: trouble".
constexpr int kInARow = 2;
/// A surge is others' load above this multiple of what it was before the canary, ...
constexpr double kSurge = 1.2;
/// ... by more than this multiple of ours: even a canary that causes four times what was believed is no excuse.
constexpr double kNotOurs = 4.0;
/// Opens below which the learnt curve is hardly more than the believed one: the pseudo-opens it starts with, four
/// times.
constexpr double kFewOpens = 20.0;

bool surge(double calm, const BackendSight& sight) {
    const double rise = sight.not_ours - calm;
    return calm > 0.0 && rise > (kSurge - 1.0) * calm && rise > kNotOurs * sight.ours;
}

std::string quantity(const std::string& signal, double value) {
    if (signal == "p99") return pacing::milliseconds(value);
    if (signal == "errors") return pacing::brief(100.0 * value) + " %";
    return pacing::brief(value);
}

}  // namespace

std::string Breach::text() const {
    return signal + " " + quantity(signal, value) + " > " + quantity(signal, limit);
}

std::optional<Breach> breach_of(const Observation& sample, double latency_slo_s, double error_slo) {
    std::vector<Breach> found;
    if (sample.p99.count() > latency_slo_s) found.push_back({"p99", sample.p99.count(), latency_slo_s});
    if (sample.errors && *sample.errors > error_slo) found.push_back({"errors", *sample.errors, error_slo});
    for (const ExtraReading& extra : sample.extra)
        if (extra.value > extra.limit) found.push_back({extra.name, extra.value, extra.limit});
    if (found.empty()) return std::nullopt;
    return *std::max_element(found.begin(), found.end(),
                             [](const Breach& a, const Breach& b) { return a.value * b.limit < b.value * a.limit; });
}

TimePoint GateSight::seen_until() const {
    TimePoint until = now;
    for (const BackendSight& sight : backends) until = std::min(until, sight.sampled);
    return until;
}

Duration soak_of(const ResponseModel& model) {
    return std::chrono::duration_cast<Duration>(Seconds(model.quantile(kShareSeen)));
}

std::string curve_of(const Reaction& reaction) {
    const double opens = std::round(reaction.model().evidence());
    if (!reaction.model().informed()) return "believed curve, opens are not counted";
    if (reaction.blind()) return "curve as last learnt, opens are no longer counted";
    const std::string seen = pacing::brief(opens) + (opens == 1.0 ? " open" : " opens");
    return opens < kFewOpens ? "believed curve, only " + seen + " seen" : "curve learnt from " + seen;
}

void CanaryGate::reset() {
    began_.reset();
    watched_.clear();
}

void CanaryGate::begin(TimePoint now) {
    if (!began_) began_ = now;
}

CanaryGate::Verdict CanaryGate::look(const GateSight& sight) {
    Verdict verdict;
    const auto wait = [&verdict](std::string why) {
        if (verdict.waits.empty()) verdict.waits = std::move(why);
    };
    if (sight.stalled) wait("opens have stopped: the provider holds messages back");
    for (const BackendSight& seen : sight.backends) {
        Watched& watched = watched_[seen.backend];
        if (!began_ || !watched.calm) watched.calm = seen.not_ours;
        if (seen.holds) wait(seen.backend + ": " + seen.reason);
        if (!began_ || seen.sampled <= *began_ || seen.sampled <= watched.judged) continue;
        watched.judged = seen.sampled;
        if (!seen.breach || !seen.over) {
            watched.over = 0;
            continue;
        }
        // Whoever fails tries again and raises the load: only the first sample over can tell whose it was.
        if (++watched.over == 1) watched.outside = surge(*watched.calm, seen);
        if (watched.outside || watched.over < kInARow || !verdict.failed.empty()) continue;
        verdict.failed = seen.backend + " " + seen.breach->text();
        verdict.backend = seen.backend;
        verdict.at = seen.sampled;
    }
    return verdict;
}

}  // namespace tidegate::delivery
