#include "sim/audience.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate::sim {
namespace {

constexpr std::int64_t kFineBins = 40;  // of one second
constexpr double kBinGrowth = 1.03;     // afterwards; half a bin is far below any period of telemetry
constexpr double kLastShare = 0.998;    // later opens are left out

}  // namespace

Audience::Audience(const Crowd& crowd) : crowd_(crowd), kernel_(crowd.lags), sums_(1) {
    if (crowd.rush) busiest_ = busiest_second(*crowd.rush);
    horizon_ = static_cast<std::int64_t>(std::ceil(kernel_.quantile(0.99)));
    const auto last = static_cast<std::int64_t>(std::ceil(kernel_.quantile(kLastShare)));
    edges_.push_back(0);
    while (edges_.back() < last) {
        const std::int64_t edge = edges_.back();
        edges_.push_back(edge < kFineBins
                             ? edge + 1
                             : std::max(edge + 1, static_cast<std::int64_t>(static_cast<double>(edge) * kBinGrowth)));
    }
    const double seen = kernel_.cumulative(static_cast<double>(edges_.back()));
    for (std::size_t j = 0; j + 1 < edges_.size(); ++j) {
        const double from = static_cast<double>(edges_[j]), to = static_cast<double>(edges_[j + 1]);
        density_.push_back(crowd_.open_rate * (kernel_.cumulative(to) - kernel_.cumulative(from)) / seen / (to - from));
    }
}

double Audience::engagement(double order) const {
    const auto& points = crowd_.engagement;
    if (points.empty()) return 1.0;
    if (order <= points.front().share) return points.front().factor;
    for (std::size_t i = 1; i < points.size(); ++i) {
        const Engagement &a = points[i - 1], &b = points[i];
        if (order < b.share) return a.factor + (b.factor - a.factor) * (order - a.share) / (b.share - a.share);
    }
    return points.back().factor;
}

void Audience::deliver(std::int64_t at, double messages, double held, double order) {
    const double weight = messages * engagement(order);
    while (sums_.size() < static_cast<std::size_t>(at) + 2) sums_.push_back(sums_.back());
    // Who is told before the instant everybody waits for comes at that instant and not by the curve.
    if (crowd_.rush && static_cast<double>(at) < crowd_.rush->at_s) {
        told_ += weight;
        return;
    }
    sums_.back().weight += weight;
    sums_.back().held += weight * held;
}

const Audience::Sums& Audience::upto(std::int64_t second) const {
    if (second < 0) return sums_.front();
    return sums_[std::min(static_cast<std::size_t>(second) + 1, sums_.size() - 1)];
}

/// Opens of the told per person in second `at`: the first wave and those who try again.
double Audience::rush_mass(std::int64_t at) const {
    const Rush& rush = *crowd_.rush;
    const Kernel first({{1.0, rush.median_s, rush.spread}});
    const Kernel again({{1.0, rush.again_s, rush.spread}});
    const double from = static_cast<double>(at) - rush.at_s, to = from + 1.0;
    return rush.rate * (first.cumulative(to) - first.cumulative(from) +
                        rush.again_share * (again.cumulative(to) - again.cumulative(from)));
}

RushOptions Rush::options() const {
    const auto lag = [](double seconds) { return std::chrono::duration_cast<Duration>(Seconds(seconds)); };
    return {
        .response = rate, .median = lag(median_s), .spread = spread, .again_share = again_share, .again = lag(again_s)};
}

double busiest_second(const Rush& rush) {
    return FirstCome(rush.options()).busiest_second();
}

double Audience::rush_room(std::int64_t now, double opens) const {
    if (!crowd_.rush || static_cast<double>(now) >= crowd_.rush->at_s) return std::numeric_limits<double>::infinity();
    return std::max(0.0, opens / busiest_ - told_);
}

double Audience::expected(std::int64_t at) const {
    double opens = 0.0;
    double newer = upto(at).weight;
    for (std::size_t j = 0; j < density_.size() && newer > 0.0; ++j) {
        const double older = upto(at - edges_[j + 1]).weight;
        opens += density_[j] * (newer - older);
        newer = older;
    }
    if (told_ > 0.0) opens += told_ * rush_mass(at);
    return opens;
}

void Audience::open(std::int64_t at, Rng& chance, std::vector<LagCount>& opens) const {
    opens.clear();
    Sums newer = upto(at);
    for (std::size_t j = 0; j < density_.size() && newer.weight > 0.0; ++j) {
        const Sums& older = upto(at - edges_[j + 1]);
        const double weight = newer.weight - older.weight;
        if (weight > 0.0) {
            const auto count = static_cast<double>(chance.poisson(density_[j] * weight));
            // Within a bin everyone is as likely to open: each second's sends get their part.
            Sums upper = newer;
            for (std::int64_t lag = edges_[j]; count > 0.0 && lag < edges_[j + 1]; ++lag) {
                const Sums& lower = upto(at - lag - 1);
                const double part = upper.weight - lower.weight;
                if (part > 0.0)
                    opens.push_back(
                        {static_cast<double>(lag) + 0.5 + (upper.held - lower.held) / part, count * part / weight});
                upper = lower;
            }
        }
        newer = older;
    }
    if (told_ > 0.0) {
        const auto count = static_cast<double>(chance.poisson(told_ * rush_mass(at)));
        if (count > 0.0) opens.push_back({std::max(0.0, static_cast<double>(at) - 0.5 * crowd_.rush->at_s), count});
    }
}

double Audience::response(std::int64_t lag, double order) const {
    const auto next = std::upper_bound(edges_.begin(), edges_.end(), lag);
    if (next == edges_.begin() || next == edges_.end()) return 0.0;
    return density_[static_cast<std::size_t>(next - edges_.begin()) - 1] * engagement(order);
}

}  // namespace tidegate::sim
