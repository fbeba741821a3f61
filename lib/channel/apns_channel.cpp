#include "channel/apns_channel.hpp"

#include <algorithm>
#include <mutex>

#include "channel/answer.hpp"
#include "channel/endpoint.hpp"

namespace tidegate::channel {
namespace {

struct Setup {
    net::PoolOptions pool;
    LaneOptions lane;
};

Setup setup(const ChannelOptions& options, const ApnsOptions& apns) {
    const auto endpoint = parse_endpoint(apns.url);
    const bool tls = endpoint && endpoint->tls;
    Setup made;
    made.lane.in_flight = options.in_flight;
    made.lane.warm_up = true;
    // Plain http exists for peers on this host only, and those speak HTTP/1.1.
    made.lane.always_multiplexed = tls;
    made.lane.connections = tls ? 8 : std::min<std::size_t>(options.in_flight, 64);
    made.pool.ca = options.ca;
    made.pool.client_certificate = apns.certificate;
    made.pool.client_key = apns.private_key;
    made.pool.http2_only = tls;
    made.pool.fresh_dns = true;
    made.pool.max_connections = made.lane.connections;
    made.pool.max_streams = std::clamp<std::size_t>(options.in_flight, 1, 500);
    return made;
}

}  // namespace

struct ApnsChannel::State : std::enable_shared_from_this<State> {
    State(const ChannelOptions& options, const ApnsOptions& apns, std::shared_ptr<ProviderToken> provider_token,
          net::HttpLoop& loop, const Clock& clock)
        : protocol(apns, options.timeout),
          token(std::move(provider_token)),
          lane(clock, loop.pool(setup(options, apns).pool), setup(options, apns).lane) {}

    const ApnsProtocol protocol;
    const std::shared_ptr<ProviderToken> token;
    Lane lane;
    std::mutex mutex;
    Remedy remedy;  // guarded by mutex

    void answered(InFlight::Ticket ticket, const std::string& address, std::uint64_t sent_in,
                  const net::HttpResult& result) {
        lane.saw(result);
        if (!has_spoken(result, lane.always_multiplexed())) {
            const std::string_view addresses[] = {address};
            lane.finish(ticket, transport_outcome(result, addresses));
            return;
        }
        lane.finish(ticket, cured(apns_outcome(result.response, address, lane.clock().wall()), sent_in));
    }

    Outcome cured(Outcome outcome, std::uint64_t sent_in) {
        const std::lock_guard lock(mutex);
        const TimePoint now = lane.clock().now();
        if (outcome.kind == OutcomeClass::accepted || outcome.reason == Reason::gone) {
            remedy.succeeded(sent_in);
            return outcome;
        }
        if (token && outcome.reason == Reason::token_minting) token->too_many_updates(now);
        if (!outcome.reconnect) return outcome;

        const bool once = outcome.refresh_credential || outcome.code == "UnrelatedKeyIdInToken";
        switch (remedy.refused(sent_in, once)) {
            case Remedy::Step::again:
                break;
            case Remedy::Step::apply:
                // Too young a token is kept: then the connection was stuck with an older one, or a clock is wrong.
                if (outcome.refresh_credential && token) (void)token->renew(now, lane.clock().wall());
                lane.renew_connections();
                break;
            case Remedy::Step::give_up:
                outcome.text += ": again after a new connection; check this machine's clock and the key";
                return as_credential_fault(std::move(outcome));
        }
        return outcome;
    }
};

ApnsChannel::ApnsChannel(const ChannelOptions& options, const ApnsOptions& apns, std::shared_ptr<ProviderToken> token,
                         net::HttpLoop& loop, const Clock& clock)
    : state_(std::make_shared<State>(options, apns, std::move(token), loop, clock)) {}

ApnsChannel::~ApnsChannel() {
    state_->lane.stop(state_->lane.clock().now());
}

ChannelTraits ApnsChannel::traits() const {
    ChannelTraits traits;
    traits.kind = "apns";
    traits.address_type = "apns";
    traits.collapsible = true;
    return traits;
}

void ApnsChannel::submit(std::span<const Attempt> attempts, Completion done) {
    const auto shared = std::make_shared<const Completion>(std::move(done));
    std::string bearer;
    if (state_->token && !attempts.empty()) {
        bearer = state_->token->current(state_->lane.clock().now(), state_->lane.clock().wall());
    }
    std::uint64_t epoch = 0;
    {
        const std::lock_guard lock(state_->mutex);
        epoch = state_->remedy.epoch();
    }
    for (const Attempt& attempt : attempts) {
        const auto ticket = state_->lane.open(attempt.delivery, shared);
        if (ticket == 0) {
            call(*shared, attempt.delivery, not_sent("the channel is stopped"));
            continue;
        }
        if (const auto fit = check(attempt); !fit) {
            state_->lane.finish(ticket, refused_here(fit.error(), !valid_device_token(attempt.address)));
            continue;
        }
        state_->lane.send(
            state_->protocol.request(attempt, bearer),
            [weak = std::weak_ptr(state_), ticket, address = attempt.address, epoch](const net::HttpResult& result) {
                if (const auto state = weak.lock()) state->answered(ticket, address, epoch, result);
            });
    }
}

std::size_t ApnsChannel::capacity() const {
    return state_->lane.room();
}

Result<void> ApnsChannel::check(const Attempt& attempt) const {
    return state_->protocol.check(attempt);
}

void ApnsChannel::stop(TimePoint deadline) {
    state_->lane.stop(deadline);
}

}  // namespace tidegate::channel
