#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "delivery/account_brake.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::delivery {

/// A provider account with the count of what is in doubt on it: intended, and not yet settled on disk. That count is
/// what a crash could double, so it is bounded, and it bounds what may be handed over.
class Account {
  public:
    Account(ChannelOptions options, std::shared_ptr<Channel> channel)
        : options_(std::move(options)), channel_(std::move(channel)), traits_(channel_->traits()) {}

    const std::string& name() const { return options_.name; }
    const ChannelOptions& options() const { return options_; }
    const ChannelTraits& traits() const { return traits_; }
    Channel& channel() const { return *channel_; }

    /// How many attempts may be intended now.
    std::size_t room() const {
        const std::size_t in_doubt = in_doubt_.load();
        const std::size_t queued = queued_.load();
        const std::size_t limit = options_.in_flight > in_doubt ? options_.in_flight - in_doubt : 0;
        const std::size_t free = channel_->capacity();
        return std::min(limit, free > queued ? free - queued : 0);
    }
    void intended(std::size_t attempts) {
        in_doubt_ += attempts;
        queued_ += attempts;
    }
    void submitted(std::size_t attempts) { queued_ -= attempts; }
    void settled(std::size_t attempts) { in_doubt_ -= attempts; }

    /// Of all campaigns that use the account. Feeder thread only.
    AccountBrake& brake() { return brake_; }

  private:
    ChannelOptions options_;
    std::shared_ptr<Channel> channel_;
    ChannelTraits traits_;
    AccountBrake brake_;
    std::atomic<std::size_t> in_doubt_{0};  // intended, no durable result
    std::atomic<std::size_t> queued_{0};    // intended, not yet handed to the channel
};

}  // namespace tidegate::delivery
