#pragma once

#include <optional>
#include <string>

#include "tidegate/pacing/law.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate::pacing {

/// How much a sample is worth.
enum class Worth : std::uint8_t {
    nothing,   ///< not evidence: as if it had not come
    doubtful,  ///< a load out of nowhere: may hold back; believed when the next sample says so too
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
    explicit Evidence(double period_s, const Law& law = {}) : law_(law), period_(period_s) {}

    Judgement judge(const Observation& sample, double own, TimePoint now);
    /// The values stand still although the clock on them runs.
    bool frozen() const { return frozen_; }
    /// Consecutive samples with the same values, the first included.
    int repeats() const { return repeats_; }

  private:
    std::string flaw(const Observation& sample, double own, TimePoint now) const;
    bool few(const Observation& sample) const;
    bool leaps(double load, double own) const;
    bool same_values(const Observation& sample) const;

    Law law_;
    double period_;
    std::optional<Observation> last_;
    int repeats_ = 0;
    bool frozen_ = false;
    std::optional<double> believed_, doubted_;  // load
};

}  // namespace tidegate::pacing
