#include "pacing/reserve.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace tidegate::pacing {
namespace {

constexpr int kFadingSteps = 48;
constexpr int kBisections = 40;

struct Stretch {
    double seconds;
    double share;  // of our load that is still there
};

/// Our load after the shock, as steps that grow with the lag.
std::vector<Stretch> fading(double reaction, const ResponseModel& model) {
    std::vector<Stretch> steps{{reaction, 1.0}};
    double from = 0.0;
    for (int i = 1; i <= kFadingSteps; ++i) {
        const double portion = static_cast<double>(i) / kFadingSteps;
        const double to = model.horizon() * portion * portion * portion;
        steps.push_back({to - from, 1.0 - model.cumulative(from) / model.total()});
        from = to;
    }
    return steps;
}

}  // namespace

double survivable_load(const Shock& shock, const ResponseModel& model, const Law& law) {
    if (!(shock.reserve > 0.0) && !(shock.surge > 0.0)) return std::numeric_limits<double>::infinity();
    const double others = (1.0 + shock.surge) * shock.baseline;
    // A loss that leaves too little for the others is an outage with us or without us.
    const double capacity = std::max((1.0 - std::min(shock.reserve, 1.0)) * shock.capacity, law.others_fit * others);
    const double allowed = law.backlog * shock.slo_s * capacity;
    const std::vector<Stretch> steps = fading(shock.reaction_s, model);
    const auto survives = [&](double load) {
        double backlog = 0.0;
        for (const Stretch& s : steps) {
            backlog = std::max(0.0, backlog + (others + load * s.share - capacity) * s.seconds);
            if (backlog > allowed) return false;
        }
        return true;
    };
    double low = 0.0, high = shock.capacity;
    if (!survives(low)) return 0.0;
    if (survives(high)) return high;
    for (int i = 0; i < kBisections; ++i) {
        const double middle = 0.5 * (low + high);
        (survives(middle) ? low : high) = middle;
    }
    return low;
}

}  // namespace tidegate::pacing
