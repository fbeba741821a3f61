#include "channel/lane.hpp"

#include <algorithm>

namespace tidegate::channel {

Lane::Lane(const Clock& clock, std::shared_ptr<net::HttpPool> pool, LaneOptions options)
    : clock_(clock),
      pool_(std::move(pool)),
      options_(options),
      warm_(!options.warm_up),
      multiplexed_(options.always_multiplexed) {}

InFlight::Ticket Lane::open(DeliveryId delivery, std::shared_ptr<const Completion> done) {
    return in_flight_.open(delivery, std::move(done));
}

void Lane::finish(InFlight::Ticket ticket, Outcome outcome) {
    // A dead address proves the credential as well as a living one does. A refused credential or a peer that cannot be
    // reached is asked again by one request at a time, not by hundreds.
    const bool never_arrived = outcome.kind == OutcomeClass::transient && outcome.http_status == 0;
    if (outcome.kind == OutcomeClass::accepted || outcome.reason == Reason::gone) {
        warm_ = true;
    } else if (outcome.pause_account || never_arrived) {
        warm_ = false;
    }
    in_flight_.complete(ticket, std::move(outcome));
}

void Lane::saw(const net::HttpResult& result) {
    if (!options_.always_multiplexed && result.transport == net::Transport::ok) multiplexed_ = result.response.http2;
}

std::size_t Lane::room() const {
    if (stopped_) return 0;
    std::size_t limit =
        multiplexed_ ? options_.in_flight : std::min(options_.in_flight, options_.connections * options_.per_request);
    if (!warm_) limit = std::min<std::size_t>(limit, 1);
    const std::size_t active = in_flight_.active();
    return limit > active ? limit - active : 0;
}

void Lane::renew_connections() {
    if (options_.warm_up) warm_ = false;
    pool_->renew_connections();
}

void Lane::stop(TimePoint deadline) {
    stopped_ = true;
    in_flight_.close();
    const Duration left = deadline - clock_.now();
    const Duration farewell = std::clamp<Duration>(left / 4, Duration{0}, std::chrono::milliseconds(250));
    if (left > Duration{0} && in_flight_.drain(clock_, deadline - farewell)) return;
    pool_->cancel_all();
    if (in_flight_.drain(clock_, deadline)) return;
    in_flight_.complete_all(ambiguous("the channel was stopped before the answer came"));
}

Remedy::Step Remedy::refused(std::uint64_t sent_in, bool once) {
    if (sent_in != epoch_) return Step::again;
    if (once && probation_) return Step::give_up;
    ++epoch_;
    if (once) probation_ = true;
    return Step::apply;
}

void Remedy::succeeded(std::uint64_t sent_in) {
    if (sent_in == epoch_) probation_ = false;
}

}  // namespace tidegate::channel
