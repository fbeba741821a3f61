#pragma once

#include "tidegate/pacing/law.hpp"

namespace tidegate::pacing {

/// A signal that rises before latency does, such as lock waits: its logarithm as a line over the load. Pure.
class LeadingSignal {
  public:
    /// `samples`: how many the line rests on.
    explicit LeadingSignal(double samples = Law{}.signal_samples) : samples_(samples) {}

    void observe(double load, double value);
    /// The load at which the signal reaches `value`; infinite while no rising line is known.
    double load_at(double value) const;

  private:
    double samples_;
    double weight_ = 0.0, load_ = 0.0, log_ = 0.0, load_load_ = 0.0, load_log_ = 0.0;  // forgotten sums
};

}  // namespace tidegate::pacing
