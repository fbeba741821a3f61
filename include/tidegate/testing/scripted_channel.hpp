#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tidegate/channel/channel.hpp"

namespace tidegate::testing {

/// A channel that answers from a script and remembers what it was handed. Threads: any.
class TIDEGATE_EXPORT ScriptedChannel final : public Channel {
  public:
    /// What to answer to an attempt.
    using Script = std::function<Outcome(const Attempt&)>;

    explicit ScriptedChannel(ChannelTraits traits, Script script = {});  ///< empty script: accepts everything

    ChannelTraits traits() const override;
    void submit(std::span<const Attempt> attempts, Completion done) override;
    std::size_t capacity() const override;
    Result<void> check(const Attempt& attempt) const override;
    void stop(TimePoint deadline) override;

    /// While held, attempts stay unanswered (capacity shrinks); letting go answers them.
    void hold(bool held);
    /// How many attempts it takes at once.
    void set_capacity(std::size_t capacity);
    /// Everything handed to it, in order.
    std::vector<Attempt> attempts() const;
    /// Attempts by address.
    std::map<std::string, std::size_t> counts() const;

  private:
    ChannelTraits traits_;
    Script script_;
    mutable std::mutex mutex_;
    bool held_ = false, stopped_ = false;
    std::size_t capacity_ = 500;
    std::vector<Attempt> seen_;
    std::deque<std::pair<Attempt, Completion>> waiting_;
};

}  // namespace tidegate::testing
