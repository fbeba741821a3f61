#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "tidegate/base/clock.hpp"

namespace tidegate::delivery {

/// What a campaign could use of an account now, so that it claims no share of a common limit that would lie idle:
/// everything while the limit is what holds it back, else twice what it uses, and nothing when it has nothing to send.
/// Pure.
class Appetite {
  public:
    /// What happened since the last call: messages released, whether there was something to send, and whether more
    /// would have gone had the limit been higher.
    void note(std::size_t released, bool work, bool held_back, TimePoint now) {
        if (begun_ == TimePoint{}) begun_ = now;
        released_ += static_cast<double>(released);
        if (work) worked_ = now;
        if (held_back) held_back_ = now;
        const double span = seconds_between(begun_, now);
        if (span < window) return;
        uses_ = released_ / span;
        released_ = 0;
        begun_ = now;
    }

    /// Messages/s.
    double now(TimePoint now) const {
        if (worked_ == TimePoint{} || seconds_between(worked_, now) > lull) return 0;
        // Nothing released yet says nothing about what could be.
        if (uses_ < 0 || (held_back_ != TimePoint{} && seconds_between(held_back_, now) <= window))
            return std::numeric_limits<double>::infinity();
        return std::max(least, 2 * std::max(uses_, released_ / window));
    }

  private:
    static constexpr double window = 1.0;  // seconds
    static constexpr double lull = 1.0;    // seconds without work that do not give a share away
    static constexpr double least = 1.0;   // messages/s, to be seen wanting more

    TimePoint begun_{}, worked_{}, held_back_{};
    double released_ = 0;
    double uses_ = -1;  // messages/s in the last whole window
};

}  // namespace tidegate::delivery
