#pragma once

#include <memory>

#include "channel/apns_protocol.hpp"
#include "channel/lane.hpp"
#include "channel/provider_token.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::channel {

/// APNs over one pool of its own: Apple ties a connection to the team and key it saw first. Threads: as `Channel`.
class ApnsChannel final : public Channel {
  public:
    /// `token` is empty for certificate authentication.
    ApnsChannel(const ChannelOptions& options, const ApnsOptions& apns, std::shared_ptr<ProviderToken> token,
                net::HttpLoop& loop, const Clock& clock);
    ~ApnsChannel() override;

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
