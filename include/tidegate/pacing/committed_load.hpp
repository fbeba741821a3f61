#pragma once

#include <cstdint>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/pacing/response_model.hpp"

namespace tidegate {

/// Remembers what was released and answers how much load that will cause: sends convolved with the kernel.
/// Memory and time per question are bounded whatever the campaign's size or length (a ring of cumulative sends).
/// Pure; confined to one thread.
class TIDEGATE_EXPORT CommittedLoad {
  public:
    /// Keeps `horizon` seconds of sends at a resolution of about median/20.
    CommittedLoad(const ResponseModel& model, TimePoint start);

    /// Books `messages` at the moment they are granted, not when they complete.
    void add(double messages, TimePoint now);
    /// Takes back messages granted but never handed to a channel.
    void remove(double messages, TimePoint now);
    /// Opens/s at `at` caused by everything added before it, by the model's kernel without its doubt. `model` is the
    /// one this was made with, as observed since: its scale may have moved, its shape has not.
    double opens_at(TimePoint at, const ResponseModel& model) const;
    /// Messages added within the last `window` seconds before `now`.
    double sent_within(double window, TimePoint now) const;
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
    double believed_total_;            // opens per message when the weights were made
    std::vector<double> bin_edges_;    // lags, seconds
    std::vector<double> bin_weights_;  // mean density between two edges
};

/// One campaign's commitment at one backend.
struct Commitment {
    const CommittedLoad* load = nullptr;   ///< what was released; not owned
    const ResponseModel* model = nullptr;  ///< how people react; not owned
    Impact impact{};                       ///< requests one recipient causes there
};

/// Predicted requests/s of ours at `at`, over all commitments, doubt included when `with_doubt`.
TIDEGATE_EXPORT double predicted_load(const std::vector<Commitment>& commitments, TimePoint at, bool with_doubt);

/// What may be sent.
struct Admission {
    double rate = 0.0;            ///< messages/s, >= 0, finite unless nothing binds
    double horizon_s = 0.0;       ///< the horizon that binds
    double committed_peak = 0.0;  ///< highest predicted load of ours over the horizons, requests/s

    bool operator==(const Admission&) const = default;
};

/// The largest rate for one campaign such that at every horizon at which its messages will be felt, everything already
/// committed plus this stays within `room` requests/s. `mine` is the campaign's own entry among `all`.
/// Source: reference law, pacing README "admission".
TIDEGATE_EXPORT Admission admissible_rate(double room, const Commitment& mine, const std::vector<Commitment>& all,
                                          TimePoint now);

}  // namespace tidegate
