#include "sim/kernel.hpp"

#include <cmath>
#include <numbers>

namespace tidegate::sim {

Kernel::Kernel(std::vector<LagPart> parts) : parts_(std::move(parts)) {
    double all = 0.0;
    for (const LagPart& part : parts_) all += part.share;
    for (LagPart& part : parts_) part.share /= all;
}

double Kernel::cumulative(double lag) const {
    if (!(lag > 0.0)) return 0.0;
    double sum = 0.0;
    for (const LagPart& part : parts_)
        sum += part.share * 0.5 * std::erfc(-std::log(lag / part.median_s) / part.spread / std::numbers::sqrt2);
    return sum;
}

double Kernel::quantile(double share) const {
    double low = 0.0, high = 1.0;
    while (cumulative(high) < share) high *= 2.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (cumulative(middle) < share ? low : high) = middle;
    }
    return high;
}

double Kernel::draw(Rng& chance) const {
    double which = chance.uniform();
    std::size_t i = 0;
    while (i + 1 < parts_.size() && which >= parts_[i].share) which -= parts_[i++].share;
    return chance.log_normal(parts_[i].median_s, parts_[i].spread);
}

}  // namespace tidegate::sim
