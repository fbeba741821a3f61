#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "tidegate/base/clock.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate::quota {

/// Orders that the store has not taken yet, as they were given: one that is refused is offered again after a while
/// that doubles, and whoever asks is told why. Pure; every `now` is on one clock.
class OrderQueue {
  public:
    struct Order {
        std::string subject;
        QuotaChange what;
        std::uint64_t number = 0;  ///< the same whenever it is offered, so that the store can tell a repeat
    };

    void add(std::string subject, const QuotaChange& what) { waiting_.push_back({std::move(subject), what, ++given_}); }
    /// The order to send on a connection that is free now; null when there is none or it is too early.
    const Order* due(TimePoint now) const { return waiting_.empty() || now < again_ ? nullptr : &waiting_.front(); }
    /// What the orders change that were not taken yet, by subject.
    std::map<std::string, QuotaChange> changes() const;
    /// The order that is due was taken.
    void taken();
    /// It was not, or nobody knows: it stays the next, for its subject's later orders build on it.
    void refused(const std::string& why, TimePoint now);
    /// The store answers and cannot take it yet: offered again soon, however often that was said, for others wait
    /// behind.
    void not_yet(const std::string& why, TimePoint now);
    /// Why the next one is not taken yet; empty when nothing is wrong.
    const std::string& trouble() const { return trouble_; }

  private:
    std::deque<Order> waiting_;
    std::uint64_t given_ = 0;
    TimePoint again_ = TimePoint::min();
    Duration pause_{};
    std::string trouble_;
};

}  // namespace tidegate::quota
