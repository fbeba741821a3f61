#include "channel/access_token.hpp"

#include <algorithm>

namespace tidegate::channel {

using std::chrono::minutes;
using std::chrono::seconds;

std::optional<AccessToken::Use> AccessToken::use(TimePoint now) const {
    if (token_.empty() || distrusted_ || now >= expires_at_) return std::nullopt;
    return Use{token_, generation_};
}

bool AccessToken::start_fetch(TimePoint now) {
    if (fetching_ || (failures_ > 0 && now < next_try_)) return false;
    if (use(now) && now < refresh_at_) return false;
    fetching_ = true;
    return true;
}

void AccessToken::granted(std::string token, Duration lifetime, TimePoint now) {
    fetching_ = false;
    distrusted_ = false;
    failures_ = 0;
    token_ = std::move(token);
    ++generation_;
    expires_at_ = now + lifetime;
    refresh_at_ = expires_at_ - std::min<Duration>(minutes(5), lifetime / 2);
}

void AccessToken::refused(Outcome why, TimePoint now) {
    fetching_ = false;
    failures_ = std::min(failures_ + 1, 1000U);
    Duration rest = seconds(1U << std::min(failures_ - 1, 5U));
    rest = std::min<Duration>(rest, seconds(30));
    if (why.retry_after) rest = std::clamp<Duration>(*why.retry_after, rest, minutes(5));
    if (why.reason == Reason::credential) rest = minutes(1);
    next_try_ = now + rest;
    refusal_ = std::move(why);
}

void AccessToken::distrust(std::uint64_t generation) {
    if (generation == generation_) distrusted_ = true;
}

std::optional<Outcome> AccessToken::refusal(TimePoint now) const {
    if (failures_ == 0 || fetching_ || now >= next_try_) return std::nullopt;
    Outcome outcome = refusal_;
    outcome.min_backoff = std::max(outcome.min_backoff, next_try_ - now);
    return outcome;
}

}  // namespace tidegate::channel
