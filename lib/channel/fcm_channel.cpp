#include "channel/fcm_channel.hpp"

#include <algorithm>
#include <deque>
#include <mutex>

#include "channel/access_token.hpp"
#include "channel/answer.hpp"
#include "channel/fcm_protocol.hpp"
#include "channel/lane.hpp"

namespace tidegate::channel {
namespace {

// Short interruptions of the token endpoint are waited out in silence; after so many failures single attempts are let
// through, so that the reason shows in their outcomes.
constexpr std::uint32_t silent_failures = 3;

std::size_t connections(const ChannelOptions& options) {
    return std::clamp<std::size_t>(options.in_flight, 1, 64);
}

net::PoolOptions pool_options(const ChannelOptions& options, std::size_t count) {
    net::PoolOptions pool;
    pool.ca = options.ca;
    pool.max_connections = count;
    pool.max_streams = 100;
    pool.max_h2_connections = std::max<std::size_t>(8, (options.in_flight + 99) / 100);
    return pool;
}

struct Waiting {
    Attempt attempt;
    InFlight::Ticket ticket = 0;
};

}  // namespace

struct FcmChannel::State : std::enable_shared_from_this<State> {
    State(const ChannelOptions& options, const FcmOptions& fcm, ServiceAccount service_account,
          net::SigningKey signing_key, net::HttpLoop& io, const Clock& clock)
        : protocol(fcm, service_account.project_id, options.timeout),
          account(std::move(service_account)),
          key(std::move(signing_key)),
          timeout(options.timeout),
          loop(io),
          token_pool(io.pool(pool_options(options, 1))),
          lane(clock, io.pool(pool_options(options, connections(options))),
               {.in_flight = options.in_flight, .connections = connections(options)}) {}

    const FcmProtocol protocol;
    const ServiceAccount account;
    const net::SigningKey key;
    const Duration timeout;
    net::HttpLoop& loop;
    const std::shared_ptr<net::HttpPool> token_pool;
    Lane lane;

    std::mutex mutex;
    AccessToken token;  // these four guarded by mutex
    Remedy remedy;
    std::deque<Waiting> waiting;  // for a token
    bool stopped = false;

    // Signing with RSA takes a millisecond: the loop's thread does it, not the caller's.
    void fetch_token() {
        loop.post([weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self) return;
            const std::string assertion = fcm_assertion(self->account, self->key, self->lane.clock().wall());
            self->token_pool->send(fcm_token_request(self->account, assertion, self->timeout),
                                   [weak](const net::HttpResult& result) {
                                       if (const auto state = weak.lock()) state->token_answered(result);
                                   });
        });
        loop.wake();
    }

    void token_answered(const net::HttpResult& result) {
        FcmGrant grant = fcm_grant(result, lane.clock().wall());
        std::deque<Waiting> released;
        std::optional<AccessToken::Use> use;
        {
            const std::lock_guard lock(mutex);
            const TimePoint now = lane.clock().now();
            if (grant.access_token.empty()) {
                token.refused(grant.refusal, now);
            } else {
                token.granted(std::move(grant.access_token), grant.lifetime, now);
            }
            use = token.use(now);
            released.swap(waiting);
        }
        for (Waiting& one : released) {
            if (use) {
                send(one.attempt, one.ticket, *use);
            } else {
                lane.finish(one.ticket, grant.refusal);
            }
        }
    }

    void send(const Attempt& attempt, InFlight::Ticket ticket, const AccessToken::Use& use) {
        std::uint64_t epoch = 0;
        {
            const std::lock_guard lock(mutex);
            epoch = remedy.epoch();
        }
        lane.send(protocol.request(attempt, use.token, lane.clock().wall()),
                  [weak = weak_from_this(), ticket, address = attempt.address, epoch,
                   generation = use.generation](const net::HttpResult& result) {
                      if (const auto self = weak.lock()) self->answered(ticket, address, epoch, generation, result);
                  });
    }

