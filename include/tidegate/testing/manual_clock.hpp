#pragma once

#include <condition_variable>
#include <mutex>

#include "tidegate/base/clock.hpp"

namespace tidegate::testing {

/// A clock that moves only when told; waiters wake as their deadline passes. Threads: any.
class TIDEGATE_EXPORT ManualClock final : public Clock {
  public:
    /// Stands at `start` until moved.
    explicit ManualClock(WallTime start = WallTime{std::chrono::seconds(1795392000)});

    TimePoint now() const override;
    WallTime wall() const override;
    bool wait_until(TimePoint deadline, std::stop_token stop) const override;

    /// Moves both clocks and wakes whoever waited for that.
    void advance(Duration by);

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable_any moved_;
    TimePoint now_{std::chrono::seconds(1000)};
    WallTime wall_;
};

}  // namespace tidegate::testing
