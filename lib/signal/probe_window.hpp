#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate::signal {

/// Fewest requests a p99 may rest on; fewer are no evidence for the controller either.
inline constexpr std::size_t kProbeSamples = 50;

/// Collects our own requests until they are enough for a p99, then begins anew. Windows do not overlap: one slow
/// request must not show up as trouble in several observations in a row. Threads: none of its own; the owner locks.
class ProbeWindow {
  public:
    /// Samples older than `max_age` leave the window.
    explicit ProbeWindow(Duration max_age) : max_age_(max_age) {}

    /// One finished request. `latency` of one that failed without an answer is the time-out.
    void add(TimePoint sent, Seconds latency, bool failed);
    /// The observation once the window is full, which empties it. Its `at` is when the newest request was sent.
    std::optional<Observation> take(TimePoint now);
    void clear() { samples_.clear(); }
    std::size_t size() const { return samples_.size(); }

  private:
    struct Sample {
        TimePoint sent{};
        Seconds latency{0};
        bool failed = false;
    };
    Duration max_age_;
    std::vector<Sample> samples_;
};

}  // namespace tidegate::signal
