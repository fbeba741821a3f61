#pragma once

#include <chrono>
#include <stop_token>

#include "tidegate/base/export.hpp"

namespace tidegate {

/// The one unit of spans of time.
using Duration = std::chrono::nanoseconds;
/// Seconds as a real number: the unit of every formula.
using Seconds = std::chrono::duration<double>;
/// Monotonic; durations and expiries.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// Wall time; stamps and calendars only.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Seconds from `earlier` to `later` as a real number.
constexpr double seconds_between(TimePoint earlier, TimePoint later) {
    return Seconds(later - earlier).count();
}

/// Adds a real number of seconds to a monotonic time.
constexpr TimePoint after(TimePoint start, double seconds) {
    return start + std::chrono::duration_cast<Duration>(Seconds(seconds));
}

/// Where drivers get the time and where they sleep. Pure code never sees one: it takes `now`.
/// Threads: every member may be called from any thread.
class TIDEGATE_EXPORT Clock {
  public:
    virtual ~Clock() = default;
    /// Monotonic time.
    virtual TimePoint now() const = 0;
    /// Wall time.
    virtual WallTime wall() const = 0;
    /// Sleeps until `deadline` or until `stop` is requested; true when the deadline was reached.
    virtual bool wait_until(TimePoint deadline, std::stop_token stop) const = 0;
};

/// The machine's own clocks: `steady_clock` and `system_clock`. One object serves the whole process.
TIDEGATE_EXPORT const Clock& system_clock();

}  // namespace tidegate
