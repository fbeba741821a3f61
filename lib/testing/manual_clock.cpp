#include "tidegate/testing/manual_clock.hpp"

#include <stdexcept>

namespace tidegate::testing {

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};

}  // namespace

ManualClock::ManualClock(WallTime start) : now_(kStart), wall_(start) {}

TimePoint ManualClock::now() const {
    const std::lock_guard lock(mutex_);
    return now_;
}

WallTime ManualClock::wall() const {
    const std::lock_guard lock(mutex_);
    // Derived from the monotonic time rather than advanced beside it: steps below a millisecond must add up.
    return wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - kStart);
}

bool ManualClock::wait_until(TimePoint deadline, std::stop_token stop) const {
    std::unique_lock lock(mutex_);
    return moved_.wait(lock, std::move(stop), [&] { return now_ >= deadline; });
}

void ManualClock::advance(Duration by) {
    if (by < Duration::zero()) throw std::invalid_argument("ManualClock::advance: monotonic time does not go back");
    {
        const std::lock_guard lock(mutex_);
        now_ += by;
    }
    moved_.notify_all();
}

}  // namespace tidegate::testing
