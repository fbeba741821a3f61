#include "pacing/leading_signal.hpp"

#include <cmath>
#include <limits>

namespace tidegate::pacing {
namespace {

constexpr double kFewest = 8.0;
constexpr double kLeastSpread = 0.02;  // of the mean load: below it a line is a guess

}  // namespace

void LeadingSignal::observe(double load, double value) {
    if (!(value > 0.0) || !std::isfinite(value) || !std::isfinite(load)) return;
    const double keep = std::exp(-1.0 / samples_), y = std::log(value);
    weight_ = keep * weight_ + 1.0;
    load_ = keep * load_ + load;
    log_ = keep * log_ + y;
    load_load_ = keep * load_load_ + load * load;
    load_log_ = keep * load_log_ + load * y;
}

double LeadingSignal::load_at(double value) const {
    constexpr double unknown = std::numeric_limits<double>::infinity();
    if (weight_ < kFewest || !(value > 0.0)) return unknown;
    const double load = load_ / weight_, y = log_ / weight_;
    const double spread = load_load_ / weight_ - load * load, common = load_log_ / weight_ - load * y;
    if (!(spread > kLeastSpread * kLeastSpread * load * load) || !(common > 0.0)) return unknown;
    return load + (std::log(value) - y) * spread / common;
}

}  // namespace tidegate::pacing
