#pragma once

#include <array>
#include <deque>
#include <limits>
#include <string>
#include <utility>

#include "tidegate/pacing/law.hpp"

namespace tidegate::pacing {

/// What is known of a backend that tells its latency and not its load: how much of our own load it has borne, and a
/// step beyond that which shrinks with the headroom. Pure. Source: reference law, state machine of 3.4, without its
/// fitted line.
class ProvenLoad {
  public:
    explicit ProvenLoad(double period_s, const Law& law = {}) : law_(law), period_(period_s) {}

    /// `ratio`: the worst signal as a share of what is allowed; `tau_s`: the law's unit of time; `start`: the smallest
    /// load worth measuring, requests/s.
    void observe(double at, double own, double ratio, bool many_errors, double tau_s, double start);
    /// Requests/s of ours that may be tried.
    double trusted(double start) const;
    /// After trouble nothing is tried until several samples in a row were good.
    bool holding() const { return hold_; }

  private:
    double pressure() const;
    double headroom() const;
    void trouble(double start);

    Law law_;
    double period_;
    std::array<double, 3> recent_{};
    int count_ = 0;
    double smooth_ = 0.0, proven_ = 0.0, proven_before_ = 0.0;
    double ceiling_ = std::numeric_limits<double>::infinity();
    std::deque<std::pair<double, double>> history_;  // time, proven load
    bool lost_ = false, hold_ = false;
    double lost_proven_ = 0.0;
    int over_ = 0, good_ = 0;
};

}  // namespace tidegate::pacing
