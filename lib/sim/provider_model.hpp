#pragma once

#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "sim/timeline.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/quota/token_bucket.hpp"
#include "tidegate/sim/provider.hpp"

namespace tidegate::sim {

/// A message that reaches a device.
struct Arrival {
    std::size_t campaign = 0;
    std::int64_t recipient = 0;  ///< as the ledger numbers them
    TimePoint at{}, sent{};
};

/// A provider in virtual time, behind the face that real ones have: it answers late, refuses above its ceiling, fails,
/// forgets to answer, and holds messages back while it stalls. Threads: one.
class ProviderModel final : public Channel {
  public:
    /// Campaigns are told apart by their ids, in the order of the scenario.
    ProviderModel(const Provider& provider, std::vector<std::string> campaigns, double ceiling, std::uint64_t seed,
                  const Clock& clock);

    ChannelTraits traits() const override;
    void submit(std::span<const Attempt> attempts, Completion done) override;
    std::size_t capacity() const override;
    Result<void> check(const Attempt&) const override { return {}; }
    void stop(TimePoint) override {}

    /// What the events do to it from now on.
    void meet(const Effects& effects);
    /// Answers what is due; returns what has reached devices meanwhile, in order.
    std::vector<Arrival> answer();
    /// Messages it took since the last call, by campaign.
    std::vector<double> take_taken();
    /// When it last took a message of a campaign.
    TimePoint last_taken(std::size_t campaign) const { return last_taken_[campaign]; }
    /// Nothing is on its way through it.
    bool quiet() const { return pending_.empty() && held_.empty(); }

  private:
    struct Pending {
        TimePoint due;
        std::uint64_t order;  // of submission: equal moments are answered first come, first served
        DeliveryId delivery;
        Outcome outcome;
        Completion done;
        bool operator<(const Pending& other) const { return due != other.due ? due > other.due : order > other.order; }
    };
    Outcome judge(const Attempt& attempt);
    Duration until_answer();

    Provider provider_;
    std::vector<std::string> campaigns_;
    double ceiling_;
    std::uint64_t seed_;
    const Clock& clock_;
    Rng chance_;
    TokenBucket limit_;
    bool stalled_ = false;
    std::uint64_t submitted_ = 0;
    std::priority_queue<Pending> pending_;
    std::vector<Arrival> held_;
    std::vector<double> taken_;
    std::vector<TimePoint> last_taken_;
};

}  // namespace tidegate::sim
