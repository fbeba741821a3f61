#include <ctime>

#include "tidegate/quota/quota_store.hpp"

namespace tidegate {

TimePoint awake_now() {
    timespec now = {};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace tidegate
