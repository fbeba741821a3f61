#include "pacing/proven_load.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::pacing {
namespace {

constexpr double kAlpha = 0.3;
constexpr double kBlameless = 0.1;  // of the start: less of ours breaks nothing
constexpr double kWorkedBefore = 1.05, kRecovered = 0.9;
constexpr int kSeveral = 3;

}  // namespace

double ProvenLoad::pressure() const {
    if (count_ < kSeveral) return 1.0;
    std::array<double, 3> sorted = recent_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[1];
}

double ProvenLoad::headroom() const {
    return std::max(0.0, 1.0 - pressure() / law_.blind_target);
}

double ProvenLoad::trusted(double start) const {
    return std::min(ceiling_, proven_ * (1.0 + law_.lead * headroom()) + start * headroom());
}

void ProvenLoad::trouble(double start) {
    if (hold_) return;  // one breach, one lesson: the load of before the stop is still arriving
    hold_ = true;
    good_ = 0;
    if (smooth_ < kBlameless * start) {
        // A deploy before we began must not pin us to nothing.
        proven_ = 0.0;
        return;
    }
    // It worked at this load one tau ago: capacity was taken away. Otherwise we went too far.
    if (smooth_ < kWorkedBefore * proven_before_) {
        if (!lost_) lost_proven_ = proven_;
        lost_ = true;
    }
    const double kept = (lost_ ? law_.cut_when_lost : law_.cut) * std::min(ceiling_, smooth_);
    ceiling_ = std::max(kBlameless * start, std::min(ceiling_, kept));
    proven_ = 0.0;
}

void ProvenLoad::observe(double at, double own, double ratio, bool many_errors, double tau_s, double start) {
    recent_[static_cast<std::size_t>(count_ % kSeveral)] = ratio;
    count_ = count_ < kSeveral ? count_ + 1 : kSeveral + (count_ + 1) % kSeveral;
    smooth_ += kAlpha * (own - smooth_);
    const bool good = ratio < law_.blind_target && !many_errors;
    over_ = ratio > 1.0 ? over_ + 1 : 0;
    if (many_errors || over_ >= 2) {
        trouble(start);
    } else if (hold_) {
        good_ = good ? good_ + 1 : 0;
        if (good_ >= kSeveral) {
            hold_ = false;
            proven_ = std::max(proven_, smooth_);
        }
    } else if (good && pressure() < law_.blind_target) {
        proven_ = std::max(proven_, smooth_);
        ceiling_ *= 1.0 + (lost_ ? law_.creep_when_lost : law_.creep) * headroom() * period_ / tau_s;
        if (lost_ && ceiling_ > kRecovered * lost_proven_) lost_ = false;
    }
    while (history_.size() > 1 && history_[1].first <= at - tau_s) history_.pop_front();
    proven_before_ = history_.empty() ? proven_ : history_.front().second;
    history_.emplace_back(at, proven_);
}

}  // namespace tidegate::pacing
