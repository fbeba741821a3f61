#pragma once

#include <optional>
#include <string>

#include "tidegate/signal/observation.hpp"

namespace tidegate::pacing {

/// How much a sample is worth.
enum class Worth : std::uint8_t {
    nothing,   ///< not evidence: as if it had not come
    repeated,  ///< the same values as before: may hold back, never open up
    thin,      ///< few requests because there is little load: may pause, never proves a breach
    full
};

struct Judgement {
    Worth worth = Worth::nothing;
    std::string why;  ///< for people, when worth nothing and not merely the sample already seen
};

/// Tells evidence from noise before any belief is touched. Pure.
class Evidence {
  public:
    explicit Evidence(double period_s) : period_(period_s) {}

    Judgement judge(const Observation& sample, double own, TimePoint now);
    /// The values stand still although the clock on them runs.
    bool frozen() const { return frozen_; }
    /// Consecutive samples with the same values, the first included.
    int repeats() const { return repeats_; }

  private:
    std::string flaw(const Observation& sample, TimePoint now) const;
    bool same_values(const Observation& sample) const;

    double period_;
    std::optional<Observation> last_;
    int repeats_ = 0;
    bool frozen_ = false;
};

}  // namespace tidegate::pacing
