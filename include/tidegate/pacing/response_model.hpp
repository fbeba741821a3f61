#pragma once

#include <cstdint>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/pacing/options.hpp"

namespace tidegate {

/// The response kernel k(u): opens per message per second, u seconds after the send. A log-normal lag times an open
/// rate, scaled by what has been observed. Pure; confined to one thread.
/// Units: seconds, opens per message.
class TIDEGATE_EXPORT ResponseModel {
  public:
    /// `belief` must validate.
    explicit ResponseModel(const ResponseOptions& belief);

    /// k(u); 0 for u < 0.
    double density(double lag) const;
    /// Opens per message up to lag h; 0 for h < 0.
    double cumulative(double lag) const;
    /// Opens per message in all.
    double total() const;
    /// The believed median lag m.
    double median() const { return median_; }
    /// U: the lag after which under 1 % of the opens remain.
    double horizon() const { return horizon_; }
    /// The lag by which `share` (0..1) of the opens have happened.
    double quantile(double share) const;
    /// Factor >= 1 by which predictions are raised because the kernel is uncertain; shrinks with opens seen.
    double doubt() const;
    /// Compares `opens` observed with `predicted` by this model for the same interval.
    void observe(double opens, double predicted);
    /// Opens observed so far (with slow forgetting).
    double evidence() const { return observed_; }

  private:
    double open_rate_, median_, spread_, horizon_;
    double observed_ = 0.0, predicted_ = 0.0;
};

}  // namespace tidegate
