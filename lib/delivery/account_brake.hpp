#pragma once

#include <algorithm>
#include <cstdint>

#include "tidegate/base/clock.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::delivery {

/// Stops spending people's tries on a provider that is down. After 20 transient answers in a row the account rests,
/// then one message at a time asks whether it is back; each refusal doubles the rest from 1 s to 60 s, one success ends
/// it. Pure.
class AccountBrake {
  public:
    bool passes(TimePoint now) const { return !resting_ || now >= next_; }

    /// A message was handed over: while resting it is the only one until its answer, or a minute, has passed.
    void passed(TimePoint now) {
        if (resting_) next_ = now + longest;
    }

    void record(const Outcome& answer, TimePoint now) {
        if (answer.kind != OutcomeClass::transient) {
            if (answer.kind == OutcomeClass::accepted || answer.kind == OutcomeClass::invalid_recipient) *this = {};
            return;
        }
        if (++in_a_row_ < enough) return;
        if (!resting_) {
            resting_ = true;
            rest_ = shortest;
            next_ = now + rest_;
        } else if (next_ > now + rest_) {  // the answer to the message that asked; stragglers do not lengthen the rest
            rest_ = std::min<Duration>(rest_ * 2, longest);
            next_ = now + rest_;
        }
    }

  private:
    static constexpr std::uint32_t enough = 20;
    static constexpr Duration shortest = std::chrono::seconds(1);
    static constexpr Duration longest = std::chrono::seconds(60);

    std::uint32_t in_a_row_ = 0;
    bool resting_ = false;
    Duration rest_{};
    TimePoint next_{};
};

}  // namespace tidegate::delivery
