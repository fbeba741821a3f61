#pragma once

#include <memory>
#include <string>

#include "tidegate/base/result.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate {

/// A controller's word on one backend at one moment.
struct Advice {
    bool open = false;      ///< false: nothing may be released because of this backend
    double room = 0.0;      ///< requests/s that our committed load may reach at any horizon; may be infinite
    double baseline = 0.0;  ///< requests/s that are not ours
    double ceiling = 0.0;   ///< requests/s the backend is trusted with; infinity when nothing bounds it
    double age_s = 0.0;     ///< of the newest sample; infinity before the first
    std::string state{};    ///< "open", "hold", "pause", "stale"
    std::string signal{};   ///< which signal decided: "p99", "errors", "load", an extra signal's name, "telemetry"
    double value = 0.0;     ///< its value
    std::string reason{};   ///< one line for people

    bool operator==(const Advice&) const = default;
};

/// Judges one backend from its telemetry. Pure: no clock, no I/O, no randomness; the same inputs give the same advice.
/// This is the face a better law slips into. Threads: confined to one thread.
class TIDEGATE_EXPORT Controller {
  public:
    virtual ~Controller() = default;
    /// The longest median lag among the campaigns that load this backend; sets the law's unit of time.
    virtual void set_lag(double median_s) = 0;
    /// Takes a sample if it is newer than the last. `own` is our predicted load when the sample was taken, requests/s.
    virtual void observe(const Observation& sample, double own, TimePoint now) = 0;
    /// Never rises on missing, stale, frozen or invalid telemetry.
    virtual Advice advise(TimePoint now) const = 0;
};

/// The first controller: proven load with a lead, a ceiling learnt from trouble, hold on doubtful telemetry, stop on
/// breach, gentle recovery. `period` is how often the signal brings a sample.
TIDEGATE_EXPORT std::unique_ptr<Controller> make_controller(const BackendOptions& options, Duration period);

}  // namespace tidegate
