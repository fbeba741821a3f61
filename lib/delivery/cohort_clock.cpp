#include "delivery/cohort_clock.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::delivery {

CohortClock::CohortClock(Options options, TimePoint start)
    : options_(std::move(options)), started_(start), last_release_(start), disturbed_(TimePoint::min()) {}

void CohortClock::released(TimePoint now) {
    if (!released_any_) started_ = now;
    released_any_ = true;
    last_release_ = now;
}

void CohortClock::disturbed(TimePoint now) {
    disturbed_ = now;
}

void CohortClock::see(TimePoint until, Duration soak) {
    seen_until_ = until;
    options_.soak = soak;
}

TimePoint CohortClock::soaks_since() const {
    return std::max(last_release_, disturbed_);
}

TimePoint CohortClock::ready_at() const {
    if (begun(current_ + 1) || empty(current_)) return TimePoint::min();
    TimePoint at = started_ + options_.gap;
    if (in_canary()) at = std::max(at, soaks_since() + options_.soak);
    return at;
}

bool CohortClock::ready(TimePoint now) const {
    if (!exhausted_ || last() || now < ready_at()) return false;
    const bool soaks = in_canary() && !empty(current_);
    return !soaks || seen_until_.value_or(now) >= soaks_since() + options_.soak;
}

void CohortClock::advance(TimePoint now) {
    ++current_;
    started_ = now;
    last_release_ = now;
    released_any_ = false;
    exhausted_ = false;
}

void CohortClock::restart(TimePoint now, std::vector<bool> begun) {
    options_.begun = std::move(begun);
    current_ = 0;
    started_ = last_release_ = now;
    released_any_ = exhausted_ = false;
}

}  // namespace tidegate::delivery