    void answered(InFlight::Ticket ticket, const std::string& address, std::uint64_t sent_in, std::uint64_t generation,
                  const net::HttpResult& result) {
        lane.saw(result);
        if (!has_spoken(result, false)) {
            const std::string_view addresses[] = {address};
            lane.finish(ticket, transport_outcome(result, addresses));
            return;
        }
        Outcome outcome = fcm_outcome(result.response, address, lane.clock().wall());
        bool fetch = false;
        {
            const std::lock_guard lock(mutex);
            if (outcome.kind == OutcomeClass::accepted || outcome.reason == Reason::gone) remedy.succeeded(sent_in);
            if (outcome.refresh_credential) {
                switch (remedy.refused(sent_in, true)) {
                    case Remedy::Step::again:
                        break;
                    case Remedy::Step::apply:
                        token.distrust(generation);
                        fetch = !stopped && token.start_fetch(lane.clock().now());
                        break;
                    case Remedy::Step::give_up:
                        outcome.text += ": again with a new access token";
                        outcome = as_credential_fault(std::move(outcome));
                        break;
                }
            }
        }
        if (fetch) fetch_token();
        lane.finish(ticket, std::move(outcome));
    }

    // Sends now, waits for the token, or says why there is none.
    void take(const Attempt& attempt, InFlight::Ticket ticket) {
        std::optional<AccessToken::Use> use;
        std::optional<Outcome> refusal;
        bool fetch = false;
        {
            const std::lock_guard lock(mutex);
            const TimePoint now = lane.clock().now();
            fetch = !stopped && token.start_fetch(now);
            use = token.use(now);
            if (!use) {
                refusal = stopped ? not_sent("the channel is stopped") : token.refusal(now);
                if (!refusal) waiting.push_back({attempt, ticket});
            }
        }
        if (fetch) fetch_token();
        if (use) {
            send(attempt, ticket, *use);
        } else if (refusal) {
            lane.finish(ticket, std::move(*refusal));
        }
    }

    std::size_t capacity() {
        bool fetch = false;
        bool ready = false;
        bool tell = false;
        {
            const std::lock_guard lock(mutex);
            const TimePoint now = lane.clock().now();
            fetch = !stopped && token.start_fetch(now);
            ready = token.use(now).has_value();
            const auto refusal = token.refusal(now);
            tell = refusal && (refusal->pause_account || token.failures() >= silent_failures);
        }
        if (fetch) fetch_token();
        if (ready) return lane.room();
        return tell ? std::min<std::size_t>(lane.room(), 1) : 0;
    }

    void stop(TimePoint deadline) {
        std::deque<Waiting> released;
        {
            const std::lock_guard lock(mutex);
            stopped = true;
            released.swap(waiting);
        }
        for (const Waiting& one : released) lane.finish(one.ticket, not_sent("the channel is stopped"));
        lane.stop(deadline);
        token_pool->cancel_all();
    }
};

FcmChannel::FcmChannel(const ChannelOptions& options, const FcmOptions& fcm, ServiceAccount account,
                       net::SigningKey key, net::HttpLoop& loop, const Clock& clock)
    : state_(std::make_shared<State>(options, fcm, std::move(account), std::move(key), loop, clock)) {}

FcmChannel::~FcmChannel() {
    state_->stop(state_->lane.clock().now());
}

ChannelTraits FcmChannel::traits() const {
    ChannelTraits traits;
    traits.kind = "fcm";
    traits.address_type = "fcm";
    traits.collapsible = true;
    return traits;
}

void FcmChannel::submit(std::span<const Attempt> attempts, Completion done) {
    const auto shared = std::make_shared<const Completion>(std::move(done));
    for (const Attempt& attempt : attempts) {
        const auto ticket = state_->lane.open(attempt.delivery, shared);
        if (ticket == 0) {
            call(*shared, attempt.delivery, not_sent("the channel is stopped"));
            continue;
        }
        if (const auto fit = check(attempt); !fit) {
            state_->lane.finish(ticket, refused_here(fit.error(), !FcmProtocol::valid_address(attempt.address)));
            continue;
        }
        state_->take(attempt, ticket);
    }
}

std::size_t FcmChannel::capacity() const {
    return state_->capacity();
}

Result<void> FcmChannel::check(const Attempt& attempt) const {
    return state_->protocol.check(attempt);
}

void FcmChannel::stop(TimePoint deadline) {
    state_->stop(deadline);
}

}  // namespace tidegate::channel
