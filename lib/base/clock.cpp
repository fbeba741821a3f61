#include "tidegate/base/clock.hpp"

#include <condition_variable>
#include <mutex>

namespace tidegate {
namespace {

class SystemClock final : public Clock {
  public:
    TimePoint now() const override { return std::chrono::steady_clock::now(); }

    WallTime wall() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }

    bool wait_until(TimePoint deadline, std::stop_token stop) const override {
        std::mutex mutex;
        std::condition_variable_any woken;
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
            const TimePoint present = now();
            if (present >= deadline) return true;
            // In hops, so that a deadline of "never" cannot overflow a system call's time format.
            const TimePoint hop =
                deadline - present > std::chrono::hours(1) ? present + std::chrono::hours(1) : deadline;
            woken.wait_until(lock, stop, hop, [] { return false; });
        }
        return now() >= deadline;
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

}  // namespace tidegate
