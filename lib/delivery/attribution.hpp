#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "tidegate/base/result.hpp"
#include "tidegate/delivery/opens.hpp"
#include "tidegate/pacing/reaction.hpp"

namespace tidegate::delivery {

/// Finds by key whom an open is of, and when they were last sent to by a moment.
struct WhoOpened {
    std::function<Result<std::optional<std::int64_t>>(std::string_view key)> find;
    std::function<Result<std::optional<WallTime>>(std::int64_t recipient, WallTime by)> sent;
};

/// Turns opens as people told them into opens by age, an interval at a time. Each person counts once; one bit each is
/// remembered. Pure but for what `WhoOpened` reads; confined to one thread.
class Attribution {
  public:
    /// Recipients have ids 1..`recipients`. Opens older than `horizon_s` after their message teach nothing.
    Attribution(std::int64_t recipients, double horizon_s, TimePoint begun);

    /// Opens by age between two moments.
    struct Interval {
        std::vector<OpensOfAge> opens{};
        TimePoint from{}, to{};
    };
    /// What a batch taught: intervals that follow one another, short against the median lag.
    struct Lesson {
        std::vector<Interval> intervals{};
        std::uint64_t seen = 0, repeated = 0, unknown = 0, early = 0, late = 0;
    };
    /// `opens` is everything told since the last call, by `told` on the one clock and `wall` on the other; none is news
    /// too. Where nothing was told for longer than a median (half a minute at least), nobody may have been counting:
    /// the interval then begins with the earliest open of the batch.
    /// Errors: of `who`; nothing was taken.
    Result<Lesson> attribute(const std::vector<Open>& opens, TimePoint told, WallTime wall, double median_s,
                             const WhoOpened& who);

  private:
    std::vector<bool> opened_;
    double horizon_s_;
    TimePoint until_;  // end of the last interval; at first when the run began
};

/// Whether opens counted by interval may teach, given when attributed ones last did: the better way excludes the other
/// until it has been silent for two medians (a minute at least).
bool counts_stand(const std::optional<TimePoint>& attributed, TimePoint now, double median_s);

}  // namespace tidegate::delivery
