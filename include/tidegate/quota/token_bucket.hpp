#pragma once

#include <cstdint>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"
#include "tidegate/base/rate.hpp"

namespace tidegate {

/// Lets `rate` messages a second pass, with a burst of 20 ms of the rate but at least one. Pure arithmetic over `now`.
/// A rate change keeps at most the new burst, so lowering takes effect at once and raising never bursts.
/// Threads: confined to one thread.
class TIDEGATE_EXPORT TokenBucket {
  public:
    /// Begins empty.
    TokenBucket(Rate rate, TimePoint now);

    /// From `now` on.
    void set_rate(Rate rate, TimePoint now);
    /// The rate in force.
    Rate rate() const { return rate_; }

    /// Whole tokens that may be taken at `now`. Time that runs backwards adds nothing.
    std::uint64_t available(TimePoint now);
    /// Takes up to `wanted`; returns how many.
    std::uint64_t take(std::uint64_t wanted, TimePoint now);
    /// Gives back tokens taken but not used; never above the burst.
    void give_back(std::uint64_t tokens);
    /// When the next whole token will be there; `TimePoint::max()` at rate 0.
    TimePoint next(TimePoint now);

  private:
    void refill(TimePoint now);
    double burst() const;

    Rate rate_;
    double tokens_ = 0.0;
    TimePoint last_;
};

}  // namespace tidegate
