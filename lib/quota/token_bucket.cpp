#include "tidegate/quota/token_bucket.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double kBurstSeconds = 0.020;
/// Refills add up in floating point; without a little slack the token promised by `next` could be a hair short.
constexpr double kSlack = 1e-9;

Rate cleaned(Rate rate) {
    return rate.per_second > 0.0 ? rate : Rate{};
}

}  // namespace

TokenBucket::TokenBucket(Rate rate, TimePoint now) : rate_(cleaned(rate)), last_(now) {}

double TokenBucket::burst() const {
    return std::max(1.0, rate_.per_second * kBurstSeconds);
}

void TokenBucket::set_rate(Rate rate, TimePoint now) {
    refill(now);
    rate_ = cleaned(rate);
    // An unlimited bucket counts nothing, so it leaves nothing behind.
    tokens_ = std::isinf(rate_.per_second) ? 0.0 : std::min(tokens_, burst());
}

void TokenBucket::refill(TimePoint now) {
    if (now <= last_) return;
    if (rate_.per_second > 0.0 && std::isfinite(rate_.per_second))
        tokens_ = std::min(burst(), tokens_ + rate_.per_second * seconds_between(last_, now));
    last_ = now;
}

std::uint64_t TokenBucket::available(TimePoint now) {
    refill(now);
    if (rate_.per_second <= 0.0) return 0;
    if (std::isinf(rate_.per_second)) return std::numeric_limits<std::uint64_t>::max();
    const double whole = std::floor(tokens_ + kSlack);
    if (whole >= 1e18) return static_cast<std::uint64_t>(1e18);
    return static_cast<std::uint64_t>(whole);
}

std::uint64_t TokenBucket::take(std::uint64_t wanted, TimePoint now) {
    const std::uint64_t taken = std::min(wanted, available(now));
    if (std::isfinite(rate_.per_second)) tokens_ = std::max(0.0, tokens_ - static_cast<double>(taken));
    return taken;
}

void TokenBucket::give_back(std::uint64_t tokens) {
    if (std::isfinite(rate_.per_second)) tokens_ = std::min(burst(), tokens_ + static_cast<double>(tokens));
}

TimePoint TokenBucket::next(TimePoint now) {
    if (available(now) > 0) return now;
    if (rate_.per_second <= 0.0) return TimePoint::max();
    // Time that ran backwards earns nothing until it has caught up with `last_`.
    const TimePoint from = std::max(now, last_);
    const double seconds = (1.0 - tokens_) / rate_.per_second;
    if (seconds >= seconds_between(from, TimePoint::max())) return TimePoint::max();
    return after(from, seconds) + Duration(1);
}

}  // namespace tidegate
