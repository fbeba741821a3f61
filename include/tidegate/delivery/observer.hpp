#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/log.hpp"
#include "tidegate/delivery/progress.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/signal/sensor.hpp"

namespace tidegate {

/// What the host lends the Observer.
struct ObserverOptions {
    LogSink log{};                                             ///< empty = silent
    LogLevel log_level = LogLevel::info;                       ///< lines below it are not made
    std::string history_dir = "history";                       ///< where it is kept; made when absent, mode 0700
    std::map<std::string, std::shared_ptr<Sensor>> sensors{};  ///< by backend name; replaces the configured signal
};

/// Watches a site's backends without sending, and keeps what it sees for the first campaign. Takes no lock that a Gate
/// wants: it may run all day beside one, and leaves out what was sampled while that Gate's sends were felt.
/// Threads: every member from any thread; owns one.
class TIDEGATE_EXPORT Observer {
  public:
    /// Errors: faults of the site; no backend that watching could teach anything about (samples that are pushed reach
    /// only the Gate they are pushed to; a probe does not know the load).
    static Result<std::unique_ptr<Observer>, Faults> open(Site site, const Clock& clock = system_clock(),
                                                          ObserverOptions options = {});
    /// Keeps what was seen since the last minute.
    ~Observer();
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    /// Every backend that is watched, as it stands now, with its history so far.
    std::vector<BackendProgress> backends() const;
    /// Puts what was seen on disk now rather than within the minute. Errors: what keeps it from the disk.
    Result<void> keep();

  private:
    struct Impl;
    explicit Observer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate
