#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "tidegate/pacing/law.hpp"

namespace tidegate::pacing {

/// Learns how much load a backend bears from (load, p99) pairs: some thousand imagined backends ("twins"), each with a
/// capacity and a number of servers, weighed by how well they foresaw what was measured. The answer is a distribution.
/// Trouble that the twins foresaw at that load, whoever caused it, changes no belief; a sample that none of them
/// foresaw is a glitch when the next one is normal and a changed backend when it is not. Pure; the same samples give
/// the same answer. About 0.2 ms a sample. Source: latency of c servers, Sakasegawa (1977); reference law "posterior",
/// part C.
class CapacityTwins {
  public:
    /// `slo_s`: the p99 objective. `period_s`: seconds between samples. `proven`: a load somebody vouches for, or 0.
    CapacityTwins(double slo_s, double period_s, double proven, const Law& law = {});

    /// Whether there was a first sample, around which the grid of capacities is laid.
    bool begun() const { return !twins_.empty(); }
    /// A sample of the past: load and p99, without the order of time.
    void remember(double load, double p99);
    /// A live sample.
    void observe(double load, double p99);

    /// The load that keeps p99 under the target, as believed.
    struct Limit {
        double median = 0.0;   ///< as likely too high as too low
        double careful = 0.0;  ///< too high with a probability of 5 %
    };
    const Limit& limit() const { return limit_; }
    /// The capacity itself: the load at which queues grow without end.
    double capacity() const { return capacity_; }
    /// Probability that the backend is not the one it was.
    double changed() const { return odds_ / (1.0 + odds_); }
    /// Probability that work is queueing.
    double queueing() const { return queueing_; }
    /// The newest sample is probably a glitch.
    bool suspect() const { return suspect_; }
    /// At the load of the newest sample a p99 inside the target was foreseen, and no more than noise is between.
    bool noise_alone() const { return noise_alone_; }
    /// Noise of the logarithm of p99.
    double noise() const { return noise_; }

  private:
    struct Twin {
        double capacity = 0.0;
        std::uint8_t servers = 0;   // index of the class
        double prior = 0.0;         // logarithm of the prior weight
        double broke = 0.0;         // added to it where the backend broke; forgotten
        double weight = 0.0;        // logarithm
        double base = 0.0;          // logarithm of the latency without load, seconds
        double backlog = 0.0;       // requests
        double surprise = 0.0;      // of the newest sample: logarithm of seen over foreseen
        double queued_share = 0.0;  // of the foreseen latency
        double density = 0.0;
        double limit = 0.0;  // requests/s
    };
    struct Foreseen {
        double density = 0.0, mean_surprise = 0.0, mean_square = 0.0;
    };
    void lay_grid(double load, double p99);
    Foreseen foresee(double load, double p99, double seconds);
    bool off_the_grid(double load);
    void learn(const Foreseen& foreseen, bool healthy);
    void start_anew(double load, double p99, bool worse);
    void normalise();
    void work_out_limits();
    void work_out_capacity();
    double limit_of(const Twin& twin) const;

    Law law_;
    double slo_, period_, proven_;
    double anchor_ = 0.0;  // load the grid was laid around
    int far_below_ = 0;    // samples in a row
    std::vector<Twin> twins_;
    std::vector<double> former_;  // weights before the last change of a settled belief
    double noise_ = 0.12, bias_ = 0.0;
    double samples_ = 0.0;
    double glitches_, trials_;
    double odds_ = 1e-4;
    bool suspect_ = false, noise_alone_ = false;
    double last_load_ = -1.0;
    std::deque<std::pair<double, bool>> recent_;  // load, healthy
    double queueing_ = 0.0, capacity_ = 0.0;
    Limit limit_;
};

}  // namespace tidegate::pacing
