#pragma once

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "tidegate/message/attempt.hpp"
#include "tidegate/quota/token_bucket.hpp"

namespace tidegate::delivery {

/// Messages of one account that are durable and wait for their turn. However late and however many at once the disk
/// lets them through, no more leave than the lease of that instant allows, with its burst of 20 ms. Pure; confined to
/// the writer's thread.
class Valve {
  public:
    explicit Valve(TimePoint now) : bucket_(Rate{0}, now) {}

    void hold(Attempt attempt, TimePoint decided) { held_.push_back({std::move(attempt), decided}); }
    std::size_t held() const { return held_.size(); }

    /// The next ones, `room` at most, that may leave at `now`; `rate` is in force from now on.
    std::vector<Attempt> pass(Rate rate, std::size_t room, TimePoint now) {
        if (bucket_.rate() != rate) bucket_.set_rate(rate, now);
        return take(bucket_.take(std::min(room, held_.size()), now));
    }
    /// Those decided before `since`: what was right then need not be right now.
    std::vector<Attempt> overdue(TimePoint since) {
        std::size_t count = 0;
        while (count < held_.size() && held_[count].second < since) ++count;
        return take(count);
    }
    std::vector<Attempt> all() { return take(held_.size()); }

  private:
    std::vector<Attempt> take(std::size_t count) {
        std::vector<Attempt> taken;
        taken.reserve(count);
        for (; taken.size() < count; held_.pop_front()) taken.push_back(std::move(held_.front().first));
        return taken;
    }

    TokenBucket bucket_;
    std::deque<std::pair<Attempt, TimePoint>> held_;
};

}  // namespace tidegate::delivery
