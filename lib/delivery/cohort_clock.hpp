#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tidegate/base/clock.hpp"

namespace tidegate::delivery {

/// When each cohort may begin. A cohort follows the one before by at least `gap`; after a canary the next waits until
/// the canary is wholly released, `soak` has passed since then (80 % of the response curve) and the backends have
/// stayed green for all of that time. Where telemetry says how far the backends have been seen, its time counts and not
/// the clock's. Pure; confined to one thread.
class CohortClock {
  public:
    struct Options {
        std::uint32_t cohorts = 1;
        std::uint32_t canaries = 0;
        Duration gap{0};
        Duration soak{0};  ///< as believed; `see` replaces it
        std::vector<bool>
            begun{};  ///< by cohort: an earlier run of this ledger began it already; such a one never waits
        std::vector<bool> empty{};  ///< by cohort: it has nobody; what follows it does not wait
    };

    CohortClock(Options options, TimePoint start);

    /// The cohort being released.
    std::uint32_t current() const { return current_; }
    /// All of the current cohort has been handed out.
    void released_all() { exhausted_ = true; }
    /// A message of the current cohort was released. The first one starts the cohort's gap, the last one its soak.
    void released(TimePoint now);
    /// Backends are not green: a canary's soak begins anew.
    void disturbed(TimePoint now);
    /// The backends have been seen up to `until`, and by the curve as it is known now a soak takes `soak`.
    void see(TimePoint until, Duration soak);
    /// Since when the canary's soak counts: its last message, or the last disturbance.
    TimePoint soaks_since() const;
    /// True when the next cohort may begin; the caller then calls `advance`.
    bool ready(TimePoint now) const;
    /// When `ready` can become true at the earliest, had everything been seen at once.
    TimePoint ready_at() const;
    bool last() const { return current_ + 1 >= options_.cohorts; }
    bool exhausted() const { return exhausted_; }
    void advance(TimePoint now);
    /// Begins again with the first cohort, for those who were passed over. `begun` as in `Options`: cohorts that were
    /// mostly released wait for nothing, the others keep their gaps and soaks.
    void restart(TimePoint now, std::vector<bool> begun);
    bool in_canary() const { return current_ < options_.canaries && !begun(current_ + 1); }

  private:
    bool empty(std::uint32_t cohort) const { return cohort < options_.empty.size() && options_.empty[cohort]; }
    bool begun(std::uint32_t cohort) const { return cohort < options_.begun.size() && options_.begun[cohort]; }

    Options options_;
    std::uint32_t current_ = 0;
    TimePoint started_;
    TimePoint last_release_;
    TimePoint disturbed_{};
    std::optional<TimePoint> seen_until_;
    bool released_any_ = false;
    bool exhausted_ = false;  // the current cohort has no more recipients
};

}  // namespace tidegate::delivery
