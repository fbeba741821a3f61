#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "tidegate/base/rng.hpp"
#include "tidegate/sim/backend.hpp"

namespace tidegate::sim {

/// What one second of a backend looked like.
struct PlantSecond {
    double attempts = 0.0;  ///< first ones and retries
    double p50_s = 0.0, p99_s = 0.0;
    double errors = 0.0;    ///< share of the attempts
    double signal = 0.0;    ///< leading signal: lock waits
    double capacity = 0.0;  ///< requests/s served in this second
    double queue = 0.0;     ///< requests waiting at its end
};

/// A backend in steps of one second. Deterministic: all chance is in what arrives.
/// Source: pacing notes "the reference plant"; the knee is Sakasegawa's approximation of a queue with many servers.
class PlantModel {
  public:
    explicit PlantModel(const Plant& plant) : plant_(plant), queue_room_(plant.queue_s) {}

    /// `first` new requests arrive while capacity and latency are `capacity` and `latency` times their own. `below` is
    /// how the backend it depends on did a second ago; null when there is none.
    PlantSecond step(double first, double capacity, double latency, const PlantSecond* below);
    /// Calls to the backend it depends on, caused by the last second.
    double calls() const { return calls_; }
    /// Factor the autoscaler has reached.
    double scale() const { return scale_; }

  private:
    static constexpr std::size_t kRetryAges = 6;
    using Retries = std::array<double, kRetryAges>;

    double capacity_now(double factor);
    void scale_to_load(double load);
    void latencies(PlantSecond& second, double factor, double wait) const;

    Plant plant_;
    double queue_room_;
    double utilisation_ = 0.0, queue_ = 0.0, contention_ = 0.0, calls_ = 0.0;
    std::deque<Retries> retries_;  // [generation][seconds from now]
    double scale_ = 1.0, quiet_s_ = 0.0, ordered_ = 1.0, ordered_in_s_ = -1.0;
};

/// The leading signal's limit.
inline constexpr double kSignalLimit = 40.0;

/// Load that is not ours, second by second.
class BaselineModel {
  public:
    BaselineModel(const Baseline& baseline, double phase, std::uint64_t seed);

    /// Requests in the second that begins at `t`, with `surge` times the usual; seconds follow each other.
    double step(double t, double surge);
    /// Mean requests/s at `t` without surge, the slow noise left out.
    double mean(double t) const;

  private:
    Baseline baseline_;
    double phase_, slow_ = 0.0;
    Rng chance_;
};

/// The share of capacity the oracle aims at.
double oracle_share(const Plant& plant);

}  // namespace tidegate::sim
