#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "tidegate/base/result.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate {

/// Watches one backend. Threads: `poll` is called from the Gate's control thread.
class TIDEGATE_EXPORT Sensor {
  public:
    virtual ~Sensor() = default;
    /// The newest observation known; the same one again when nothing newer has come. Must not block: a sensor that
    /// needs the network starts a request here and reports its result on a later call. Errors: nothing known yet, or
    /// why the newest attempt to look failed. An error is "no evidence"; the controller decides by age when that means
    /// hold.
    virtual Result<Observation> poll(TimePoint now) = 0;
};

/// A sensor fed by the host. Threads: `push` and `poll` from any threads.
class TIDEGATE_EXPORT PushSensor final : public Sensor {
  public:
    /// Takes the sample if it is newer than the last one.
    void push(Observation sample);
    Result<Observation> poll(TimePoint now) override;

  private:
    std::mutex mutex_;
    std::optional<Observation> newest_;
};

}  // namespace tidegate
