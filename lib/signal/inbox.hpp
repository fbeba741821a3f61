#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "signal/readings.hpp"

namespace tidegate::signal {

/// Where the loop's thread leaves what it saw and the control thread picks it up.
/// Threads: any.
class Inbox {
  public:
    /// Keeps the sighting if it is newer than what is there. The service's own time decides when it gave one: our
    /// conversion of it wavers by the grain of the clocks, and a second look at the same sample must not pass as
    /// another.
    void put(Sighting sighting) {
        const std::lock_guard lock(mutex_);
        error_.reset();
        const bool newer =
            !newest_ || (sighting.epoch && epoch_ ? *sighting.epoch > *epoch_ : sighting.observation.at > newest_->at);
        if (!newer) return;
        newest_ = std::move(sighting.observation);
        epoch_ = sighting.epoch;
    }

    /// The newest attempt to look failed.
    void fail(Error error) {
        const std::lock_guard lock(mutex_);
        error_ = std::move(error);
    }

    Result<Observation> newest() const {
        const std::lock_guard lock(mutex_);
        if (error_) return *error_;
        if (newest_) return *newest_;
        return Error{Errc::unavailable, "no answer yet", {}, {}};
    }

  private:
    mutable std::mutex mutex_;
    std::optional<Observation> newest_;
    std::optional<double> epoch_;
    std::optional<Error> error_;
};

}  // namespace tidegate::signal
