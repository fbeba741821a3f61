#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "sim/plant.hpp"
#include "sim/timeline.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/signal/observation.hpp"
#include "tidegate/sim/backend.hpp"

namespace tidegate::sim {

/// Second 0 of a rehearsal on the clock the deciding code sees.
inline constexpr TimePoint kStart{std::chrono::hours(24 * 30)};

/// A sample as it arrives: what production would see, and the median latency for policies that want it.
struct Sample {
    Observation seen;
    double p50_s = 0.0;
};

/// Turns seconds of a plant into samples: means over a period, noise, age, and everything that goes wrong with them.
class Exporter {
  public:
    Exporter(const Telemetry& telemetry, std::uint64_t seed) : telemetry_(telemetry), chance_(seed) {}

    /// Second `t` is over.
    void take(std::int64_t t, const PlantSecond& second, const BackendEffects& effects);
    /// Samples that have arrived by the start of second `t`, oldest first.
    std::vector<Sample> arrived(std::int64_t t);

  private:
    Sample mean(double period);
    void spoil(Sample& sample, const BackendEffects& effects);

    Telemetry telemetry_;
    Rng chance_;
    struct {
        double seconds = 0.0, p50 = 0.0, p99 = 0.0, attempts = 0.0, errors = 0.0, signal = 0.0;
    } sums_;
    std::optional<double> next_;  // end of the present period
    std::optional<Sample> last_;
    bool was_reset_ = false;
    struct Mail {
        double due;
        Sample sample;
    };
    std::deque<Mail> mail_;
};

}  // namespace tidegate::sim
