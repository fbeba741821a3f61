#include "channel/webhook_channel.hpp"

#include <algorithm>

#include "channel/answer.hpp"
#include "channel/lane.hpp"
#include "channel/webhook_protocol.hpp"

namespace tidegate::channel {
namespace {

std::size_t connections(const ChannelOptions& options) {
    return std::clamp<std::size_t>(options.in_flight, 1, 128);
}

net::PoolOptions pool_options(const ChannelOptions& options) {
    net::PoolOptions pool;
    pool.ca = options.ca;
    pool.max_connections = connections(options);
    pool.max_streams = 100;
    pool.max_h2_connections = std::max<std::size_t>(8, (options.in_flight + 99) / 100);
    return pool;
}

}  // namespace

struct WebhookChannel::State {
    State(const ChannelOptions& options, const WebhookOptions& webhook, net::HttpLoop& loop, const Clock& clock)
        : protocol(webhook, options.timeout),
          idempotent(webhook.idempotent),
          lane(clock, loop.pool(pool_options(options)),
               {.in_flight = options.in_flight, .connections = connections(options)}) {}

    const WebhookProtocol protocol;
    const bool idempotent;
    Lane lane;

    void answered(InFlight::Ticket ticket, const std::string& address, const std::string& key,
                  const net::HttpResult& result) {
        lane.saw(result);
        const std::string_view secret[] = {address, key};
        lane.finish(ticket, has_spoken(result, false) ? webhook_outcome(result.response, secret, lane.clock().wall())
                                                      : transport_outcome(result, secret));
    }
};

WebhookChannel::WebhookChannel(const ChannelOptions& options, const WebhookOptions& webhook, net::HttpLoop& loop,
                               const Clock& clock)
    : state_(std::make_shared<State>(options, webhook, loop, clock)) {}

WebhookChannel::~WebhookChannel() {
    state_->lane.stop(state_->lane.clock().now());
}

ChannelTraits WebhookChannel::traits() const {
    ChannelTraits traits;
    traits.kind = "webhook";
    traits.address_type = "webhook";
    traits.collapsible = state_->idempotent;
    traits.address_may_be_key = true;
    return traits;
}

void WebhookChannel::submit(std::span<const Attempt> attempts, Completion done) {
    const auto shared = std::make_shared<const Completion>(std::move(done));
    for (const Attempt& attempt : attempts) {
        const auto ticket = state_->lane.open(attempt.delivery, shared);
        if (ticket == 0) {
            call(*shared, attempt.delivery, not_sent("the channel is stopped"));
            continue;
        }
        if (const auto fit = check(attempt); !fit) {
            state_->lane.finish(ticket, refused_here(fit.error(), true));
            continue;
        }
        state_->lane.send(state_->protocol.request(attempt, state_->lane.clock().wall()),
                          [weak = std::weak_ptr(state_), ticket, address = attempt.address,
                           key = attempt.key](const net::HttpResult& result) {
                              if (const auto state = weak.lock()) state->answered(ticket, address, key, result);
                          });
    }
}

std::size_t WebhookChannel::capacity() const {
    return state_->lane.room();
}

Result<void> WebhookChannel::check(const Attempt& attempt) const {
    return state_->protocol.check(attempt);
}

void WebhookChannel::stop(TimePoint deadline) {
    state_->lane.stop(deadline);
}

}  // namespace tidegate::channel
