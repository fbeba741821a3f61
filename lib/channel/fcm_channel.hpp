#pragma once

#include <memory>

#include "channel/credentials.hpp"
#include "net/crypto.hpp"
#include "net/http.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::channel {

/// FCM HTTP v1. The first look at `capacity` (or the first submit) starts fetching an access token; until it is there
/// capacity is 0. Attempts that come all the same wait for the token, so that nothing hangs on somebody asking first.
/// Threads: as `Channel`.
class FcmChannel final : public Channel {
  public:
    FcmChannel(const ChannelOptions& options, const FcmOptions& fcm, ServiceAccount account, net::SigningKey key,
               net::HttpLoop& loop, const Clock& clock);
    ~FcmChannel() override;

    ChannelTraits traits() const override;
    void submit(std::span<const Attempt> attempts, Completion done) override;
    std::size_t capacity() const override;
    Result<void> check(const Attempt& attempt) const override;
    void stop(TimePoint deadline) override;

  private:
    struct State;
    const std::shared_ptr<State> state_;
};

}  // namespace tidegate::channel
