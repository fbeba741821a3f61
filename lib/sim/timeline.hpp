#pragma once

#include <limits>
#include <vector>

#include "tidegate/sim/scenario.hpp"

namespace tidegate::sim {

/// What events do to one backend in one second.
struct BackendEffects {
    double capacity = 1.0, latency = 1.0, surge = 1.0;
    bool gap = false, frozen = false, nan = false, reset = false;
    double late_s = 0.0;
};

/// What events do to everything else in one second.
struct Effects {
    std::vector<BackendEffects> backends;
    bool stalled = false, paused = false;
    double provider_ceiling = std::numeric_limits<double>::infinity();
    bool opens_lost = false;
    double opens_times = 1.0, opens_late_s = 0.0;
    double requests_per_open = 1.0;
    double other_sends = 0.0;  ///< messages another sender lets go in this second
    bool takeover = false;     ///< true in the one second in which another node takes over
};

/// Turns events into effects. They strike by what has been sent, so each run has its own timeline; its twin shares it.
class Timeline {
  public:
    explicit Timeline(const Scenario& scenario);

    /// Effects in second `t` when `sent` (a share of all recipients) has gone.
    Effects at(double t, double sent);
    /// When the first event struck; negative before.
    double struck() const { return struck_; }

  private:
    const Scenario& scenario_;
    std::vector<double> begins_;  // of each event; infinity until it is known
    double struck_ = -1.0;
};

}  // namespace tidegate::sim
