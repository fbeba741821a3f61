#pragma once

#include <deque>
#include <utility>

#include "tidegate/pacing/law.hpp"

namespace tidegate::pacing {

/// Requests/s that are not ours: a level that may jump, and how far one lag ahead it can be trusted. Pure.
/// Source: local level model; the margin by adaptive conformal inference (Gibbs and Candès, 2021).
class Baseline {
  public:
    explicit Baseline(double period_s, const Law& law = {}) : law_(law), period_(period_s), margin_(law.first_margin) {}

    /// `at`: seconds on any fixed clock, rising. `load`: everyone's requests/s. `own`: ours as observed, `predicted`:
    /// ours as expected; `per_open` requests an open; `lag_s` the median lag.
    void observe(double at, double load, double own, double predicted, double per_open, double lag_s);

    double level() const { return level_; }
    /// Spread of the level's one-sample error.
    double spread() const;
    /// The same without what a recent jump leaves open.
    double calm_spread() const;
    /// The lowest level of the last minutes: a surge under way left out.
    double calm_level() const;
    /// Spreads to leave free so that 99 % of the loads one lag ahead stay under what was predicted.
    double margin() const { return margin_; }

  private:
    void judge_margin(double at, double load, double predicted, double per_open, double lag_s);
    double level_before(double at) const;

    Law law_;
    double period_;
    bool first_ = true;
    double level_ = 0.0, variance_ = 0.0, jump_variance_ = 0.0, margin_;
    double jump_explains_until_ = 0.0;
    std::deque<std::pair<double, double>> history_;  // time, level
};

}  // namespace tidegate::pacing
