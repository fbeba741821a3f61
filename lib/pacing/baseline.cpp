#include "pacing/baseline.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::pacing {
namespace {

constexpr double kSpreadGain = 0.06;
constexpr double kJumpAsNoise = 4.0;   // variances
constexpr double kFirstSpread = 0.1;   // of the first level
constexpr double kSpreadOfJump = 0.1;  // variance a jump upward leaves, of its square
constexpr double kMarginStep = 0.5;
constexpr double kLongestLag = 60.0;  // periods

}  // namespace

double Baseline::calm_spread() const {
    return std::sqrt(variance_);
}

double Baseline::spread() const {
    return std::sqrt(variance_ + jump_variance_);
}

double Baseline::calm_level() const {
    double least = level_;
    for (const auto& entry : history_) least = std::min(least, entry.second);
    return least;
}

double Baseline::level_before(double at) const {
    double level = level_;
    for (auto it = history_.rbegin(); it != history_.rend(); ++it) {
        level = it->second;
        if (it->first <= at) break;
    }
    return level;
}

void Baseline::judge_margin(double at, double load, double predicted, double per_open, double lag_s) {
    const double lag = std::min(lag_s, kLongestLag * period_);
    // Shot noise: one open is several requests.
    const double noise = std::sqrt(variance_ + per_open * predicted / period_);
    const double surprise = noise > 0.0 ? (load - level_before(at - lag) - predicted) / noise : 0.0;
    margin_ += kMarginStep * ((surprise > margin_ ? 1.0 : 0.0) - law_.margin_misses);
    margin_ = std::clamp(margin_, law_.least_margin, law_.most_margin);
}

void Baseline::observe(double at, double load, double own, double predicted, double per_open, double lag_s) {
    const double rest = std::max(0.0, load - own);
    if (first_) {
        first_ = false;
        level_ = rest;
        variance_ = std::max(kFirstSpread * kFirstSpread * rest * rest, rest / period_);
        history_.emplace_back(at, level_);
        return;
    }
    const double error = rest - level_;
    const bool jump = std::fabs(error) > law_.jump * calm_spread();
    // A jump that was recognised says nothing about how well calm times are foreseen.
    if (jump) jump_explains_until_ = at + std::min(lag_s, kLongestLag * period_) + period_;
    if (at >= jump_explains_until_) judge_margin(at, load, predicted, per_open, lag_s);
    level_ += (jump ? (error > 0.0 ? 1.0 : law_.jump_down_gain) : law_.baseline_gain) * error;
    // A jump is hardly noise; but what jumps all the time is.
    const double noise = jump ? kJumpAsNoise * variance_ : error * error;
    variance_ += kSpreadGain * (noise - variance_);
    // What a jump leaves open is soon settled: each sample that bears out the new level takes its share of the doubt.
    jump_variance_ *= 1.0 - law_.baseline_gain;
    if (jump && error > 0.0) jump_variance_ = std::max(jump_variance_, kSpreadOfJump * error * error);
    variance_ = std::max(variance_, rest / period_);
    history_.emplace_back(at, level_);
    while (history_.size() > 1 && history_[1].first <= at - kLongestLag * period_) history_.pop_front();
}

}  // namespace tidegate::pacing
