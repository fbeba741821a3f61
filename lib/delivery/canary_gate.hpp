#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/pacing/reaction.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate::delivery {

/// An objective or limit that a sample breaks.
struct Breach {
    std::string signal;  ///< "p99", "errors", or the name of an extra signal
    double value = 0;
    double limit = 0;

    bool operator==(const Breach&) const = default;
    /// "p99 412 ms > 300 ms".
    std::string text() const;
};

/// What of an objective the sample breaks, the worst first; nothing when it keeps them all.
std::optional<Breach> breach_of(const Observation& sample, double latency_slo_s, double error_slo);

/// One backend of the campaign, as a canary's gate sees it.
struct BackendSight {
    std::string backend;
    TimePoint sampled = TimePoint::min();  ///< the moment its newest sample describes; `min()`: none yet
    bool holds = false;                    ///< nothing may be released because of it
    bool over = false;                     ///< it holds because of what the newest sample breaks
    std::string reason{};                  ///< why it holds
    std::optional<Breach> breach{};        ///< of the newest sample
    double not_ours = 0;                   ///< requests/s that are not ours
    double ours = 0;                       ///< requests/s of this campaign that were expected at `sampled`

    bool operator==(const BackendSight&) const = default;
};

/// What the control thread knows of a campaign's response and backends at one tick.
struct GateSight {
    TimePoint now{};
    std::vector<BackendSight> backends;  ///< those that are watched and enforced
    Duration soak{0};                    ///< until 80 % of a response has come, by the curve as it is known now
    std::string curve{};                 ///< whose curve that is: "learnt from 1234 opens", "believed: ..."
    bool stalled = false;                ///< the provider holds messages back

    bool operator==(const GateSight&) const = default;
    /// Everything before this moment has been seen: the oldest of the newest samples, or now without backends.
    TimePoint seen_until() const;
};

/// 80 % of a response, by the curve as it is known now; and in words whose curve that is.
Duration soak_of(const ResponseModel& model);
std::string curve_of(const Reaction& reaction);

/// Judges whether the backends stay green under a canary. Two samples in a row that break an objective fail it, unless
/// others' load had risen by then so much that our own cannot be the reason. Anything else that keeps the gate shut
/// (stale telemetry, one slow sample, the operator's hand, an outside surge, a stalled provider) lets it wait anew.
/// Pure; confined to one thread.
class CanaryGate {
  public:
    struct Verdict {
        std::string waits;   ///< why its soak begins anew; empty = green
        std::string failed;  ///< why it has failed; empty = it has not
        std::string backend;
        TimePoint at{};  ///< of the sample that failed it

        bool operator==(const Verdict&) const = default;
    };

    /// Another canary is next; nothing of it is out.
    void reset();
    /// The first message of the canary is out, or an earlier run's are still felt: from now on trouble may be its own.
    void begin(TimePoint now);
    bool begun() const { return began_.has_value(); }
    Verdict look(const GateSight& sight);

  private:
    struct Watched {
        TimePoint judged = TimePoint::min();
        int over = 0;                // samples in a row
        bool outside = false;        // the first of them came with a surge of others
        std::optional<double> calm;  // load not ours before the canary
    };
    std::optional<TimePoint> began_;
    std::map<std::string, Watched> watched_;
};

}  // namespace tidegate::delivery
