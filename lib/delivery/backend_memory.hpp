#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "signal/history_store.hpp"
#include "tidegate/base/log.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate::delivery {

/// What the past taught about one backend, and what is being added to it. The thread that reads the sensor notes; one
/// that may wait for a disk keeps. Threads: every member from any thread.
class BackendMemory {
  public:
    /// An empty `directory` remembers nothing and keeps nothing.
    BackendMemory(const Backend& backend, const std::string& directory, Log& log);

    /// The samples of the past, oldest first, for a controller that has seen nothing yet.
    std::vector<Observation> recall(TimePoint now, WallTime wall);

    /// Our part of a sample's load, and for how many seconds what was sent may still be felt.
    struct Ours {
        double load = 0;
        double fades_s = 0;
    };
    /// A sample counts when our part of its load was negligible. Otherwise it marks the time as ours, for everybody who
    /// keeps this history.
    void note(const Observation& sample, const Ours& ours, TimePoint now, WallTime wall);
    /// Puts on disk what was noted, once a minute; when our sends begin to be felt, or when asked to, at once.
    /// Errors: what keeps it from the disk; it stays noted and is tried again.
    Result<void> keep(TimePoint now, WallTime wall, bool at_once = false);

    HistorySummary summary() const;

  private:
    void summarise(const signal::History& history);

    const std::string backend_;
    const SignalOptions signal_;
    std::optional<signal::HistoryStore> store_;
    Log& log_;

    mutable std::mutex mutex_;
    HistorySummary summary_;
    signal::HistoryStore::News news_;
    WallTime busy_until_{};
    bool urgent_ = false;
    TimePoint due_ = TimePoint::min();
    bool trouble_ = false;
    bool refused_ = false;  // a newer tidegate's: left alone
};

}  // namespace tidegate::delivery
