#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidegate/base/result.hpp"
#include "tidegate/signal/history.hpp"
#include "tidegate/signal/observation.hpp"
#include "tidegate/signal/options.hpp"

namespace tidegate::signal {

/// A sample of the past, by the wall clock.
struct PastSample {
    WallTime at{};
    double p99_s = 0;
    double load = 0;  ///< requests/s, everyone's
    std::optional<double> errors{};
    std::vector<std::pair<std::string, double>> extra{};  ///< leading signals by name

    bool operator==(const PastSample&) const = default;
};

/// Nothing when the observation could teach nothing: no load, no latency, or a p99 of too few requests.
std::optional<PastSample> past_sample(const Observation& seen, TimePoint now, WallTime wall);
/// As a controller takes it: in monotonic time, with the limits that the site states today; leading signals that the
/// site no longer has are left out.
Observation observation_of(const PastSample& sample, const SignalOptions& signal, TimePoint now, WallTime wall);

/// Whether our part of a sample's load is so small that the sample counts as taken while nothing was sent.
bool passive(double load, double own);

/// What makes two signals the same witness: kind, address and what is asked for latency, load and errors. A hash, for
/// addresses may hold credentials. Objectives, periods and leading signals may change without a new history.
std::string history_identity(const SignalOptions& signal);
/// Whether watching it can teach how latency follows load.
bool tells_load(const SignalOptions& signal);

/// The memory of one backend, bounded in size and in time. Kept is what shows how latency follows load: of every hour
/// and every tenth more load a few samples, spread over that hour, so that the peak of each day outlives the nights.
/// Pure. Shape: a few thousand samples, oldest first.
class History {
  public:
    /// Takes a sample in its place in time. One that is there already, one that repeats its predecessor to the last
    /// digit (a frozen exporter) and one of a time in which we sent are left out.
    void add(PastSample sample);
    /// Our sends were felt from `from`, and may be until `until`: what others sampled meanwhile is not passive.
    void busy(WallTime from, WallTime until);
    /// Brings it down to its size.
    void thin(WallTime now);

    const std::vector<PastSample>& samples() const { return samples_; }
    HistorySummary summary() const;

    /// The file's text; README.md describes it.
    std::string text(const std::string& backend, const std::string& identity) const;
    /// Lines that cannot be read are left out and counted in the summary's note.
    /// Errors: not a history; `refused`: of another version, or of another signal.
    static Result<History> parse(std::string_view text, const std::string& identity);

    bool operator==(const History&) const = default;

  private:
    std::vector<PastSample> samples_;
    WallTime busy_from_{}, busy_until_{};
    std::size_t unreadable_ = 0;
};

}  // namespace tidegate::signal
