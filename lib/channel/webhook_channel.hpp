#pragma once

#include <memory>

#include "net/http.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::channel {

/// One POST to the host's own service for each message. Threads: as `Channel`.
class WebhookChannel final : public Channel {
  public:
    WebhookChannel(const ChannelOptions& options, const WebhookOptions& webhook, net::HttpLoop& loop,
                   const Clock& clock);
    ~WebhookChannel() override;

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
