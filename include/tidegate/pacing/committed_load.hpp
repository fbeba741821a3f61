#pragma once

#include <cstdint>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/pacing/options.hpp"

namespace tidegate {

/// Remembers what was released and when, so that it can be asked how many messages are of which age. Memory and time
/// per question are bounded whatever the campaign's size or length (a ring of cumulative sends). Pure; confined to one
/// thread.
class TIDEGATE_EXPORT CommittedLoad {
  public:
    /// Keeps `horizon` seconds of sends at a resolution of `resolution` seconds; both above 0.
    CommittedLoad(double horizon, double resolution, TimePoint start);

    /// Books `messages` at the moment they are granted, not when they complete.
    void add(double messages, TimePoint now);
    /// Takes back messages granted but never handed to a channel.
    void remove(double messages, TimePoint now);
    /// Messages whose age at `at` lies between the two lags, seconds; what was added after `at` is left out.
    double between(double from, double to, TimePoint at) const;
    /// `between` for each pair of neighbours in `edges`, which rise.
    std::vector<double> by_age(const std::vector<double>& edges, TimePoint at) const;
    /// The same into `messages`, whose memory is used again.
    void by_age(const std::vector<double>& edges, TimePoint at, std::vector<double>& messages) const;
    /// Books everything added since `since` as if it had been added at `now`: a provider held it and lets it go.
    void redate(TimePoint since, TimePoint now);
    /// Seconds a slot of the record.
    double resolution() const { return quantum_; }
    /// All messages ever added.
    double total() const { return total_; }

  private:
    double sent_before(double seconds) const;
    void advance(TimePoint now);

    double quantum_;                  // seconds a slot
    TimePoint origin_;                // time of slot 0
    TimePoint last_;                  // newest time seen
    std::int64_t head_ = 0;           // newest slot
    std::vector<double> cumulative_;  // ring: messages up to the end of a slot
    double total_ = 0.0, forgotten_ = 0.0;
};

}  // namespace tidegate
