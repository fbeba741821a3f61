#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "delivery/backend_memory.hpp"
#include "delivery/canary_gate.hpp"
#include "delivery/domain.hpp"
#include "tidegate/delivery/progress.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/ledger/types.hpp"
#include "tidegate/pacing/controller.hpp"
#include "tidegate/signal/sensor.hpp"

namespace tidegate::delivery {

/// One backend: its sensor, its controller, and the account of what it went through.
/// Threads: the control thread, except `hold`, `held`, `memory` and `progress`.
class BackendWatch {
  public:
    /// Without a sensor (dry run) the backend is open and unbounded.
    BackendWatch(Backend backend, std::shared_ptr<Sensor> sensor, std::unique_ptr<BackendMemory> memory);
    /// Tells the controller what the past taught; before the first `poll`.
    void recall(TimePoint now, WallTime wall);

    const BackendOptions& options() const { return backend_.limits; }
    const SignalOptions& signal() const { return backend_.signal; }
    Sensor* sensor() const { return sensor_.get(); }

    /// Tells the controller what was seen while nothing was sent, oldest first; before the first `judge`.
    void remember(const std::vector<Observation>& past) { controller_->remember(past); }

    /// What a new sample brought.
    struct Seen {
        bool fresh = false;
        double seconds_over = 0;  ///< of the time the sample stands for
        double p99_s = 0;
        std::optional<double> opens;  ///< seen between `from` and `to`, where the signal has them
        TimePoint from{}, to{};       ///< `to` is the moment the sample describes
    };
    /// Asks the sensor.
    Seen poll(TimePoint now);
    /// Lets the controller judge the sample that `poll` brought; `own` is our part of its load, felt for another
    /// `fades_s` seconds.
    void judge(const OwnLoad& own, double fades_s, TimePoint now, WallTime wall);
    /// The campaigns that load it: their longest median lag, and the most requests one open causes.
    void expect(double median_s, double per_open) { controller_->expect(median_s, per_open); }
    double period_s() const { return period_.count(); }
    /// The controller's word, or the operator's when the red button is pressed.
    const Advice& decide(TimePoint now);
    /// Takes a leader's word for the controller's; without one it holds.
    const Advice& follow(const std::optional<BackendWord>& word, TimePoint now);
    /// Its sensor answers: the newest sample is not too old. Without a sensor there is nothing to see.
    bool sees(TimePoint now) const;
    /// What a canary's gate is to know of it, after `decide`; nothing where it is not watched or not enforced. `ours`
    /// is asked for only when there is something to explain.
    template <class Ours>
    std::optional<BackendSight> sight(Ours&& ours) const {
        std::optional<BackendSight> seen = sight();
        if (seen && seen->breach) seen->ours = ours(seen->sampled);
        return seen;
    }
    /// The hold that began or ended with the latest decision, for the ledgers.
    std::optional<HoldRecord> hold_change(WallTime wall);
    /// The hold in force.
    const std::optional<HoldRecord>& holding() const { return hold_; }
    BackendTick tick(WallTime wall, double committed, double expected) const;

    /// The red button, pressed or let go here; the other nodes are to be told.
    void hold(bool held);
    /// Pressed or let go elsewhere. True when that is news; what was ordered here and is not told yet goes before.
    bool heed(bool held);
    /// How the button was set here, once.
    std::optional<bool> take_order();
    bool held() const { return held_.load(); }
    void publish(double committed);
    /// Any thread that may wait for a disk.
    BackendMemory& memory() const { return *memory_; }
    BackendProgress progress() const;

  private:
    std::optional<BackendSight> sight() const;
    void heed_button();

    Backend backend_;
    std::shared_ptr<Sensor> sensor_;
    const std::unique_ptr<BackendMemory> memory_;
    std::unique_ptr<Controller> controller_;
    Seconds period_;
    std::atomic<bool> held_{false};
    std::optional<Observation> newest_;
    std::string sensor_error_;
    Advice advice_;
    std::optional<HoldRecord> hold_;

    mutable std::mutex mutex_;
    BackendProgress published_;
    bool to_tell_ = false;  // the button was touched here and nobody has asked yet
};

}  // namespace tidegate::delivery
