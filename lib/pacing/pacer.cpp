#include "tidegate/pacing/pacer.hpp"

#include <algorithm>

namespace tidegate {

Pacer::Pacer(TimePoint now)
    : allowance_{.rate = {}, .expires = now, .reason = "nothing allowed yet"}, bucket_({}, now) {}

void Pacer::allow(const Allowance& allowance, TimePoint now) {
    // What the old allowance earned ends with it, however late the new one comes.
    if (now > allowance_.expires) bucket_.set_rate({}, allowance_.expires);
    allowance_ = allowance;
    bucket_.set_rate(now < allowance_.expires ? allowance_.rate : Rate{}, now);
}

std::uint64_t Pacer::take(std::uint64_t wanted, TimePoint now) {
    if (now >= allowance_.expires) return 0;
    return bucket_.take(wanted, now);
}

void Pacer::give_back(std::uint64_t messages) {
    bucket_.give_back(messages);
}

TimePoint Pacer::next(TimePoint now) {
    if (now >= allowance_.expires) return TimePoint::max();
    const TimePoint at = bucket_.next(now);
    return at < allowance_.expires ? at : TimePoint::max();
}

}  // namespace tidegate
