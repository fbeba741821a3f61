#include "delivery/account_brake.hpp"

#include <algorithm>
#include <cmath>

#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::uint32_t enough = 20;
constexpr Duration shortest = std::chrono::seconds(1);
constexpr Duration longest = std::chrono::seconds(60);
constexpr Duration longest_asked = std::chrono::minutes(10);  // of what a provider may ask for
constexpr Duration settled = std::chrono::seconds(10);        // a refusal after this long is a new one
constexpr Duration counted_over = std::chrono::seconds(2);
constexpr Duration burst = std::chrono::milliseconds(50);  // the feeder comes every few milliseconds, not steadily
constexpr double regained_in = 30;                         // seconds until the limit is where it was
constexpr double slowest = 1;                              // messages a second

/// Refused for what all messages of the account share; too many to one device is that device's matter.
bool throttles_account(const Outcome& answer) {
    return answer.kind == OutcomeClass::throttled && answer.scope != Scope::recipient && answer.scope != Scope::message;
}

Duration wish_of(const Outcome& answer) {
    return std::clamp<Duration>(answer.retry_after.value_or(answer.min_backoff), Duration{0}, longest_asked);
}

}  // namespace

bool AccountBrake::passes(TimePoint now) const {
    if (rest_ != Rest::none) return now >= next_;
    return !limit(now) || now + burst >= free_at_;
}

void AccountBrake::passed(const Asker& message, TimePoint now) {
    if (now - counting_ > counted_over) {
        measured_ = now - counting_ > counted_over * 2 ? 0 : counted_ / seconds_between(counting_, now);
        counting_ = now;
        counted_ = 0;
    }
    ++counted_;
    if (rest_ != Rest::none) {
        asker_ = message;
        next_ = now + longest;
    } else if (const std::optional<double> rate = limit(now)) {
        free_at_ = after(std::max(free_at_, now), 1 / *rate);
    } else {
        before_ = 0;
    }
}

void AccountBrake::record(const Asker& message, const Outcome& answer, TimePoint now) {
    const bool asked = asker_ == message;
    if (throttles_account(answer)) {
        if (rest_ == Rest::none) return begin_rest(Rest::throttled, wish_of(answer), now);
        if (rest_ == Rest::down) slow_down(now);
        rest_ = Rest::throttled;
        down_since_.reset();
        if (asked) return refused_again(wish_of(answer), now);
        // Others that were on their way: they do not lengthen the rest, but a later word than the first counts.
        if (!asker_ && answer.retry_after) next_ = std::max(next_, now + wish_of(answer));
        return;
    }
    switch (answer.kind) {
        case OutcomeClass::transient:
            ++in_a_row_;
            if (asked) return refused_again(Duration{0}, now);
            if (in_a_row_ >= enough && rest_ == Rest::none) begin_rest(Rest::down, Duration{0}, now);
            return;
        case OutcomeClass::unknown:  // no answer is no success
            if (asked) refused_again(Duration{0}, now);
            return;
        case OutcomeClass::accepted:
        case OutcomeClass::invalid_recipient:
            in_a_row_ = 0;
            if (asked || rest_ == Rest::down) end_rest(now);
            return;
        case OutcomeClass::rejected:
        case OutcomeClass::throttled:  // one device's matter: the provider works
            if (asked) end_rest(now);
            return;
    }
}

void AccountBrake::held_back(const Asker& message, TimePoint now) {
    if (asker_ != message) return;
    asker_.reset();
    next_ = now;
}

void AccountBrake::pause(TimePoint now) {
    rest_ = Rest::down;
    paused_ = true;
    if (!down_since_) down_since_ = now;
    asker_.reset();
    next_ = now + longest;
}

void AccountBrake::end_rest(TimePoint now) {
    rest_ = Rest::none;
    down_since_.reset();
    paused_ = false;
    asker_.reset();
    resumed_ = free_at_ = now;
}

std::string AccountBrake::words(TimePoint now) const {
    if (rest_ == Rest::none) {
        const std::optional<double> rate = limit(now);
        return rate ? "recovers after the provider asked for patience" : std::string();
    }
    const std::string why =
        rest_ == Rest::down ? "the provider is down" : "the provider asks for patience (too many requests)";
    if (asker_) return why + "; one message asks whether it is over";
    const double wait = std::ceil(std::max(0.0, seconds_between(now, next_)));
    return why + "; asked again in " + format_duration(std::chrono::seconds(std::llround(wait)));
}

std::optional<double> AccountBrake::limit(TimePoint now) const {
    if (before_ <= 0) return std::nullopt;
    const double rate = before_ * (0.5 + 0.5 * seconds_between(resumed_, now) / regained_in);
    if (rate >= 2 * before_) return std::nullopt;
    return std::max(rate, slowest);
}

void AccountBrake::begin_rest(Rest why, Duration asked, TimePoint now) {
    if (why == Rest::throttled) slow_down(now);
    if (why == Rest::down || now - resumed_ > settled) length_ = Duration{0};
    rest_ = why;
    if (why == Rest::down) down_since_ = now;
    refused_again(asked, now);
}

void AccountBrake::refused_again(Duration asked, TimePoint now) {
    asker_.reset();
    length_ = std::clamp<Duration>(length_ * 2, shortest, longest);
    next_ = now + std::max(length_, asked);
}

void AccountBrake::slow_down(TimePoint now) {
    before_ = std::max(slowest, limit(now).value_or(rate_so_far(now)));
}

/// Counted since at least a second ago, so that the first burst of a campaign does not pass for its rate.
double AccountBrake::rate_so_far(TimePoint now) const {
    const double since = std::max(1.0, seconds_between(counting_, now));
    return std::max(counted_ / since, measured_);
}

}  // namespace tidegate::delivery
