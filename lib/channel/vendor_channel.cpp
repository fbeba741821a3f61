#include "channel/vendor_channel.hpp"

#include <map>

#include "channel/answer.hpp"
#include "channel/lane.hpp"

namespace tidegate::channel {
namespace {

// Vendors publish no advice; a few requests at once, each with many recipients, are what their own libraries do.
constexpr std::size_t connections = 8;
// Of message texts in one request. Source: Solapi allows 15 MB.
constexpr std::size_t request_bytes = std::size_t{8} * 1024 * 1024;

std::size_t weight(const Attempt& attempt) {
    std::size_t bytes = 400 + attempt.message.title.size() + attempt.message.body.size();
    for (const auto& [name, value] : attempt.message.variables) bytes += name.size() + value.size() + 8;
    return bytes;
}

net::PoolOptions pool_options(const ChannelOptions& options) {
    net::PoolOptions pool;
    pool.ca = options.ca;
    pool.max_connections = connections;
    pool.max_h2_connections = connections;
    pool.max_streams = 100;
    return pool;
}

Outcome too_late() {
    Outcome outcome = outcome_of({"", OutcomeClass::rejected, Reason::expired, Scope::message});
    outcome.text = "its time to live ran out before it was handed over";
    return outcome;
}

}  // namespace

struct VendorChannel::State : std::enable_shared_from_this<VendorChannel::State> {
    State(const ChannelOptions& options, std::unique_ptr<const VendorProtocol> way, net::HttpLoop& loop,
          const Clock& clock)
        : protocol(std::move(way)),
          kind(options.kind()),
          lane(clock, loop.pool(pool_options(options)),
               {.in_flight = options.in_flight, .connections = connections, .per_request = protocol->batch_limit()}) {}

    /// A batch under way.
    struct Exchange {
        std::vector<Attempt> attempts;
        std::vector<InFlight::Ticket> tickets;
        std::size_t bytes = 0;
        std::unique_ptr<Conversation> talk;
    };

    const std::unique_ptr<const VendorProtocol> protocol;
    const std::string kind;
    Lane lane;

    void begin(Exchange batch) {
        auto exchange = std::make_shared<Exchange>(std::move(batch));
        exchange->talk = protocol->converse(std::move(exchange->attempts));
        ask(exchange, exchange->talk->open(lane.clock().wall()));
    }

    void ask(const std::shared_ptr<Exchange>& exchange, net::HttpRequest request) {
        lane.send(std::move(request), [weak = weak_from_this(), exchange](const net::HttpResult& result) {
            if (const auto state = weak.lock()) state->heard(exchange, result);
        });
    }

    void heard(const std::shared_ptr<Exchange>& exchange, const net::HttpResult& result) {
        lane.saw(result);
        std::optional<net::HttpRequest> next = exchange->talk->hear(result, lane.clock().wall());
        if (next && !lane.stopped()) return ask(exchange, std::move(*next));
        std::vector<Outcome> outcomes = exchange->talk->outcomes();
        for (std::size_t i = 0; i < exchange->tickets.size(); ++i) {
            lane.finish(exchange->tickets[i], std::move(outcomes[i]));
        }
    }
};

VendorChannel::VendorChannel(const ChannelOptions& options, std::unique_ptr<const VendorProtocol> protocol,
                             net::HttpLoop& loop, const Clock& clock)
    : state_(std::make_shared<State>(options, std::move(protocol), loop, clock)) {}

VendorChannel::~VendorChannel() {
    state_->lane.stop(state_->lane.clock().now());
}

ChannelTraits VendorChannel::traits() const {
    ChannelTraits traits;
    traits.kind = state_->kind;
    traits.address_type = "phone";
    traits.two_phase = true;
    traits.batch_limit = state_->protocol->batch_limit();
    return traits;
}

void VendorChannel::submit(std::span<const Attempt> attempts, Completion done) {
    const auto shared = std::make_shared<const Completion>(std::move(done));
    const WallTime wall = state_->lane.clock().wall();
    std::map<std::string, State::Exchange> open;
    for (const Attempt& attempt : attempts) {
        const auto ticket = state_->lane.open(attempt.delivery, shared);
        if (ticket == 0) {
            call(*shared, attempt.delivery, not_sent("the channel is stopped"));
            continue;
        }
        if (const auto fit = check(attempt); !fit) {
            state_->lane.finish(ticket, refused_here(fit.error(), fit.error().code == Errc::invalid));
            continue;
        }
        if (attempt.expires && wall > *attempt.expires) {  // vendors know no time to live
            state_->lane.finish(ticket, too_late());
            continue;
        }
        State::Exchange& batch = open[state_->protocol->shared_part(attempt)];
        batch.attempts.push_back(attempt);
        batch.tickets.push_back(ticket);
        batch.bytes += weight(attempt);
        if (batch.attempts.size() == state_->protocol->batch_limit() || batch.bytes >= request_bytes) {
            state_->begin(std::exchange(batch, {}));
        }
    }
    for (auto& [part, batch] : open) {
        if (!batch.attempts.empty()) state_->begin(std::move(batch));
    }
}

std::size_t VendorChannel::capacity() const {
    return state_->lane.room();
}

Result<void> VendorChannel::check(const Attempt& attempt) const {
    return state_->protocol->check(attempt);
}

void VendorChannel::stop(TimePoint deadline) {
    state_->lane.stop(deadline);
}

}  // namespace tidegate::channel
