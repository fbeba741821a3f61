#include "delivery/imagined_backend.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::delivery {
namespace {

// The smooth plant and its telemetry. Source: pacing notes, section 4.
constexpr double kHintOfCapacity = 0.8;  // what its oracle aims at
constexpr double kMostUtilisation = 0.97;
constexpr double kIdleP99 = 0.153;  // of the objective: 46 ms of 300 ms
constexpr double kLatencyNoise = 0.08;
constexpr double kLoadNoise = 0.03;
constexpr double kLoadNoiseS = 20.0;  // how long a deviation lasts
constexpr std::uint64_t kSeed = 1;    // the same inputs give the same forecast

/// Samples after which the law has learnt what it will, and those at the end of them that its mean room is taken of.
/// Each costs as much as in production, a quarter of a millisecond.
constexpr std::size_t kLearning = 1500, kLearnt = 500;

}  // namespace

ImaginedBackend::ImaginedBackend(const Backend& backend, double baseline, TimePoint start)
    : slo_s_(Seconds(backend.limits.latency_slo).count()),
      baseline_(baseline),
      period_s_(Seconds(period_of(backend.signal)).count()),
      controller_(make_controller(backend.limits, period_of(backend.signal))),
      chance_(kSeed),
      next_(after(start, period_s_)) {
    if (backend.limits.capacity_hint) capacity_ = *backend.limits.capacity_hint / kHintOfCapacity;
}

Observation ImaginedBackend::look(double load) {
    const double utilisation = capacity_ ? std::min(kMostUtilisation, load / *capacity_) : 0.0;
    const double p99 = slo_s_ * kIdleP99 / (1.0 - utilisation) * std::max(0.1, 1.0 + kLatencyNoise * chance_.normal());
    Observation sample;
    sample.at = next_;
    sample.p99 = Seconds(p99);
    sample.load = load;
    sample.errors = 0.0;
    return sample;
}

void ImaginedBackend::sample(const std::vector<Commitment>& ours) {
    const double keep = std::exp(-period_s_ / kLoadNoiseS);
    drift_ = keep * drift_ + std::sqrt(1.0 - keep * keep) * kLoadNoise * chance_.normal();
    const OwnLoad own = own_load(ours, next_, period_s_);
    const double mean = baseline_ * (1.0 + drift_) + own.predicted;
    const double load = std::max(0.0, mean + std::sqrt(mean / period_s_) * chance_.normal());
    controller_->observe(look(load), own, next_);
    const Advice advice = controller_->advise(next_);
    room_ = advice.open ? advice.room : 0.0;
    if (++samples_ > kLearning - kLearnt) sum_ += room_;
    if (samples_ == kLearning) room_ = sum_ / static_cast<double>(kLearnt);
}

void ImaginedBackend::live(const std::vector<Commitment>& ours, double median_s, double per_open, TimePoint now) {
    controller_->expect(median_s, per_open);
    for (; next_ <= now && samples_ < kLearning; next_ = after(next_, period_s_)) sample(ours);
}

}  // namespace tidegate::delivery
