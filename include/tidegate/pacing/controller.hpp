#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/result.hpp"
#include "tidegate/pacing/law.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate {

/// A controller's word on one backend at one moment.
struct Advice {
    bool open = false;           ///< false: nothing may be released because of this backend
    double room = 0.0;           ///< requests/s that our committed load may reach at any horizon; may be infinite
    double baseline = 0.0;       ///< requests/s that are not ours
    double ceiling = 0.0;        ///< requests/s the backend is trusted with; infinity when nothing bounds it
    double age_s = 0.0;          ///< of the newest sample; infinity before the first
    std::string state{};         ///< "open", "hold", "pause", "stale"
    std::string signal{};        ///< which signal decided: "p99", "errors", "load", an extra signal's name, "telemetry"
    double value = 0.0;          ///< its value
    std::string reason{};        ///< one line for people
    std::size_t remembered = 0;  ///< samples of the past it began with; 0 = it had no history

    bool operator==(const Advice&) const = default;
};

/// Our part of a backend's load when a sample was taken, requests/s.
struct OwnLoad {
    double predicted = 0.0;                         ///< by the curves learnt so far
    std::optional<double> observed = std::nullopt;  ///< by opens counted meanwhile

    bool operator==(const OwnLoad&) const = default;
};

/// Judges one backend from its telemetry. Pure: no clock, no I/O, no randomness; the same inputs give the same advice.
/// This is the face a better law slips into. Threads: confined to one thread.
class TIDEGATE_EXPORT Controller {
  public:
    virtual ~Controller() = default;
    /// The campaigns that load this backend: the longest median lag, which is the law's unit of time, and the most
    /// requests that one open causes.
    virtual void expect(double median_s, double per_open) = 0;
    /// Samples of the past, oldest first, seen while nothing was sent: the day before. Only before `observe`.
    virtual void remember(const std::vector<Observation>& past) = 0;
    /// Takes a sample if it is newer than the last.
    virtual void observe(const Observation& sample, const OwnLoad& own, TimePoint now) = 0;
    /// Never rises on missing, stale, frozen or invalid telemetry.
    virtual Advice advise(TimePoint now) const = 0;
};

/// The controller of the pacing README: capacity by imagined twins, a baseline that may jump, a margin that calibrates
/// itself, the reserve, and the rails on doubtful telemetry. `period` is how often the signal brings a sample.
TIDEGATE_EXPORT std::unique_ptr<Controller> make_controller(const BackendOptions& options, Duration period,
                                                            const Law& law = {});

}  // namespace tidegate
