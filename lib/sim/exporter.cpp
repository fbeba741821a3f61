#include "sim/exporter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate::sim {

Sample Exporter::mean(double period) {
    Sample sample;
    const double n = std::max(1.0, sums_.seconds);
    sample.p50_s = sums_.p50 / n;
    double p99 = sums_.p99 / n * std::max(0.05, 1.0 + telemetry_.noise * chance_.normal());
    const bool spike = chance_.uniform() < telemetry_.spike_chance;
    if (spike) p99 += telemetry_.spike_s;
    sample.seen.p99 = Seconds(p99);
    if (telemetry_.load) sample.seen.load = sums_.attempts / n;
    // Weighted by requests, as a ratio of two counters is.
    if (telemetry_.errors) sample.seen.errors = sums_.attempts > 0.0 ? sums_.errors / sums_.attempts : 0.0;
    sample.seen.samples = static_cast<std::uint64_t>(std::llround(sums_.attempts / n * period));
    if (telemetry_.leading_signal) sample.seen.extra.push_back({"lock_waits", sums_.signal / n, kSignalLimit});
    sums_ = {};
    return sample;
}

void Exporter::spoil(Sample& sample, const BackendEffects& effects) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    Observation& seen = sample.seen;
    const TimePoint at = seen.at;
    if (effects.frozen && last_) {
        sample = *last_;
        sample.seen.at = at;
    }
    if (effects.reset) {
        // A rate over counters that start again is negative once and then sees nothing until they have moved.
        if (seen.load) seen.load = was_reset_ ? 0.0 : -*seen.load;
        seen.p99 = Seconds(0.0);
        if (seen.errors) seen.errors = 0.0;
    }
    was_reset_ = effects.reset;
    if (effects.nan) {
        seen.p99 = Seconds(nan);
        if (seen.load) seen.load = nan;
        if (seen.errors) seen.errors = nan;
    }
}

void Exporter::take(std::int64_t t, const PlantSecond& second, const BackendEffects& effects) {
    sums_.seconds += 1.0;
    sums_.p50 += second.p50_s;
    sums_.p99 += second.p99_s;
    sums_.attempts += second.attempts;
    sums_.errors += second.errors * second.attempts;
    sums_.signal += second.signal;
    const double end = static_cast<double>(t) + 1.0;
    if (!next_) next_ = static_cast<double>(t) + telemetry_.period_s;
    if (end + 1e-9 < *next_) return;
    *next_ += telemetry_.period_s;
    Sample sample = mean(telemetry_.period_s);
    sample.seen.at = after(kStart, end);
    if (effects.gap) return;
    spoil(sample, effects);
    if (!effects.frozen) last_ = sample;
    mail_.push_back({end + telemetry_.delay_s + effects.late_s, sample});
}

std::vector<Sample> Exporter::arrived(std::int64_t t) {
    std::vector<Sample> samples;
    while (!mail_.empty() && mail_.front().due <= static_cast<double>(t) + 1e-9) {
        samples.push_back(std::move(mail_.front().sample));
        mail_.pop_front();
    }
    return samples;
}

}  // namespace tidegate::sim
