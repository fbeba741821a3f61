#pragma once

#include <vector>

#include "tidegate/base/rng.hpp"
#include "tidegate/sim/crowd.hpp"

namespace tidegate::sim {

/// The true response curve of a crowd: a mixture of log-normal lags, as shares of the opens. Pure.
class Kernel {
  public:
    explicit Kernel(std::vector<LagPart> parts);

    /// Share of the opens up to `lag` seconds.
    double cumulative(double lag) const;
    /// The lag by which `share` of the opens have happened.
    double quantile(double share) const;
    /// One lag by chance.
    double draw(Rng& chance) const;

  private:
    std::vector<LagPart> parts_;
};

}  // namespace tidegate::sim
