#include "sim/provider_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "delivery/route.hpp"
#include "sim/ground.hpp"

namespace tidegate::sim {
namespace {

Duration duration_of(double seconds) {
    return std::chrono::duration_cast<Duration>(Seconds(seconds));
}

Outcome refused(OutcomeClass kind, Reason reason, Scope scope, int status) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.reason = reason;
    outcome.scope = scope;
    outcome.http_status = status;
    return outcome;
}

}  // namespace

ProviderModel::ProviderModel(const Provider& provider, std::vector<std::string> campaigns, double ceiling,
                             std::uint64_t seed, const Clock& clock)
    : provider_(provider),
      campaigns_(std::move(campaigns)),
      ceiling_(ceiling),
      seed_(seed),
      clock_(clock),
      chance_(seed),
      limit_(Rate{ceiling}, clock.now()),
      taken_(campaigns_.size(), 0.0),
      last_taken_(campaigns_.size(), TimePoint::min()) {}

ChannelTraits ProviderModel::traits() const {
    return {.kind = "simulated", .address_type = provider_.name, .collapsible = true};
}

std::size_t ProviderModel::capacity() const {
    const auto most = static_cast<std::size_t>(provider_.in_flight);
    return most - std::min(most, pending_.size());
}

void ProviderModel::meet(const Effects& effects) {
    // What was held through a stall arrives when it ends.
    if (stalled_ && !effects.stalled)
        for (Arrival& arrival : held_) arrival.at = std::max(arrival.at, clock_.now());
    stalled_ = effects.stalled;
    const Rate rate{std::min(ceiling_, effects.provider_ceiling)};
    if (limit_.rate() != rate) limit_.set_rate(rate, clock_.now());
}

Duration ProviderModel::until_answer() {
    if (provider_.latency_spread <= 0.0) return duration_of(provider_.latency_s);
    return duration_of(
        std::min(provider_.timeout_s, chance_.log_normal(provider_.latency_s, provider_.latency_spread)));
}

Outcome ProviderModel::judge(const Attempt& attempt) {
    if (limit_.take(1, clock_.now()) == 0) return refused(OutcomeClass::throttled, Reason::rate, Scope::account, 429);
    const double luck = chance_.uniform();
    if (luck < provider_.transient) return refused(OutcomeClass::transient, Reason::server, Scope::provider, 503);
    // Whether an address is gone is a fact about it: asking again changes nothing.
    Rng address(stream(seed_, Chance::address, static_cast<std::uint64_t>(delivery::recipient_of(attempt.delivery))));
    if (address.uniform() < provider_.dead) {
        Outcome gone = refused(OutcomeClass::invalid_recipient, Reason::gone, Scope::recipient, 410);
        gone.drop_address = true;
        gone.failover_ok = true;
        return gone;
    }
    if (luck < provider_.transient + provider_.unanswered) return ambiguous("no answer in time");
    return accepted();
}

void ProviderModel::submit(std::span<const Attempt> attempts, Completion done) {
    const TimePoint now = clock_.now();
    for (const Attempt& attempt : attempts) {
        Outcome outcome = judge(attempt);
        const bool unanswered = outcome.kind == OutcomeClass::unknown;
        const Duration wait = until_answer();
        // A request that is never answered was taken all the same: the worst that doubt can mean.
        if (unanswered || outcome.kind == OutcomeClass::accepted) {
            const auto mine = std::find(campaigns_.begin(), campaigns_.end(), attempt.campaign);
            const auto campaign = static_cast<std::size_t>(mine - campaigns_.begin());
            held_.push_back({campaign, delivery::recipient_of(attempt.delivery), now + wait, now});
            taken_[campaign] += 1.0;
            last_taken_[campaign] = std::max(last_taken_[campaign], now + wait);
        }
        const TimePoint due = now + (unanswered ? duration_of(provider_.timeout_s) : wait);
        pending_.push({due, submitted_++, attempt.delivery, std::move(outcome), done});
    }
}

std::vector<Arrival> ProviderModel::answer() {
    const TimePoint now = clock_.now();
    while (!pending_.empty() && pending_.top().due <= now) {
        const Pending next = pending_.top();
        pending_.pop();
        next.done(next.delivery, next.outcome);
    }
    std::vector<Arrival> arrived;
    if (stalled_) return arrived;
    const auto later =
        std::stable_partition(held_.begin(), held_.end(), [now](const Arrival& arrival) { return arrival.at <= now; });
    arrived.assign(held_.begin(), later);
    held_.erase(held_.begin(), later);
    return arrived;
}

std::vector<double> ProviderModel::take_taken() {
    return std::exchange(taken_, std::vector<double>(campaigns_.size(), 0.0));
}

}  // namespace tidegate::sim
