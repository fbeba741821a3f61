#pragma once

#include <memory>
#include <utility>

#include "tidegate/channel/channel.hpp"

namespace tidegate::delivery {

/// The channel of a dry run: has the traits and the checks of the real one, reaches nobody, and accepts everything.
class PracticeChannel final : public Channel {
  public:
    explicit PracticeChannel(std::shared_ptr<Channel> real) : real_(std::move(real)) {}

    ChannelTraits traits() const override {
        ChannelTraits traits = real_->traits();
        traits.two_phase = false;  // nobody will report what was never sent
        return traits;
    }
    void submit(std::span<const Attempt> attempts, Completion done) override {
        for (const Attempt& attempt : attempts) done(attempt.delivery, accepted("dry-run"));
    }
    std::size_t capacity() const override { return 500; }
    Result<void> check(const Attempt& attempt) const override { return real_->check(attempt); }
    void stop(TimePoint) override {}

  private:
    std::shared_ptr<Channel> real_;
};

}  // namespace tidegate::delivery
