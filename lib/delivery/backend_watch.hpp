#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "tidegate/delivery/progress.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/ledger/types.hpp"
#include "tidegate/pacing/controller.hpp"
#include "tidegate/signal/sensor.hpp"

namespace tidegate::delivery {

/// One backend: its sensor, its controller, and the account of what it went through.
/// Threads: the control thread, except `hold`, `held` and `progress`.
class BackendWatch {
  public:
    /// Without a sensor (dry run) the backend is open and unbounded.
    BackendWatch(Backend backend, std::shared_ptr<Sensor> sensor);

    const BackendOptions& options() const { return backend_.limits; }
    const SignalOptions& signal() const { return backend_.signal; }
    Sensor* sensor() const { return sensor_.get(); }

    /// What a new sample brought.
    struct Seen {
        bool fresh = false;
        double seconds_over = 0;  ///< of the time the sample stands for
        double p99_s = 0;
        std::optional<double> opens;  ///< seen between `from` and `to`, where the signal has them
        TimePoint from{}, to{};
    };
    /// Asks the sensor. `own` tells our predicted load at a moment, requests/s.
    Seen poll(TimePoint now, const std::function<double(TimePoint)>& own);
    void set_lag(double median_s) { controller_->set_lag(median_s); }
    /// The controller's word, or the operator's when the red button is pressed.
    const Advice& decide(TimePoint now);
    /// The hold that began or ended with the latest decision, for the ledgers.
    std::optional<HoldRecord> hold_change(WallTime wall);
    /// The hold in force.
    const std::optional<HoldRecord>& holding() const { return hold_; }
    BackendTick tick(WallTime wall, double committed, double expected) const;

    void hold(bool held) { held_ = held; }
    bool held() const { return held_.load(); }
    void publish(double committed);
    BackendProgress progress() const;

  private:
    Backend backend_;
    std::shared_ptr<Sensor> sensor_;
    std::unique_ptr<Controller> controller_;
    Seconds period_;
    std::atomic<bool> held_{false};
    std::optional<Observation> newest_;
    std::string sensor_error_;
    Advice advice_;
    std::optional<HoldRecord> hold_;

    mutable std::mutex mutex_;
    BackendProgress published_;
};

}  // namespace tidegate::delivery
