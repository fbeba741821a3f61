#include "tidegate/pacing/response_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tidegate {
namespace {

/// Opens the belief itself is worth when compared with what is observed.
constexpr double kPriorOpens = 20.0;
/// Opens after which older ones begin to be forgotten.
constexpr double kMemoryOpens = 2000.0;
/// Observed opens may lower the belief no further: attribution that breaks looks just like people who stay away.
constexpr double kLowestScale = 0.5;
/// Factor while opens cannot be seen at all: they are then corrected through the backend's own load.
constexpr double kUnseenDoubt = 1.1;
constexpr double kStandardErrors = 3.0;
/// Makes the doubt 1.5 at the first open seen.
constexpr double kDoubtOpens = 36.0;

double normal_below(double z) {
    return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

/// The z below which `share` of a standard normal lies. Bisection: asked a few times a campaign, so plainness wins.
double normal_quantile(double share) {
    double low = -9.0, high = 9.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (normal_below(middle) < share ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

double scale_of(double observed, double predicted) {
    return std::max(kLowestScale, (observed + kPriorOpens) / (predicted + kPriorOpens));
}

}  // namespace

ResponseModel::ResponseModel(const ResponseOptions& belief)
    : open_rate_(belief.open_rate), median_(Seconds(belief.median).count()), spread_(belief.spread) {
    horizon_ = quantile(0.99);
}

double ResponseModel::density(double lag) const {
    if (!(lag > 0.0)) return 0.0;
    const double z = std::log(lag / median_) / spread_;
    return total() * std::exp(-0.5 * z * z) / (lag * spread_ * std::sqrt(2.0 * std::numbers::pi));
}

double ResponseModel::cumulative(double lag) const {
    if (!(lag > 0.0)) return 0.0;
    return total() * normal_below(std::log(lag / median_) / spread_);
}

double ResponseModel::total() const {
    return open_rate_ * scale_of(observed_, predicted_);
}

double ResponseModel::quantile(double share) const {
    if (!(share > 0.0)) return 0.0;
    return median_ * std::exp(spread_ * normal_quantile(std::min(share, 1.0)));
}

double ResponseModel::doubt() const {
    if (predicted_ <= 0.0) return kUnseenDoubt;
    return 1.0 + kStandardErrors / std::sqrt(observed_ + kDoubtOpens);
}

void ResponseModel::observe(double opens, double predicted) {
    if (!std::isfinite(opens) || !std::isfinite(predicted) || opens < 0.0 || predicted < 0.0) return;
    // `predicted` came from the scaled kernel; the books compare with the belief as it was typed.
    predicted_ += predicted / scale_of(observed_, predicted_);
    observed_ += opens;
    const double most = std::max(observed_, predicted_);
    if (most > kMemoryOpens) {
        observed_ *= kMemoryOpens / most;
        predicted_ *= kMemoryOpens / most;
    }
}

}  // namespace tidegate
