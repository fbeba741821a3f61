#include "signal/probe_window.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::signal {

void ProbeWindow::add(TimePoint sent, Seconds latency, bool failed) {
    samples_.push_back({sent, latency, failed});
}

std::optional<Observation> ProbeWindow::take(TimePoint now) {
    std::erase_if(samples_, [&](const Sample& sample) { return sample.sent < now - max_age_; });
    if (samples_.size() < kProbeSamples) return std::nullopt;
    const auto count = static_cast<double>(samples_.size());
    const auto failed = std::count_if(samples_.begin(), samples_.end(), [](const Sample& s) { return s.failed; });
    const auto newest = std::max_element(samples_.begin(), samples_.end(),
                                         [](const Sample& a, const Sample& b) { return a.sent < b.sent; });
    Observation out;
    out.at = newest->sent;
    out.errors = static_cast<double>(failed) / count;
    out.samples = samples_.size();
    // Nearest rank.
    const auto rank = samples_.begin() + static_cast<std::ptrdiff_t>(std::ceil(0.99 * count)) - 1;
    std::nth_element(samples_.begin(), rank, samples_.end(),
                     [](const Sample& a, const Sample& b) { return a.latency < b.latency; });
    out.p99 = rank->latency;
    samples_.clear();
    return out;
}

}  // namespace tidegate::signal
